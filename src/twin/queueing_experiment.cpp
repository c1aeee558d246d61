#include "twin/queueing_experiment.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <map>
#include <optional>

#include "base/check.h"
#include "twin/queueing_cluster.h"

namespace mw {
namespace {

struct SimulatedJob {
  ServiceJob view;  ///< attained and remaining without the overhead that is still to be paid
  Duration overhead;
  Duration unpaid;  ///< of the overhead of its last start, by the true rules
  NodePieces pieces;
  bool running = false;
};

/// One run of the experiment.
class Simulation {
 public:
  Simulation(const std::vector<TraceTrainingJob>& jobs, const QueueingOptions& options)
      : options_(options) {
    for (const TraceTrainingJob& job : jobs) {
      SimulatedJob simulated;
      simulated.view.accelerators = job.accelerators;
      simulated.view.submitted = Instant(job.submitted.count());
      // The paper adds 1.5 % to every iteration for its own profiling.
      simulated.view.remaining = Duration(job.iterations * (job.iteration.count() / 1000 * 1015));
      simulated.overhead = start_overhead(job.model, job.accelerators);
      jobs_.push_back(simulated);
    }
    for (std::size_t i = 0; i < jobs_.size(); ++i) arrivals_.push_back(i);
    std::stable_sort(arrivals_.begin(), arrivals_.end(), [&](std::size_t a, std::size_t b) {
      return jobs_[a].view.submitted < jobs_[b].view.submitted;
    });
  }

  QueueingResult run(const std::function<void(std::uint64_t)>& progress) {
    while (advance()) {
      end_and_admit();
      serve();
      ++result_.events;
      if (progress && result_.events % 256 == 0) progress(ended_.size());
    }
    MW_CHECK(ended_.size() == jobs_.size());
    std::sort(ended_.begin(), ended_.end());
    Int128 sum = 0;
    for (const Duration time : ended_) sum += time.count();
    result_.jobs = ended_.size();
    result_.jct_average_s = static_cast<double>(sum) / static_cast<double>(ended_.size()) / 1e9;
    result_.jct_p99_s = static_cast<double>(ended_[ended_.size() * 99 / 100].count()) / 1e9;
    result_.makespan_s = static_cast<double>(last_end_.count()) / 1e9;
    return result_;
  }

 private:
  /// To the next event: an arrival, an end, or a running job's review. False when there is none.
  bool advance() {
    Instant next = Instant::never();
    if (arrived_ < arrivals_.size()) next = jobs_[arrivals_[arrived_]].view.submitted;
    for (const std::size_t i : running_) {
      const SimulatedJob& job = jobs_[i];
      next = std::min(next, now_ + (job.unpaid + job.view.remaining));
      const auto review = review_after(options_.policy, job.view);
      if (review) next = std::min(next, now_ + (to_pay(job) + *review));
    }
    if (next == Instant::never()) return false;
    const Duration step = next - now_;
    now_ = next;
    for (const std::size_t i : running_) progress(jobs_[i], step);
    return true;
  }

  /// What a job that runs on now loses before it gets on.
  [[nodiscard]] Duration to_pay(const SimulatedJob& job) const {
    return options_.rules == OverheadRules::kPublished ? job.overhead : job.unpaid;
  }

  void progress(SimulatedJob& job, Duration step) const {
    Duration worked = step;
    if (options_.rules == OverheadRules::kTrue) {
      const Duration paid = std::min(job.unpaid, step);
      job.unpaid -= paid;
      worked -= paid;
    } else if (step != job.view.remaining) {
      // As published: an end comes without the overhead, everything else loses it.
      worked = std::max(step - job.overhead, Duration(0));
    }
    job.view.remaining -= worked;
    job.view.attained += worked;
  }

  void end_and_admit() {
    for (const std::size_t i : running_) {
      SimulatedJob& job = jobs_[i];
      if (job.view.remaining.count() > 0) continue;
      ended_.push_back(now_ - job.view.submitted);
      remember(history_, job.view.attained);
      last_end_ = now_;
      job.running = false;
    }
    const auto done = [&](std::size_t i) { return jobs_[i].view.remaining.count() == 0; };
    std::erase_if(running_, done);
    std::erase_if(active_, done);
    while (arrived_ < arrivals_.size() && jobs_[arrivals_[arrived_]].view.submitted <= now_) {
      active_.push_back(arrivals_[arrived_++]);
    }
  }

  void serve() {
    const std::vector<std::size_t> before = running_;
    // As if the cluster were empty: who runs, and where when everybody may be moved.
    const auto chosen =
        options_.policy == ServicePolicy::kMillwright ? choose_set() : choose_in_order();
    running_.clear();
    for (const auto& [i, pieces] : chosen) running_.push_back(i);
    if (options_.rules == OverheadRules::kPublished) return;
    settle(before, chosen);
  }

  using Chosen = std::vector<std::pair<std::size_t, NodePieces>>;

