// mw experiment ...: repeats published experiments on files of their form. Needs no control plane.
#include "cli/experiment.h"

#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <limits>
#include <memory>

#include "cli/json_view.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "codec/units.h"

namespace mw {
namespace {

constexpr std::int64_t kSeedsMax = 1000;  // of one call: hours of work already

}  // namespace

int show_experiment(const Cli& cli, const Result<ExperimentReport>& report) {
  if (cli.console.err_traits.interactive) cli.console.err("\r\x1b[K");
  if (!report) return cli.console.fail(report.error());
  if (cli.globals.json) {
    cli.console.out(pretty_json(report->json));
    return 0;
  }
  std::vector<Column> columns;
  for (const std::string& title : report->columns) {
    const bool first = columns.empty();
    columns.push_back({.title = title,
                       .importance = first ? 100 : 50 - static_cast<int>(columns.size()),
                       .width_min = title.size(),
                       .align = first ? Column::Align::kLeft : Column::Align::kRight});
  }
  Table table(std::move(columns));
  for (const auto& row : report->rows) {
    std::vector<Cell> cells;
    cells.reserve(row.size());
    for (const std::string& text : row) cells.push_back({text});
    table.add(std::move(cells));
  }
  std::string text = report->title + "\n\n" + table.render(cli.console.out_traits);
  for (const std::string& note : report->notes) text += "\n" + note + "\n";
  cli.console.out(text);
  return 0;
}

ExperimentProgress experiment_progress(const Cli& cli) {
  if (!cli.console.err_traits.interactive) return [](const std::string&) {};
  return [&cli](const std::string& what) {
    cli.console.err("\r\x1b[K" + clip(printable(what), cli.console.err_traits.width,
                                      cli.console.err_traits.unicode));
  };
}

namespace {

Result<void> check_policies(const std::vector<std::string>& asked,
                            const std::vector<std::string>& known) {
  for (const std::string& policy : asked) {
    if (std::find(known.begin(), known.end(), policy) != known.end()) continue;
    return Error{ErrorCode::kInvalid, fmt::format("--policy: expected one of {}; found {}",
                                                  fmt::join(known, ", "), in_quotes(policy))};
  }
  return {};
}

void add_packing(CLI::App& group, Cli& cli) {
  CLI::App* verb = group.add_subcommand(
      "packing", "How much of a fleet gets allocated when pods arrive and never leave");
  auto request = std::make_shared<PackingRequest>();
  request->arrived = {80, 90, 100, 110, 130};
  auto seeds = std::make_shared<std::string>("42..51");
  verb->add_option("--nodes", request->nodes,
                   "The nodes: CSV with sn, cpu_milli, memory_mib, gpu, model")
      ->type_name("FILE")
      ->required();
  verb->add_option("--pods", request->pods,
                   "The pods: CSV with name, cpu_milli, memory_mib, num_gpu, gpu_milli, gpu_spec")
      ->type_name("FILE")
      ->required();
  verb->add_option("--policy", request->policies,
                   "Which policy; may be given several times (default: all): random, packing, "
                   "bestfit, fgd, millwright")
      ->type_name("POLICY")
      ->allow_extra_args(false);
  verb->add_option("--seeds", *seeds, "Seeds of the order of arrival, as 42..51 (default) or 42")
      ->type_name("SEEDS");
  verb->footer(
      "Repeats the experiment of FGD (ATC'23): the pods arrive in random order until 130 % of the "
      "accelerators are asked for. Shows, for what has arrived in percent of all accelerators, "
      "how much is allocated: mean and deviation over the seeds. docs/experiments.md says more.\n\n"
      "  mw experiment packing --nodes nodes.csv --pods pods.csv --seeds 42..44");
  verb->callback([&cli, request, seeds] {
    cli.action = [&cli, request, seeds] {
      const auto range = parse_seeds(*seeds);
      if (!range) return cli.console.fail(range.error());
      std::tie(request->first_seed, request->last_seed) = *range;
      const auto& hooks = cli.hooks.experiments;
      const auto checked = check_policies(request->policies, hooks.packing_policies);
      if (!checked.ok()) return cli.console.fail(checked.error());
      return show_experiment(cli, hooks.packing(*request, experiment_progress(cli)));
    };
  });
}

void add_queueing(CLI::App& group, Cli& cli) {
  CLI::App* verb = group.add_subcommand(
      "queueing", "How long jobs take when they can be stopped and go on later");
  auto request = std::make_shared<QueueingRequest>();
  verb->add_option("--trace", request->trace,
                   "The jobs: CSV with num_gpu, submit_time, iterations, iteration_time, "
                   "model_name; times in ms")
      ->type_name("FILE")
      ->required();
  verb->add_option("--nodes", request->nodes, "How many nodes (default: 8)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  verb->add_option("--gpus-per-node", request->accelerators_per_node,
                   "Accelerators of each (default: 8)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  verb->add_option("--policy", request->policies,
                   "Which policy; may be given several times (default: all): fifo, srtf, srsf, "
                   "tiresias, millwright, millwright-blind")
      ->type_name("POLICY")
      ->allow_extra_args(false);
  verb->add_option("--rules", request->rules,
                   "published (default): every running job pays at every event, as in the paper; "
                   "true: only who is started or moved pays")
      ->type_name("RULES")
      ->check(CLI::IsMember({"published", "true"}));
  verb->footer(
      "Repeats the experiment of Muri (SIGCOMM'22): average time from submission to end, its 99th "
      "percentile and the makespan. millwright knows how long a job still runs, as SRTF and SRSF "
      "do; millwright-blind and Tiresias do not. docs/experiments.md says more.\n\n"
      "  mw experiment queueing --trace trace1.csv --rules true");
  verb->callback([&cli, request] {
    cli.action = [&cli, request] {
      const auto& hooks = cli.hooks.experiments;
      const auto checked = check_policies(request->policies, hooks.queueing_policies);
      if (!checked.ok()) return cli.console.fail(checked.error());
      return show_experiment(cli, hooks.queueing(*request, experiment_progress(cli)));
    };
  });
}

}  // namespace

Result<std::pair<std::uint64_t, std::uint64_t>> parse_seeds(const std::string& text,
                                                            const std::string& option) {
  const std::size_t dots = text.find("..");
  const auto number = [](const std::string& part) {
    return parse_whole(part, 0, std::numeric_limits<std::int64_t>::max());
  };
  const auto first = number(text.substr(0, dots));
  const auto last = dots == std::string::npos ? first : number(text.substr(dots + 2));
  if (!first.ok() || !last.ok() || *last < *first || *last - *first >= kSeedsMax) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("{}: expected FIRST..LAST or one number, at most {} seeds; found {}",
                             option, kSeedsMax, in_quotes(text))};
  }
  return std::pair{static_cast<std::uint64_t>(*first), static_cast<std::uint64_t>(*last)};
}

void add_experiment(CLI::App& app, Cli& cli) {
  CLI::App* group =
      app.add_subcommand("experiment", "Repeat published experiments, and compare our policies");
  group->require_subcommand(1);
  add_packing(*group, cli);
  add_queueing(*group, cli);
  add_faults_experiment(*group, cli);
}

}  // namespace mw
