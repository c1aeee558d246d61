// Runs that others have published. What is compared here are whole schedulers, theirs and ours, on
// the same jobs and machines: nothing must be equal, and docs/validation.md says what differs. The
// traces are read from a folder that the user has; Muri's licence (GPL) keeps them out of ours.
#include <algorithm>
#include <fstream>
#include <map>
#include <sstream>

#include "codec/trace_files.h"
#include "validate.h"

namespace mw::validate {
namespace {

struct Run {
  double jct = 0;       ///< s, mean of submission to end
  double makespan = 0;  ///< s, from the first submission to the last end
};

Run run(const std::vector<WorkloadJob>& jobs, std::uint32_t nodes, std::uint32_t accelerators,
        std::uint32_t reservations) {
  SimulationOptions options;
  options.fleet = plain_fleet(nodes, accelerators);
  options.physics = instant_physics();
  options.policy.backfill.reservations = reservations;
  options.interval = hours(24 * 7);
  Listed workload(jobs);
  const auto rows = run_all(std::move(options), workload, nullptr);
  if (rows.size() != jobs.size()) give_up("not all jobs of the trace have ended");
  Run result;
  for (const JobRow& row : rows) {
    result.jct += seconds_of(*row.ended - row.submitted) / static_cast<double>(rows.size());
    result.makespan = std::max(result.makespan, seconds_of(*row.ended - jobs.front().at));
  }
  return result;
}

WorkloadJob job_of(std::uint32_t accelerators, std::uint32_t on_a_node, Duration at,
                   Duration work) {
  WorkloadJob job;
  job.at = Instant() + at;
  job.spec.name = "job";
  job.spec.command = {"train"};
  job.spec.gang.tasks = std::max(1U, accelerators / on_a_node);
  job.spec.gang.task.accelerators =
      kWholeAccelerator * std::int64_t{std::min(accelerators, on_a_node)};
  job.truth.work = work;
  return job;
}

void tell(Checks& checks, const std::string& group, const std::string& setting, const Run& ours,
          const std::string& whose, double jct, double makespan) {
  checks.push_back({group, setting, "mean JCT", "s", ours.jct, jct, -1, "beside " + whose});
  checks.push_back(
      {group, setting, "makespan", "s", ours.makespan, makespan, -1, "beside " + whose});
}

/// policy, metric, trace, seconds.
std::map<std::string, double> published(const std::string& path) {
  std::ifstream file(path);
  if (!file) give_up("cannot read " + path);
  std::map<std::string, double> figures;
  std::string line;
  while (std::getline(file, line)) {
    const std::size_t last = line.rfind(',');
    if (last == std::string::npos || line.rfind("policy,", 0) == 0) continue;
    figures[line.substr(0, last)] = std::stod(line.substr(last + 1));
  }
  return figures;
}

}  // namespace

void check_muri(Checks& checks, const std::string& folder) {
  const auto figures = published(folder + "/../published/muri_sim_fig9_10.csv");
  for (const std::string trace : {"trace1", "trace3", "trace4"}) {
    const auto table = CsvTable::read(folder + "/" + trace + ".csv");
    if (!table) give_up(table.error().message);
    const auto lines = trace_training_jobs(*table);
    if (!lines) give_up(lines.error().message);
    std::vector<WorkloadJob> jobs;
    for (const TraceTrainingJob& line : *lines) {
      // An iteration is 1.5 % longer than the file says, as in their simulator.
      const auto work =
          static_cast<std::int64_t>(Int128{line.iteration.count()} * line.iterations * 1015 / 1000);
      jobs.push_back(job_of(line.accelerators, 8, line.submitted, Duration(work)));
    }
    std::stable_sort(jobs.begin(), jobs.end(),
                     [](const auto& a, const auto& b) { return a.at < b.at; });
    for (const std::uint32_t reservations : {8U, 0U}) {
      const Run ours = run(jobs, 8, 8, reservations);
      const std::string setting = trace + (reservations > 0 ? ", default" : ", no reservations");
      for (const std::string policy : {"antman", "Tiresias_L", "SRTF"}) {
        tell(checks, "Muri", setting, ours, policy, figures.at(policy + ",JCT," + trace),
             figures.at(policy + ",Makespan," + trace));
      }
    }
  }
}

void check_shockwave(Checks& checks, const std::string& folder) {
  std::ifstream file(folder + "/trace120.trace");
  if (!file) give_up("cannot read " + folder + "/trace120.trace");
  std::vector<WorkloadJob> jobs;
  std::string line;
  while (std::getline(file, line)) {
    // Tab-separated: model, command, folder, flag, data, steps, GPUs, mode, weight, SLO, seconds,
    // arrival.
    std::vector<std::string> cells;
    std::istringstream cut(line);
    for (std::string cell; std::getline(cut, cell, '\t');) cells.push_back(cell);
    if (cells.size() != 12) give_up("trace120.trace: expected 12 cells in a line");
    const auto whole = [&](std::size_t i) { return std::stoll(cells[i]); };
    jobs.push_back(
        job_of(static_cast<std::uint32_t>(whole(6)), 4, seconds(whole(11)), seconds(whole(10))));
  }
  const struct {
    const char* whose;
    double makespan;
    double jct;
  } theirs[] = {{"max-min fairness, physical", 34'619, 12'113},
                {"max-min fairness, simulated", 33'068, 11'092},
                {"AlloX, physical", 31'971, 9'611},
                {"Shockwave, physical", 25'265, 10'509},
                {"Shockwave, simulated", 23'399, 9'944}};
  const Run ours = run(jobs, 8, 4, 8);
  for (const auto& one : theirs) {
    tell(checks, "Shockwave", "120 jobs, 32 V100", ours, one.whose, one.jct, one.makespan);
  }
}

}  // namespace mw::validate
