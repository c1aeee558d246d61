#include <fmt/format.h>

#include <optional>

#include "codec/scenario_file.h"
#include "serve.h"
#include "sim_hooks.h"
#include "twin/faults.h"
#include "twin/run_report_json.h"
#include "twin/simulation.h"
#include "twin/workload_files.h"

namespace mw {
namespace {

constexpr int kIntervals = 400;  // of the report's lines over time

/// The lines over time: a few hundred intervals, of whole minutes.
Duration interval_of(std::int64_t days) {
  const Duration length = days > 0 ? hours(24 * days) : hours(24 * 30);
  return std::max(minutes(length / minutes(kIntervals)), minutes(1));
}

Result<std::string> run(const SimRunRequest& request, const SimProgress& progress,
                        const std::function<void(const std::string&)>& note,
                        const std::atomic<bool>& stop) {
  WorkloadOptions workload_options;
  workload_options.fleet = &request.fleet;
  workload_options.seed = request.seed;
  workload_options.days = request.days;
  workload_options.accelerator_type = request.accelerator_type;
  workload_options.accelerators_per_node = request.accelerators_per_node;
  workload_options.note = note;
  const auto workload = open_workload(request.workload, workload_options);
  if (!workload) return workload.error();

  const auto scenario = load_scenario(request.scenario);
  if (!scenario) return scenario.error();
  std::unique_ptr<FaultSource> faults;
  const Duration length = hours(24 * request.days);
  if (!scenario->faults.none()) {
    Topology topology;
    topology.declare(request.fleet);
    auto opened = open_faults(scenario->faults, topology, request.seed, length);
    if (!opened) return opened.error();
    faults = std::move(*opened);
  }

  std::optional<RunOutput> output;
  Result<void> written;
  if (!request.out.empty()) {
    auto opened = RunOutput::open(request.out, Instant());
    if (!opened) return opened.error();
    output.emplace(std::move(*opened));
  }
  SimulationOptions options;
  options.fleet = request.fleet;
  options.policy = request.policy;
  options.fault_policy = request.fault_policy;
  options.physics = scenario->physics;
  options.seed = request.seed;
  options.interval = interval_of(request.days);
  options.length = length;
  if (output) {
    options.job_row = [&](const JobRow& row) {
      if (written.ok()) written = output->add(row);
    };
  }
  Simulation simulation(std::move(options), **workload, faults.get());
  const auto told = [&](Instant now, double part) {
    if (progress) {
      progress(static_cast<double>(now.count()) / 8.64e13, request.days > 0 ? part : -1);
    }
  };
  if (const auto ran = simulation.run(told, &stop); !ran) return ran.error();
  if (!written) return written.error();
  RunReport report = simulation.report();
  report.setup.workload = request.workload;
  if (faults != nullptr) report.setup.faults = request.scenario;
  report.setup.version = kVersion;
  if (output) {
    if (written = output->finish(report); !written) return written.error();
  }
  return write_run_report(report);
}

}  // namespace

void add_sim_run_hooks(CliHooks& hooks) { hooks.sim.run = run; }

}  // namespace mw