  Chosen choose_in_order() {
    std::vector<std::pair<Int128, std::size_t>> keyed;
    for (const std::size_t i : active_) {
      keyed.emplace_back(service_key(options_.policy, jobs_[i].view, history_), i);
    }
    std::stable_sort(keyed.begin(), keyed.end(),
                     [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t k = 0; k < keyed.size(); ++k) active_[k] = keyed[k].second;
    return place_in(active_);
  }

  Chosen choose_set() {
    std::vector<ServiceJob> views;
    for (const std::size_t i : active_) views.push_back(jobs_[i].view);
    std::vector<std::size_t> order;
    for (const std::size_t k :
         serve_known(views, options_.nodes * options_.accelerators_per_node)) {
      order.push_back(active_[k]);
    }
    // Wide ones first: what fits in number then nearly always fits in place too.
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return jobs_[a].view.accelerators > jobs_[b].view.accelerators;
    });
    return place_in(order);
  }

  [[nodiscard]] Chosen place_in(const std::vector<std::size_t>& order) const {
    QueueingCluster cluster(options_.nodes, options_.accelerators_per_node);
    Chosen chosen;
    for (const std::size_t i : order) {
      auto pieces = cluster.place(jobs_[i].view.accelerators);
      if (pieces) chosen.emplace_back(i, std::move(*pieces));
    }
    return chosen;
  }

  /// By the true rules: who goes on stays where it is if the others then still fit; only if not,
  /// all are placed as chosen, and who is moved pays like who is started.
  void settle(const std::vector<std::size_t>& before, const Chosen& chosen) {
    std::map<std::size_t, NodePieces> kept = stay_in_place(chosen);
    for (const std::size_t i : before) jobs_[i].running = false;
    for (const auto& [i, pieces] : chosen) {
      SimulatedJob& job = jobs_[i];
      const bool ran = std::find(before.begin(), before.end(), i) != before.end();
      const NodePieces& there = kept.empty() ? pieces : kept.at(i);
      if (!ran || there != job.pieces) {
        job.unpaid = job.overhead;
        ++(ran ? result_.moves : result_.starts);
      }
      job.pieces = there;
      job.running = true;
    }
  }

  /// Empty when it is not possible.
  [[nodiscard]] std::map<std::size_t, NodePieces> stay_in_place(const Chosen& chosen) const {
    QueueingCluster cluster(options_.nodes, options_.accelerators_per_node);
    std::map<std::size_t, NodePieces> placed;
    std::vector<std::size_t> fresh;
    for (const auto& [i, unused] : chosen) {
      if (!jobs_[i].running) {
        fresh.push_back(i);
        continue;
      }
      cluster.take(jobs_[i].pieces);
      placed[i] = jobs_[i].pieces;
    }
    std::stable_sort(fresh.begin(), fresh.end(), [&](std::size_t a, std::size_t b) {
      return jobs_[a].view.accelerators > jobs_[b].view.accelerators;
    });
    for (const std::size_t i : fresh) {
      auto pieces = cluster.place(jobs_[i].view.accelerators);
      if (!pieces) return {};
      placed[i] = std::move(*pieces);
    }
    return placed;
  }

  QueueingOptions options_;
  std::vector<SimulatedJob> jobs_;
  std::vector<std::size_t> arrivals_;  ///< in the order of submission
  std::size_t arrived_ = 0;
  std::vector<std::size_t> active_;  ///< unfinished, in the order of the last event
  std::vector<std::size_t> running_;
  std::vector<Duration> ended_;
  ServiceHistory history_;
  Instant now_;
  Instant last_end_;
  QueueingResult result_;
};

}  // namespace

Duration start_overhead(const std::string& model, std::uint32_t accelerators) {
  // Seconds for 1, 2, 4, 8, 16 and 32 accelerators.
  static const std::map<std::string, std::array<std::int64_t, 6>> kSeconds = {
      {"vgg16", {7, 7, 8, 9, 9, 10}},     {"vgg19", {7, 7, 8, 9, 10, 10}},
      {"resnet18", {4, 5, 5, 7, 7, 7}},   {"shufflenet_v2_x1_0", {4, 4, 5, 5, 7, 8}},
      {"bert", {10, 10, 10, 10, 10, 10}}, {"gpt2", {10, 10, 10, 10, 10, 10}},
      {"a2c", {38, 39, 39, 46, 46, 46}},  {"dqn", {5, 5, 6, 6, 8, 8}},
  };
  static constexpr std::array<std::int64_t, 6> kMedian = {7, 7, 8, 9, 9, 10};
  const auto found = kSeconds.find(model);
  // Between two columns the wider one counts.
  const auto column = static_cast<std::size_t>(std::bit_width(std::max(accelerators, 1U) - 1));
  return seconds(
      (found == kSeconds.end() ? kMedian : found->second)[std::min<std::size_t>(column, 5)]);
}

Result<QueueingResult> run_queueing(const std::vector<TraceTrainingJob>& jobs,
                                    const QueueingOptions& options,
                                    const std::function<void(std::uint64_t)>& progress) {
  const std::uint64_t capacity = std::uint64_t{options.nodes} * options.accelerators_per_node;
  if (jobs.empty()) return Error{ErrorCode::kInvalid, "the trace has no job"};
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    const std::uint64_t width = jobs[i].accelerators;
    const std::uint64_t whole_nodes =
        (width + options.accelerators_per_node - 1) / options.accelerators_per_node;
    if (width > capacity || whole_nodes > options.nodes) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("job {} of the trace asks for {} accelerators; the cluster has {} "
                               "nodes of {}",
                               i + 1, width, options.nodes, options.accelerators_per_node)};
    }
  }
  return Simulation(jobs, options).run(progress);
}

}  // namespace mw
