#include "twin/batches.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>

#include "twin/portable_math.h"
#include "twin/run_times.h"

namespace mw {
namespace {

/// From what a program hands in within one loop to what a person hands in within one sitting (the
/// sessions of Zakay and Feitelson end after twenty minutes; an hour is beyond that).
constexpr std::array<Duration, 5> kGaps = {seconds(10), minutes(1), minutes(5), minutes(20),
                                           minutes(60)};
/// Fewer pairs of neighbours tell nothing.
constexpr std::size_t kPairsMin = 20;

std::string key_of(const JobSpec& spec) {
  return spec.user + "|" + RunTimes::kind_of_name(spec.name) + "|" + spec.tenant + "|" +
         std::to_string(spec.gang.tasks) + "|" +
         std::to_string(spec.gang.task.accelerators.count());
}

/// A job's run, as far as it is known.
struct Run {
  std::int64_t length = 0;
  bool ended = false;
};

std::optional<Run> run_of(const State& state, JobId id) {
  const Job* job = state.jobs.find(id);
  if (job == nullptr) return std::nullopt;
  if (job->started_at && job->finished_at && job->attempts == 1)
    return Run{(*job->finished_at - *job->started_at).count(), job->state != JobState::kTimedOut};
  const auto attempt = state.attempts.find(id);
  if (attempt == state.attempts.end() || attempt->second.resumed_from.step != 0)
    return std::nullopt;
  return Run{(state.now - attempt->second.placed_at).count(), false};
}

/// What is known of one record: its jobs were handed in at once.
struct Handed {
  JobId record;
  const JobSpec* spec = nullptr;
  Instant at;
  std::uint32_t key = 0;
  std::vector<Run> runs;
};

std::vector<Handed> all_of(const State& state) {
  std::map<std::string, std::uint32_t> keys;
  std::vector<Handed> all;
  for (const auto& [id, record] : state.records) {
    const auto key = keys.try_emplace(key_of(*record.spec), keys.size()).first->second;
    Handed& one = all.emplace_back(Handed{id, record.spec.get(), record.submitted_at, key, {}});
    for (std::uint32_t i = 0; i < record.spec->array; ++i) {
      if (const auto run = run_of(state, JobId(id.value() + i))) one.runs.push_back(*run);
    }
  }
  return all;
}

/// Which batch each of `all` is of, from 0 on.
std::vector<std::uint32_t> batches_by(const std::vector<Handed>& all, Duration gap) {
  struct Last {
    Instant at;
    std::uint32_t batch = 0;
  };
  std::map<std::uint32_t, Last> last;
  std::vector<std::uint32_t> batch_of;
  std::uint32_t next = 0;
  for (const Handed& one : all) {
    auto [found, is_new] = last.try_emplace(one.key);
    if (is_new || one.at - found->second.at > gap) found->second.batch = next++;
    found->second.at = one.at;
    batch_of.push_back(found->second.batch);
  }
  return batch_of;
}

struct Sums {
  double count = 0;
  double sum = 0;
  double squares = 0;
  void add(double value) {
    count += 1;
    sum += value;
    squares += value * value;
  }
  /// Of the squared distances from the mean.
  [[nodiscard]] double spread() const {
    return count > 0 ? std::max(0.0, squares - sum * sum / count) : 0;
  }
};

struct Likeness {
  double correlation = 0;
  double log_likelihood = 0;
};

/// The variances within and between batches (one-way random effects), and how likely they make the
/// runs. `values` are about their class's mean; `batch_of` has the batch of each.
std::optional<Likeness> likeness_of(const std::vector<double>& values,
                                    const std::vector<std::uint32_t>& batch_of) {
  std::map<std::uint32_t, Sums> batches;
  Sums all;
  for (std::size_t i = 0; i < values.size(); ++i) {
    batches[batch_of[i]].add(values[i]);
    all.add(values[i]);
  }
  const auto groups = static_cast<double>(batches.size());
  if (all.count - groups < kPairsMin || groups < 2) return std::nullopt;
  double within = 0;
  double sizes = 0;
  for (const auto& [number, batch] : batches) {
    within += batch.spread();
    sizes += batch.count * batch.count;
  }
  const double total = all.spread();
  if (total <= 0) return std::nullopt;  // everything runs equally long, and nothing need be said
  const double mean_within = within / (all.count - groups);
  const double mean_between = (total - within) / (groups - 1);
  const double size = (all.count - sizes / all.count) / (groups - 1);
  const double between = std::max(0.0, (mean_between - mean_within) / size);
  // Equal runs are equal to the second, no further: without that their likelihood has no bound.
  const double own = std::max(mean_within, total / all.count * 1e-3);
  Likeness result;
  result.correlation = between / (between + own);
  const double mean = all.sum / all.count;
  for (const auto& [number, batch] : batches) {
    const double variance = own + batch.count * between;
    const double off = batch.sum / batch.count - mean;
    result.log_likelihood -= ((batch.count - 1) * portable_log(own) + portable_log(variance) +
                              batch.spread() / own + batch.count * off * off / variance) /
                             2;
  }
  return result;
}

/// What likeness is measured by: the logarithms of the runs whose end is known, about the mean of
/// their tenant and size, which the templates know of without any batch.
struct Values {
  std::vector<double> logs;
  std::vector<std::size_t> from;  ///< of each, its place among those handed in
};

Values values_of(const std::vector<Handed>& all) {
  std::map<std::string, Sums> kinds;
  std::vector<Sums*> kind_of;
  Values values;
  for (std::size_t i = 0; i < all.size(); ++i) {
    Sums& kind = kinds[RunTimes::templates(*all[i].spec)[1]];
    for (const Run& run : all[i].runs) {
      if (!run.ended) continue;
      values.logs.push_back(portable_log(static_cast<double>(run.length) / 1e9 + 1));
      values.from.push_back(i);
      kind_of.push_back(&kind);
      kind.add(values.logs.back());
    }
  }
  for (std::size_t i = 0; i < kind_of.size(); ++i)
    values.logs[i] -= kind_of[i]->sum / kind_of[i]->count;
  return values;
}

}  // namespace

Batches::Batches(const State& state) {
  const std::vector<Handed> all = all_of(state);
  const Values values = values_of(all);
  std::optional<double> best;
  gap_ = kGaps.back();
  for (const Duration gap : kGaps) {
    const auto batches = batches_by(all, gap);
    std::vector<std::uint32_t> of_values;
    for (const std::size_t i : values.from) of_values.push_back(batches[i]);
    const auto likeness = likeness_of(values.logs, of_values);
    if (!likeness || (best && likeness->log_likelihood <= *best)) continue;
    best = likeness->log_likelihood;
    gap_ = gap;
    likeness_milli_ = static_cast<std::uint32_t>(std::llround(likeness->correlation * 1000));
  }
  const auto batches = batches_by(all, gap_);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::uint32_t number = batches[i];
    if (number >= batches_.size()) batches_.resize(number + 1);
    Batch& batch = batches_[number];
    batch.number = number + 1;
    batch.jobs += all[i].spec->array;
    batch_of_[all[i].record] = number;
    for (const Run& run : all[i].runs)
      (run.ended ? batch.ended : batch.unended).push_back(run.length);
    if (all[i].runs.empty()) continue;
    for (const std::string& each : RunTimes::templates(*all[i].spec))
      runs_like_[each].insert(runs_like_[each].end(), all[i].runs.size(), number);
  }
  for (Batch& batch : batches_) {
    std::sort(batch.ended.begin(), batch.ended.end());
    std::sort(batch.unended.begin(), batch.unended.end());
  }
  std::erase_if(batch_of_, [&](const auto& entry) { return batches_[entry.second].jobs < 2; });
}

const Batches::Batch* Batches::of(const State& state, JobId job) const {
  const auto found = batch_of_.find(state.jobs.at(job).record);
  return found == batch_of_.end() ? nullptr : &batches_[found->second];
}

const Batches::Batch* Batches::any_like(const JobSpec& spec, Random& random) const {
  for (const std::string& each : RunTimes::templates(spec)) {
    const auto found = runs_like_.find(each);
    if (found == runs_like_.end() || found->second.size() < RunTimes::kEnough) continue;
    return &batches_[found->second[random.below(found->second.size())]];
  }
  return nullptr;
}

std::uint32_t Batches::credibility_milli(std::size_t runs) const {
  const auto count = static_cast<std::uint64_t>(runs);
  if (count == 0) return 0;
  return static_cast<std::uint32_t>(count * likeness_milli_ * 1000 /
                                    (1000 + (count - 1) * likeness_milli_));
}

}  // namespace mw
