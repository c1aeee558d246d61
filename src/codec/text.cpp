#include "codec/text.h"

#include <array>
#include <cstdio>
#include <variant>

#include "codec/text_faults.h"
#include "codec/text_words.h"
#include "codec/timestamp.h"

namespace mw {
namespace {

using words::after_colon;
using words::by_whom;
using words::counted;
using words::listed_jobs;
using words::number;
using words::on_one_line;

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
    case EndCause::kPreempted:
      return "it gives way to another job";
    case EndCause::kResized:
      return "it changes its size";
    case EndCause::kMoved:
      return "it moves, so that another job has room";
    case EndCause::kDrained:
      return "its node is taken out of service";
    case EndCause::kFaulty:
      return "a node under it has a fault";
    case EndCause::kJobFault:
      return "it has a fault of its own";
  }
  return "it ended";
}

std::string kept_text(const std::optional<std::vector<KeptRanks>>& kept) {
  std::uint32_t ranks = 0;
  for (const KeptRanks& each : kept.value_or(std::vector<KeptRanks>())) ranks += each.tasks;
  return ranks == 0 ? "" : "; " + counted(ranks, "rank") + (ranks == 1 ? " goes on" : " go on");
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

std::string seconds_text(Duration length) {
  return real(static_cast<double>(length.count()) / 1e9) + " s";
}

std::string progress_text(const Progress& p) {
  std::string out;
  const auto add = [&](const std::string& part) { out += (out.empty() ? "" : ", ") + part; };
  if (p.step)
    add("step " + number(*p.step) + (p.steps_total ? " of " + number(*p.steps_total) : ""));
  if (p.samples) add(counted(*p.samples, "sample"));
  if (p.loss) add("loss " + real(*p.loss));
  if (p.step_time) add(seconds_text(*p.step_time) + " a step");
  if (p.rate) add(real(*p.rate) + " " + p.unit.value_or("") + (p.unit ? "/s" : "per second"));
  return out.empty() ? "a sign of life" : out;
}

/// "signal 9 (SIGKILL)", "signal 77".
std::string signal_text(std::int32_t signal) {
  const std::string plain = "signal " + std::to_string(signal);
  const std::string name = signal_name(signal);
  return name == plain ? plain : plain + " (" + name + ")";
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

std::string crash_loop_text(const CrashLoopFound& loop, const NodeNamer& names) {
  const auto node = [&](NodeId id) { return names ? names(id) : "node " + number(id.value()); };
  std::string where;
  for (const NodeId id : loop.nodes) where += (where.empty() ? "" : ", ") + node(id);
  // No task of it ended: it never ran.
  if (loop.exit.ok()) {
    return "It could not be started " + number(loop.failures) + " times, on different nodes" +
           (where.empty() ? "" : " (" + where + ")") +
           ": it is for the job or for the engine, not a node; it is not started again";
  }
  return "It failed " + number(loop.failures) +
         " times in the same way with nothing saved between (its first failing task " +
         exit_text(loop.exit) + "), on different nodes (" + where +
         "): the job is broken, not a node; it is not started again";
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
  std::string operator()(const NodeUseChanged& e) const {
    if (!e.others) return "Nobody else uses " + node(e.node) + " any more";
    const OthersUse& use = e.others->reported;
    return "Others use " + counted(use.accelerators, "accelerator") + ", " + share_text(use.cpus) +
           " CPUs and " + bytes_text(use.memory) + " of " + node(e.node);
  }
  std::string operator()(const NodeMoved& e) const {
    return node(e.node) + " " + words::phase_text(e) +
           (e.by.empty() ? "" : ", decided by " + e.by) + after_colon(e.reason);
  }
  std::string operator()(const JobSubmitted& e) const {
    const GangShape& gang = e.spec->gang;
    return (e.spec->array == 1 ? "Submitted"
                               : "Submitted " + number(e.spec->array) + " like jobs") +
           by_whom(e.spec->user) + " as \"" + e.spec->name +
           "\": " + (gang.tasks_min == 0 ? "" : number(gang.tasks_min) + " to ") +
           counted(gang.tasks, "task") + " with " + share_text(gang.task.accelerators) +
           " accelerator" + (gang.task.accelerators == kWholeAccelerator ? "" : "s") +
           (gang.tasks == 1 ? "" : " each") +
           (e.spec->groups.empty() ? ""
                                   : ", and " + counted(e.spec->groups.size(), "further group")) +
           (e.spec->hold ? ", on hold" : "");
  }
  std::string operator()(const SubmitRepeated& e) const {
    return "Submitted again with the same key: it is job " + number(e.job.value()) +
           ", nothing new was made";
  }
  std::string operator()(const JobHeld& e) const { return "Held" + by_whom(e.by); }
  std::string operator()(const JobReleased& e) const { return "Released" + by_whom(e.by); }
  std::string operator()(const JobBlocked& e) const { return "Waits: " + text(e.reason); }
  std::string operator()(const JobEligible&) const {
    return "Stands in line now: what it waited for has come";
  }
  std::string operator()(const JobBoosted&) const {
    return "Goes before all others from now on, for it has waited so long";
  }
  std::string operator()(const CapacityClaimed& e) const {
    const std::string kept =
        counted(e.nodes.size(), "node") + (e.nodes.size() == 1 ? " is" : " are") + " kept for it";
    return e.purpose == ClaimPurpose::kBackfill
               ? kept + " from " + write_timestamp(e.at) + " on, when it is to start"
               : kept + "; to make room, " + listed_jobs(e.victims) +
                     (e.victims.size() == 1 ? " is" : " are") + " being stopped";
  }
  std::string operator()(const ClaimDropped&) const { return "No nodes are kept for it any more"; }
  std::string operator()(const AttemptPlaced& e) const {
    return "Attempt " + number(e.attempt.value()) + " placed on " + placed(e.placement) + ", " +
           from_text(e.resume_from) + kept_text(e.kept);
  }
  std::string operator()(const RanksLeaving& e) const {
    std::uint32_t ranks = 0;
    for (const LostSlice& each : e.lost) ranks += each.tasks;
    return counted(ranks, "rank") + " of attempt " + number(e.attempt.value()) +
           (ranks == 1 ? " leaves " : " leave ") +
           (e.lost.empty() ? "its node" : node(e.lost.front().node)) +
           (e.lost.size() > 1 ? " and " + counted(e.lost.size() - 1, "other node") : "") +
           by_whom(e.by) + ": " + std::string(cause_text(e.cause)) + "; the others go on";
  }
  std::string operator()(const AttemptRunning& e) const {
    return "Attempt " + number(e.attempt.value()) + " runs: every task has started";
  }
  std::string operator()(const TaskEnded& e) const {
    return "Rank " + number(e.rank.value()) + " of attempt " + number(e.attempt.value()) + " " +
           text(e.exit);
  }
  std::string operator()(const AttemptStopping& e) const {
    return "Attempt " + number(e.attempt.value()) + " is being stopped" + by_whom(e.by) + ": " +
           std::string(cause_text(e.cause)) + "; its tasks have " + duration_text(e.grace) +
           " to end";
  }
  std::string operator()(const AttemptEnded& e) const {
    std::string out =
        "Attempt " + number(e.attempt.value()) + " ended: " + std::string(cause_text(e.cause));
    if (e.failed_on) out += " on " + node(*e.failed_on);
    if (!e.detail.empty()) out += " (" + e.detail + ")";
    out += "; kept " + accelerator_time_text(e.kept_work) + " of work";
    if (e.lost_work.count() > 0) out += ", lost " + accelerator_time_text(e.lost_work);
    return out + (e.capacity_held ? "; its accelerators are kept for the next attempt" : "");
  }
  std::string operator()(const RestartPlanned& e) const {
    return "Will start again " + from_text(e.resume_from) +
           (e.first_in_line ? "" : ", when it is its turn") +
           (e.restarts == 0 ? "" : " (restart " + number(e.restarts) + ")");
  }
  std::string operator()(const JobFinished& e) const {
    switch (e.state) {
      case JobState::kSucceeded:
        return "Succeeded";
      case JobState::kFailed:
        return "Failed, and is not started again";
      case JobState::kCancelled:
        return "Cancelled" + by_whom(e.by);
      case JobState::kTimedOut:
        return e.by.empty() ? "Ended by its time limit" : "Given up because of " + e.by;
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
  std::string operator()(const CapacityKept& e) const {
    std::string out = counted(e.placement.size(), "node") +
                      (e.placement.size() == 1 ? " is" : " are") + " kept for it until " +
                      write_timestamp(e.until);
    if (e.lost.empty()) return out;
    return out + "; a replacement is needed for " + counted(e.lost.size(), "other") + ", " +
           node(e.lost.front().node) + (e.lost.size() == 1 ? "" : " among them");
  }
  std::string operator()(const CapacityLetGo& e) const {
    return (e.taken_by
                ? "Its nodes go to job " + number(e.taken_by->value()) + ", which goes before it"
                : "Its nodes are kept for it no longer") +
           std::string("; it is placed anew");
  }
  std::string operator()(const CrashLoopFound& e) const { return crash_loop_text(e, names); }
  std::string operator()(const RanksCompared& e) const {
    return counted(e.ranks, "rank") + " compared: " + seconds_text(e.median) +
           " a step (the median), rank " + number(e.slowest.value()) + " " +
           seconds_text(e.slowest_step) +
           (e.outliers.empty() ? "; none stands out"
                               : "; " + counted(e.outliers.size(), "rank") + " out of line");
  }
  std::string operator()(const SparesChanged& e) const {
    const auto part = [&](const std::vector<NodeId>& nodes, const char* one, const char* many) {
      if (nodes.empty()) return std::string();
      const bool single = nodes.size() == 1;
      return counted(nodes.size(), "node") + (single ? one : many) + ", " + node(nodes.front()) +
             (single ? "" : " among them");
    };
    const std::string come = part(e.come, " is a spare now", " are spares now");
    const std::string go = part(e.go, " is no spare any more", " are no spares any more");
    if (come.empty() && go.empty()) return "The spares are as they were";
    return come + (come.empty() || go.empty() ? "" : "; ") + go;
  }
  std::string operator()(const PolicyChanged& e) const {
    return "The policy is now \"" + e.policy->name + "\"" +
           (e.by.empty() ? "" : ", decided by " + e.by);
  }
  std::string operator()(const ReservationMade& e) const {
    const std::string why = e.spec.reason.empty() ? "" : " (" + e.spec.reason + ")";
    return "Reservation " + e.spec.name + why + ": " + counted(e.nodes.size(), "node") +
           (e.nodes.size() == 1 ? " is" : " are") + " set aside from " +
           write_timestamp(e.spec.start) + " to " + write_timestamp(e.spec.end()) + by_whom(e.by);
  }
  std::string operator()(const ReservationBegun& e) const {
    return "Reservation " + e.reservation + " has begun: only its jobs are placed on its nodes now";
  }
  std::string operator()(const ReservationMended& e) const {
    return "Reservation " + e.reservation + " has other nodes in place of " +
           counted(e.gone.size(), "node") + " out of use";
  }
  std::string operator()(const ReservationEnded& e) const {
    return "Reservation " + e.reservation + (e.by.empty() ? " is over" : " was deleted") +
           by_whom(e.by) + "; its nodes are free for all";
  }
  std::string operator()(const CheckpointWanted& e) const {
    return "Attempt " + number(e.attempt.value()) + " is asked to save a checkpoint and leave" +
           (e.deadline ? ", until " + write_timestamp(*e.deadline) : "");
  }
  std::string operator()(const FaultNoted& e) const { return words::fault_text(e); }
  std::string operator()(const FaultGone& e) const {
    return e.fault.code + " at " + words::fault_place(e.fault) + " is gone" +
           (e.by.empty() ? ", says " + e.fault.source : by_whom(e.by));
  }
  std::string operator()(const FaultJudged& e) const {
    return "Because of " + e.code + ", " + e.because + ": " + words::action_text(e.action) +
           (e.withheld.empty() ? "" : "; not done, for " + e.withheld);
  }
  std::string operator()(const NodeWatched& e) const {
    return node(e.node) + " is watched until " + write_timestamp(e.until) + after_colon(e.code);
  }
  std::string operator()(const RemedyPlanned& e) const {
    return node(e.node) + ": " + words::action_text(e.action) + " is planned (" +
           number(e.remedy.value()) + ")" + by_whom(e.by) + after_colon(e.code);
  }
  std::string operator()(const RemedyBegun& e) const {
    return node(e.node) + ": remedy " + number(e.remedy.value()) +
           " begins, and will not be cancelled any more";
  }
  std::string operator()(const RemedyCancelled& e) const {
    return node(e.node) + ": remedy " + number(e.remedy.value()) + " is cancelled before it began" +
           by_whom(e.by) + after_colon(e.reason);
  }
  std::string operator()(const RemedyEnded& e) const {
    return node(e.node) + ": remedy " + number(e.remedy.value()) + (e.ok ? " is done" : " failed") +
           after_colon(e.detail);
  }
  std::string operator()(const CheckBegun& e) const {
    return node(e.node) + " is idle and is checked (" + number(e.check.value()) +
           "); it takes work as before";
  }
  std::string operator()(const CheckEnded& e) const {
    return node(e.node) + ": check " + number(e.check.value()) + " " +
           words::outcome_text(e.outcome) + after_colon(e.detail) +
           words::measures_text(e.measures);
  }
  std::string operator()(const BreakerTripped& e) const {
    return "A person is needed: the breaker of " + std::string(name_of(e.level)) + " " + e.place +
           " has tripped; " + counted(e.taken, "node") + " of " + number(e.nodes) +
           " were taken out of service by themselves, and " + number(e.limit) + " may be";
  }
  std::string operator()(const BreakerWasReset& e) const {
    return "The breaker of " + std::string(name_of(e.level)) + " " + e.place + " is reset" +
           by_whom(e.by);
  }
  std::string operator()(const FaultPolicyChanged& e) const {
    return "Faults are judged by policy \"" + e.policy->name + "\" now, with " +
           counted(e.policy->rules.size(), "rule") + by_whom(e.by);
  }
  std::string operator()(const IdleCauseChanged& e) const {
    return "Free accelerators are idle because " + std::string(idle_text(e.cause));
  }
};

}  // namespace

std::string text(const TaskExit& exit) { return on_one_line(exit_text(exit)); }
std::string text(const EventBody& body, const NodeNamer& names) {
  return on_one_line(std::visit(EventText{names}, body));
}

}  // namespace mw
