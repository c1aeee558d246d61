#include "twin/run_times.h"

#include <algorithm>
#include <bit>

namespace mw {
namespace {

/// What is taken when nothing is known at all: uniform in the logarithm from a minute to a day.
Duration of_nothing(Duration elapsed, Random& random) {
  const std::int64_t shortest = std::max(minutes(1), elapsed).count();
  std::int64_t length = shortest;
  // Twice as long with probability 0.9 each time: the longer it ran, the longer it will.
  while (random.chance(9, 10) && length < hours(24).count()) length += length / 2;
  return Duration(length + static_cast<std::int64_t>(
                               random.below(static_cast<std::uint64_t>(shortest / 2 + 1))));
}

}  // namespace

std::array<std::string, RunTimes::kTemplates> RunTimes::templates(const JobSpec& spec) {
  const auto whole =
      static_cast<std::uint64_t>(spec.gang.task.accelerators.count()) * spec.gang.tasks / 1000;
  const std::string size = std::to_string(std::bit_width(whole));
  return {"1|" + spec.user + "|" + spec.name + "|" + spec.tenant + "|" + size,
          "2|" + spec.tenant + "|" + size, "3|" + size, "4"};
}

void RunTimes::learn(const JobSpec& spec, Duration run) {
  ++count_;
  for (const std::string& each : templates(spec)) {
    std::vector<std::int64_t>& runs = past_[each];
    // Which one makes room is of no matter, as long as it is the same on every machine.
    if (runs.size() == kKept)
      runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(count_ % kKept));
    runs.insert(std::upper_bound(runs.begin(), runs.end(), run.count()), run.count());
  }
}

void RunTimes::learn_from(const State& state) {
  for (const JobId id : state.finished) {
    const Job& job = state.jobs.at(id);
    if (!job.started_at || !job.finished_at) continue;
    const bool by_itself = job.state == JobState::kSucceeded || job.state == JobState::kFailed;
    if (!by_itself || job.attempts != 1) continue;
    learn(spec_of(state, id), *job.finished_at - *job.started_at);
  }
}

Duration RunTimes::sample(const JobSpec& spec, Duration elapsed, Random& random) const {
  const Duration most = spec.time_limit.count() > 0 ? spec.time_limit : Duration(hours(24 * 365));
  for (const std::string& each : templates(spec)) {
    const auto found = past_.find(each);
    if (found == past_.end()) continue;
    const std::vector<std::int64_t>& runs = found->second;
    const auto longer = std::upper_bound(runs.begin(), runs.end(), elapsed.count());
    const auto left = static_cast<std::size_t>(runs.end() - longer);
    const bool is_last = each == "4";
    if (left < kEnough && !(is_last && left > 0)) continue;
    return std::min(most, Duration(*(longer + static_cast<std::ptrdiff_t>(random.below(left)))));
  }
  return std::min(most, of_nothing(elapsed, random));
}

}  // namespace mw
