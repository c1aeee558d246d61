#include "twin/batches.h"

#include <algorithm>
#include <string>

#include "base/random.h"

namespace mw {
namespace {

/// Longer apart, jobs are not of one batch.
constexpr Duration kGap = hours(1);
/// Fewer pairs tell nothing.
constexpr std::size_t kPairsMin = 20;

std::string key_of(const JobSpec& spec) {
  return spec.user + "|" + spec.name + "|" + spec.tenant + "|" + std::to_string(spec.gang.tasks) +
         "|" + std::to_string(spec.gang.task.accelerators.count());
}

/// Within a tenth of the longer one.
bool alike(std::int64_t a, std::int64_t b) {
  return std::max(a, b) - std::min(a, b) <= std::max(a, b) / 10;
}

/// How long a job ran that came to an end in its only attempt.
std::optional<std::int64_t> run_of(const Job& job) {
  if (!job.started_at || !job.finished_at || job.attempts != 1) return std::nullopt;
  if (job.state == JobState::kTimedOut) return std::nullopt;
  return (*job.finished_at - *job.started_at).count();
}

struct Pairs {
  std::uint64_t all = 0;
  std::uint64_t alike = 0;
  void add(std::int64_t a, std::int64_t b) {
    ++all;
    alike += mw::alike(a, b) ? 1 : 0;
  }
};

/// How much more often than by chance, in thousandths.
std::uint32_t likeness(const Pairs& within, const Pairs& chance) {
  if (within.all < kPairsMin || chance.all == 0) return 0;
  const auto share = [](const Pairs& pairs) {
    return static_cast<std::int64_t>(pairs.alike * 1000 / pairs.all);
  };
  const std::int64_t by_chance = share(chance);
  if (by_chance >= 1000) return 0;  // everything runs equally long, and nothing need be said
  return static_cast<std::uint32_t>(
      std::max<std::int64_t>(0, (share(within) - by_chance) * 1000 / (1000 - by_chance)));
}

}  // namespace

Batches::Batches(const State& state) {
  struct Last {
    Instant at;
    std::uint32_t batch = 0;
    std::optional<std::int64_t> run;
  };
  std::map<std::string, Last> last;
  std::vector<std::uint32_t> sizes;
  std::vector<std::int64_t> runs;
  Pairs within;
  for (const auto& [id, record] : state.records) {
    auto [found, is_new] = last.try_emplace(key_of(*record.spec));
    Last& before = found->second;
    if (is_new || record.submitted_at - before.at > kGap) {
      before.batch = static_cast<std::uint32_t>(batches_.size());
      before.run.reset();
      batches_.emplace_back().number = before.batch + 1;
      sizes.push_back(0);
    }
    before.at = record.submitted_at;
    batch_of_[id] = before.batch;
    sizes[before.batch] += record.spec->array;
    Batch& batch = batches_[before.batch];
    for (std::uint32_t i = 0; i < record.spec->array; ++i) {
      const JobId element(id.value() + i);
      const Job* job = state.jobs.find(element);
      if (job == nullptr) continue;
      if (const auto run = run_of(*job)) {
        if (before.run) within.add(*before.run, *run);
        before.run = run;
        batch.ended.push_back(*run);
        runs.push_back(*run);
      }
      const auto attempt = state.attempts.find(element);
      if (attempt != state.attempts.end())
        batch.running_longest =
            std::max(batch.running_longest, state.now - attempt->second.placed_at);
    }
  }
  for (Batch& batch : batches_) std::sort(batch.ended.begin(), batch.ended.end());
  std::erase_if(batch_of_, [&](const auto& entry) { return sizes[entry.second] < 2; });
  Pairs chance;
  Random random(1);
  for (std::size_t i = 0; i < within.all && runs.size() > 1; ++i)
    chance.add(runs[random.below(runs.size())], runs[random.below(runs.size())]);
  likeness_milli_ = likeness(within, chance);
}

const Batches::Batch* Batches::of(const State& state, JobId job) const {
  const auto found = batch_of_.find(state.jobs.at(job).record);
  return found == batch_of_.end() ? nullptr : &batches_[found->second];
}

}  // namespace mw
