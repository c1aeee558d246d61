// Joins `mw experiment faults` to the twin.
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "codec/embedded_files.h"
#include "codec/fault_policy_file.h"
#include "codec/policy_file.h"
#include "codec/scenario_file.h"
#include "experiment_hooks.h"
#include "twin/fault_experiment.h"
#include "twin/faults.h"

namespace mw {
namespace {

constexpr std::int64_t kDaysOfRates = 54;  // as long as Llama 3's run
constexpr std::uint32_t kSparePercent = 3;

struct Case {
  FaultExperimentOptions options;
  Scenario scenario;
};

Result<Case> read_case(const FaultsRequest& request) {
  Case made;
  FaultExperimentOptions& options = made.options;
  auto scenario = load_scenario(request.trace.empty() ? request.scenario : request.trace);
  if (!scenario) return scenario.error();
  made.scenario = std::move(*scenario);
  if (made.scenario.faults.none()) {
    return Error{ErrorCode::kInvalid, "the scenario has no faults"};
  }
  options.gang = request.gang;
  options.nodes = request.nodes;
  options.length = hours(24 * (request.days > 0 ? request.days : kDaysOfRates));
  if (auto& replay = made.scenario.faults.replay) {
    replay->codes = true;
    if (options.nodes == 0) options.nodes = replay->nodes;
    if (request.days == 0) {
      const auto trace = read_fault_trace(replay->file);
      if (!trace) return trace.error();
      options.length = trace->length;
    }
  }
  if (options.nodes == 0) options.nodes = request.gang + (request.gang * kSparePercent + 99) / 100;
  if (options.gang > options.nodes) {
    return Error{ErrorCode::kInvalid, fmt::format("the gang of {} nodes is larger than the fleet "
                                                  "of {}; --nodes makes it larger",
                                                  options.gang, options.nodes)};
  }
  if (options.length.count() == 0) {
    return Error{ErrorCode::kInvalid, "the trace has no length; --days says how long to go on"};
  }
  options.physics = made.scenario.physics;
  options.physics.person = milliseconds(request.person_ms);
  if (request.start_up_ms > 0) options.physics.start_up = milliseconds(request.start_up_ms);
  options.checkpoint_cost = milliseconds(request.checkpoint_cost_ms);
  options.checkpoint_interval = milliseconds(request.checkpoint_interval_ms);
  if (const EmbeddedFile* file = find_embedded(kEmbeddedPolicies, "default")) {
    auto policy = parse_policy_file(file->text, "default");
    if (!policy) return policy.error();
    options.policy = std::move(*policy);
  }
  if (const EmbeddedFile* file = find_embedded(kEmbeddedFaultPolicies, "default")) {
    auto policy = parse_fault_policy(file->text, "default");
    if (!policy) return policy.error();
    options.fault_policy = std::move(*policy);
  }
  return made;
}

/// Sums over the seeds.
struct Sums {
  std::string automation;
  TimeParts parts;
  Duration elapsed;
  Duration interval;
  std::uint64_t faults = 0;
  std::uint64_t interruptions = 0;
  std::uint64_t manual = 0;
  std::uint64_t put_back = 0;
  std::vector<double> ettr;

