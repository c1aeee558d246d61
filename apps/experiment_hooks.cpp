#include "experiment_hooks.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>

#include "twin/packing_experiment.h"
#include "twin/queueing_experiment.h"

namespace mw {
namespace {

template <class E>
std::vector<std::string> all_names() {
  return {EnumNames<E>::value.begin(), EnumNames<E>::value.end()};
}

/// Mean and deviation (of the sample) of some figures.
struct Spread {
  double mean = 0;
  double deviation = 0;
};

Spread spread(const std::vector<double>& values) {
  Spread result;
  if (values.empty()) return result;
  for (const double value : values) result.mean += value;
  result.mean /= static_cast<double>(values.size());
  if (values.size() < 2) return result;
  double squares = 0;
  for (const double value : values) squares += (value - result.mean) * (value - result.mean);
  result.deviation = std::sqrt(squares / static_cast<double>(values.size() - 1));
  return result;
}

/// What one policy came to over the seeds.
struct PackingFigures {
  std::map<std::int64_t, std::vector<double>> allocated;
  std::map<std::int64_t, std::vector<double>> placed;  ///< by whole devices of a pod
};

boost::json::object to_json(const Spread& spread) {
  return {{"mean", spread.mean}, {"deviation", spread.deviation}};
}

/// Fills one row of the table and one object of the JSON.
boost::json::object describe(const std::string& policy, const PackingFigures& figures,
                             const PackingRequest& request, std::vector<std::string>& row) {
  boost::json::object allocated;
  row.push_back(policy);
  for (const std::int64_t percent : request.arrived) {
    const auto found = figures.allocated.find(percent);
    if (found == figures.allocated.end()) {
      row.emplace_back("-");
      continue;
    }
    const Spread there = spread(found->second);
    row.push_back(fmt::format("{:.2f} ({:.2f})", there.mean, there.deviation));
    allocated[std::to_string(percent)] = to_json(there);
  }
  boost::json::object placed;
  for (const auto& [devices, pods] : figures.placed) {
    placed[std::to_string(devices)] = to_json(spread(pods));
  }
  const auto widest = figures.placed.rbegin();
  row.push_back(widest == figures.placed.rend()
                    ? "-"
                    : fmt::format("{:.1f} x {}", spread(widest->second).mean, widest->first));
  return {{"policy", policy}, {"allocated_percent", allocated}, {"placed_by_devices", placed}};
}

Result<PackingCase> read_case(const PackingRequest& request) {
  const auto node_table = CsvTable::read(request.nodes);
  if (!node_table) return node_table.error();
  const auto pod_table = CsvTable::read(request.pods);
  if (!pod_table) return pod_table.error();
  auto nodes = trace_nodes(*node_table);
  if (!nodes) return nodes.error();
  auto pods = trace_pods(*pod_table);
  if (!pods) return pods.error();
  return packing_case(std::move(*nodes), std::move(*pods));
}

Result<ExperimentReport> packing(const PackingRequest& request,
                                 const ExperimentProgress& progress) {
  const auto the_case = read_case(request);
  if (!the_case) return the_case.error();
  const auto policies = request.policies.empty() ? all_names<RankingKind>() : request.policies;
  // Every width that some pod has, so that policies which place none show a 0.
  std::map<std::int64_t, std::vector<double>> no_pods;
  for (const TaskNeed& pod : the_case->pods) {
    if (pod.whole_devices() > 0) no_pods[pod.whole_devices()];
  }
  ExperimentReport report;
  boost::json::array results;
  for (const std::string& policy : policies) {
    const auto kind = enum_from_name<RankingKind>(policy);
    if (!kind) return Error{ErrorCode::kInvalid, fmt::format("no policy {}", policy)};
    PackingFigures figures{.allocated = {}, .placed = no_pods};
    for (std::uint64_t seed = request.first_seed; seed <= request.last_seed; ++seed) {
      progress(fmt::format("{}, seed {} of {}..{}", policy, seed, request.first_seed,
                           request.last_seed));
      PackingResult result =
          run_packing(*the_case, packing_arrivals(*the_case, seed),
                      *kind == RankingKind::kMillwright ? place_by_scheduler(*the_case)
                                                        : place_by_ranking(*the_case, *kind, seed));
      for (const auto& [percent, value] : result.allocated) {
        figures.allocated[percent].push_back(value);
      }
      for (auto& [devices, pods] : figures.placed) {
        pods.push_back(static_cast<double>(result.placed_by_devices[devices]));
      }
    }
    results.push_back(describe(policy, figures, request, report.rows.emplace_back()));
  }
  const auto seeds = request.last_seed - request.first_seed + 1;
  report.title = fmt::format(
      "{} nodes with {} accelerators, {} pods; allocated in percent, mean and deviation of {} {}",
      the_case->node_kinds.size(), the_case->capacity / kWholeAccelerator, the_case->pods.size(),
      seeds, seeds == 1 ? "seed" : "seeds");
  report.columns = {"POLICY"};
  for (const std::int64_t percent : request.arrived) {
    report.columns.push_back(fmt::format("AT {} %", percent));
  }
  report.columns.emplace_back("WIDEST PLACED");
  report.json = boost::json::serialize(
      boost::json::object{{"experiment", "packing"},
                          {"nodes", the_case->node_kinds.size()},
                          {"accelerators", the_case->capacity / kWholeAccelerator},
                          {"pods", the_case->pods.size()},
                          {"first_seed", request.first_seed},
                          {"last_seed", request.last_seed},
                          {"results", std::move(results)}});
  return report;
}

Result<ExperimentReport> queueing(const QueueingRequest& request,
                                  const ExperimentProgress& progress) {
  const auto table = CsvTable::read(request.trace);
  if (!table) return table.error();
  const auto jobs = trace_training_jobs(*table);
  if (!jobs) return jobs.error();
  const auto rules = enum_from_name<OverheadRules>(request.rules);
  if (!rules) return Error{ErrorCode::kInvalid, fmt::format("no rules {}", request.rules)};
  ExperimentReport report;
  boost::json::array results;
  const auto policies = request.policies.empty() ? all_names<ServicePolicy>() : request.policies;
  for (const std::string& policy : policies) {
    const auto which = enum_from_name<ServicePolicy>(policy);
    if (!which) return Error{ErrorCode::kInvalid, fmt::format("no policy {}", policy)};
    const QueueingOptions options{.policy = *which,
                                  .rules = *rules,
                                  .nodes = request.nodes,
                                  .accelerators_per_node = request.accelerators_per_node};
    const auto result = run_queueing(*jobs, options, [&](std::uint64_t ended) {
      progress(fmt::format("{}: {} of {} jobs have ended", policy, ended, jobs->size()));
    });
    if (!result) return Error{result.error().code, request.trace + ": " + result.error().message};
    report.rows.push_back({policy, fmt::format("{:.1f}", result->jct_average_s),
                           fmt::format("{:.0f}", result->jct_p99_s),
                           fmt::format("{:.0f}", result->makespan_s),
                           *rules == OverheadRules::kTrue ? std::to_string(result->starts) : "",
                           *rules == OverheadRules::kTrue ? std::to_string(result->moves) : ""});
    results.push_back(boost::json::object{{"policy", policy},
                                          {"jct_average_s", result->jct_average_s},
                                          {"jct_p99_s", result->jct_p99_s},
                                          {"makespan_s", result->makespan_s},
                                          {"jobs", result->jobs},
                                          {"events", result->events},
                                          {"starts", result->starts},
                                          {"moves", result->moves}});
  }
  report.title = fmt::format("{} jobs on {} nodes of {}, {} rules; times in seconds", jobs->size(),
                             request.nodes, request.accelerators_per_node, request.rules);
  report.columns = {"POLICY", "AVERAGE JCT", "P99 JCT", "MAKESPAN", "STARTS", "MOVES"};
  report.json = boost::json::serialize(
      boost::json::object{{"experiment", "queueing"},
                          {"rules", request.rules},
                          {"nodes", request.nodes},
                          {"accelerators_per_node", request.accelerators_per_node},
                          {"results", std::move(results)}});
  return report;
}

}  // namespace

void add_experiment_hooks(CliHooks& hooks) {
  hooks.experiments.packing_policies = all_names<RankingKind>();
  hooks.experiments.queueing_policies = all_names<ServicePolicy>();
  hooks.experiments.packing = packing;
  hooks.experiments.queueing = queueing;
}

}  // namespace mw
