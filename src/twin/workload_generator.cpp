#include "twin/workload_generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "twin/portable_math.h"

namespace mw {
namespace {

constexpr std::int64_t kHourNs = hours(1).count();

/// Picks an index with a probability in proportion to its weight, in integers.
class WeightedChoice {
 public:
  explicit WeightedChoice(const std::vector<std::int64_t>& weights) {
    for (const std::int64_t weight : weights) {
      sum_ += static_cast<std::uint64_t>(weight);
      cumulative_.push_back(sum_);
    }
  }
  [[nodiscard]] std::size_t draw(Random& random) const {
    const std::uint64_t value = random.below(sum_);
    return static_cast<std::size_t>(
        std::upper_bound(cumulative_.begin(), cumulative_.end(), value) - cumulative_.begin());
  }

 private:
  std::vector<std::uint64_t> cumulative_;
  std::uint64_t sum_ = 0;
};

template <class T>
std::vector<std::int64_t> weights_of(const std::vector<T>& all) {
  std::vector<std::int64_t> weights;
  for (const T& one : all) weights.push_back(one.weight);
  return weights;
}

/// Time in which arrivals are even, from 0 to 1 over the whole length, and back.
class ArrivalClock {
 public:
  ArrivalClock(const std::vector<std::int64_t>& weights, std::int64_t days) {
    cumulative_.push_back(0);
    for (std::int64_t hour = 0; hour < days * 24; ++hour) {
      const auto weight =
          static_cast<double>(weights[static_cast<std::size_t>(hour) % weights.size()]);
      cumulative_.push_back(cumulative_.back() + weight);
    }
  }
  /// When so much of all arrivals has come.  REQUIRES: not before the one asked for last.
  Instant at(double even) {
    const double target = even * cumulative_.back();
    // Time goes on, so the hour is looked for from where it was.
    while (hour_ + 2 < cumulative_.size() && cumulative_[hour_ + 1] <= target) ++hour_;
    const double weight = cumulative_[hour_ + 1] - cumulative_[hour_];
    const double part = weight > 0 ? (target - cumulative_[hour_]) / weight : 0;
    const auto inside = static_cast<std::int64_t>(part * static_cast<double>(kHourNs));
    return Instant(static_cast<std::int64_t>(hour_) * kHourNs +
                   std::clamp<std::int64_t>(inside, 0, kHourNs - 1));
  }

 private:
  std::vector<double> cumulative_;  ///< of weights before each hour
  std::size_t hour_ = 0;
};

struct Size {
  const SizeClass* rules = nullptr;
  GangShape gang;
  DurationSampler durations;
};

class Generator final : public WorkloadSource {
 public:
  Generator(WorkloadModel model, const GeneratorOptions& options)
      : model_(std::move(model)),
        options_(options),
        days_(options.days > 0 ? options.days : model_.days),
        clock_(model_.hours, days_),
        sizes_choice_(weights_of(model_.sizes)),
        tenants_choice_(weights_of(model_.tenants)),
        classes_choice_(weights_of(model_.classes)) {
    Random seeds(options.seed);
    arrivals_ = seeds.fork();
    draws_ = seeds.fork();
    for (const SizeClass& rules : model_.sizes) {
      const JobDemand demand{.accelerators = held(rules.accelerators) * kWholeAccelerator,
                             .cpus = {},
                             .memory = {},
                             .types = {}};
      sizes_.push_back(
          {&rules, gang_shape(demand, options.shape), DurationSampler(rules.durations)});
    }
  }

  /// Sets how many jobs come. False: more than are allowed, or none of a known size.
  Result<void> set_rate() {
    if (model_.jobs > 0) {
      __extension__ using Wide = __int128;
      const Wide jobs = (static_cast<Wide>(model_.jobs) * days_ + model_.days / 2) / model_.days;
      if (jobs > kWorkloadJobsMax) return too_many(static_cast<double>(jobs));
      left_ = static_cast<std::int64_t>(jobs);
      return {};
    }
    if (options_.accelerators <= 0) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("the workload {} states a load, which is a share of a fleet: name "
                               "the fleet (--fleet), or have it state jobs",
                               model_.name)};
    }
    expected_ = static_cast<double>(model_.load_milli) / 1000 *
                static_cast<double>(options_.accelerators) * static_cast<double>(days_) * 86'400 /
                mean_accelerator_seconds();
    if (!(expected_ <= static_cast<double>(kWorkloadJobsMax))) return too_many(expected_);
    return {};
  }

