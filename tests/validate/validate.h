// What the twin is held against: closed formulas, and runs that others have published. Each check
// is one line of a table; those with an allowed difference are bars that must be met.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "twin/simulation.h"

namespace mw::validate {

struct Check {
  std::string group;
  std::string setting;
  std::string quantity;
  std::string unit;
  double measured = 0;
  double expected = 0;
  /// Of measured over expected, as a part of expected; negative: told, not judged.
  double allowed = -1;
  std::string note{};

  [[nodiscard]] double difference() const {
    return expected == 0 ? measured : (measured - expected) / expected;
  }
  [[nodiscard]] bool met() const {
    return allowed < 0 || (difference() <= allowed && difference() >= -allowed);
  }
};

/// Tells of each check as soon as it is done, for the next one may take minutes.
class Checks {
 public:
  explicit Checks(std::function<void(const Check&)> tell) : tell_(std::move(tell)) {}
  void push_back(const Check& check) {
    met_ = met_ && check.met();
    tell_(check);
  }
  /// All bars so far.
  [[nodiscard]] bool met() const { return met_; }

 private:
  std::function<void(const Check&)> tell_;
  bool met_ = true;
};

/// Gangs of 1 to 16,384 nodes against 1/(N r) and the formula of E[ETTR].
/// `failures`: of each size, at least; their number's square root is the statistical error.
void check_failures(Checks& checks, double failures, std::uint32_t nodes_max);
/// The checkpoint interval that loses least, by a sweep, against sqrt(2 w MTTF).
void check_intervals(Checks& checks);
/// Healthy and slow nodes held against their pool: false alarms, and power. `comparisons`: of each.
void check_slow_nodes(Checks& checks, std::uint64_t comparisons);
/// Slow ranks and nodes that fail too often: false alarms without faults, and power with them.
void check_detection(Checks& checks, bool quick);
/// What faults cost when nobody has to do anything. `trace`: of faults, in InfiniteHBD's form;
/// empty: none.
void check_faults(Checks& checks, const std::string& trace, bool quick);
/// Waits against Erlang C. `jobs`: of the twin; the recursion goes on to `jobs_long`.
void check_queues(Checks& checks, std::uint64_t jobs, std::uint64_t jobs_long);
/// Muri's traces and Shockwave's, when their folders are given, against what was published.
void check_muri(Checks& checks, const std::string& folder);
void check_shockwave(Checks& checks, const std::string& folder);

/// Runs the jobs of a list (submitted_ns, tasks of one accelerator, work_ns) and prints their
/// times.
void run_list(const std::string& path, std::uint32_t nodes, std::uint32_t accelerators,
              Duration launch);

// --- what the checks share -----------------------------------------------------------------------

/// Nodes of 8 accelerators below leaves of 32 at one site, without limits.
FleetSpec plain_fleet(std::uint32_t nodes, std::uint32_t accelerators = 8);
/// Physics without any delay and without any loss to distance.
Physics instant_physics();
/// Hands out what it was given.
class Listed final : public WorkloadSource {
 public:
  explicit Listed(std::vector<WorkloadJob> jobs) : jobs_(std::move(jobs)) {}
  std::optional<WorkloadJob> next() override {
    if (next_ == jobs_.size()) return std::nullopt;
    return std::move(jobs_[next_++]);
  }

 private:
  std::vector<WorkloadJob> jobs_;
  std::size_t next_ = 0;
};
/// Runs to the end and hands back every job. A run that cannot be, and a job that does not succeed,
/// end the program.
std::vector<JobRow> run_all(SimulationOptions options, WorkloadSource& jobs, FaultSource* faults);
double seconds_of(Duration length);
[[noreturn]] void give_up(const std::string& why);

}  // namespace mw::validate
