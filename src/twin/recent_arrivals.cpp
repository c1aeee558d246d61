#include "twin/recent_arrivals.h"

#include <algorithm>

namespace mw {
namespace {

constexpr Duration kPastMax = hours(24 * 7);
/// A day shows what a day is like; many jobs show a rate in less.
constexpr Duration kDay = hours(24);
constexpr Duration kPastMin = hours(1);
constexpr std::size_t kManyJobs = 1000;
/// Longer than most bursts, shorter than a shift.
constexpr Duration kBlock = hours(4);

/// Since when the state still has every job that was submitted.
Instant complete_since(const State& state) {
  if (state.finished.size() < kFinishedJobsKept) return Instant();
  // What ended before the oldest that is kept may be gone; what was submitted later is there.
  return state.jobs.at(state.finished.front()).finished_at.value_or(state.now);
}

/// It was taken back before it started.
bool never_started(const State& state, JobId id) {
  const Job* job = state.jobs.find(id);
  return job != nullptr && is_final(job->state) && !job->started_at;
}

std::optional<Duration> run_of(const State& state, JobId id) {
  const Job* job = state.jobs.find(id);
  if (job == nullptr || !job->started_at || !job->finished_at || job->attempts != 1)
    return std::nullopt;
  return *job->finished_at - *job->started_at;
}

}  // namespace

RecentArrivals::RecentArrivals(const State& state) {
  const Instant since = std::max(complete_since(state), state.now - kPastMax);
  Instant first = Instant::never();
  for (const auto& [id, record] : state.records) {
    if (record.submitted_at <= since || record.submitted_at > state.now) continue;
    if (first == Instant::never()) first = record.submitted_at;
    if (record.spec->hold || never_started(state, id)) continue;
    jobs_.push_back({record.submitted_at - first, record.spec, run_of(state, id)});
  }
  if (first != Instant::never()) past_ = state.now - first;
  if (past_ >= kDay) forget_before(Duration(past_.count() % kDay.count()));
  // At the very end there is no time left in which to come again.
  std::erase_if(jobs_, [&](const Arrival& arrival) { return arrival.at >= past_; });
  const bool tells = past_ >= kDay || (past_ >= kPastMin && jobs_.size() >= kManyJobs);
  if (tells) return;
  jobs_.clear();
  past_ = Duration();
}

void RecentArrivals::forget_before(Duration begin) {
  std::erase_if(jobs_, [&](const Arrival& arrival) { return arrival.at < begin; });
  for (Arrival& arrival : jobs_) arrival.at = arrival.at - begin;
  past_ = past_ - begin;
}

/// Block after block, each a copy of one of the past.
class RecentArrivals::Source final : public WorkloadSource {
 public:
  Source(const RecentArrivals& from, const RunTimes& run_times, Instant now, Random random)
      : from_(from), run_times_(run_times), random_(random), block_(now) {
    begin_block();
  }

  std::optional<WorkloadJob> next() override {
    if (from_.jobs_.empty()) return std::nullopt;
    while (next_ == from_.jobs_.size() || from_.jobs_[next_].at >= past_end_) {
      block_ = block_ + (past_end_ - past_begin_);
      begin_block();
    }
    const Arrival& arrival = from_.jobs_[next_++];
    WorkloadJob job;
    job.at = block_ + (arrival.at - past_begin_);
    job.spec = *arrival.spec;
    // What it waited for, and until when it was wanted, was of its own time.
    job.spec.after.clear();
    job.spec.not_before = Instant();
    job.spec.deadline = Instant();
    // Again for as long as it was, so that what came together and ran alike does so again.
    job.truth.work = arrival.ran ? *arrival.ran : run_times_.sample(job.spec, Duration(), random_);
    return job;
  }

 private:
  /// Which part of the past comes again from block_ on.
  void begin_block() {
    const std::int64_t past = from_.past_.count();
    const std::int64_t length = std::min(kBlock.count(), past);
    const std::int64_t days = past / kDay.count();
    std::int64_t begin = 0;
    if (days > 0) {
      // The past is whole days, and its end is the hour at which the future begins.
      elapsed_ %= kDay.count();
      begin =
          elapsed_ +
          static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(days))) * kDay.count();
    } else {
      begin =
          static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(past - length + 1)));
    }
    past_begin_ = Duration(begin);
    past_end_ = Duration(std::min(begin + length, past));
    elapsed_ += length;
    const auto at = std::lower_bound(
        from_.jobs_.begin(), from_.jobs_.end(), past_begin_,
        [](const Arrival& arrival, Duration begin_at) { return arrival.at < begin_at; });
    next_ = static_cast<std::size_t>(at - from_.jobs_.begin());
  }

  const RecentArrivals& from_;
  const RunTimes& run_times_;
  Random random_;
  Instant block_;        ///< of the future, where the present block begins
  Duration past_begin_;  ///< of the past, where it is taken from
  Duration past_end_;
  std::int64_t elapsed_ = 0;  ///< of the day, from where the future begins
  std::size_t next_ = 0;
};

std::unique_ptr<WorkloadSource> RecentArrivals::future(const RunTimes& run_times, Instant now,
                                                       Random random) const {
  return std::make_unique<Source>(*this, run_times, now, random);
}

}  // namespace mw
