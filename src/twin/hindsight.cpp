#include "twin/hindsight.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "twin/run_times.h"

namespace mw {
namespace {

/// A job as it is known now.
struct Seen {
  Instant submitted;
  std::optional<Instant> started;
  std::optional<Instant> ended;  ///< by itself
  Instant until;                 ///< it is known to have run up to here, where it has not ended
};

std::vector<Seen> all_seen(const State& state) {
  std::vector<Seen> all;
  state.jobs.visit(JobId(), [&](const Job& job) {
    Seen one;
    one.submitted = state.records.at(job.record).submitted_at;
    one.until = state.now;
    one.started = job.started_at;
    // What was taken back before it ran, and what ran in several parts, tells no length.
    if (is_final(job.state) && (!job.started_at || job.attempts != 1)) return true;
    if (is_final(job.state) && job.finished_at) {
      one.until = *job.finished_at;
      if (job.state != JobState::kTimedOut) one.ended = *job.finished_at;
    }
    if (!is_final(job.state) && job.started_at &&
        (job.attempts != 1 || !state.attempts.contains(job.id)))
      return true;
    all.push_back(one);
    return true;
  });
  return all;
}

struct Length {
  double ns = 0;
  bool has_ended = false;
};

/// The mean up to the longest; 0 when fewer than `ended_min` have ended.
double mean_of(std::vector<Length>& lengths, std::size_t ended_min) {
  const auto ended = static_cast<std::size_t>(std::count_if(
      lengths.begin(), lengths.end(), [](const Length& each) { return each.has_ended; }));
  if (ended < ended_min) return 0;
  std::sort(lengths.begin(), lengths.end(), [](const Length& a, const Length& b) {
    return a.ns < b.ns || (a.ns == b.ns && a.has_ended && !b.has_ended);
  });
  double mean = 0;
  double beyond = 1;
  double before = 0;
  auto left = static_cast<double>(lengths.size());
  for (const Length& each : lengths) {
    mean += beyond * (each.ns - before);
    before = each.ns;
    if (each.has_ended) beyond *= 1 - 1 / left;
    left -= 1;
  }
  return mean;
}

/// What ran at `then`, or had run, as it was known then.
std::vector<Length> known_then(const std::vector<Seen>& all, Instant then) {
  std::vector<Length> lengths;
  for (const Seen& each : all) {
    if (!each.started || *each.started >= then) continue;
    const Instant end = std::min(then, each.ended.value_or(each.until));
    lengths.push_back({static_cast<double>((end - *each.started).count()),
                       each.ended.has_value() && *each.ended <= then});
  }
  return lengths;
}

/// What waited at `then` and has run since, as it is known now.
std::vector<Length> waited_then(const std::vector<Seen>& all, Instant then) {
  std::vector<Length> lengths;
  for (const Seen& each : all) {
    if (each.submitted > then || !each.started || *each.started <= then) continue;
    lengths.push_back(
        {static_cast<double>((each.ended.value_or(each.until) - *each.started).count()),
         each.ended.has_value()});
  }
  return lengths;
}

}  // namespace

Hindsight::Hindsight(const State& state) {
  const std::vector<Seen> all = all_seen(state);
  Instant first = Instant::never();
  for (const Seen& each : all) first = std::min(first, each.submitted);
  if (first == Instant::never()) return;
  for (int moment = 1; moment <= kMoments; ++moment) {
    const Instant then = first + Duration((state.now - first).count() / (kMoments + 1) * moment);
    std::vector<Length> waited = waited_then(all, then);
    std::vector<Length> known = known_then(all, then);
    const double really = mean_of(waited, kWaitingMin);
    const double expected = mean_of(known, RunTimes::kEnough);
    if (really > 0 && expected > 0) ratios_.push_back(really / expected);
  }
  if (ratios_.size() < kRatiosMin) ratios_.clear();
  std::sort(ratios_.begin(), ratios_.end());
}

Duration Hindsight::applied_to(Duration length, Random random) const {
  if (ratios_.empty()) return length;
  const double ratio = ratios_[random.below(ratios_.size())];
  // No run takes more than ten years.
  const double most = static_cast<double>(hours(24 * 3650).count());
  return Duration(std::llround(std::clamp(static_cast<double>(length.count()) * ratio, 1.0, most)));
}

}  // namespace mw
