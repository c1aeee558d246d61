#include "twin/run_times.h"

#include <algorithm>
#include <bit>

namespace mw {
namespace {

/// What is taken when nothing like it is known: from a minute to a day.
Duration of_nothing(Duration elapsed, Random& random) {
  const std::int64_t shortest = std::max(minutes(1), elapsed).count();
  std::int64_t length = shortest;
  // Half as long again with probability 0.9 each time: the longer it ran, the longer it will.
  while (random.chance(9, 10) && length < hours(24).count()) length += length / 2;
  return Duration(length + static_cast<std::int64_t>(
                               random.below(static_cast<std::uint64_t>(shortest / 2 + 1))));
}

std::size_t above(const std::vector<std::int64_t>& sorted, Duration length) {
  return static_cast<std::size_t>(sorted.end() -
                                  std::upper_bound(sorted.begin(), sorted.end(), length.count()));
}

}  // namespace

std::string RunTimes::kind_of_name(const std::string& name) {
  std::string kind = name;
  std::erase_if(kind, [](char c) { return c >= '0' && c <= '9'; });
  return kind;
}

std::array<std::string, RunTimes::kTemplates> RunTimes::templates(const JobSpec& spec) {
  const auto whole =
      static_cast<std::uint64_t>(spec.gang.task.accelerators.count()) * spec.gang.tasks / 1000;
  const std::string size = std::to_string(std::bit_width(whole));
  return {"1|" + spec.user + "|" + kind_of_name(spec.name) + "|" + spec.tenant + "|" + size,
          "2|" + spec.tenant + "|" + size, "3|" + size, "4"};
}

void RunTimes::insert(std::vector<std::int64_t>& runs, Duration run) const {
  // Which one makes room is of no matter, as long as it is the same on every machine.
  if (runs.size() == kKept) runs.erase(runs.begin() + static_cast<std::ptrdiff_t>(count_ % kKept));
  runs.insert(std::upper_bound(runs.begin(), runs.end(), run.count()), run.count());
}

void RunTimes::learn(const JobSpec& spec, Duration run) {
  ++count_;
  for (const std::string& each : templates(spec)) insert(past_[each].ended, run);
}

void RunTimes::learn_unended(const JobSpec& spec, Duration run) {
  for (const std::string& each : templates(spec)) insert(past_[each].unended, run);
}

void RunTimes::learn_from(const State& state) {
  for (const JobId id : state.finished) {
    const Job& job = state.jobs.at(id);
    // Of a job with several attempts it is not kept how long the last one ran.
    if (!job.started_at || !job.finished_at || job.attempts != 1) continue;
    const Duration run = *job.finished_at - *job.started_at;
    if (job.state == JobState::kTimedOut) {
      learn_unended(spec_of(state, id), run);
    } else {
      learn(spec_of(state, id), run);
    }
  }
  for (const auto& [id, attempt] : state.attempts) {
    if (attempt.resumed_from.step == 0 && state.now > attempt.placed_at)
      learn_unended(spec_of(state, id), state.now - attempt.placed_at);
  }
}

/// Each gap between the runs that were longer is as likely, and so is what lies before the first
/// and beyond the last of them: few runs know little. One whose end is not known gives its weight
/// to those beyond it: so it is drawn again among these.
Duration RunTimes::draw(const Past& past, Duration elapsed, Random& random) {
  for (;;) {
    const std::size_t ended = above(past.ended, elapsed);
    if (ended == 0) return of_nothing(elapsed, random);
    const std::size_t unended = above(past.unended, elapsed);
    const auto drawn = static_cast<std::size_t>(random.below(ended + 1 + unended));
    if (drawn > ended) {
      elapsed = Duration(past.unended[past.unended.size() - unended + (drawn - ended - 1)]);
      continue;
    }
    const std::int64_t* first = past.ended.data() + (past.ended.size() - ended);
    if (drawn == ended) return of_nothing(Duration(first[ended - 1]), random);
    const std::int64_t low = drawn == 0 ? elapsed.count() : first[drawn - 1];
    const auto gap = static_cast<std::uint64_t>(first[drawn] - low);
    // Not the lower end itself: the run is longer than `elapsed`. Of equal runs: that one.
    return Duration(first[drawn] - (gap == 0 ? 0 : static_cast<std::int64_t>(random.below(gap))));
  }
}

Duration RunTimes::sample(const JobSpec& spec, Duration elapsed, Random& random) const {
  const Duration most = spec.time_limit.count() > 0 ? spec.time_limit : Duration(hours(24 * 365));
  for (const std::string& each : templates(spec)) {
    const auto found = past_.find(each);
    if (found == past_.end()) continue;
    const std::size_t left = above(found->second.ended, elapsed);
    const bool is_last = each == "4";
    if (left < kEnough && !(is_last && left > 0)) continue;
    return std::min(most, draw(found->second, elapsed, random));
  }
  return std::min(most, of_nothing(elapsed, random));
}

}  // namespace mw