  void add(const FaultExperimentResult& result) {
    parts.productive += result.parts.productive;
    parts.checkpointing += result.parts.checkpointing;
    parts.detection += result.parts.detection;
    parts.draining += result.parts.draining;
    parts.requeue += result.parts.requeue;
    parts.start_up += result.parts.start_up;
    parts.lost_work += result.parts.lost_work;
    elapsed += result.elapsed;
    interval = result.checkpoint_interval;
    faults += result.faults;
    interruptions += result.interruptions;
    manual += result.manual;
    put_back += result.put_back;
    ettr.push_back(result.ettr());
  }
};

double seconds_of(Duration length) { return static_cast<double>(length.count()) / 1e9; }

double percent(Duration part, Duration whole) {
  return whole.count() == 0
             ? 0
             : 100 * static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

void describe(const Sums& sums, ExperimentReport& report, boost::json::array& results) {
  const double n = sums.interruptions == 0 ? 1 : static_cast<double>(sums.interruptions);
  const auto each = [&](Duration part) { return fmt::format("{:.1f}", seconds_of(part) / n); };
  const TimeParts& parts = sums.parts;
  report.rows.push_back(
      {sums.automation, fmt::format("{:.2f} %", percent(parts.productive, sums.elapsed)),
       std::to_string(sums.interruptions), each(parts.detection), each(parts.draining),
       each(parts.requeue), each(parts.start_up), each(parts.lost_work), each(parts.checkpointing),
       std::to_string(sums.manual), std::to_string(sums.put_back)});
  boost::json::object percents;
  boost::json::object per_interruption;
  const auto part = [&](const char* name, Duration value) {
    percents[name] = percent(value, sums.elapsed);
    per_interruption[name] = seconds_of(value) / n;
  };
  part("detection", parts.detection);
  part("draining", parts.draining);
  part("requeue", parts.requeue);
  part("start_up", parts.start_up);
  part("lost_work", parts.lost_work);
  part("checkpointing", parts.checkpointing);
  boost::json::array by_seed;
  for (const double ettr : sums.ettr) by_seed.emplace_back(100 * ettr);
  results.push_back({{"automation", sums.automation},
                     {"ettr_percent", percent(parts.productive, sums.elapsed)},
                     {"ettr_percent_by_seed", std::move(by_seed)},
                     {"faults", sums.faults},
                     {"interruptions", sums.interruptions},
                     {"manual", sums.manual},
                     {"put_back", sums.put_back},
                     {"elapsed_s", seconds_of(sums.elapsed)},
                     {"checkpoint_interval_s", seconds_of(sums.interval)},
                     {"percent", std::move(percents)},
                     {"seconds_per_interruption", std::move(per_interruption)}});
}

Result<Sums> run_all(const Case& made, Automation automation, const FaultsRequest& request,
                     const ExperimentProgress& progress) {
  Sums sums;
  sums.automation = std::string(name_of(automation));
  FaultExperimentOptions options = made.options;
  options.automation = automation;
  Topology topology;
  topology.declare(fault_experiment_fleet(options.nodes));
  for (options.seed = request.first_seed; options.seed <= request.last_seed; ++options.seed) {
    auto source = open_faults(made.scenario.faults, topology, options.seed, options.length);
    if (!source) return source.error();
    const auto result =
        run_fault_experiment(options, told_faults(**source, options.length), [&](double done) {
          progress(fmt::format("{}, seed {}: {:.0f} %", sums.automation, options.seed, 100 * done));
        });
    if (!result) return result.error();
    sums.add(*result);
  }
  return sums;
}

Result<ExperimentReport> faults(const FaultsRequest& request, const ExperimentProgress& progress) {
  const auto made = read_case(request);
  if (!made) return made.error();
  std::vector<std::string> which = request.automation;
  if (which.empty()) {
    which = {EnumNames<Automation>::value.begin(), EnumNames<Automation>::value.end()};
  }
  ExperimentReport report;
  boost::json::array results;
  Duration interval;
  std::uint64_t count = 0;
  for (const std::string& name : which) {
    const auto automation = enum_from_name<Automation>(name);
    if (!automation) return Error{ErrorCode::kInvalid, fmt::format("no automation {}", name)};
    const auto sums = run_all(*made, *automation, request, progress);
    if (!sums) return sums.error();
    describe(*sums, report, results);
    interval = sums->interval;
    count = sums->faults;
  }
  const FaultExperimentOptions& options = made->options;
  const std::uint64_t seeds = request.last_seed - request.first_seed + 1;
  report.title = fmt::format(
      "a gang of {} nodes ({} accelerators) of {}, {:.1f} days, {} faults{}; a checkpoint of "
      "{:.1f} s after each {:.0f} s of work; seconds an interruption",
      options.gang, options.gang * 8, options.nodes, seconds_of(options.length) / 86'400, count,
      seeds == 1 ? std::string() : fmt::format(" in all {} runs", seeds),
      seconds_of(options.checkpoint_cost), seconds_of(interval));
  report.columns = {"AUTOMATION", "ETTR", "INTERRUPTIONS", "DETECTION", "DRAINING", "REQUEUE",
                    "START-UP",   "LOST", "CHECKPOINTS",   "MANUAL",    "PUT BACK"};
  report.notes = {
      "ETTR: work that was kept, of the time since the gang's first placement. MANUAL: decisions "
      "of people that work waited for. PUT BACK: nodes that people put back after a repair."};
  report.json = boost::json::serialize(
      boost::json::object{{"experiment", "faults"},
                          {"nodes", options.nodes},
                          {"gang_nodes", options.gang},
                          {"accelerators", options.gang * 8},
                          {"days", seconds_of(options.length) / 86'400},
                          {"first_seed", request.first_seed},
                          {"last_seed", request.last_seed},
                          {"checkpoint_cost_s", seconds_of(options.checkpoint_cost)},
                          {"results", std::move(results)}});
  return report;
}

}  // namespace

void add_fault_experiment_hooks(CliHooks& hooks) {
  hooks.experiments.automations = {EnumNames<Automation>::value.begin(),
                                   EnumNames<Automation>::value.end()};
  hooks.experiments.faults = faults;
}

}  // namespace mw
