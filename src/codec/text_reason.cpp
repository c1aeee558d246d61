// Why something does not happen, as sentences: a part of text.h.
#include <utility>
#include <variant>

#include "codec/text.h"
#include "codec/text_words.h"
#include "codec/units.h"

namespace mw {
namespace {

using words::counted;
using words::listed;
using words::listed_jobs;
using words::moment;
using words::number;

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
           (r.present.empty() ? "none at all" : listed(r.present)) + ".";
  }
  std::string operator()(const PowerShort& r) const {
    return "Not enough power at " + r.place + " (" + std::string(name_of(r.level)) +
           "): " + watts_text(r.drawn) + " of " + watts_text(r.limit) +
           " are drawn or reserved; of its " + counted(r.tasks_needed, "task") + ", " +
           (r.tasks_fitting == 0 ? "none" : number(r.tasks_fitting)) +
           " may run within all limits.";
  }
  std::string operator()(const NoSuchSite& r) const {
    return "It may run at " + listed(r.wanted) + " only; there is " +
           (r.present.empty() ? "no site" : listed(r.present)) + ".";
  }
  std::string operator()(const IsHeld& r) const {
    return "It is held" + words::by_whom(r.by) + "; release it to let it start.";
  }
  std::string operator()(const WaitsToRestart& r) const {
    const std::string which = "restart " + number(r.restarts) + " of " + number(r.restart_limit);
    // Without a "now" there is nothing to count from.
    if (now == Instant() || r.until <= now)
      return "It failed, and is about to start again (" + which + ").";
    return "It failed, and starts again in " + duration_text(r.until - now) + " (" + which + ").";
  }
  std::string operator()(const OverQuota& r) const {
    const std::string of_them =
        r.quota == r.limit ? "" : " (" + share_text(r.quota) + " of them by quota)";
    if (r.wanted > r.limit) {
      return "It needs " + share_text(r.wanted) + " accelerators, and all of tenant " + r.tenant +
             " may use no more than " + share_text(r.limit) + of_them +
             ". Ask for less, or have the policy changed.";
    }
    return "Tenant " + r.tenant + " uses " + share_text(r.in_use) + " of the " +
           share_text(r.limit) + " accelerators that it may use" + of_them +
           ", and this job needs " + share_text(r.wanted) +
           "; it starts when enough jobs of the tenant have ended.";
  }
  std::string operator()(const AwaitsTime& r) const {
    return "It is not to start before " + moment(r.until, now) + ".";
  }
  std::string operator()(const AwaitsJobs& r) const {
    return "It starts after " + listed_jobs(r.jobs) + ", which " +
           (r.jobs.size() == 1 ? "has" : "have") + " not ended yet.";
  }
  std::string operator()(const KeptForOthers& r) const {
    return "It would fit, but " + counted(r.nodes, "node") + (r.nodes == 1 ? " is" : " are") +
           " kept for job " + number(r.job.value()) + ", which goes before it and is to start by " +
           moment(r.at, now) + ".";
  }
  std::string operator()(const AwaitsVictims& r) const {
    if (r.victims.empty()) return "The jobs that were stopped for it have ended.";
    return "Its place is being cleared: " + listed_jobs(r.victims) +
           (r.victims.size() == 1 ? " is" : " are") + " being stopped for it.";
  }
  std::string operator()(const AwaitsReservation& r) const {
    return "It runs in reservation " + r.reservation + ", which begins " + moment(r.at, now) + ".";
  }
  std::string operator()(const KeptByReservation& r) const {
    return "It would fit, but " + counted(r.nodes, "node") + (r.nodes == 1 ? " is" : " are") +
           " reserved (" + r.reservation + ", from " + moment(r.start, now) + ", to " +
           moment(r.end, now) +
           "), and it would have to be gone by the start; a job with a shorter time limit may use "
           "them.";
  }
  std::string operator()(const ReservationEndsFirst& r) const {
    return "It may take " + duration_text(r.needs) + ", and reservation " + r.reservation +
           " ends " + moment(r.end, now) + ": it cannot start any more, and is given up then.";
  }
  std::string operator()(const ReservationTooSmall& r) const {
    return "The " + counted(r.nodes, "node") + " of reservation " + r.reservation +
           " cannot hold it even when empty: it needs room for " + counted(r.tasks_needed, "task") +
           ", and they have it for " + number(r.tasks_possible) + ".";
  }
  std::string operator()(const AwaitsReplacement& r) const {
    return "It has lost " + counted(r.nodes_lost, "node") + ", and nothing that is free can take " +
           (r.nodes_lost == 1 ? "its" : "their") + " place; its other " +
           counted(r.nodes_kept, "node") + (r.nodes_kept == 1 ? " is" : " are") +
           " kept for it until " + moment(r.until, now) + ".";
  }
};

