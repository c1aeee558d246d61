// mw workload ...: where a simulation's jobs come from, looked at and fitted. Needs no control
// plane.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <memory>

#include "cli/fleet_source.h"
#include "cli/json_view.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "codec/embedded_files.h"
#include "codec/units.h"
#include "codec/workload_file.h"

namespace mw {
namespace {

struct WorkloadFlags {
  WorkloadRequest request;
  std::string fleet;
  std::string output;
};

Table table_of(const WorkloadTable& from) {
  std::vector<Column> columns;
  for (const std::string& title : from.columns) {
    const bool first = columns.empty();
    columns.push_back({.title = title,
                       .importance = first ? 100 : 50 - static_cast<int>(columns.size()),
                       .width_min = title.size(),
                       .align = first ? Column::Align::kLeft : Column::Align::kRight});
  }
  Table table(std::move(columns));
  for (const auto& row : from.rows) {
    std::vector<Cell> cells;
    for (const std::string& text : row) cells.push_back({text});
    table.add(std::move(cells));
  }
  return table;
}

std::string text_of(const WorkloadReport& report, const TerminalTraits& traits) {
  std::vector<std::pair<std::string, Cell>> facts;
  for (const auto& [name, value] : report.facts) facts.emplace_back(name, Cell{value});
  std::string text = render_facts(facts, 0, traits);
  for (const WorkloadTable& table : report.tables) text += "\n" + table_of(table).render(traits);
  for (const std::string& note : report.notes) text += "\n" + note + "\n";
  return text;
}

Result<WorkloadRequest> request_of(const WorkloadFlags& flags) {
  WorkloadRequest request = flags.request;
  if (flags.fleet.empty()) return request;
  const auto catalogue = load_catalogue("");
  if (!catalogue) return catalogue.error();
  auto file = load_fleet(flags.fleet, *catalogue);
  if (!file) return file.error();
  request.fleet = std::move(file->fleet);
  return request;
}

int run_hook(const Cli& cli, const WorkloadFlags& flags,
             const std::function<Result<WorkloadReport>(const WorkloadRequest&)>& hook) {
  const auto request = request_of(flags);
  if (!request) return cli.console.fail(request.error());
  const auto report = hook(*request);
  if (!report) return cli.console.fail(report.error());
  if (!flags.output.empty()) {
    std::ofstream file(flags.output, std::ios::binary);
    file << report->file;
    file.close();
    if (!file) {
      return cli.console.fail(
          {ErrorCode::kUnavailable, fmt::format("{}: cannot be written", flags.output)});
    }
  }
  cli.console.out(cli.globals.json ? pretty_json(report->json)
                                   : text_of(*report, cli.console.out_traits));
  return 0;
}

int list(const Cli& cli) {
  WorkloadTable table{{"WORKLOAD", "DAYS", "JOBS", "LOAD", "LARGEST"}, {}};
  boost::json::array rows;
  for (const EmbeddedFile& file : kEmbeddedWorkloads) {
    const auto model = parse_workload_file(file.text, file.name);
    if (!model) return cli.console.fail(model.error());
    const std::uint32_t largest = model->sizes.back().accelerators;
    table.rows.push_back({std::string(file.name), std::to_string(model->days),
                          model->jobs > 0 ? std::to_string(model->jobs) : "-",
                          model->jobs > 0 ? "-" : write_thousandths(model->load_milli),
                          std::to_string(largest)});
    rows.push_back(boost::json::object{{"workload", file.name},
                                       {"days", model->days},
                                       {"jobs", model->jobs},
                                       {"load_milli", model->load_milli},
                                       {"largest_accelerators", largest}});
  }
  cli.console.out(cli.globals.json ? pretty_json(boost::json::serialize(
                                         boost::json::object{{"workloads", std::move(rows)}}))
                                   : table_of(table).render(cli.console.out_traits));
  return 0;
}

void add_flags(CLI::App& verb, WorkloadFlags& flags) {
  WorkloadRequest& request = flags.request;
  verb.add_option("WORKLOAD", request.workload,
                  "A shipped workload (mw workload list), a workload file, a trace, or FORM:PATH "
                  "with one of openb, muri, philly, swf, azure, sacct, journal, model")
      ->required();
  verb.add_option("--fleet", flags.fleet,
                  "The fleet that it is made for: a file or a built-in one");
  verb.add_option("--seed", request.seed, "What is drawn by");
  verb.add_option("--days", request.days, "Of a model: instead of its own; of a trace: its first")
      ->check(CLI::Range(std::int64_t{1}, kWorkloadDaysMax));
  verb.add_option("--gpus-per-node", request.accelerators_per_node,
                  "Larger gangs are tasks of so many accelerators; otherwise the fleet's, or 8")
      ->check(CLI::Range(1, 1000));
  verb.add_option("--type", request.accelerator_type, "Of accelerators, for every job");
  verb.add_option("--limits", request.limits, "Time limits: stated, unknown or known")
      ->check(CLI::IsMember({"stated", "unknown", "known"}));
  verb.add_option("--service-scale", request.service_scale,
                  "Each request to a language model counts as so many")
      ->check(CLI::Range(1, 1'000'000));
}

}  // namespace

void add_workload(CLI::App& app, Cli& cli) {
  CLI::App* group =
      app.add_subcommand("workload", "Look at what a simulation's jobs come from, and fit it");
  group->require_subcommand(1);
  CLI::App* all = group->add_subcommand("list", "List the workloads that are shipped");
  all->callback([&cli] { cli.action = [&cli] { return list(cli); }; });

  auto shown = std::make_shared<WorkloadFlags>();
  CLI::App* show = group->add_subcommand(
      "show", "Sum up a workload: jobs, span, sizes, lengths, what they ask for, tenants");
  add_flags(*show, *shown);
  show->footer(
      "docs/workloads.md says what is made of each form.\n\n"
      "  mw workload show ai-cloud-30d --fleet ai-cloud-2025");
  show->callback([&cli, shown] {
    cli.action = [&cli, shown] { return run_hook(cli, *shown, cli.hooks.workloads.show); };
  });

  auto fitted = std::make_shared<WorkloadFlags>();
  CLI::App* fit = group->add_subcommand(
      "fit", "Make a workload file whose jobs are like those of a trace, and say how well it fits");
  add_flags(*fit, *fitted);
  fit->add_option("-o,--output", fitted->output, "Write the workload file there")
      ->type_name("FILE");
  fit->footer(
      "Quantiles of the trace stand beside those of jobs drawn from the file.\n\n"
      "  mw workload fit sacct.txt -o my-workload.yaml");
  fit->callback([&cli, fitted] {
    cli.action = [&cli, fitted] { return run_hook(cli, *fitted, cli.hooks.workloads.fit); };
  });
}

}  // namespace mw
