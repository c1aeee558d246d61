#include "core/queueing.h"

#include "base/check.h"

namespace mw {
namespace {

QueueRank rank_of(const JobSpec& spec, JobId job) { return {-std::int64_t{spec.priority}, job}; }

Instant deadline_of(const State& state, const Attempt& attempt) {
  const Duration limit = spec_of(state, attempt.job).time_limit;
  return limit.count() > 0 ? attempt.placed_at + limit : Instant::never();
}

}  // namespace

void enqueue(State& state, const Job& job) {
  if (job.first_in_line) {
    state.restarts.emplace(job.not_before, job.id);
    return;
  }
  const JobSpec& spec = spec_of(state, job.id);
  state.queue[spec.gang].insert(rank_of(spec, job.id));
}

void dequeue(State& state, const Job& job) {
  if (job.first_in_line) {
    MW_CHECK(state.restarts.erase({job.not_before, job.id}) == 1);
    return;
  }
  const JobSpec& spec = spec_of(state, job.id);
  const auto line = state.queue.find(spec.gang);
  MW_CHECK(line != state.queue.end());
  MW_CHECK(line->second.erase(rank_of(spec, job.id)) == 1);
  if (line->second.empty()) {
    state.queue.erase(line);
    state.blocked.erase(spec.gang);
  }
}

void watch_deadline(State& state, const Attempt& attempt) {
  const Instant deadline = deadline_of(state, attempt);
  if (deadline != Instant::never()) state.deadlines.emplace(deadline, attempt.job);
}

void unwatch_deadline(State& state, const Attempt& attempt) {
  state.deadlines.erase({deadline_of(state, attempt), attempt.job});
}

}  // namespace mw
