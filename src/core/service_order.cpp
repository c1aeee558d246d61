#include "core/service_order.h"

#include <algorithm>
#include <bit>

#include "base/check.h"

namespace mw {
namespace {

constexpr std::int64_t kNsPerSecond = 1'000'000'000;

std::int64_t tiresias_class(const ServiceJob& job) {
  const Int128 service = Int128(job.attained.count()) * job.accelerators;
  std::int64_t queue = 0;
  for (const std::int64_t limit : kTiresiasLimits) queue += service >= Int128(limit) * kNsPerSecond;
  return queue;
}

/// The least expected time until it ends for each unit of likelihood that it does, over all
/// lengths of time that one could give it, knowing that it has run for `attained`. Besides the
/// jobs that have ended one more is imagined that takes as long again as this one has already run,
/// so that there is an answer before anything has ended.
Int128 gittins_time(Duration attained, const ServiceHistory& history) {
  const auto& lengths = history.lengths;
  const auto first = std::upper_bound(lengths.begin(), lengths.end(), attained);
  const Int128 total = (lengths.end() - first) + 1;
  const Duration imagined = std::max(attained, kReviewMin);
  Int128 best = 0;
  Int128 ended_time = 0;  // sum of the times left of those that would have ended
  Int128 ended = 0;
  const auto consider = [&](Duration left) {
    ended_time += left.count();
    ++ended;
    const Int128 each = (ended_time + (total - ended) * left.count()) / ended;
    if (ended == 1 || each < best) best = each;
  };
  bool imagined_done = false;
  for (auto length = first; length != lengths.end(); ++length) {
    const Duration left = *length - attained;
    if (!imagined_done && imagined < left) {
      consider(imagined);
      imagined_done = true;
    }
    consider(left);
  }
  if (!imagined_done) consider(imagined);
  return best;
}

}  // namespace

void remember(ServiceHistory& history, Duration length) {
  auto& lengths = history.lengths;
  lengths.insert(std::upper_bound(lengths.begin(), lengths.end(), length), length);
  if (lengths.size() <= kServiceHistoryMax) return;
  for (std::size_t i = 0; 2 * i + 1 < lengths.size(); ++i) lengths[i] = lengths[2 * i + 1];
  lengths.resize(lengths.size() / 2);
}

Int128 service_key(ServicePolicy policy, const ServiceJob& job, const ServiceHistory& history) {
  switch (policy) {
    case ServicePolicy::kFifo:
      return job.submitted.count();
    case ServicePolicy::kSrtf:
      return job.remaining.count();
    case ServicePolicy::kSrsf:
      return Int128(job.remaining.count()) * job.accelerators;
    case ServicePolicy::kTiresias:
      return (Int128(tiresias_class(job)) << 64U) + job.submitted.count();
    case ServicePolicy::kMillwrightBlind:
      return gittins_time(job.attained, history) * job.accelerators;
    case ServicePolicy::kMillwright:
      break;
  }
  MW_CHECK(false);
}

std::optional<Duration> review_after(ServicePolicy policy, const ServiceJob& job) {
  if (policy == ServicePolicy::kMillwrightBlind) return std::max(job.attained, kReviewMin);
  if (policy != ServicePolicy::kTiresias) return std::nullopt;
  const auto queue = static_cast<std::size_t>(tiresias_class(job));
  if (queue == kTiresiasLimits.size()) return std::nullopt;
  // The first moment at which the service is no longer below the limit.
  const std::int64_t width = job.accelerators;
  const std::int64_t limit = kTiresiasLimits[queue] * kNsPerSecond;
  return Duration((limit + width - 1) / width) - job.attained;
}

std::vector<std::size_t> serve_known(std::span<const ServiceJob> jobs, std::uint32_t capacity) {
  // best[c]: the largest value with exactly c accelerators; -1 when there is none.
  std::vector<std::int64_t> best(capacity + std::size_t{1}, -1);
  best[0] = 0;
  std::vector<std::vector<bool>> taken(jobs.size(), std::vector<bool>(best.size(), false));
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const std::size_t width = jobs[i].accelerators;
    MW_CHECK(width > 0);
    const auto doublings = static_cast<std::int64_t>(std::bit_width(width)) - 1;
    const std::int64_t remaining_ms =
        std::max<std::int64_t>(jobs[i].remaining.count() / 1'000'000, 1);
    // Scaled so that a job of 30 years still counts and 10,000 jobs of a millisecond do not
    // overflow.
    const std::int64_t value =
        (100 + kWidthBonusPercent * doublings) * 1'000'000'000'000 / remaining_ms;
    for (std::size_t c = capacity; c >= width && c < best.size(); --c) {
      if (best[c - width] < 0 || best[c - width] + value <= best[c]) continue;
      best[c] = best[c - width] + value;
      taken[i][c] = true;
    }
  }
  std::size_t c =
      static_cast<std::size_t>(std::max_element(best.begin(), best.end()) - best.begin());
  std::vector<std::size_t> chosen;
  for (std::size_t i = jobs.size(); i-- > 0;) {
    if (!taken[i][c]) continue;
    chosen.push_back(i);
    c -= jobs[i].accelerators;
  }
  std::reverse(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace mw
