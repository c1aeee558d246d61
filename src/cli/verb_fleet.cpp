// mw fleet ...: fleet files, looked at without a control plane, and declared to one.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "cli/fleet_source.h"
#include "cli/fleet_view.h"
#include "cli/format.h"
#include "cli/json_view.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "codec/embedded_files.h"
#include "codec/fleet_stats.h"

namespace mw {
namespace {

struct FleetOptions {
  std::string file;
  std::string accelerators;
  bool source = false;
};

Result<FleetFile> load(const FleetOptions& options) {
  const auto catalogue = load_catalogue(options.accelerators);
  if (!catalogue) return catalogue.error();
  return load_fleet(options.file, *catalogue);
}

int list(const Cli& cli) {
  using Align = Column::Align;
  Table table({{.title = "FLEET", .importance = 10, .width_min = 8},
               {.title = "SITES", .importance = 7, .width_min = 5, .align = Align::kRight},
               {.title = "NODES", .importance = 8, .width_min = 6, .align = Align::kRight},
               {.title = "ACCELERATORS", .importance = 9, .width_min = 8, .align = Align::kRight},
               {.title = "ALL BUSY", .importance = 6, .width_min = 7, .align = Align::kRight}});
  boost::json::array rows;
  for (const EmbeddedFile& file : kEmbeddedFleets) {
    const auto fleet = parse_fleet_file(file.text, {.source_name = std::string(file.name)});
    if (!fleet) return cli.console.fail(fleet.error());
    const FleetStats stats = fleet_stats(fleet->fleet, fleet->catalogue);
    table.add({{std::string(file.name)},
               {std::to_string(stats.sites.size())},
               {std::to_string(stats.total.nodes)},
               {std::to_string(stats.total.accelerators)},
               {stats.total.busy == Watts(0) ? "-" : watts_text(stats.total.busy)}});
    rows.push_back(boost::json::object{{"fleet", file.name},
                                       {"sites", stats.sites.size()},
                                       {"nodes", stats.total.nodes},
                                       {"accelerators", stats.total.accelerators},
                                       {"busy_mw", stats.total.busy.count()}});
  }
  cli.console.out(cli.globals.json ? pretty_json(boost::json::serialize(
                                         boost::json::object{{"fleets", std::move(rows)}}))
                                   : table.render(cli.console.out_traits));
  return 0;
}

int validate(const Cli& cli, const FleetOptions& options) {
  const auto fleet = load(options);
  if (!fleet) return cli.console.fail(fleet.error());
  const FleetStats stats = fleet_stats(fleet->fleet, fleet->catalogue);
  if (cli.globals.json) {
    cli.console.out(pretty_json(
        boost::json::serialize(boost::json::object{{"valid", true},
                                                   {"fleet", stats.fleet},
                                                   {"sites", stats.sites.size()},
                                                   {"nodes", stats.total.nodes},
                                                   {"accelerators", stats.total.accelerators}})));
    return 0;
  }
  cli.console.out(fmt::format("Fleet {} is valid: {}, {}, {}.\n", stats.fleet,
                              counted(static_cast<std::int64_t>(stats.sites.size()), "site"),
                              counted(stats.total.nodes, "node"),
                              counted(stats.total.accelerators, "accelerator")));
  return 0;
}

int show(const Cli& cli, const FleetOptions& options) {
  if (options.source) {
    const auto text = load_fleet_text(options.file);
    if (!text) return cli.console.fail(text.error());
    cli.console.out(text->text);
    return 0;
  }
  const auto fleet = load(options);
  if (!fleet) return cli.console.fail(fleet.error());
  cli.console.out(cli.globals.json ? pretty_json(write_fleet_file(fleet->fleet))
                                   : render_fleet_trees(fleet->fleet, cli.console.out_traits));
  return 0;
}

int declare(const Cli& cli, const FleetOptions& options) {
  const auto fleet = load(options);
  if (!fleet) return cli.console.fail(fleet.error());
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->put("/v1/fleet", write_fleet_file(fleet->fleet));
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  const JsonView view = reply->view();
  cli.console.out(fmt::format("Fleet {} {}: {}, {}.\n", printable(view["fleet"].text()),
                              view["repeated"].flag() ? "was declared already" : "is declared",
                              counted(view["nodes"].integer(), "node"),
                              counted(view["accelerators"].integer(), "accelerator")));
  return 0;
}

int stats(const Cli& cli, const FleetOptions& options) {
  const auto fleet = load(options);
  if (!fleet) return cli.console.fail(fleet.error());
  const FleetStats sums = fleet_stats(fleet->fleet, fleet->catalogue);
  cli.console.out(cli.globals.json ? pretty_json(write_fleet_stats(sums))
                                   : render_fleet_stats(sums, cli.console.out_traits));
  return 0;
}

}  // namespace

void add_fleet(CLI::App& app, Cli& cli) {
  CLI::App* group =
      app.add_subcommand("fleet", "Look at fleet files, and declare one to the control plane");
  group->require_subcommand(1);
  auto options = std::make_shared<FleetOptions>();
  const auto add = [&](const char* name, const char* description, auto action) {
    CLI::App* verb = group->add_subcommand(name, description);
    verb->add_option("FILE", options->file,
                     "The fleet file (YAML or JSON), - for standard input, or the name of a fleet "
                     "that is built in (mw fleet list)")
        ->required();
    verb->add_option("--accelerators", options->accelerators,
                     "A file with types of accelerators to add to the catalogue or to replace")
        ->type_name("FILE");
    verb->callback([&cli, options, action] {
      cli.action = [&cli, options, action] { return action(cli, *options); };
    });
    return verb;
  };

  CLI::App* all = group->add_subcommand("list", "List the fleets that are built in");
  all->callback([&cli] { cli.action = [&cli] { return list(cli); }; });

  add("validate", "Check a fleet file; every mistake is told with its place", validate)
      ->footer("docs/fleet.md describes the file.");
  CLI::App* trees = add("show", "Show a fleet's shapes, and its fabric and power trees", show);
  trees->add_flag("--source", options->source,
                  "Print the file as it was written, to begin with it");
  trees->footer(
      "With --json: the file, with everything filled in.\n\n"
      "  mw fleet show dgx-pod\n"
      "  mw fleet show nvl72-hall --source > my-hall.yaml");
  add("declare", "Declare a fleet to the control plane, which must have no nodes yet", declare)
      ->footer(
          "For a control plane whose engine is simulated. A type that --accelerators adds must be "
          "known to the control plane, too.\n\n"
          "  mw up --engine simulated\n"
          "  mw fleet declare ai-cloud-2025");
  add("stats", "Add a fleet up: nodes, accelerators, rate, memory, power and its limits", stats)
      ->footer(
          "OF LIMIT is what all nodes at work would draw, of what is allowed: from 100% on, not "
          "all of them can work at once. A + behind a rate: some are unknown, and not in it.");
}

}  // namespace mw
