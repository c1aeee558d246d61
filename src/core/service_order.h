// Who is served next when jobs can be stopped and go on later: the order over all unfinished jobs,
// by policies that know how long a job still runs and by policies that do not. Pure functions over
// small views; integers only.
//
// Sources: SRTF, SRSF as Muri (SIGCOMM'22) uses them; Tiresias-L (NSDI'19), with the thresholds
// that Muri's simulator gives it; the Gittins index (Gittins 1979; Tiresias-G uses it with the
// whole trace's distribution known), which millwright-blind learns from the jobs that have ended.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/time.h"

namespace mw {

enum class ServicePolicy : std::uint8_t {
  kFifo,             ///< first come, first served
  kSrtf,             ///< shortest remaining time first
  kSrsf,             ///< smallest remaining time x accelerators first
  kTiresias,         ///< least attained time x accelerators, in three classes; each first come
  kMillwright,       ///< durations known: the set that ends most work soon, see serve_known()
  kMillwrightBlind,  ///< durations unknown: smallest Gittins index x accelerators first
};
template <>
struct EnumNames<ServicePolicy> {
  static constexpr std::array<std::string_view, 6> value = {
      "fifo", "srtf", "srsf", "tiresias", "millwright", "millwright-blind"};
};

struct ServiceJob {
  std::uint32_t accelerators = 1;
  Instant submitted;
  Duration attained;   ///< time it has run so far
  Duration remaining;  ///< time it still runs; not looked at by those that must not know it
  bool operator==(const ServiceJob&) const = default;
};

/// How long jobs that have ended had run in all, sorted: what a blind policy may know.
struct ServiceHistory {
  std::vector<Duration> lengths;
  bool operator==(const ServiceHistory&) const = default;
  MW_FIELDS(lengths)
};
/// Beyond this many every second length is forgotten: the shape of the distribution stays.
inline constexpr std::size_t kServiceHistoryMax = 4096;
void remember(ServiceHistory& history, Duration length);

/// Classes of attained service of Tiresias, in accelerator-seconds.
/// Source: Rivendile/Muri, simulator/jobs.py, queue_limit with three queues.
inline constexpr std::array<std::int64_t, 2> kTiresiasLimits = {3250, 7200};

/// The least time after which a blind policy looks again: an hour. Below that the cost of
/// stopping and starting is no longer small.
inline constexpr Duration kReviewMin = hours(1);

/// Smaller is served first; equal keys keep their order. Not for kMillwright, which chooses a set.
Int128 service_key(ServicePolicy policy, const ServiceJob& job, const ServiceHistory& history);

/// After how much more running the key of a running job may fall behind; nothing when only
/// arrivals and ends matter.
std::optional<Duration> review_after(ServicePolicy policy, const ServiceJob& job);

/// Which jobs should run on `capacity` accelerators, as indexes in ascending order: the set that
/// has the largest sum of 1 / remaining among those that fit in number. With equal widths that
/// is SRTF and, job by job, SRSF is its greedy approximation; unlike SRSF it leaves no gap at the
/// end of the capacity that a slightly different set would fill. A job counts kWidthBonusPercent
/// more for each doubling of its width, because wide jobs are what is left over otherwise.
/// Cost: O(jobs x capacity).
std::vector<std::size_t> serve_known(std::span<const ServiceJob> jobs, std::uint32_t capacity);
inline constexpr std::int64_t kWidthBonusPercent = 8;

}  // namespace mw
