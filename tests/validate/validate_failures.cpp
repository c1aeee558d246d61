// Failures. A fleet of 16,384 nodes (131,072 accelerators) is filled with gangs of one size, and
// nodes fail at Meta's rate (RSC-1, arXiv 2410.21680: 6.50 in a thousand node-days). Ends of gangs
// and their productive time are counted, and held against 1/(N r) and
//   E[ETTR] ~ (1 - N r (u0 + dt/2)) / (1 + w/dt)
// which holds while a restart is short against the time between failures: u0 is 30 s here, and the
// checkpoint's cost w a two-thousandth of that time, at most a minute, with Young's interval.
#include <algorithm>
#include <array>
#include <cmath>

#include "twin/faults.h"
#include "validate.h"

namespace mw::validate {
namespace {

constexpr double kRatePerDay = 6.50e-3;
constexpr double kDay = 86'400;
constexpr std::uint32_t kSpares = 64;

Duration of_seconds(double length) {
  return Duration(static_cast<std::int64_t>(std::llround(length * 1e9)));
}

struct Setting {
  std::uint32_t fleet = 0;  ///< nodes in gangs; there are spare ones beside them
  std::uint32_t gang = 0;   ///< nodes of one
  double interval = 0;      ///< s, of checkpoints
  double cost = 0;          ///< s, of one
  double work = 0;          ///< s, of each gang
};

struct Outcome {
  double failures = 0;
  double mttf = 0;  ///< s
  double ettr = 0;
};

Physics restart_physics() {
  Physics physics = instant_physics();
  physics.detection = seconds(10);
  physics.launch = seconds(5);
  physics.start_up = seconds(15);
  return physics;
}
constexpr double kRestart = 30;  ///< s, u0: all of the above

Outcome run(const Setting& setting) {
  SimulationOptions options;
  options.fleet = plain_fleet(setting.fleet + kSpares);
  options.physics = restart_physics();
  // One line of the report for the whole run: here only the jobs' ends are looked at.
  options.interval = hours(24 * 365);
  WorkloadJob job;
  job.spec.name = "gang";
  job.spec.command = {"train"};
  job.spec.gang.tasks = setting.gang;
  job.spec.gang.task.accelerators = kWholeAccelerator * 8;
  job.truth.work = of_seconds(setting.work);
  job.truth.checkpoint_interval = of_seconds(setting.interval);
  job.truth.checkpoint_cost = of_seconds(setting.cost);
  Listed jobs(std::vector<WorkloadJob>(setting.fleet / setting.gang, job));
  FaultComponent node;
  node.name = "node";
  node.rate = 6'500'000;
  node.repair = {hours(1), hours(1), {}};
  Topology topology;
  topology.declare(options.fleet);
  auto faults = open_faults({{node}, {}, {}}, topology, 1, Duration());
  if (!faults) give_up(faults.error().message);
  Outcome outcome;
  double elapsed = 0;
  double work = 0;
  for (const JobRow& row : run_all(std::move(options), jobs, faults->get())) {
    outcome.failures += static_cast<double>(row.attempts - 1);
    elapsed += seconds_of(*row.ended - *row.started);
    work += setting.work;
  }
  // A gang that has come to a halt cannot fail again until that is noticed.
  const double halted = seconds_of(restart_physics().detection);
  outcome.mttf = elapsed / outcome.failures - halted;
  outcome.ettr = work / elapsed;
  return outcome;
}

double mttf_of(std::uint32_t nodes) { return kDay / (kRatePerDay * nodes); }
double young(double cost, double mttf) { return std::sqrt(2 * cost * mttf); }

}  // namespace

void check_failures(Checks& checks, double failures, std::uint32_t nodes_max) {
  for (const std::uint32_t nodes : {1U, 8U, 64U, 512U, 4096U, 16'384U}) {
    if (nodes > nodes_max) break;
    Setting setting;
    setting.fleet = nodes_max;
    setting.gang = nodes;
    const double mttf = mttf_of(nodes);
    setting.cost = std::min(60.0, mttf / 2000);
    setting.interval = young(setting.cost, mttf);
    setting.work = failures * mttf_of(setting.fleet);
    const Outcome outcome = run(setting);
    const std::string accelerators = std::to_string(nodes * 8) + " accelerators";
    const std::string count =
        std::to_string(static_cast<long long>(outcome.failures)) + " failures";
    checks.push_back({"failures", accelerators, "MTTF", "s", outcome.mttf, mttf, 0.03, count});
    const double expected =
        (1 - (kRestart + setting.interval / 2) / mttf) / (1 + setting.cost / setting.interval);
    checks.push_back({"failures", accelerators, "E[ETTR]", "", outcome.ettr, expected, 0.03,
                      "dt " + std::to_string(static_cast<long long>(setting.interval)) + " s"});
  }
}

void check_intervals(Checks& checks) {
  // Steps of the sweep, in parts of Young's interval: each is 1.19 times the one before it.
  constexpr int kSteps = 8;
  constexpr std::uint32_t kNodes = 512;
  constexpr double kCost = 60;
  constexpr double kFailures = 6000;
  const double best = young(kCost, mttf_of(kNodes));
  double best_found = 0;
  double ettr_found = 0;
  std::string sweep;
  for (int step = -kSteps; step <= kSteps; ++step) {
    const double part = std::pow(2.0, step / 4.0);
    const Outcome outcome = run({kNodes, kNodes, best * part, kCost, kFailures * mttf_of(kNodes)});
    std::array<char, 40> text{};
    std::snprintf(text.data(), text.size(), "%s%.2f: %.4f", sweep.empty() ? "" : ", ", part,
                  outcome.ettr);
    if (step % 2 == 0) sweep += text.data();
    if (outcome.ettr <= ettr_found) continue;
    ettr_found = outcome.ettr;
    best_found = best * part;
  }
  // One step of the sweep to either side.
  checks.push_back({"Young/Daly", "4096 accelerators, w 60 s", "best interval", "s", best_found,
                    best, std::pow(2.0, 0.25) - 1 + 1e-9, "ETTR by part of it: " + sweep});
}

}  // namespace mw::validate
