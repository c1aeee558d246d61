// mw accelerators ...: the catalogue, with its sources.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <memory>

#include "cli/fleet_source.h"
#include "cli/format.h"
#include "cli/json_view.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "codec/catalogue_file.h"
#include "codec/units.h"

namespace mw {
namespace {

struct AcceleratorOptions {
  std::string file;
  std::string type;
};

/// "-" for what is unknown; announced figures carry a mark.
template <class Text>
std::string figure(const std::optional<Sourced>& stated, Text text) {
  return stated ? text(stated->value) + (stated->announced ? "*" : "") : "-";
}
std::string memory_of(std::int64_t bytes) { return memory_text(Bytes(bytes)); }
std::string bandwidth_of(std::int64_t bytes) { return si_text(static_cast<double>(bytes), "B/s"); }
std::string rate_of(std::int64_t gflops) {
  return si_text(static_cast<double>(gflops) * 1e9, "FLOP/s");
}
std::string power_of(std::int64_t milliwatts) { return watts_text(Watts(milliwatts)); }
std::string count_of(std::int64_t count) { return std::to_string(count); }

int list(const Cli& cli, const AcceleratorOptions& options) {
  const auto catalogue = load_catalogue(options.file);
  if (!catalogue) return cli.console.fail(catalogue.error());
  if (cli.globals.json) {
    cli.console.out(pretty_json(write_catalogue_file(*catalogue)));
    return 0;
  }
  using Align = Column::Align;
  Table table({{.title = "TYPE", .importance = 10, .width_min = 8},
               {.title = "VENDOR", .importance = 8, .width_min = 6},
               {.title = "MEMORY", .importance = 7, .width_min = 7, .align = Align::kRight},
               {.title = "BANDWIDTH", .importance = 4, .width_min = 9, .align = Align::kRight},
               {.title = "BF16", .importance = 9, .width_min = 9, .align = Align::kRight},
               {.title = "POWER", .importance = 6, .width_min = 6, .align = Align::kRight},
               {.title = "SCALE-UP", .importance = 5, .width_min = 5, .align = Align::kRight},
               {.title = "LINK", .importance = 3, .width_min = 9, .align = Align::kRight},
               {.title = "EXPORT", .importance = 2, .width_min = 6}});
  bool announced = false;
  for (const AcceleratorType& type : catalogue->types) {
    table.add({{type.name},
               {type.vendor},
               {figure(type.memory, memory_of)},
               {figure(type.memory_bandwidth, bandwidth_of)},
               {figure(type.bf16, rate_of)},
               {figure(type.power, power_of)},
               {figure(type.scale_up_size, count_of)},
               {figure(type.scale_up_bandwidth, bandwidth_of)},
               {type.export_class.empty() ? "-" : type.export_class}});
    for (const auto* one : {&type.memory, &type.memory_bandwidth, &type.bf16, &type.power,
                            &type.scale_up_size, &type.scale_up_bandwidth})
      announced = announced || (*one && (*one)->announced);
  }
  std::string out = table.render(cli.console.out_traits);
  if (announced) out += "\n* announced by the maker before it could be bought\n";
  cli.console.out(out);
  return 0;
}

int show(const Cli& cli, const AcceleratorOptions& options) {
  const auto catalogue = load_catalogue(options.file);
  if (!catalogue) return cli.console.fail(catalogue.error());
  const AcceleratorType* type = find_type(*catalogue, options.type);
  if (type == nullptr) {
    const std::string_view meant = closest_type(*catalogue, options.type);
    return cli.console.fail(
        {ErrorCode::kNotFound,
         fmt::format("there is no type of accelerator {}{}", in_quotes(options.type),
                     meant.empty() ? "; \"mw accelerators\" lists them"
                                   : fmt::format("; did you mean \"{}\"?", meant))});
  }
  if (cli.globals.json) {
    cli.console.out(pretty_json(write_catalogue_file({.types = {*type}})));
    return 0;
  }
  Table table({{.title = "FIGURE", .importance = 9, .width_min = 8},
               {.title = "VALUE", .importance = 10, .width_min = 8},
               {.title = "SOURCE", .importance = 5, .width_min = 20}});
  const auto add = [&](const char* name, const std::optional<Sourced>& stated, auto text) {
    table.add({{name}, {figure(stated, text)}, {stated ? stated->source : "unknown"}});
  };
  add("memory", type->memory, memory_of);
  add("memory bandwidth", type->memory_bandwidth, bandwidth_of);
  add("bf16, dense", type->bf16, rate_of);
  add("power, at most", type->power, power_of);
  add("idle power", type->idle_power, power_of);
  add("scale-up size", type->scale_up_size, count_of);
  add("scale-up bandwidth", type->scale_up_bandwidth, bandwidth_of);
  table.add({{"export class"},
             {type->export_class.empty() ? "-" : type->export_class},
             {type->export_class.empty() ? "unknown" : type->export_source}});
  std::string out = paint(type->name, Colour::kBold, cli.console.out_traits) + " (" +
                    printable(type->vendor) + ")";
  if (!type->aliases.empty())
    out += printable(fmt::format(", also called {}", fmt::join(type->aliases, ", ")));
  cli.console.out(out + "\n" + table.render(cli.console.out_traits));
  return 0;
}

}  // namespace

void add_accelerators(CLI::App& app, Cli& cli) {
  CLI::App* all =
      app.add_subcommand("accelerators", "List the types of accelerators that are known");
  auto options = std::make_shared<AcceleratorOptions>();
  const auto add_file = [&](CLI::App* verb) {
    verb->add_option("--accelerators", options->file,
                     "A file with types to add to the catalogue or to replace")
        ->type_name("FILE");
  };
  add_file(all);
  all->require_subcommand(0, 1);
  all->footer("A - is unknown: no figure is guessed. docs/fleet.md says how to add types.");
  CLI::App* one = all->add_subcommand("show", "Show one type with the source of each figure");
  one->add_option("TYPE", options->type, "The type's name, or another that it is known by")
      ->required();
  add_file(one);
  one->callback([&cli, options] { cli.action = [&cli, options] { return show(cli, *options); }; });
  // CLI11 calls this also for what is below, and then last.
  all->callback([&cli, options, one] {
    if (!one->parsed()) cli.action = [&cli, options] { return list(cli, *options); };
  });
}

}  // namespace mw
