#include "core/queueing.h"

#include <algorithm>

#include "base/check.h"
#include "core/reservations.h"

namespace mw {
namespace {

Instant deadline_of(const JobSpec& spec, Instant placed_at) {
  Instant end = Instant::never();
  if (spec.time_limit.count() > 0) end = placed_at + spec.time_limit;
  if (spec.deadline != Instant()) end = std::min(end, spec.deadline);
  return end;
}
Instant deadline_of(const State& state, const Attempt& attempt) {
  const JobSpec& spec = *attempt.spec;
  Instant end = deadline_of(spec, attempt.placed_at);
  // Stopped so that it is gone when its reservation ends.
  if (const Reservation* own = reservation_of(state, spec)) {
    end = std::min(end, own->spec.end() - spec.grace);
  }
  return end;
}

/// The first instant at which it can no longer end by its deadline; never() without one.
Instant too_late(const JobSpec& spec) { return last_start(spec) + nanoseconds(1); }

ClassKey key_of(const State& state, const JobRecord& record, bool boosted) {
  const JobSpec& spec = *record.spec;
  ClassKey key;
  key.level = {!boosted, -std::int64_t{class_rules(state, spec).value},
               -std::int64_t{spec.priority}};
  // Age alone orders those who have waited too long.
  if (boosted) key.level = {false, 0, 0};
  key.tenant = record.tenant;
  key.length = length_class(spec.time_limit);
  key.gang = spec.gang;
  key.groups = spec.groups;
  key.where = spec.where;
  key.reservation = spec.reservation.value_or("");
  return key;
}

void forget_told(State& state, ClassId id) {
  const JobId told = state.classes.at(id).told;
  if (told == JobId()) return;
  state.blocked.erase(told);
  state.classes.set_told(id, JobId());
}

}  // namespace

Instant expected_end(const JobSpec& spec, Instant placed_at) {
  return deadline_of(spec, placed_at) + spec.grace;
}
Instant expected_end(const State& state, const Attempt& attempt) {
  const Instant end = deadline_of(state, attempt) + attempt.spec->grace;
  // One that is being stopped is gone after its grace, and one that is overdue any moment.
  if (attempt.stopping) return std::min(end, state.now + attempt.stop_grace);
  return std::max(end, state.now);
}

const PriorityClass& class_rules(const State& state, const JobSpec& spec) {
  const PriorityClass* found = find_class(state.policy, spec.priority_class);
  if (found == nullptr) found = find_class(state.policy, "");
  MW_CHECK(found != nullptr);
  return *found;
}

void classify(State& state, JobRecord& record) {
  record.tenant = state.tenants.intern(record.spec->tenant, state.policy);
  record.job_class = state.classes.intern(key_of(state, record, false));
  record.boosted_class = kNoClass;
}

void declassify(State& state, const JobRecord& record) {
  state.classes.release(record.job_class);
  if (record.boosted_class != kNoClass) state.classes.release(record.boosted_class);
}

ClassId class_of(const State& state, const Job& job) {
  const JobRecord& record = state.records.at(job.record);
  return job.boosted ? record.boosted_class : record.job_class;
}

void enqueue(State& state, Job& job) {
  MW_CHECK(!job.in_line);
  job.in_line = true;
  if (job.first_in_line) {
    state.restarts.emplace(job.not_before, job.id);
  } else {
    state.classes.enqueue(class_of(state, job), job.id);
  }
}

void dequeue(State& state, Job& job) {
  MW_CHECK(job.in_line);
  job.in_line = false;
  if (job.first_in_line) {
    MW_CHECK(state.restarts.erase({job.not_before, job.id}) == 1);
    state.blocked.erase(job.id);
    return;
  }
  const ClassId id = class_of(state, job);
  state.classes.dequeue(id, job.id);
  if (state.classes.at(id).told != job.id) return;
  // The reason is the class's: it goes on being told, of the next in line.
  const PendingReason reason = state.blocked.at(job.id);
  forget_told(state, id);
  if (state.classes.at(id).line.empty()) return;
  const JobId next = state.classes.at(id).line.front();
  state.blocked.emplace(next, reason);
  state.classes.set_told(id, next);
}

void boost(State& state, Job& job) {
  MW_CHECK(!job.boosted);
  const bool in_line = job.in_line && !job.first_in_line;
  if (in_line) dequeue(state, job);
  JobRecord& record = state.records.change(job.record);
  if (record.boosted_class == kNoClass) {
    record.boosted_class = state.classes.intern(key_of(state, record, true));
  }
  job.boosted = true;
  if (in_line) enqueue(state, job);
}

void watch_deadline(State& state, const Attempt& attempt) {
  const Instant deadline = deadline_of(state, attempt);
  if (deadline != Instant::never()) state.deadlines.emplace(deadline, attempt.job);
}

void unwatch_deadline(State& state, const Attempt& attempt) {
  state.deadlines.erase({deadline_of(state, attempt), attempt.job});
}

void note_rules(const State& state, Attempt& attempt) {
  const JobRecord& record = record_of(state, attempt.job);
  const PriorityClass& rules = class_rules(state, *record.spec);
  attempt.spec.keep(*record.spec);
  attempt.class_value = rules.value;
  attempt.preemptible = rules.preemptible;
  attempt.tenant = record.tenant;
}

void count_preemptible(State& state, const Attempt& attempt, std::int64_t sign) {
  if (!attempt.preemptible || attempt.accelerators.count() == 0) return;
  AcceleratorShare& sum = state.preemptible[attempt.class_value];
  sum += attempt.accelerators * sign;
  if (sum.count() == 0) state.preemptible.erase(attempt.class_value);
}

Instant last_start(const JobSpec& spec) {
  return spec.deadline == Instant() ? Instant::never() : spec.deadline - spec.time_limit;
}

void watch_record(State& state, JobId id) {
  const JobRecord& record = state.records.at(id);
  const JobSpec& spec = *record.spec;
  if (!record.eligible && spec.not_before != Instant()) {
    state.calendar.emplace(spec.not_before, id);
  }
  if (spec.reservation) state.of_reservations.emplace(*spec.reservation, id);
  if (spec.deadline != Instant()) state.calendar.emplace(too_late(spec), id);
  for (const Dependency& each : record.awaits) {
    state.awaited.emplace(state.jobs.at(each.job).record, id);
  }
}

void unwatch_record(State& state, JobId id, bool finished) {
  const JobSpec& spec = *state.records.at(id).spec;
  state.calendar.erase({spec.not_before, id});
  // It may be that both are the same instant.
  if (!finished && too_late(spec) == spec.not_before) {
    state.calendar.emplace(spec.not_before, id);
  }
  if (!finished) return;
  if (spec.reservation) state.of_reservations.erase({*spec.reservation, id});
  state.calendar.erase({too_late(spec), id});
  for (const Dependency& each : state.records.at(id).awaits) {
    state.awaited.erase({state.jobs.at(each.job).record, id});
  }
}

Awaited look_at(const State& state, const Dependency& dependency) {
  const Job* job = state.jobs.find(dependency.job);
  if (job == nullptr) return Awaited::kNever;
  std::uint32_t unfinished = is_final(job->state) ? 0 : 1;
  bool failed = unfinished == 0 && job->state != JobState::kSucceeded;
  if (job->record == job->id) {
    const JobRecord& record = state.records.at(job->record);
    unfinished = record.unfinished;
    failed = record.unsuccessful > 0;
  }
  if (dependency.kind == DependencyKind::kAfterOk && failed) return Awaited::kNever;
  return unfinished > 0 ? Awaited::kOpen : Awaited::kMet;
}

void rebuild_queue(State& state) {
  state.classes.clear();
  state.restarts.clear();
  state.calendar.clear();
  state.awaited.clear();
  state.of_reservations.clear();
  std::vector<JobId> records;
  for (const auto& [id, record] : state.records) records.push_back(id);
  for (const JobId id : records) {
    JobRecord& record = state.records.change(id);
    classify(state, record);
    if (record.unfinished == 0) continue;
    watch_record(state, id);
  }
  std::vector<JobId> in_line;
  state.jobs.visit(JobId(), [&](const Job& job) {
    if (job.boosted) {
      JobRecord& record = state.records.change(job.record);
      if (record.boosted_class == kNoClass) {
        record.boosted_class = state.classes.intern(key_of(state, record, true));
      }
    }
    if (job.in_line) in_line.push_back(job.id);
    return true;
  });
  for (const JobId id : in_line) {
    Job& job = state.jobs.change(id);
    job.in_line = false;
    enqueue(state, job);
  }
  for (const auto& [job, reason] : state.blocked) {
    const Job& told = state.jobs.at(job);
    if (!told.first_in_line) state.classes.set_told(class_of(state, told), job);
  }
}

}  // namespace mw
