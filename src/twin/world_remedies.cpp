// What is done to the simulated nodes: it takes its time, and then it is told how it ended. Told
// twice it is done once; what comes late is not done.
#include <algorithm>

#include "twin/world.h"

namespace mw {

Duration World::length_of(FaultAction action) const {
  switch (action) {
    case FaultAction::kResetAccelerator:
      return physics_.remedies.reset_accelerator;
    case FaultAction::kReboot:
      return physics_.remedies.reboot;
    case FaultAction::kValidate:
      return physics_.remedies.validate;
    default:
      return physics_.remedies.return_to_vendor;
  }
}

void World::remedy(DesiredRemedy desired) {
  if (!messages_.none() && copies_sent() == 0) return;  // lost: it is told again
  const auto found = topology_.find(desired.node);
  if (!found) return;
  const NodeId node = *found;
  Epoch& newest = newest_remedy_[node];
  const auto known = mending_.find(node);
  if (known != mending_.end() && known->second.remedy == desired.remedy) {
    if (known->second.ended) tell_mended(node, known->second, "as before");
    return;
  }
  if (desired.remedy <= newest) return;
  // Two at once, or under a job: the control plane may never want that.
  // Whatever is newer takes the place of a check; and a check is told when all else is over, heard
  // or not.
  const bool replaces = known != mending_.end() && (known->second.yields || desired.yields);
  if (known != mending_.end() && !known->second.ended && !replaces) ++wrong_remedies_;
  for (const std::uint32_t index : nodes_[node.value()].attempts) {
    const Running& running = attempts_[index];
    const bool is_let_go = running.epoch <= live(running.job).let_go;
    if (running.phase != Phase::kEnded && !running.stalled && !is_let_go) ++wrong_remedies_;
  }
  newest = desired.remedy;
  mending_[node] = {desired.remedy, desired.action, false, false, desired.yields};
  calendar_.enter(
      now_ + length_of(desired.action),
      {Kind::kMended, node.value(), 0, static_cast<std::int64_t>(desired.remedy.value())});
}

void World::forget_remedy(const std::string& name, Epoch remedy) {
  const auto node = topology_.find(name);
  if (!node) return;
  newest_remedy_[*node] = std::max(newest_remedy_[*node], remedy);
  const auto found = mending_.find(*node);
  if (found != mending_.end() && found->second.remedy <= remedy) mending_.erase(found);
}

void World::mended(NodeId node, Epoch remedy) {
  const auto found = mending_.find(node);
  if (found == mending_.end() || found->second.remedy != remedy) return;
  found->second.ended = true;
  found->second.ok = remedies_failing_ == 0 || !random_.chance(remedies_failing_, 100);
  ++(found->second.yields ? checks_done_ : remedies_done_);
  const FaultAction action = found->second.action;
  // A check of an idle node mends nothing.
  if (found->second.ok && !found->second.yields) mend_by(node, action);
  // Checks see what is broken, and how fast the rest is; everything else believes in itself.
  const char* detail = "simulated";
  if (action == FaultAction::kValidate && !works(node)) {
    found->second.ok = false;
    detail = "something is still wrong with it";
  }
  tell_mended(node, found->second, detail);
}

void World::tell_mended(NodeId node, const Mending& mending, const char* detail) {
  RemedyReported report{topology_.name(node), mending.remedy, mending.ok, detail, {}};
  if (mending.action == FaultAction::kValidate) {
    report.check = measured(node, mending.remedy, mending.ok);
  }
  hear(std::move(report));
}

/// How fast the node is, within a percent: what a check of it would find. The same check finds the
/// same, however often it is asked.
CheckResult World::measured(NodeId node, Epoch check, bool ok) {
  if (!ok) return {CheckOutcome::kFailed, {}};
  Random noise(seed_ ^ (check.value() * 0x9E3779B97F4A7C15ULL) ^ node.value());
  const std::int64_t speed = nodes_[node.value()].speed_milli;
  return {
      CheckOutcome::kPassed,
      {{"simulated.speed", speed * (1000 + noise.between(-10, 10)), "op/s", BetterValue::kHigher}}};
}

/// They end with the control plane that wanted them; the next one wants them again.
void World::end_idle_checks() {
  std::erase_if(mending_, [&](const auto& each) {
    if (!each.second.yields) return false;
    newest_remedy_[each.first] = Epoch(each.second.remedy.value() - 1);
    return true;
  });
}

void World::look_for_checks(const Placement& placement) {
  for (const NodeSlice& slice : placement) {
    const auto found = mending_.find(slice.node);
    const bool runs = found != mending_.end() && found->second.yields && !found->second.ended;
    checks_in_the_way_ += runs ? 1 : 0;
  }
}

}  // namespace mw