/// How the nodes stand that would have suited a reservation.
std::string nodes_short_text(const Refusal& refusal) {
  const NodesShort figures = refusal.nodes_short.value_or(NodesShort{});
  std::string text = "Reservation \"" + refusal.wanted + "\" needs " +
                     counted(figures.wanted, "node") + ", and only " + number(figures.available) +
                     " can be had: of " + number(figures.suitable) + " that would suit";
  const auto add = [&](std::uint32_t count, std::string_view what) {
    if (count > 0) text += ", " + number(count) + " " + std::string(what);
  };
  add(figures.in_use, "with work that need not have ended by then");
  add(figures.kept, "kept for jobs that are to start there");
  add(figures.reserved, "in another reservation at that time");
  add(figures.out_of_use, "drained or lost");
  const bool forcible = figures.in_use + figures.kept > 0;
  return text + "." + (forcible ? " With --force it also gets nodes that are in use or kept." : "");
}

std::string refusal_text(const Refusal& refusal) {
  const std::string job = "Job " + number(refusal.job.value());
  const std::string state(name_of(refusal.job_state));
  const std::string phase(name_of(refusal.phase.value_or(NodePhase::kReady)));
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
    case RefusalKind::kNodeCannotMove:
      return "Node \"" + refusal.node + "\" is " + phase + ", and from there nobody can have it " +
             refusal.wanted + "; docs/operations.md shows which phase follows which.";
    case RefusalKind::kNodeThereAlready:
      return "Node \"" + refusal.node + "\" is " + phase + " already.";
    case RefusalKind::kNodeUnderRepair:
      return "Node \"" + refusal.node + "\" is " + phase + ": what is done to it (" +
             refusal.wanted +
             ") has begun, and cannot be taken back. Wait for its end, or give it up with \"mw "
             "node "
             "quarantine\".";
    case RefusalKind::kNoSuchPlace:
      return "There is no " + refusal.wanted +
             " in the fleet; \"mw faults places\" lists what there is.";
    case RefusalKind::kNoSuchDevice:
      return "Node \"" + refusal.node + "\" has no accelerator " + refusal.wanted + ".";
    case RefusalKind::kNoSuchFault:
      return "No fault " + refusal.wanted + " is known there; see \"mw faults list\".";
    case RefusalKind::kFaultPolicyInvalid:
      return "The fault policy cannot be used" + words::after_colon(refusal.wanted) + ".";
    case RefusalKind::kNoSuchBreaker:
      return "The breaker of " + refusal.wanted + " has not tripped.";
    case RefusalKind::kNodeDrainingAlready:
      return "Node \"" + refusal.node + "\" drains already.";
    case RefusalKind::kKeyReused:
      return "This client key was used before, for a different job (" +
             number(refusal.job.value()) + "). Use a new key for a new job.";
    case RefusalKind::kJobNotRunning:
      return job + " is " + state + "; only a job that has started can be requeued.";
    case RefusalKind::kFleetDeclaredAlready:
      return "There are nodes already, and a fleet can be declared only where there are none: to a "
             "new control plane whose engine reports none, such as one of \"mw up --engine "
             "simulated\".";
    case RefusalKind::kNoSuchClass:
      return "The policy has no priority class \"" + refusal.wanted + "\"; see \"mw policy show\".";
    case RefusalKind::kNoSuchTenant:
      return "The policy has no tenant \"" + refusal.wanted +
             "\" and takes none that it does not name; see \"mw policy show\".";
    case RefusalKind::kNoSuchDependency:
      return job + ", after which it is to start, does not exist, or ended long ago.";
    case RefusalKind::kPolicyInvalid:
      return "The policy cannot be used" + words::after_colon(refusal.wanted) + ".";
    case RefusalKind::kNoSuchReservation:
      return "There is no reservation \"" + refusal.wanted +
             "\", or it is over; see \"mw reservation list\".";
    case RefusalKind::kReservationExists:
      return "There is a reservation \"" + refusal.wanted + "\" already; use another name.";
    case RefusalKind::kReservationInUse:
      return job + " still runs in an earlier reservation \"" + refusal.wanted +
             "\"; use another name.";
    case RefusalKind::kReservationPast:
      return "Reservation \"" + refusal.wanted + "\" would be over by now.";
    case RefusalKind::kTooFewNodes:
      return nodes_short_text(refusal);
    case RefusalKind::kReservationForbidden:
      return "Reservation \"" + refusal.wanted +
             "\" is not for this tenant or user; see \"mw reservation show " + refusal.wanted +
             "\".";
    case RefusalKind::kReservationTooShort:
      return "The job would not have ended when reservation \"" + refusal.wanted +
             "\" does: its time limit and grace do not fit in. Ask for less time, or for none: "
             "then it is stopped at the end.";
  }
  return "It was refused.";
}

}  // namespace

std::string text(const PendingReason& reason, Instant now) {
  return words::on_one_line(std::visit(ReasonText{now}, reason));
}
std::string text(const Refusal& refusal) { return words::on_one_line(refusal_text(refusal)); }

}  // namespace mw
