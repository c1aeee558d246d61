// What people and programs ask for.
#include <algorithm>
#include <optional>

#include "core/stepper.h"

namespace mw {
namespace {

Refusal refusal(ErrorCode code, RefusalKind kind, JobId job) {
  Refusal refusal;
  refusal.code = code;
  refusal.kind = kind;
  refusal.job = job;
  return refusal;
}

Refusal refusal(ErrorCode code, RefusalKind kind, const Job& job) {
  Refusal result = refusal(code, kind, job.id);
  result.job_state = job.state;
  return result;
}

}  // namespace

void Core::Stepper::operator()(const SubmitJob& input) {
  const auto known =
      input.client_key.empty() ? state_.job_by_key.end() : state_.job_by_key.find(input.client_key);
  if (known == state_.job_by_key.end()) {
    if (auto fault = fault_of(input.spec)) return refuse(std::move(*fault));
    const JobId job = state_.next_job;
    emit(JobSubmitted{job, input.spec, input.client_key});
    settle_record(job);
    return;
  }
  const JobId job = known->second;
  if (*state_.records.at(job).spec == *input.spec) {
    emit(SubmitRepeated{job});
  } else {
    refuse(refusal(ErrorCode::kConflict, RefusalKind::kKeyReused, job));
  }
}

std::optional<Refusal> Core::Stepper::fault_of(const JobSpec& spec) const {
  if (!spec.priority_class.empty() && find_class(state_.policy, spec.priority_class) == nullptr) {
    Refusal fault = refusal(ErrorCode::kInvalid, RefusalKind::kNoSuchClass, JobId());
    fault.wanted = spec.priority_class;
    return fault;
  }
  const auto named = [&](const TenantPolicy& each) { return each.name == spec.tenant; };
  if (!state_.policy.others &&
      std::none_of(state_.policy.tenants.begin(), state_.policy.tenants.end(), named)) {
    Refusal fault = refusal(ErrorCode::kInvalid, RefusalKind::kNoSuchTenant, JobId());
    fault.wanted = spec.tenant;
    return fault;
  }
  for (const Dependency& each : spec.after) {
    if (state_.jobs.find(each.job) != nullptr) continue;
    return refusal(ErrorCode::kInvalid, RefusalKind::kNoSuchDependency, each.job);
  }
  return reservation_fault_of(spec);
}

void Core::Stepper::operator()(const SetPolicy& input) {
  const std::string fault = mw::fault_of(input.policy);
  if (fault.empty()) return emit(PolicyChanged{input.policy, input.by});
  Refusal refused = refusal(ErrorCode::kInvalid, RefusalKind::kPolicyInvalid, JobId());
  refused.wanted = fault;
  refuse(std::move(refused));
}

std::vector<JobId> Core::Stepper::targets(JobId id, bool whole_array) {
  std::vector<JobId> found;
  const Job* job = state_.jobs.find(id);
  if (job == nullptr) {
    refuse(refusal(ErrorCode::kNotFound, RefusalKind::kNoSuchJob, id));
    return found;
  }
  const JobId first = whole_array ? job->record : id;
  const std::uint64_t count = whole_array ? spec_of(state_, id).array : 1;
  for (std::uint64_t i = 0; i < count; ++i) {
    const Job* element = state_.jobs.find(JobId(first.value() + i));
    if (element != nullptr && !is_final(element->state)) found.push_back(element->id);
  }
  if (found.empty()) {
    refuse(refusal(ErrorCode::kConflict, RefusalKind::kJobAlreadyFinished, *job));
  }
  return found;
}

void Core::Stepper::cancel(JobId job, const std::string& by) {
  const auto attempt = state_.attempts.find(job);
  if (attempt == state_.attempts.end()) {
    finish(job, JobState::kCancelled, by);
  } else if (attempt->second.stopping != EndCause::kCancelled) {
    stop_attempt(attempt->second, EndCause::kCancelled, by);
  } else {
    emit(CancelRepeated{job});
  }
}

void Core::Stepper::operator()(const CancelJob& input) {
  for (const JobId job : targets(input.job, input.whole_array)) cancel(job, input.by);
}

void Core::Stepper::operator()(const HoldJob& input) {
  const std::vector<JobId> jobs = targets(input.job, input.whole_array);
  std::optional<Refusal> last;
  bool any = false;
  for (const JobId id : jobs) {
    const Job& job = state_.jobs.at(id);
    if (job.state != JobState::kPending) {
      last = refusal(ErrorCode::kConflict, RefusalKind::kJobNotPending, job);
    } else if (job.held) {
      last = refusal(ErrorCode::kConflict, RefusalKind::kJobHeldAlready, job);
    } else {
      emit(JobHeld{id, input.by});
      any = true;
    }
  }
  if (!any && last) refuse(*last);
}

void Core::Stepper::operator()(const ReleaseJob& input) {
  const std::vector<JobId> jobs = targets(input.job, input.whole_array);
  std::optional<Refusal> last;
  bool any = false;
  for (const JobId id : jobs) {
    const Job& job = state_.jobs.at(id);
    if (job.held) {
      emit(JobReleased{id, input.by});
      any = true;
    } else {
      last = refusal(ErrorCode::kConflict, RefusalKind::kJobNotHeld, job);
    }
  }
  if (!any && last) refuse(*last);
}

void Core::Stepper::operator()(const RequeueJob& input) {
  const Job* job = state_.jobs.find(input.job);
  if (job == nullptr) {
    return refuse(refusal(ErrorCode::kNotFound, RefusalKind::kNoSuchJob, input.job));
  }
  if (is_final(job->state)) {
    return refuse(refusal(ErrorCode::kConflict, RefusalKind::kJobAlreadyFinished, *job));
  }
  const auto attempt = state_.attempts.find(input.job);
  if (attempt == state_.attempts.end() || attempt->second.stopping) {
    return refuse(refusal(ErrorCode::kConflict, RefusalKind::kJobNotRunning, *job));
  }
  stop_attempt(attempt->second, EndCause::kRequeued, input.by);
}

void Core::Stepper::operator()(const DeclareFleet& input) {
  if (state_.nodes.empty()) return emit(FleetDeclared{input.fleet, phase_of_new()});
  Refusal refusal;
  refusal.code = ErrorCode::kConflict;
  refusal.kind = RefusalKind::kFleetDeclaredAlready;
  refuse(refusal);
}

}  // namespace mw
