#include "codec/text_faults.h"

#include "codec/text_words.h"
#include "codec/timestamp.h"

namespace mw::words {
namespace {

std::string times_of(std::uint64_t count) {
  if (count == 0) return ", which still holds";
  return count == 1 ? "" : ", " + number(count) + " times";
}

std::string drain_text(const DrainOrder& order) {
  std::string text = "drains: ";
  switch (order.mode) {
    case DrainMode::kWait:
      text += "it takes no new work";
      break;
    case DrainMode::kCheckpoint:
      text += "its jobs are asked to save and leave";
      break;
    case DrainMode::kForce:
      text += "its jobs are stopped and start again elsewhere";
      break;
  }
  if (order.deadline) text += ", at " + write_timestamp(*order.deadline) + " at the latest";
  if (order.then != NodePhase::kDraining)
    text += "; then it is " + std::string(name_of(order.then));
  return text;
}

}  // namespace

std::string phase_text(const NodeMoved& moved) {
  switch (moved.phase) {
    case NodePhase::kProvisioning:
      return "is being set up";
    case NodePhase::kValidating:
      return "is being proven";
    case NodePhase::kReady:
      return "takes new work again";
    case NodePhase::kSuspect:
      return "is suspect: it takes no new work while it is watched";
    case NodePhase::kDraining:
      return drain_text(moved.drain.value_or(DrainOrder()));
    case NodePhase::kQuarantined:
      return "is quarantined until somebody decides";
    case NodePhase::kRepairing:
      return "is being repaired";
    case NodePhase::kRetired:
      return "is retired";
  }
  return "moves";
}

std::string action_text(FaultAction action) {
  switch (action) {
    case FaultAction::kIgnore:
      return "nothing is done";
    case FaultAction::kWatch:
      return "the node is watched";
    case FaultAction::kRestartJob:
      return "what runs there starts again";
    case FaultAction::kDrain:
      return "a drain";
    case FaultAction::kValidate:
      return "a validation";
    case FaultAction::kResetAccelerator:
      return "a reset of the accelerator";
    case FaultAction::kReboot:
      return "a reboot";
    case FaultAction::kQuarantine:
      return "quarantine";
    case FaultAction::kReturnToVendor:
      return "a return to the vendor";
  }
  return "nothing is done";
}

std::string fault_place(const FaultReport& fault) {
  switch (fault.scope) {
    case FaultReach::kJob:
      return "job " + number(fault.job.value()) +
             (fault.rank ? ", rank " + number(fault.rank->value()) : "");
    case FaultReach::kAccelerator:
    case FaultReach::kNode:
      return fault.place + (fault.device ? ", accelerator " + number(*fault.device) : "");
    default:
      return std::string(name_of(fault.scope)) + " " + fault.place;
  }
}

std::string fault_text(const FaultNoted& noted) {
  const FaultReport& fault = noted.fault;
  const std::string severity(name_of(fault.severity.value_or(FaultSeverity::kWarning)));
  return "Fault " + fault.code + " (" + severity + ") at " + fault_place(fault) +
         times_of(fault.count) + ", says " + fault.source + after_colon(fault.detail);
}

std::string outcome_text(CheckOutcome outcome) {
  switch (outcome) {
    case CheckOutcome::kPassed:
      return "passed";
    case CheckOutcome::kFailed:
      return "failed";
    case CheckOutcome::kUnable:
      return "could not be run";
    case CheckOutcome::kStopped:
      return "was stopped, and does not count";
  }
  return "ended";
}

std::string measures_text(const std::vector<Measure>& measures) {
  std::string text;
  for (const Measure& each : measures) {
    text += (text.empty() ? " [" : ", ") + each.name + " " + measure_text(each.value, each.unit);
  }
  return text.empty() ? "" : text + "]";
}

}  // namespace mw::words
