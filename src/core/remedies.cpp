// What is done to nodes: planned, begun, ended. The core alone says when a remedy begins, in an
// event that is stored before anybody is told; so what was cancelled before can never be done, and
// what is told is done whatever happens meanwhile.
#include "core/node_lifecycle.h"
#include "core/stepper.h"

namespace mw {
namespace {

/// How much longer than its program may take a remedy is waited for: the way there and back.
constexpr Duration kRemedySlack = minutes(2);
constexpr const char* kRemedyName = "the remedy";

}  // namespace

void Core::Stepper::plan_remedy(NodeId node, FaultAction action, const std::string& code,
                                std::optional<std::uint32_t> device, const std::string& by) {
  emit(RemedyPlanned{node, state_.next_epoch, action, code, device, by});
}

/// REQUIRES: it has one, and nothing runs there.
void Core::Stepper::begin_remedy(NodeId node) {
  const Remedy& remedy = state_.health.remedies.at(node);
  const FaultHook* hook = hook_for(*state_.health.policy, remedy.action);
  // Without a program it was not planned; should the policy have changed since, it fails at once.
  const Duration patience =
      hook == nullptr ? Duration() : hook->timeout * (hook->retries + 1) + kRemedySlack;
  emit(RemedyBegun{node, remedy.id, now_ + patience});
}

/// The node has come to be proven: by a program, or else by the person who resumes it.
void Core::Stepper::validate(NodeId node, const std::string& by) {
  if (!state_.health.remedies.contains(node)) {
    if (hook_for(*state_.health.policy, FaultAction::kValidate) == nullptr) return;
    plan_remedy(node, FaultAction::kValidate, "", std::nullopt, by);
  }
  begin_remedy(node);
}

void Core::Stepper::operator()(const RemedyReported& input) {
  const auto node = state_.topology->find(input.node);
  if (!node) return;
  const auto found = state_.health.remedies.find(*node);
  if (found == state_.health.remedies.end()) return;
  if (found->second.id != input.remedy || !found->second.begun_at) return;
  end_remedy(*node, input.ok, input.detail);
}

void Core::Stepper::end_remedy(NodeId node, bool ok, const std::string& detail) {
  const Remedy remedy = state_.health.remedies.at(node);
  emit(RemedyEnded{node, remedy.id, ok, detail});
  const std::string what(name_of(remedy.action));
  if (!ok) {
    return move_node(node, NodePhase::kQuarantined, Mover::kRemedy,
                     what + " failed" + (detail.empty() ? "" : ": " + detail), kRemedyName);
  }
  // Whoever sent it back says when it has come again.
  if (remedy.action == FaultAction::kReturnToVendor) return;
  if (remedy.action != FaultAction::kValidate &&
      hook_for(*state_.health.policy, FaultAction::kValidate) != nullptr) {
    move_node(node, NodePhase::kValidating, Mover::kRemedy, "after " + what, kRemedyName);
    return validate(node, kRemedyName);
  }
  move_node(node, NodePhase::kReady, Mover::kRemedy, what + " is done", kRemedyName);
  // What has happened since it began is not mended by it.
  judge_again(place_of(node));
}

}  // namespace mw