  std::optional<WorkloadJob> next() override {
    if (!advance()) return {};
    WorkloadJob job;
    job.at = clock_.at(even_);
    ++number_;
    // All that one job draws, in a fixed number of steps, so that a change of one share in the
    // model leaves everything else of every job as it is: runs can be compared job by job.
    Random own = draws_.fork();
    const Size& size = sizes_[sizes_choice_.draw(own)];
    job.spec = simulated_job(fmt::format("job-{}", number_), size.gang);
    JobSpec& spec = job.spec;
    Random who = own.fork();
    Random how = own.fork();
    Random limit = own.fork();
    if (!model_.tenants.empty()) spec.tenant = model_.tenants[tenants_choice_.draw(who)].name;
    if (!model_.classes.empty())
      spec.priority_class = model_.classes[classes_choice_.draw(who)].name;
    job.truth.work = size.durations.draw(own);
    const auto end = static_cast<std::int64_t>(how.below(kWholeShare));
    if (end < size.rules->failed) {
      job.truth.outcome = JobOutcome::kFails;
    } else if (end < size.rules->failed + size.rules->cancelled) {
      job.truth.outcome = JobOutcome::kCancelled;
    }
    job.truth.checkpoint_interval = size.rules->checkpoint_interval;
    job.truth.checkpoint_cost = size.rules->checkpoint_cost;
    spec.time_limit = time_limit(job.truth.work, limit);
    return job;
  }

 private:
  static Error too_many(double jobs) {
    return {ErrorCode::kInvalid, fmt::format("the workload would have {:.0f} jobs; at most {} are "
                                             "allowed",
                                             jobs, kWorkloadJobsMax)};
  }

  /// What the fleet can hold of a gang of `accelerators`.
  [[nodiscard]] std::int64_t held(std::int64_t accelerators) const {
    if (options_.gang_max <= 0 || accelerators <= options_.gang_max) return accelerators;
    const std::int64_t node = std::max<std::uint32_t>(options_.shape.accelerators_per_node, 1);
    return options_.gang_max < node ? options_.gang_max : options_.gang_max / node * node;
  }

  [[nodiscard]] double mean_accelerator_seconds() const {
    double sum = 0;
    double weights = 0;
    for (const Size& size : sizes_) {
      const auto weight = static_cast<double>(size.rules->weight);
      weights += weight;
      sum += weight * static_cast<double>(held(size.rules->accelerators)) *
             size.durations.mean_seconds();
    }
    return sum / weights;
  }

  /// Goes on to the next arrival. False when there is none.
  bool advance() {
    const double gap = exponential(arrivals_);
    if (model_.jobs > 0) {
      if (left_ == 0) return false;
      // The smallest of n even draws from what is left is at 1 - V^(1/n) of it.
      even_ += (1 - even_) * (1 - portable_exp(-gap / static_cast<double>(left_)));
      --left_;
      return true;
    }
    even_ += gap / expected_;
    return even_ < 1;
  }

  Duration time_limit(Duration work, Random& random) const {
    const bool states = static_cast<std::int64_t>(random.below(kWholeShare)) < model_.limits_known;
    const double over = uniform(random) * static_cast<double>(model_.limits_over_milli) / 1000;
    if (options_.limits == TimeLimits::kKnown) return known_limit(work);
    if (options_.limits == TimeLimits::kUnknown || !states) return Duration(0);
    // Users ask for up to so many times more than they need (Mu'alem and Feitelson, TPDS 2001), and
    // for starting up.
    const double limit = static_cast<double>(work.count()) * (1 + over);
    const auto most = static_cast<double>(kWorkloadLengthMax.count());
    return Duration(static_cast<std::int64_t>(std::min(limit, most))) + minutes(10);
  }

