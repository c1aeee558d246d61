// Whose a failure is: what is asked of what is remembered. Only integers decide.
#include "core/resilience.h"

#include <algorithm>

#include "core/state.h"

namespace mw {
namespace {

/// So many reports make a rhythm; of a job that has said less nobody knows how often it will.
constexpr std::uint32_t kReportsMin = 5;
/// A job may be silent for so many times its longest silence so far: the longest of a few is not
/// the longest of many.
constexpr std::int64_t kLongestTimes = 3;
/// And so many times the floor while it saves: storage that is slow is not a job that hangs.
constexpr std::int64_t kSavingTimes = 4;

constexpr std::uint64_t kOne = std::uint64_t{1} << 62U;
__extension__ using Wide = unsigned __int128;

/// The middle one of values that are not 0; of an even number, the lower.  REQUIRES: there is one.
std::int64_t median_of(std::vector<std::int64_t>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>((values.size() - 1) / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace

bool is_among(const std::vector<LostSlice>& lost, std::uint32_t rank) {
  return std::any_of(lost.begin(), lost.end(),
                     [&](const LostSlice& each) { return rank - each.first_rank < each.tasks; });
}

bool leaves(const State& state, JobId job, std::uint32_t rank) {
  const auto leaving = state.resilience.leaving.find(job);
  return leaving != state.resilience.leaving.end() && is_among(leaving->second.lost, rank);
}

const KeptRanks* kept_piece(const State& state, JobId job, std::uint32_t rank) {
  const auto kept = state.resilience.kept.find(job);
  if (kept == state.resilience.kept.end()) return nullptr;
  for (const KeptRanks& each : kept->second) {
    if (rank - each.first_rank < each.tasks) return &each;
  }
  return nullptr;
}

bool speaks_for(const State& state, const Attempt& attempt, AttemptNumber number,
                std::optional<Rank> rank) {
  if (number == attempt.number) return true;
  const auto kept = state.resilience.kept.find(attempt.job);
  if (kept == state.resilience.kept.end()) return false;
  if (rank) {
    const KeptRanks* const piece = kept_piece(state, attempt.job, rank->value());
    return piece != nullptr && piece->attempt == number;
  }
  return std::any_of(kept->second.begin(), kept->second.end(),
                     [&](const KeptRanks& each) { return each.attempt == number; });
}

Instant hung_at(const State& state, JobId job, Instant heard) {
  const FaultPolicy& policy = *state.health.policy;
  if (policy.silence.count() == 0) return Instant::never();
  if (!policy.silence_intervals) return heard + policy.silence;
  const auto found = state.resilience.pulses.find(job);
  if (found == state.resilience.pulses.end() || found->second.reports < kReportsMin) {
    return Instant::never();
  }
  const Pulse& pulse = found->second;
  const Duration mean(pulse.intervals.count() / (pulse.reports - 1));
  Duration patience = std::max(policy.silence, mean * *policy.silence_intervals);
  patience = std::max(patience, pulse.longest * kLongestTimes);
  if (pulse.saving) patience = std::max(patience, policy.silence * kSavingTimes);
  return heard + patience;
}

std::vector<NodeId> suspects_of(const State& state, JobId job) {
  const auto found = state.resilience.crashes.find(job);
  if (found == state.resilience.crashes.end() || !state.health.policy->crash_loops) return {};
  const CrashHistory& history = found->second;
  if (history.suspects) return history.failures < 2 ? std::vector<NodeId>() : *history.suspects;
  if (history.nodes.size() != 1 || history.on_last < 2) return {};
  return history.nodes;
}

std::vector<NodeId> left_behind(const State& state, const Attempt& attempt) {
  std::vector<NodeId> left;
  const auto found = state.resilience.crashes.find(attempt.job);
  if (found == state.resilience.crashes.end() || !found->second.suspects) return left;
  for (const NodeId node : suspects_of(state, attempt.job)) {
    const bool there = std::any_of(attempt.placement.begin(), attempt.placement.end(),
                                   [&](const NodeSlice& slice) { return slice.node == node; });
    // Its engine, or another job, has said so meanwhile: that counts once.
    const FaultRecord* const known = find_fault(state, place_of(node), kStartFailedCode, {});
    const bool told = known != nullptr && known->last_at >= found->second.first_at;
    if (!there && !told) left.push_back(node);
  }
  if (left.size() > kSuspectsToldMax) left.clear();
  return left;
}

bool is_crash_loop(const State& state, JobId job, Instant now) {
  const auto& rules = state.health.policy->crash_loops;
  const auto found = state.resilience.crashes.find(job);
  if (!rules || found == state.resilience.crashes.end()) return false;
  const CrashHistory& history = found->second;
  const bool elsewhere = history.suspects ? history.suspects->empty() : history.nodes.size() > 1;
  return history.failures >= rules->failures && elsewhere && now - history.first_at >= rules->over;
}

std::uint32_t jobs_crashed_on(const State& state, NodeId node, Instant now) {
  const auto& rules = state.health.policy->crash_loops;
  const auto found = state.resilience.node_crashes.find(node);
  if (!rules || found == state.resilience.node_crashes.end()) return 0;
  return static_cast<std::uint32_t>(
      std::count_if(found->second.begin(), found->second.end(),
                    [&](const NodeCrash& each) { return each.at > now - rules->node_within; }));
}

RankComparison compare_ranks(const std::vector<Duration>& steps, const StragglerRules& rules) {
  RankComparison result;
  std::vector<std::int64_t> values;
  for (std::uint32_t rank = 0; rank < steps.size(); ++rank) {
    if (steps[rank].count() == 0) continue;
    values.push_back(steps[rank].count());
    if (steps[rank] <= result.slowest_step) continue;
    result.slowest = Rank(rank);
    result.slowest_step = steps[rank];
  }
  result.ranks = static_cast<std::uint32_t>(values.size());
  if (values.empty()) return result;
  const std::int64_t median = median_of(values);
  for (std::int64_t& value : values) value = value > median ? value - median : median - value;
  const auto deviation =
      static_cast<std::int64_t>(static_cast<Int128>(median_of(values)) * 14'826 / 10'000);
  result.median = Duration(median);
  result.deviation = Duration(deviation);
  const Int128 by_share = static_cast<Int128>(median) * rules.slower_permille / 1000;
  const Int128 by_deviation = static_cast<Int128>(deviation) * rules.deviations;
  const Int128 limit = median + std::max(by_share, by_deviation);
  for (std::uint32_t rank = 0; rank < steps.size(); ++rank) {
    if (steps[rank].count() > limit) result.outliers.push_back(Rank(rank));
  }
  const std::size_t outliers_max = std::max<std::size_t>(values.size() / 20, 1);
  if (result.outliers.size() > outliers_max) result.outliers.clear();
  return result;
}

std::uint64_t chance_of(std::uint64_t count, std::uint64_t all, std::uint64_t nodes) {
  if (count == 0 || nodes < 2) return kOne;
  if (count > all) return 0;
  // The tail is a geometric series at most, from its first term on.
  const Wide next = static_cast<Wide>(count + 1) * (nodes - 1);
  if (next <= all - count) return kOne;
  // Of that term first (1 - 1/nodes)^(all - count); everything is rounded up, so that it stays a
  // bound.
  Wide term = kOne;
  Wide factor = kOne - kOne / nodes;
  for (std::uint64_t power = all - count; power > 0; power /= 2) {
    if (power % 2 == 1) term = (term * factor >> 62U) + 1;
    factor = (factor * factor >> 62U) + 1;
  }
  // It rises before it falls: by so many doublings it is larger than the number says.
  std::uint32_t doublings = 0;
  const auto settle = [&] {
    for (; term >= 2 * static_cast<Wide>(kOne); ++doublings) term = (term + 1) / 2;
    for (; doublings > 0 && term < kOne; --doublings) term *= 2;
  };
  for (std::uint64_t i = 0; i < count; ++i) {
    const Wide divisor = static_cast<Wide>(i + 1) * nodes;
    term = (term * (all - i) + divisor - 1) / divisor;
    settle();
  }
  term = (term * next) / (next - (all - count)) + 1;
  settle();
  return doublings > 0 ? kOne : static_cast<std::uint64_t>(std::min<Wide>(term, kOne));
}

std::string chance_text(std::uint64_t chance) {
  if (chance == 0) return "less than 1e-18";
  Wide scaled = chance;
  int exponent = 0;
  while (scaled < kOne) {
    scaled *= 10;
    --exponent;
  }
  const auto tenths = static_cast<std::uint64_t>(scaled * 10 / kOne);
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10) +
         (exponent == 0 ? "" : "e" + std::to_string(exponent));
}

}  // namespace mw
