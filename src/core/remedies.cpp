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

/// How long its programs may take. Without any it was not planned; should the policy have changed
/// since, it fails at once.
Duration patience_for(const FaultPolicy& policy, FaultAction action) {
  if (!can_be_done(policy, action)) return Duration();
  Duration length = kRemedySlack;
  if (const FaultHook* hook = hook_for(policy, action)) {
    length += hook->timeout * (hook->retries + 1);
  }
  if (action != FaultAction::kValidate) return length;
  for (const CheckProgram& each : check_rules(policy).programs) {
    if (each.on_entry) length += each.timeout;
  }
  return length;
}

}  // namespace

void Core::Stepper::plan_remedy(NodeId node, FaultAction action, const std::string& code,
                                std::optional<std::uint32_t> device, const std::string& by) {
  emit(RemedyPlanned{node, state_.next_epoch, action, code, device, by});
}

/// REQUIRES: it has one, and nothing runs there.
void Core::Stepper::begin_remedy(NodeId node) {
  const Remedy& remedy = state_.health.remedies.at(node);
  emit(RemedyBegun{node, remedy.id, now_ + patience_for(*state_.health.policy, remedy.action)});
}

/// The node has come to be proven: by a program, or else by the person who resumes it.
void Core::Stepper::validate(NodeId node, const std::string& by) {
  if (!state_.health.remedies.contains(node)) {
    if (!proves_nodes(*state_.health.policy)) return;
    plan_remedy(node, FaultAction::kValidate, "", std::nullopt, by);
  }
  begin_remedy(node);
}

void Core::Stepper::operator()(const RemedyReported& input) {
  const auto node = state_.topology->find(input.node);
  if (!node) return;
  const auto check = state_.health.checks.running.find(*node);
  if (check != state_.health.checks.running.end() && check->second.id == input.remedy) {
    const CheckResult result = input.check.value_or(
        CheckResult{input.ok ? CheckOutcome::kPassed : CheckOutcome::kFailed, {}});
    return end_check(*node, result.outcome, input.detail, result.measures);
  }
  const auto found = state_.health.remedies.find(*node);
  if (found == state_.health.remedies.end()) return;
  if (found->second.id != input.remedy || !found->second.begun_at) return;
  end_remedy(*node, input.ok, input.detail, input.check);
}

void Core::Stepper::end_remedy(NodeId node, bool ok, const std::string& detail,
                               const std::optional<CheckResult>& check) {
  const Remedy remedy = state_.health.remedies.at(node);
  if (check) {
    emit(CheckEnded{node, remedy.id, CheckMoment::kEntry, check->outcome, detail, check->measures});
  }
  emit(RemedyEnded{node, remedy.id, ok, detail});
  const std::string what(name_of(remedy.action));
  if (!ok) {
    const bool unable = check && check->outcome == CheckOutcome::kUnable;
    return move_node(
        node, NodePhase::kQuarantined, Mover::kRemedy,
        what + (unable ? " could not be done" : " failed") + (detail.empty() ? "" : ": " + detail),
        kRemedyName);
  }
  // Whoever sent it back says when it has come again.
  if (remedy.action == FaultAction::kReturnToVendor) return;
  if (remedy.action != FaultAction::kValidate && proves_nodes(*state_.health.policy)) {
    move_node(node, NodePhase::kValidating, Mover::kRemedy, "after " + what, kRemedyName);
    return validate(node, kRemedyName);
  }
  move_node(node, NodePhase::kReady, Mover::kRemedy, what + " is done", kRemedyName);
  // What has happened since it began is not mended by it.
  judge_again(place_of(node));
  if (check) judge_check(node, check->outcome, detail, check->measures);
}

}  // namespace mw
