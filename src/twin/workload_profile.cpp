#include "twin/workload_profile.h"

#include <algorithm>
#include <array>

#include "codec/trace_jobs.h"
#include "model/gang.h"

namespace mw {
namespace {

constexpr std::int64_t kHourNs = hours(1).count();
constexpr std::int64_t kHoursOfDay = 24;
constexpr std::int64_t kHoursOfWeek = 168;
// Fewer jobs an hour than this are noise rather than a shape.
constexpr std::int64_t kJobsAnHourMin = 10;
// Denser where the long jobs are, which ask for most of the time.
constexpr std::array<std::int64_t, 29> kPoints = {
    0,      1'000,  2'000,  5'000,  10'000, 15'000, 20'000, 25'000, 30'000, 35'000,
    40'000, 45'000, 50'000, 55'000, 60'000, 65'000, 70'000, 75'000, 80'000, 85'000,
    90'000, 93'000, 95'000, 97'000, 98'000, 99'000, 99'500, 99'900, 100'000};
constexpr std::int64_t kWhole = 100 * LognormalPart::kWeightOne;  // weights add up to about 100

std::int64_t part_of_hundred(std::int64_t part, std::int64_t whole) {
  __extension__ using Wide = __int128;
  return static_cast<std::int64_t>((static_cast<Wide>(part) * kWhole + whole / 2) / whole);
}
std::int64_t share_of(std::int64_t part, std::int64_t whole) {
  return (part * kWholeShare + whole / 2) / whole;
}

/// Jobs an hour in each of `period` hours, 1 on average, in millionths.
std::vector<std::int64_t> hour_weights(const std::vector<std::int64_t>& jobs, std::int64_t period) {
  std::vector<std::int64_t> sums(static_cast<std::size_t>(period), 0);
  std::vector<std::int64_t> seen(static_cast<std::size_t>(period), 0);
  std::int64_t all = 0;
  for (std::size_t hour = 0; hour < jobs.size(); ++hour) {
    const std::size_t at = hour % static_cast<std::size_t>(period);
    sums[at] += jobs[hour];
    ++seen[at];
    all += jobs[hour];
  }
  std::vector<std::int64_t> weights;
  const auto span = static_cast<std::int64_t>(jobs.size());
  for (std::size_t i = 0; i < sums.size(); ++i) {
    __extension__ using Wide = __int128;
    const Wide weight = static_cast<Wide>(sums[i]) * span * LognormalPart::kWeightOne /
                        (static_cast<Wide>(seen[i]) * all);
    weights.push_back(static_cast<std::int64_t>(weight));
  }
  return weights;
}

std::int64_t period_of(const WorkloadProfile& profile, std::int64_t jobs) {
  const std::int64_t span = profile.span_hours();
  if (span >= 2 * kHoursOfWeek && jobs >= kHoursOfWeek * kJobsAnHourMin) return kHoursOfWeek;
  if (span >= 2 * kHoursOfDay && jobs >= kHoursOfDay * kJobsAnHourMin) return kHoursOfDay;
  return 1;
}

/// Jobs of all shares up to one accelerator are one size; of many sizes, those up to a power of
/// two.
std::map<std::int64_t, SizeProfile> whole_sizes(const WorkloadProfile& profile) {
  std::map<std::int64_t, SizeProfile> sizes;
  const bool many = profile.sizes.size() > kWorkloadSizesMax;
  for (const auto& [share, from] : profile.sizes) {
    if (share == AcceleratorShare(0)) continue;
    std::int64_t whole =
        (share.count() + kWholeAccelerator.count() - 1) / kWholeAccelerator.count();
    if (many) {
      std::int64_t power = 1;
      while (power < whole) power *= 2;
      whole = power;
    }
    SizeProfile& to = sizes[std::min(whole, kWorkloadAcceleratorsMax)];
    to.lengths_ns.insert(to.lengths_ns.end(), from.lengths_ns.begin(), from.lengths_ns.end());
    to.failed += from.failed;
    to.cancelled += from.cancelled;
    to.checkpoint_interval = from.checkpoint_interval;
    to.checkpoint_cost = from.checkpoint_cost;
  }
  for (auto& [whole, size] : sizes) std::ranges::sort(size.lengths_ns);
  return sizes;
}

SizeClass size_class(std::int64_t accelerators, const SizeProfile& profile, std::int64_t jobs) {
  SizeClass size;
  const auto count = static_cast<std::int64_t>(profile.lengths_ns.size());
  size.accelerators = static_cast<std::uint32_t>(accelerators);
  size.weight = std::max<std::int64_t>(part_of_hundred(count, jobs), 1);
  size.failed = share_of(profile.failed, count);
  size.cancelled = std::min(share_of(profile.cancelled, count), kWholeShare - size.failed);
  size.checkpoint_interval = std::min(profile.checkpoint_interval, kWorkloadLengthMax);
  size.checkpoint_cost = std::min(profile.checkpoint_cost, kWorkloadLengthMax);
  for (const std::int64_t at : kPoints) {
    const std::int64_t length = quantile(profile.lengths_ns, at);
    size.durations.quantiles.push_back(
        {at, Duration(std::clamp<std::int64_t>(length, 1, kWorkloadLengthMax.count()))});
  }
  return size;
}

}  // namespace

std::int64_t quantile(const std::vector<std::int64_t>& ascending, std::int64_t thousandths) {
  if (ascending.empty()) return 0;
  __extension__ using Wide = __int128;
  const auto last = static_cast<std::int64_t>(ascending.size()) - 1;
  const Wide place = static_cast<Wide>(last) * thousandths;  // in parts of kWholeShare
  const auto index = static_cast<std::size_t>(place / kWholeShare);
  const std::int64_t low = ascending[index];
  if (index + 1 >= ascending.size()) return low;
  const std::int64_t high = ascending[index + 1];
  return low + static_cast<std::int64_t>(static_cast<Wide>(high - low) * (place % kWholeShare) /
                                         kWholeShare);
}

WorkloadProfile profile_workload(WorkloadSource& source) {
  WorkloadProfile profile;
  std::vector<std::int64_t> over;
  while (const auto job = source.next()) {
    const std::int64_t elements = job->spec.array;
    if (profile.jobs == 0) profile.first = job->at;
    if (profile.jobs > 0) profile.gaps_ns.push_back((job->at - profile.last).count());
    profile.last = job->at;
    profile.jobs += elements;
    const auto hour =
        static_cast<std::size_t>(std::max<std::int64_t>(job->at.count(), 0) / kHourNs);
    if (profile.hours.size() <= hour) profile.hours.resize(hour + 1, 0);
    profile.hours[hour] += elements;
    const AcceleratorShare accelerators = accelerators_of(job->spec);
    AcceleratorTime time = accelerators * job->truth.work;
    time = AcceleratorTime(time.count() * elements);
    SizeProfile& size = profile.sizes[accelerators];
    size.lengths_ns.insert(size.lengths_ns.end(), static_cast<std::size_t>(elements),
                           job->truth.work.count());
    size.time += time;
    if (job->truth.outcome == JobOutcome::kFails) size.failed += elements;
    if (job->truth.outcome == JobOutcome::kCancelled) size.cancelled += elements;
    size.checkpoint_interval = job->truth.checkpoint_interval;
    size.checkpoint_cost = job->truth.checkpoint_cost;
    TenantProfile& tenant = profile.tenants[job->spec.tenant];
    tenant.jobs += elements;
    tenant.time += time;
    if (!job->spec.priority_class.empty()) profile.classes[job->spec.priority_class] += elements;
    profile.time += time;
    if (job->spec.time_limit > Duration(0)) {
      profile.limited += elements;
      const Int128 beyond = Int128{job->spec.time_limit.count()} - job->truth.work.count();
      over.push_back(static_cast<std::int64_t>(std::clamp<Int128>(
          beyond * 1000 / std::max<std::int64_t>(job->truth.work.count(), 1), 0, 1'000'000)));
    }
  }
  for (auto& [share, size] : profile.sizes) std::ranges::sort(size.lengths_ns);
  std::ranges::sort(profile.gaps_ns);
  std::ranges::sort(over);
  profile.limits_over_milli = quantile(over, kWholeShare / 2);
  return profile;
}

Result<WorkloadModel> fit_model(const WorkloadProfile& profile, const std::string& name) {
  const auto sizes = whole_sizes(profile);
  std::int64_t jobs = 0;
  for (const auto& [accelerators, size] : sizes)
    jobs += static_cast<std::int64_t>(size.lengths_ns.size());
  if (jobs == 0) {
    return Error{ErrorCode::kInvalid,
                 "there is nothing to fit: no job of this workload asks for accelerators"};
  }
  WorkloadModel model;
  model.name = name_from_trace(name);
  model.days = std::clamp<std::int64_t>((profile.span_hours() + kHoursOfDay - 1) / kHoursOfDay, 1,
                                        kWorkloadDaysMax);
  model.jobs = std::min(jobs, kWorkloadJobsMax);
  const std::int64_t period = period_of(profile, jobs);
  if (period > 1) model.hours = hour_weights(profile.hours, period);
  for (const auto& [accelerators, size] : sizes)
    model.sizes.push_back(size_class(accelerators, size, jobs));
  for (const auto& [tenant, of] : profile.tenants)
    model.tenants.push_back({tenant, part_of_hundred(of.jobs, profile.jobs)});
  for (const auto& [one, count] : profile.classes)
    model.classes.push_back({one, part_of_hundred(count, profile.jobs)});
  model.limits_known = share_of(profile.limited, profile.jobs);
  // Limits are drawn evenly from 0 on, so their median is half of the most.
  model.limits_over_milli = std::min<std::int64_t>(2 * profile.limits_over_milli, 1'000'000);
  return model;
}

}  // namespace mw
