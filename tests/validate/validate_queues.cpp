// Waits. Jobs of one accelerator with exponential gaps and lengths, on as many accelerators as
// there are servers: an M/M/c queue, whose mean wait Erlang's formula C gives. The mean of a
// heavily loaded queue comes to rest slowly (at a load of 0.9, a million jobs leave an error of
// some percent), more slowly than whole simulations are quick. So it is done in two steps that
// together say the same: the twin's wait of every job must be, to the nanosecond, that of the
// recursion "who comes first takes the server that is free first"; and that recursion, over many
// more jobs of the same stream, must have the formula's mean.
#include <algorithm>
#include <cmath>
#include <functional>
#include <queue>

#include "twin/portable_math.h"
#include "validate.h"

namespace mw::validate {
namespace {

constexpr double kServiceMean = 100e9;  // ns; short, for 60 million jobs must end before time does

/// Gaps and lengths of an endless M/M/c queue.
class Stream {
 public:
  Stream(std::uint32_t servers, double load, std::uint64_t seed)
      : random_(seed), gap_mean_(kServiceMean / (load * servers)) {}
  struct Arrival {
    std::int64_t at;
    std::int64_t length;
  };
  Arrival next() {
    at_ += static_cast<std::int64_t>(exponential(random_) * gap_mean_);
    return {at_, static_cast<std::int64_t>(exponential(random_) * kServiceMean) + 1};
  }

 private:
  Random random_;
  double gap_mean_;
  std::int64_t at_ = 0;
};

class QueueJobs final : public WorkloadSource {
 public:
  QueueJobs(Stream stream, std::uint64_t jobs) : stream_(stream), left_(jobs) {}
  std::optional<WorkloadJob> next() override {
    if (left_ == 0) return std::nullopt;
    --left_;
    const Stream::Arrival arrival = stream_.next();
    WorkloadJob job;
    job.at = Instant(arrival.at);
    job.spec.name = "job";
    job.spec.command = {"serve"};
    job.spec.gang.task.accelerators = kWholeAccelerator;
    job.truth.work = Duration(arrival.length);
    return job;
  }

 private:
  Stream stream_;
  std::uint64_t left_;
};

/// Who comes first takes the server that is free first.
class Recursion {
 public:
  explicit Recursion(std::uint32_t servers) {
    for (std::uint32_t i = 0; i < servers; ++i) free_.push(0);
  }
  /// How long it waits.
  std::int64_t serve(const Stream::Arrival& arrival) {
    const std::int64_t begin = std::max(arrival.at, free_.top());
    free_.pop();
    free_.push(begin + arrival.length);
    return begin - arrival.at;
  }

 private:
  std::priority_queue<std::int64_t, std::vector<std::int64_t>, std::greater<>> free_;
};

/// Mean wait in units of the mean service time.  Source: Erlang 1917; the recursion for B.
double erlang_c_wait(std::uint32_t servers, double load) {
  const double offered = load * servers;
  double blocked = 1;
  for (std::uint32_t i = 1; i <= servers; ++i) {
    blocked = offered * blocked / (static_cast<double>(i) + offered * blocked);
  }
  const double waits = blocked / (1 - load * (1 - blocked));
  return waits / (servers * (1 - load));
}

void check_queue(Checks& checks, std::uint32_t servers, double load, std::uint64_t jobs,
                 std::uint64_t jobs_long) {
  constexpr std::uint64_t kSeed = 1;
  SimulationOptions options;
  options.fleet = plain_fleet(servers / 8);
  options.physics = instant_physics();
  options.interval = hours(24 * 365);
  std::vector<std::int64_t> waits(jobs, -1);
  options.job_row = [&](const JobRow& row) {
    waits.at(row.id - 1) = (*row.started - row.submitted).count();
  };
  QueueJobs workload(Stream(servers, load, kSeed), jobs);
  Simulation simulation(std::move(options), workload, nullptr);
  if (const auto ran = simulation.run(); !ran) give_up(ran.error().message);

  Stream stream(servers, load, kSeed);
  Recursion recursion(servers);
  std::uint64_t unequal = 0;
  double twin_sum = 0;
  double sum = 0;
  for (std::uint64_t i = 0; i < jobs_long; ++i) {
    const std::int64_t wait = recursion.serve(stream.next());
    sum += static_cast<double>(wait);
    if (i >= jobs) continue;
    twin_sum += static_cast<double>(waits[i]);
    if (wait != waits[i]) ++unequal;
  }
  const std::string setting =
      "c " + std::to_string(servers) + ", load " + std::to_string(load).substr(0, 3);
  const double expected = erlang_c_wait(servers, load) * kServiceMean / 1e9;
  checks.push_back({"M/M/c", setting, "twin's waits that differ", "jobs",
                    static_cast<double>(unequal), 0, 0, std::to_string(jobs) + " jobs, to the ns"});
  checks.push_back({"M/M/c", setting, "mean wait, twin", "s",
                    twin_sum / static_cast<double>(jobs) / 1e9, expected, -1,
                    std::to_string(jobs) + " jobs"});
  checks.push_back({"M/M/c", setting, "mean wait", "s", sum / static_cast<double>(jobs_long) / 1e9,
                    expected, 0.02, std::to_string(jobs_long) + " jobs"});
}

}  // namespace

void check_queues(Checks& checks, std::uint64_t jobs, std::uint64_t jobs_long) {
  for (const std::uint32_t servers : {8U, 64U}) {
    for (const double load : {0.7, 0.9}) check_queue(checks, servers, load, jobs, jobs_long);
  }
}

}  // namespace mw::validate
