#include "codec/text.h"

#include <array>
#include <cstdio>
#include <utility>

#include "codec/units.h"

namespace mw {
namespace {

std::string number(std::uint64_t n) { return std::to_string(n); }

/// "1 task", "2 tasks".
std::string counted(std::uint64_t n, std::string_view one) {
  return number(n) + " " + std::string(one) + (n == 1 ? "" : "s");
}

/// What binds, as the subject of "does not fit".
std::string_view binding(Resource resource) {
  switch (resource) {
    case Resource::kAccelerators:
      return "free accelerators";
    case Resource::kCpus:
      return "free CPUs";
    case Resource::kMemory:
      return "free memory";
    case Resource::kNodes:
      return "nodes with room";
    case Resource::kPower:
      return "power";
  }
  return "room";
}

/// A level of the fabric as a noun.
std::string level_text(FabricLevel level) {
  return level == FabricLevel::kScaleUp ? "scale-up domain" : std::string(name_of(level));
}

/// Also of what no one can draw: a journal that was damaged may say so, and is to be readable.
std::string watts_text(Watts power) { return power < Watts() ? "-" : write_watts(power); }

std::string list_text(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

struct ReasonText {
  Instant now;

  std::string operator()(const NotYetConsidered&) const { return "It is about to be considered."; }
  std::string operator()(const NoRoomNow& r) const {
    const std::string among = r.nodes_considered == 1
                                  ? "the 1 ready node"
                                  : "the " + number(r.nodes_considered) + " ready nodes";
    if (r.nodes_considered == 0) return "No node is ready for it now.";
    if (r.level < FabricLevel::kSite) {
      return "It needs " + counted(r.tasks_needed, "task") + "' worth of room in one " +
             level_text(r.level) + "; " +
             (r.place.empty()
                  ? "none has any"
                  : "the best, " + r.place + ", has room for " + number(r.tasks_fitting)) +
             " (" + std::string(name_of(r.resource)) + " bind); it starts when all fit.";
    }
    return "Not enough " + std::string(binding(r.resource)) + ": of its " +
           counted(r.tasks_needed, "task") + ", " +
           (r.tasks_fitting == 0 ? "none" : number(r.tasks_fitting)) + " would fit now on " +
           among + "; it starts when all fit.";
  }
  std::string operator()(const FleetTooSmall& r) const {
    return "The fleet is too small: it needs " + counted(r.tasks_needed, "task") + ", and " +
           (r.tasks_possible == 0 ? "none" : "only " + number(r.tasks_possible)) +
           " would fit if everything were free (" + std::string(name_of(r.resource)) +
           " bind). Ask for less, or add nodes.";
  }
  std::string operator()(const NoSuchAccelerator& r) const {
    return "No node has accelerators of type \"" + r.wanted + "\"; there are " +
           (r.present.empty() ? "none at all" : list_text(r.present)) + ".";
  }
  std::string operator()(const PowerShort& r) const {
    return "Not enough power at " + r.place + " (" + std::string(name_of(r.level)) +
           "): " + watts_text(r.drawn) + " of " + watts_text(r.limit) +
           " are drawn or reserved; of its " + counted(r.tasks_needed, "task") + ", " +
           (r.tasks_fitting == 0 ? "none" : number(r.tasks_fitting)) +
           " may run within all limits.";
  }
  std::string operator()(const NoSuchSite& r) const {
    return "It may run at " + list_text(r.wanted) + " only; there is " +
           (r.present.empty() ? "no site" : list_text(r.present)) + ".";
  }
  std::string operator()(const IsHeld& r) const {
    return "It is held" + (r.by.empty() ? "" : " by " + r.by) + "; release it to let it start.";
  }
  std::string operator()(const WaitsToRestart& r) const {
    const std::string which = "restart " + number(r.restarts) + " of " + number(r.restart_limit);
    // Without a "now" there is nothing to count from.
    if (now == Instant() || r.until <= now)
      return "It failed, and is about to start again (" + which + ").";
    return "It failed, and starts again in " + duration_text(r.until - now) + " (" + which + ").";
  }
};

/// " by alice", or nothing.
std::string by_text(const std::string& by) { return by.empty() ? "" : " by " + by; }

std::string after_colon(const std::string& detail) { return detail.empty() ? "" : ": " + detail; }

std::string_view cause_text(EndCause cause) {
  switch (cause) {
    case EndCause::kCompleted:
      return "every task exited with 0";
    case EndCause::kTaskFailed:
      return "a task failed";
    case EndCause::kStartFailed:
      return "it could not be started";
    case EndCause::kEngineLost:
      return "it disappeared without a trace of how it ended";
    case EndCause::kNodeLost:
      return "a node under it was lost";
    case EndCause::kCancelled:
      return "it was cancelled";
    case EndCause::kRequeued:
      return "it was requeued";
    case EndCause::kTimeLimit:
      return "it reached its time limit";
  }
  return "it ended";
}

std::string_view idle_text(LedgerCategory cause) {
  switch (cause) {
    case LedgerCategory::kIdleNoDemand:
      return "nothing waits that could use them";
    case LedgerCategory::kIdleShape:
      return "what waits does not fit on them";
    default:
      return name_of(cause);
  }
}

std::string checkpoint_text(const Checkpoint& checkpoint) {
  return "step " + number(checkpoint.step) +
         (checkpoint.path.empty() ? "" : " (" + checkpoint.path + ")");
}

/// "from its checkpoint at step 120", "from the beginning".
std::string from_text(const Checkpoint& checkpoint) {
  const bool none = checkpoint.step == 0 && checkpoint.path.empty();
  return none ? "from the beginning" : "from its checkpoint at step " + number(checkpoint.step);
}

std::string real(double value) {
  std::array<char, 40> out{};
  std::snprintf(out.data(), out.size(), "%.6g", value);
  return out.data();
}

std::string progress_text(const Progress& p) {
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
  if (p.step)
    add("step " + number(*p.step) + (p.steps_total ? " of " + number(*p.steps_total) : ""));
  if (p.samples) add(counted(*p.samples, "sample"));
  if (p.loss) add("loss " + real(*p.loss));
  if (p.rate) add(real(*p.rate) + " " + p.unit.value_or("") + (p.unit ? "/s" : "per second"));
  return out.empty() ? "a sign of life" : out;
}

/// "signal 9 (SIGKILL)", "signal 77".
std::string signal_text(std::int32_t signal) {
  const std::string plain = "signal " + std::to_string(signal);
  const std::string name = signal_name(signal);
  return name == plain ? plain : plain + " (" + name + ")";
}

struct EventText {
  const NodeNamer& names;

  [[nodiscard]] std::string node(NodeId id) const {
    return names ? names(id) : "node " + number(id.value());
  }
  /// "n1 (ranks 0-3), n2 (ranks 4-7)"; a long list is cut.
  [[nodiscard]] std::string placed(const Placement& placement) const {
    constexpr std::size_t kNodesShown = 4;
    std::string out;
    for (std::size_t i = 0; i < placement.size() && i < kNodesShown; ++i) {
      const NodeSlice& slice = placement[i];
      const std::uint64_t last = static_cast<std::uint64_t>(slice.first_rank) + slice.tasks - 1;
      out += (out.empty() ? "" : ", ") + node(slice.node) +
             (slice.tasks == 1 ? " (rank " + number(slice.first_rank) + ")"
                               : " (ranks " + number(slice.first_rank) + "-" + number(last) + ")");
    }
    if (placement.size() > kNodesShown)
      out += " and " + counted(placement.size() - kNodesShown, "other node");
    return out;
  }

  std::string operator()(const Refused& e) const { return "Refused: " + text(e.refusal); }
  std::string operator()(const ControllerTookOver& e) const {
    return "A control plane (version " + e.version + ") took over";
  }
  std::string operator()(const FleetDeclared& e) const {
    return "The fleet \"" + e.fleet.name +
           "\" was declared: " + counted(e.fleet.sites.size(), "site");
  }
  std::string operator()(const NodeJoined& e) const {
    return "Node " + e.spec.name + " joined: " + counted(e.spec.accelerators, "accelerator") +
           " of type " + e.spec.accelerator_type + ", " + share_text(e.spec.cpus) + " CPUs, " +
           bytes_text(e.spec.memory);
  }
  std::string operator()(const NodeChanged& e) const {
    return "Node " + e.spec.name +
           " is described anew: " + counted(e.spec.accelerators, "accelerator") + " of type " +
           e.spec.accelerator_type + ", " + share_text(e.spec.cpus) + " CPUs, " +
           bytes_text(e.spec.memory);
  }
  std::string operator()(const NodeContact& e) const {
    return e.lost ? "Contact with " + node(e.node) + " was lost"
                  : "Contact with " + node(e.node) + " is back";
  }
  std::string operator()(const NodeMoved& e) const {
    const std::string what =
        e.phase == NodePhase::kReady ? " takes new work again" : " drains: it takes no new work";
    return node(e.node) + what + (e.by.empty() ? "" : ", decided by " + e.by) +
           after_colon(e.reason);
  }
  std::string operator()(const JobSubmitted& e) const {
    const GangShape& gang = e.spec.gang;
    return (e.spec.array == 1 ? "Submitted" : "Submitted " + number(e.spec.array) + " like jobs") +
           by_text(e.spec.user) + " as \"" + e.spec.name + "\": " + counted(gang.tasks, "task") +
           " with " + share_text(gang.task.accelerators) + " accelerator" +
           (gang.task.accelerators == kWholeAccelerator ? "" : "s") +
           (gang.tasks == 1 ? "" : " each") + (e.spec.hold ? ", on hold" : "");
  }
  std::string operator()(const SubmitRepeated& e) const {
    return "Submitted again with the same key: it is job " + number(e.job.value()) +
           ", nothing new was made";
  }
  std::string operator()(const JobHeld& e) const { return "Held" + by_text(e.by); }
  std::string operator()(const JobReleased& e) const { return "Released" + by_text(e.by); }
  std::string operator()(const JobBlocked& e) const { return "Waits: " + text(e.reason); }
  std::string operator()(const AttemptPlaced& e) const {
    return "Attempt " + number(e.attempt.value()) + " placed on " + placed(e.placement) + ", " +
           from_text(e.resume_from);
  }
  std::string operator()(const AttemptRunning& e) const {
    return "Attempt " + number(e.attempt.value()) + " runs: every task has started";
  }
  std::string operator()(const TaskEnded& e) const {
    return "Rank " + number(e.rank.value()) + " of attempt " + number(e.attempt.value()) + " " +
           text(e.exit);
  }
  std::string operator()(const AttemptStopping& e) const {
    return "Attempt " + number(e.attempt.value()) + " is being stopped" + by_text(e.by) + ": " +
           std::string(cause_text(e.cause)) + "; its tasks have " + duration_text(e.grace) +
           " to end";
  }
  std::string operator()(const AttemptEnded& e) const {
    std::string out =
        "Attempt " + number(e.attempt.value()) + " ended: " + std::string(cause_text(e.cause));
    if (!e.detail.empty()) out += " (" + e.detail + ")";
    out += "; kept " + accelerator_time_text(e.kept_work) + " of work";
    if (e.lost_work.count() > 0) out += ", lost " + accelerator_time_text(e.lost_work);
    return out + (e.capacity_held ? "; its accelerators are kept for the next attempt" : "");
  }
  std::string operator()(const RestartPlanned& e) const {
    return "Will start again " + from_text(e.resume_from) + " (restart " + number(e.restarts) + ")";
  }
  std::string operator()(const JobFinished& e) const {
    switch (e.state) {
      case JobState::kSucceeded:
        return "Succeeded";
      case JobState::kFailed:
        return "Failed, and is not started again";
      case JobState::kCancelled:
        return "Cancelled" + by_text(e.by);
      case JobState::kTimedOut:
        return "Ended by its time limit";
      default:
        return "Finished as " + std::string(name_of(e.state));
    }
  }
  std::string operator()(const CancelRepeated&) const {
    return "Cancelled again: it is being cancelled already";
  }
  std::string operator()(const ProgressNoted& e) const {
    return "Progress of rank " + number(e.rank.value()) + ": " + progress_text(e.progress);
  }
  std::string operator()(const CheckpointStarted& e) const {
    return "Attempt " + number(e.attempt.value()) + " begins to save a checkpoint";
  }
  std::string operator()(const CheckpointKept& e) const {
    return "Attempt " + number(e.attempt.value()) +
           " saved a checkpoint: " + checkpoint_text(e.checkpoint);
  }
  std::string operator()(const IdleCauseChanged& e) const {
    return "Free accelerators are idle because " + std::string(idle_text(e.cause));
  }
};

std::string refusal_text(const Refusal& refusal) {
  const std::string job = "Job " + number(refusal.job.value());
  const std::string state(name_of(refusal.job_state));
  switch (refusal.kind) {
    case RefusalKind::kNoSuchJob:
      return job + " does not exist.";
    case RefusalKind::kNoSuchNode:
      return "There is no node named \"" + refusal.node + "\"; see \"mw nodes\".";
    case RefusalKind::kJobAlreadyFinished:
      return job + " has ended already (" + state + ").";
    case RefusalKind::kJobNotPending:
      return job + " is " + state + "; only a pending job can be held.";
    case RefusalKind::kJobNotHeld:
      return job + " is not held.";
    case RefusalKind::kJobHeldAlready:
      return job + " is held already.";
    case RefusalKind::kStaleAttempt:
      if (refusal.attempt.value() == 0)
        return job + " (" + state + ") has no attempt that this report could be of.";
      return "The report is of an earlier attempt of job " + number(refusal.job.value()) +
             "; attempt " + number(refusal.attempt.value()) + " is the current one.";
    case RefusalKind::kNodeNotDraining:
      return "Node \"" + refusal.node + "\" does not drain; it takes work already.";
    case RefusalKind::kNodeDrainingAlready:
      return "Node \"" + refusal.node + "\" drains already.";
    case RefusalKind::kKeyReused:
      return "This client key was used before, for a different job (" +
             number(refusal.job.value()) + "). Use a new key for a new job.";
    case RefusalKind::kJobNotRunning:
      return job + " is " + state + "; only a job that has started can be requeued.";
    case RefusalKind::kFleetDeclaredAlready:
      return "There is a fleet already; another one cannot take its place.";
  }
  return "It was refused.";
}

std::string exit_text(const TaskExit& exit) {
  std::string out;
  if (exit.out_of_memory)
    out = "was killed because it used more memory than it may";
  else if (exit.signal != 0)
    out = "was killed by " + signal_text(exit.signal);
  else if (exit.exit_code == 0 && !exit.detail.empty())
    return "ended: " + exit.detail;
  else
    out = "exited with code " + std::to_string(exit.exit_code);
  return out + after_colon(exit.detail);
}

/// Names and details come from people and programs; a terminal must not obey them.
std::string on_one_line(std::string line) {
  for (char& c : line) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7F) c = ' ';
  }
  return line;
}

}  // namespace

std::string text(const PendingReason& reason, Instant now) {
  return on_one_line(std::visit(ReasonText{now}, reason));
}
std::string text(const Refusal& refusal) { return on_one_line(refusal_text(refusal)); }
std::string text(const TaskExit& exit) { return on_one_line(exit_text(exit)); }
std::string text(const EventBody& body, const NodeNamer& names) {
  return on_one_line(std::visit(EventText{names}, body));
}

}  // namespace mw