  WorkloadModel model_;
  GeneratorOptions options_;
  std::int64_t days_;
  ArrivalClock clock_;
  WeightedChoice sizes_choice_;
  WeightedChoice tenants_choice_;
  WeightedChoice classes_choice_;
  std::vector<Size> sizes_;
  Random arrivals_{0};
  Random draws_{0};
  double even_ = 0;          ///< even time of the last arrival
  double expected_ = 0;      ///< number of jobs, where the model states a load
  std::int64_t left_ = 0;    ///< jobs to come, where it states their number
  std::int64_t number_ = 0;  ///< of the last job
};

}  // namespace

DurationSampler::DurationSampler(const DurationModel& model)
    : min_ns_(static_cast<double>(model.min.count())),
      max_ns_(static_cast<double>(model.max.count())) {
  double sum = 0;
  for (const LognormalPart& part : model.lognormal) sum += static_cast<double>(part.weight);
  double before = 0;
  for (const LognormalPart& part : model.lognormal) {
    before += static_cast<double>(part.weight);
    parts_.push_back({before / sum, portable_log(static_cast<double>(part.median.count())),
                      static_cast<double>(part.sigma_milli) / 1000});
  }
  for (const QuantilePoint& point : model.quantiles) {
    points_.push_back({static_cast<double>(point.at) / kWholeShare,
                       portable_log(static_cast<double>(point.length.count()))});
  }
  MW_CHECK(!parts_.empty() || points_.size() >= 2);
}

double DurationSampler::quantile_ns(double u) const {
  std::size_t i = 1;
  while (i + 1 < points_.size() && points_[i].at < u) ++i;
  const Point& a = points_[i - 1];
  const Point& b = points_[i];
  return portable_exp(a.log_length + (b.log_length - a.log_length) * (u - a.at) / (b.at - a.at));
}

Duration DurationSampler::draw(Random& random) const {
  const double u = uniform(random);
  const double v = uniform(random);
  if (!points_.empty()) return Duration(static_cast<std::int64_t>(quantile_ns(v)));
  std::size_t i = 0;
  while (i + 1 < parts_.size() && parts_[i].cumulative <= u) ++i;
  const double length = portable_exp(parts_[i].log_median + parts_[i].sigma * normal_quantile(v));
  return Duration(static_cast<std::int64_t>(std::clamp(length, min_ns_, max_ns_)));
}

double DurationSampler::mean_seconds() const {
  double mean = 0;
  if (!points_.empty()) {
    // Between two points the length grows as e^x, whose mean is (e^b - e^a) / (b - a).
    for (std::size_t i = 1; i < points_.size(); ++i) {
      const double low = portable_exp(points_[i - 1].log_length);
      const double high = portable_exp(points_[i].log_length);
      const double slope = points_[i].log_length - points_[i - 1].log_length;
      const double inside = slope > 1e-6 ? (high - low) / slope : (low + high) / 2;
      mean += inside * (points_[i].at - points_[i - 1].at);
    }
    return mean / 1e9;
  }
  // The density of the normal distribution over 10 deviations, cut as lengths are.
  constexpr int kSteps = 4000;
  constexpr double kStep = 20.0 / kSteps;
  constexpr double kRootTwoPi = 2.5066282746310002;
  double before = 0;
  for (const Part& part : parts_) {
    double sum = 0;
    for (int step = 0; step < kSteps; ++step) {
      const double z = -10 + (step + 0.5) * kStep;
      const double length = portable_exp(part.log_median + part.sigma * z);
      sum += std::clamp(length, min_ns_, max_ns_) * portable_exp(-z * z / 2) * kStep / kRootTwoPi;
    }
    mean += sum * (part.cumulative - before);
    before = part.cumulative;
  }
  return mean / 1e9;
}

Result<std::unique_ptr<WorkloadSource>> generate_workload(const WorkloadModel& model,
                                                          const GeneratorOptions& options) {
  auto generator = std::make_unique<Generator>(model, options);
  const auto rate = generator->set_rate();
  if (!rate.ok()) return rate.error();
  return std::unique_ptr<WorkloadSource>(std::move(generator));
}

}  // namespace mw
