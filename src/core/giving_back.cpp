// What is kept for gangs that lose a node goes to whom it is for: work on borrowed spares leaves
// when a gang needs them, and nodes kept for a gang are given up for a job that goes before it.
#include <algorithm>
#include <deque>
#include <set>

#include "core/allocation.h"
#include "core/claims.h"
#include "core/lending.h"
#include "core/preemption.h"
#include "core/queueing.h"
#include "core/replacement.h"
#include "core/stepper.h"

namespace mw {
namespace {

std::set<NodeId> nodes_of(const Placement& placement) {
  std::set<NodeId> nodes;
  for (const NodeSlice& slice : placement) nodes.insert(slice.node);
  return nodes;
}

bool touches(const Placement& placement, const std::set<NodeId>& nodes) {
  return std::any_of(placement.begin(), placement.end(),
                     [&](const NodeSlice& slice) { return nodes.contains(slice.node); });
}

}  // namespace

/// The job lost a node, and spares that it could use are lent: who is on them has to go. True: they
/// are going, and it starts when they are gone.
bool Core::Stepper::give_back_spares_for(JobId job) {
  if (!lost_a_node(state_.jobs.at(job)) || may_borrow(state_, spec_of(state_, job))) return false;
  std::vector<JobId> lent = borrowers(state_);
  const std::int32_t own = class_rules(state_, spec_of(state_, job)).value;
  std::erase_if(lent, [&](JobId each) { return state_.attempts.at(each).class_value > own; });
  if (lent.empty() || !see_as(job)) return false;
  std::optional<Placement> placement;
  {
    std::deque<Released> gone;
    for (const JobId each : lent) {
      gone.emplace_back(state_, spec_of(state_, each), state_.attempts.at(each).placement);
    }
    NoPlace why;
    placement = find_place(job, why);
  }
  if (!placement) return false;
  const std::set<NodeId> nodes = nodes_of(*placement);
  AwaitsVictims reason;
  for (const JobId each : lent) {
    const Attempt& attempt = state_.attempts.at(each);
    if (!touches(attempt.placement, nodes)) continue;
    reason.victims.push_back(each);
    if (attempt.stopping) continue;
    stop_attempt(attempt, EndCause::kPreempted, "job " + std::to_string(job.value()));
  }
  if (reason.victims.empty()) return false;
  note_blocked(job, std::move(reason));
  return true;
}

/// Nodes that are kept for gangs which the job could have had stopped are there for it, as few as
/// will do. True: it has started.
bool Core::Stepper::take_kept_for(JobId job) {
  std::vector<JobId> owners = kept_below(state_, job);
  if (owners.empty()) return false;
  const auto fits_without = [&](const std::vector<JobId>& given_up) {
    const WithoutHold without(state_, given_up);
    NoPlace why;
    return find_place(job, why).has_value();
  };
  if (!fits_without(owners)) return false;
  // Whose class goes before the others' keeps what it has, if that will do.
  for (std::size_t i = owners.size(); i-- > 0;) {
    std::vector<JobId> fewer = owners;
    fewer.erase(fewer.begin() + static_cast<std::ptrdiff_t>(i));
    if (fewer.empty() || !fits_without(fewer)) continue;
    owners = std::move(fewer);
  }
  for (const JobId owner : owners) emit(CapacityLetGo{owner, job});
  NoPlace why;
  return try_job(job, why);
}

/// Whom to stop for the job, where it does not fit unless nodes kept for these gangs go, too.
std::optional<Claim> Core::Stepper::choose_beyond_kept(JobId job,
                                                       const std::vector<JobId>& owners) {
  if (owners.empty()) return std::nullopt;
  const WithoutHold without(state_, owners);
  auto claim = choose_victims(state_, job, placer_.placer());
  if (claim && claim->victims.empty()) return std::nullopt;
  return claim;
}

/// The claim was chosen as if nothing were kept for these gangs: what it needs of that goes.
void Core::Stepper::give_up_kept(const std::vector<JobId>& owners, const Claim& claim) {
  std::set<NodeId> nodes;
  for (const ClaimedNode& each : claim.nodes) nodes.insert(each.node);
  std::vector<JobId> others;
  for (const JobId owner : owners) {
    if (touches(state_.holds.at(owner).placement, nodes)) {
      emit(CapacityLetGo{owner, claim.job});
    } else {
      others.push_back(owner);
    }
  }
  // It may be their power that it needs.
  for (const JobId owner : others) {
    if (power_allows(state_, claim)) break;
    emit(CapacityLetGo{owner, claim.job});
  }
}

}  // namespace mw
