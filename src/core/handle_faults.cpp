// What is reported of faults. Reports are late, repeated and out of order: what is not news makes
// no event, and so nothing is done twice. What is news is noted, and judged at the end of the step.
#include <algorithm>

#include "core/node_lifecycle.h"
#include "core/stepper.h"

namespace mw {
namespace {

Refusal refusal(ErrorCode code, RefusalKind kind, const std::string& wanted) {
  Refusal refusal;
  refusal.code = code;
  refusal.kind = kind;
  refusal.wanted = wanted;
  return refusal;
}

/// Whether the mark's source has said this, or something after it.
bool has_said(const FaultMark& mark, const FaultReport& report) {
  if (mark.sequence != 0 && report.sequence != 0) return report.sequence <= mark.sequence;
  return report.at <= mark.at;
}

/// Told as still holding, it counts as one more occurrence, so that what goes on for long comes to
/// the policy's stronger steps. Not while the node is to be taken out of service for it already:
/// that it goes on until then says nothing new.
std::uint64_t occurrences_of(const FaultReport& report, const FaultRecord* record) {
  if (report.count > 0) return report.count;
  if (record == nullptr || !record->active) return 1;
  return std::max(record->acted, record->withheld) > FaultAction::kWatch ? 0 : 1;
}

/// Nothing more can follow from the fault, however often it happens.
bool is_settled(const FaultPolicy& policy, const FaultRecord& record) {
  const FaultRule* rule = rule_for(policy, record.code);
  if (rule == nullptr) return true;
  FaultAction most = FaultAction::kIgnore;
  for (const FaultStep& step : rule->steps) most = std::max(most, step.action);
  return most == FaultAction::kIgnore || std::max(record.acted, record.withheld) >= most;
}

}  // namespace

bool Core::Stepper::is_news(const FaultReport& report, const FaultPlace& place) const {
  const FaultPolicy& policy = *state_.health.policy;
  if (report.at + policy.stale_after < now_) return false;
  const auto faults = state_.faults.find(place);
  if (faults == state_.faults.end()) return true;
  if (faults->second.fence != Instant() && report.at <= faults->second.fence) return false;
  const FaultRecord* record = find_fault(state_, place, report.code, report.device);
  if (record == nullptr) return true;
  bool known_source = false;
  for (const FaultMark& mark : record->marks) {
    if (mark.source != report.source) continue;
    known_source = true;
    if (has_said(mark, report)) return false;
  }
  // Before the fault was last cleared, by whomever.
  if (!record->active && report.at <= record->last_at) return false;
  if (record->active && report.at < record->last_at + policy.merge_within) {
    if (!known_source || is_settled(policy, *record)) return false;
  }
  return true;
}

bool Core::Stepper::note_fault(FaultReport report) {
  if (report.at == Instant() || report.at > now_) report.at = now_;
  const auto place = place_of(state_, report);
  if (!place || !is_news(report, *place)) return false;
  report.count = occurrences_of(report, find_fault(state_, *place, report.code, report.device));
  const FaultRule* rule = rule_for(*state_.health.policy, report.code);
  if (!report.component) {
    report.component = rule == nullptr ? FaultyPart::kUnknown : rule->component;
  }
  if (!report.severity) {
    report.severity = rule == nullptr ? FaultSeverity::kWarning : rule->severity;
  }
  FaultNoted noted;
  if (place->scope == FaultReach::kNode) noted.node = NodeId(static_cast<std::uint32_t>(place->id));
  noted.job = report.job;
  noted.fault = std::move(report);
  judged_[{*place, noted.fault.code, noted.fault.device}] = true;
  emit(std::move(noted));
  return true;
}

void Core::Stepper::operator()(const FaultReported& input) {
  const FaultReport& report = input.fault;
  if (report.scope == FaultReach::kJob) {
    const Attempt* attempt = reporting(report.job, report.attempt, report.rank);
    if (attempt == nullptr) return;
    FaultReport told = report;
    told.attempt = attempt->number;  // of a rank that was kept, the attempt that it is of now
    note_fault(std::move(told));
    return;
  }
  const auto place = place_of(state_, report);
  if (!place) {
    return refuse(refusal(ErrorCode::kNotFound, RefusalKind::kNoSuchPlace,
                          std::string(name_of(report.scope)) + " \"" + report.place + "\""));
  }
  if (place->scope == FaultReach::kNode && report.device) {
    const NodeId node(static_cast<std::uint32_t>(place->id));
    if (*report.device >= state_.topology->shape(node).accelerators) {
      Refusal fault =
          refusal(ErrorCode::kInvalid, RefusalKind::kNoSuchDevice, std::to_string(*report.device));
      fault.node = report.place;
      return refuse(std::move(fault));
    }
  }
  note_fault(report);
}

void Core::Stepper::operator()(const FaultCleared& input) {
  FaultReport report = input.fault;
  const auto place = place_of(state_, report);
  if (!place) {
    return refuse(refusal(ErrorCode::kNotFound, RefusalKind::kNoSuchPlace,
                          std::string(name_of(report.scope)) + " \"" + report.place + "\""));
  }
  const bool ordered = report.sequence != 0 || report.at != Instant();
  if (report.at == Instant() || report.at > now_) report.at = now_;
  const FaultRecord* record = find_fault(state_, *place, report.code, report.device);
  const bool active = record != nullptr && record->active;
  if (!input.by.empty() && !active) {
    return refuse(refusal(ErrorCode::kNotFound, RefusalKind::kNoSuchFault, report.code));
  }
  if (input.by.empty()) {
    // What comes late says nothing; what comes before its fault is kept, so that the fault is known
    // to be over when it arrives.
    if (!active && !ordered) return;
    if (report.at + state_.health.policy->stale_after < now_) return;
    if (record != nullptr) {
      for (const FaultMark& mark : record->marks) {
        if (mark.source == report.source && has_said(mark, report)) return;
      }
      if (!active && report.at <= record->last_at) return;
    }
    if (place->scope == FaultReach::kJob) return;
  }
  FaultGone gone;
  if (place->scope == FaultReach::kNode) gone.node = NodeId(static_cast<std::uint32_t>(place->id));
  gone.job = report.job;
  gone.fault = std::move(report);
  gone.by = input.by;
  over_.push_back(gone);
  emit(std::move(gone));
}

void Core::Stepper::operator()(const SetFaultPolicy& input) {
  const std::string fault = mw::fault_of(input.policy);
  if (!fault.empty()) {
    return refuse(refusal(ErrorCode::kInvalid, RefusalKind::kFaultPolicyInvalid, fault));
  }
  emit(FaultPolicyChanged{input.policy, input.by});
  for (const auto& [place, faults] : state_.faults) judge_again(place);
}

void Core::Stepper::operator()(const ResetBreaker& input) {
  const auto found = state_.health.breakers.find({input.level, input.place});
  if (found == state_.health.breakers.end() || !found->second.tripped_at) {
    return refuse(refusal(ErrorCode::kNotFound, RefusalKind::kNoSuchBreaker,
                          std::string(name_of(input.level)) + " \"" + input.place + "\""));
  }
  emit(BreakerWasReset{input.level, input.place, input.by});
  for (const auto& [place, faults] : state_.faults) judge_again(place);
}

/// That an engine has lost a node is a fact of its own; where the policy has a rule for it, it
/// counts as a fault as well: a node that comes and goes is not well.
void Core::Stepper::note_lost(NodeId node, bool lost) {
  const FaultRule* rule = rule_for(*state_.health.policy, kNodeLostCode);
  if (rule == nullptr || rule->code != kNodeLostCode) return;
  FaultReport report;
  report.source = kSelf;
  report.at = now_;
  report.code = kNodeLostCode;
  report.place = state_.topology->name(node);
  if (lost) {
    note_fault(std::move(report));
  } else if (const FaultRecord* known = find_fault(state_, place_of(node), report.code, {});
             known != nullptr && known->active) {
    over_.push_back({node, JobId(), report, ""});
    emit(over_.back());
  }
}

void Core::Stepper::silent_due() {
  while (!state_.health.silence.empty() && state_.health.silence.begin()->first <= now_) {
    const JobId job = state_.health.silence.begin()->second;
    FaultReport report;
    report.source = kSelf;
    report.at = now_;
    report.code = kHungCode;
    report.scope = FaultReach::kJob;
    report.job = job;
    report.attempt = state_.attempts.at(job).number;
    report.component = FaultyPart::kJob;
    report.severity = FaultSeverity::kError;
    report.detail = "it has reported progress, and then nothing for too long";
    FaultNoted noted{std::nullopt, job, std::move(report)};
    judged_[{place_of(job), std::string(kHungCode), std::nullopt}] = true;
    emit(std::move(noted));
  }
}

}  // namespace mw
