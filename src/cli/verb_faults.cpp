// mw faults ...: what is wrong with the fleet, telling of it, and the policy by which it is judged.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>
#include <optional>

#include "cli/format.h"
#include "cli/json_view.h"
#include "cli/table.h"
#include "cli/text_source.h"
#include "cli/verbs.h"
#include "codec/embedded_files.h"
#include "codec/fault_policy_file.h"

namespace mw {
namespace {

struct FaultOptions {
  std::string code;
  std::string node;
  std::string rack;
  std::string leaf;
  std::string power;
  std::string site;
  std::optional<std::uint32_t> device;
  std::string severity;
  std::string detail;
  std::string source;
  std::uint64_t sequence = 0;
  std::uint64_t count = 1;
  std::string at;
  std::string level;
  std::string place;
  std::string file;
  std::vector<std::string> files;
  bool all = false;
};

constexpr const char* kFileText =
    "The fault policy file (YAML or JSON), - for standard input, or the name of one that is built "
    "in (default)";

std::string words_of(std::string name) {
  for (char& c : name) c = c == '_' ? ' ' : c;
  return name;
}

Colour colour_of_severity(std::string_view severity) {
  if (severity == "critical" || severity == "error") return Colour::kRed;
  return severity == "warning" ? Colour::kYellow : Colour::kDim;
}

std::string breaker_line(const JsonView& breaker) {
  return fmt::format(
      "The breaker of {} {} has tripped: {} of its {} nodes were taken out of service, and {} may "
      "be. Nothing more is done there by itself until \"mw faults reset {} {}\".\n",
      breaker["level"].text(), printable(breaker["place"].text()), breaker["taken"].integer(),
      breaker["nodes"].integer(), breaker["limit"].integer(), breaker["level"].text(),
      printable(breaker["place"].text()));
}

std::string render_faults(const JsonView& list, Instant now, const TerminalTraits& traits) {
  using Align = Column::Align;
  Table table({{.title = "CODE", .importance = 10, .width_min = 12},
               {.title = "WHERE", .importance = 9, .width_min = 8},
               {.title = "SEVERITY", .importance = 6, .width_min = 8},
               {.title = "TIMES", .importance = 5, .width_min = 5, .align = Align::kRight},
               {.title = "LAST", .importance = 7, .width_min = 6, .align = Align::kRight},
               {.title = "DONE", .importance = 8, .width_min = 8},
               {.title = "DETAIL", .importance = 3, .width_min = 10}});
  for (const auto& element : list["faults"].list()) {
    const JsonView fault(element);
    const auto last = fault["last_at_ns"].instant();
    const std::string severity = fault["severity"].text();
    const std::string withheld = fault["withheld"].text();
    std::string done = words_of(fault["done"].text());
    if (withheld != "ignore") {
      done = (done == "ignore" ? "" : done + "; ") + words_of(withheld) + " waits for you";
    }
    if (!fault["active"].flag()) done = "over";
    table.add({{fault["code"].text()},
               {fault["place"].text()},
               {severity, colour_of_severity(severity)},
               {std::to_string(fault["occurrences"].integer())},
               {last ? ago_text(*last, now) : ""},
               {done},
               {fault["detail"].text(), Colour::kDim}});
  }
  std::string out = table.empty() ? "No faults.\n" : table.render(traits);
  for (const auto& element : list["breakers"].list()) {
    const JsonView breaker(element);
    if (breaker["tripped_at_ns"].instant()) {
      out += paint(breaker_line(breaker), Colour::kRed, traits);
    }
  }
  return out;
}

int list(const Cli& cli, const FaultOptions& options) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  std::vector<std::pair<std::string, std::string>> query{{"all", options.all ? "true" : "false"}};
  if (!options.node.empty()) query.emplace_back("node", options.node);
  const auto reply = api->get("/v1/faults", query);
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_faults(reply->view(), wall_clock(), cli.console.out_traits));
  return 0;
}

boost::json::object fault_body(const FaultOptions& options) {
  boost::json::object body{{"code", options.code}};
  const std::pair<const char*, const std::string*> texts[] = {
      {"node", &options.node},     {"rack", &options.rack},     {"leaf", &options.leaf},
      {"power", &options.power},   {"site", &options.site},     {"severity", &options.severity},
      {"detail", &options.detail}, {"source", &options.source}, {"at", &options.at}};
  for (const auto& [name, text] : texts) {
    if (!text->empty()) body[name] = *text;
  }
  if (options.device) body["device"] = *options.device;
  if (options.sequence > 0) body["sequence"] = options.sequence;
  if (options.count != 1) body["count"] = options.count;
  return body;
}

int post(const Cli& cli, const FaultOptions& options, bool cleared) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  boost::json::object body = fault_body(options);
  if (cleared) body["cleared"] = true;
  const auto reply = api->post("/v1/faults", boost::json::serialize(body));
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  const bool news = reply->view()["noted"].integer() > 0;
  cli.console.out(fmt::format("Fault {} {}.\n", printable(options.code),
                              !news     ? "was known: nothing has changed"
                              : cleared ? "is over"
                                        : "is noted"));
  return 0;
}

std::string render_explained(const JsonView& view, const TerminalTraits& traits) {
  const std::string rule = view["rule"].text();
  if (rule.empty()) return printable(view["text"].text()) + "\n";
  std::string out = paint(printable(view["code"].text()), Colour::kBold, traits) + "  " +
                    printable(view["what"].text()) + "\n";
  std::string done;
  for (const auto& element : view["steps"].list()) {
    const JsonView step(element);
    done += (done.empty() ? "" : "; ") + words_of(step["text"].text()) +
            (step["by_hand"].flag() ? " [by a person: no program is set]" : "");
  }
  out += render_facts({{"rule", {rule}},
                       {"component", {words_of(view["component"].text())}},
                       {"severity", {view["severity"].text()}},
                       {"scope", {view["scope"].text()}},
                       {"advice", {view["advice"].text()}},
                       {"source", {view["source"].text()}},
                       {"done here", {done}}},
                      2, traits);
  return out;
}

int explain(const Cli& cli, const FaultOptions& options) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->get("/v1/faults/explain", {{"code", options.code}});
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_explained(reply->view(), cli.console.out_traits));
  return 0;
}

int places(const Cli& cli, const FaultOptions& options) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  HttpFields query;
  if (!options.level.empty()) query.emplace_back("scope", options.level);
  const auto reply = api->get("/v1/faults/places", query);
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  Table table({{.title = "SCOPE", .importance = 9, .width_min = 5},
               {.title = "NAME", .importance = 10, .width_min = 10},
               {.title = "LEVEL", .importance = 5, .width_min = 5}});
  const JsonView list = reply->view();
  for (const auto& element : list["places"].list()) {
    const JsonView place(element);
    table.add({{place["scope"].text()}, {place["name"].text()}, {place["level"].text()}});
  }
  cli.console.out(table.empty() ? "There are no such places.\n"
                                : table.render(cli.console.out_traits));
  const std::int64_t more =
      list["count"].integer() - static_cast<std::int64_t>(list["places"].list().size());
  if (more > 0) {
    cli.console.out(fmt::format("{} more; --scope shows those of one kind.\n", more));
  }
  return 0;
}

int reset(const Cli& cli, const FaultOptions& options) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->post("/v1/faults/breakers/reset",
                               boost::json::serialize(boost::json::object{
                                   {"level", options.level}, {"place", options.place}}));
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(
      fmt::format("The breaker of {} {} is reset.\n", options.level, printable(options.place)));
  return 0;
}

// --- the policy
// -----------------------------------------------------------------------------------

Result<NamedText> load_text(const std::string& name) {
  return read_file_or_built_in(name, kEmbeddedFaultPolicies, "fault policy", kFaultPolicyBytesMax);
}

std::string summary(const FaultPolicy& policy) {
  return fmt::format("{}, {}", counted(static_cast<std::int64_t>(policy.rules.size()), "rule"),
                     counted(static_cast<std::int64_t>(policy.hooks.size()), "hook"));
}

int validate(const Cli& cli, const FaultOptions& options) {
  int code = 0;
  for (const std::string& file : options.files) {
    const auto source = load_text(file);
    const auto policy = source ? parse_fault_policy(source->text, source->name)
                               : Result<FaultPolicy>(source.error());
    if (!policy) {
      const int failed = cli.console.fail(policy.error());
      if (code == 0) code = failed;
    } else if (cli.globals.json) {
      cli.console.out(pretty_json(boost::json::serialize(boost::json::object{
          {"valid", true}, {"policy", policy->name}, {"rules", policy->rules.size()}})));
    } else {
      cli.console.out(
          fmt::format("Fault policy {} is valid: {}.\n", policy->name, summary(*policy)));
    }
  }
  return code;
}

int show_policy(const Cli& cli, const FaultOptions& options) {
  if (!options.file.empty()) {
    const auto source = load_text(options.file);
    if (!source) return cli.console.fail(source.error());
    if (!cli.globals.json) {
      cli.console.out(source->text);
      return 0;
    }
    const auto policy = parse_fault_policy(source->text, source->name);
    if (!policy) return cli.console.fail(policy.error());
    cli.console.out(pretty_json(write_fault_policy(*policy)));
    return 0;
  }
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->get("/v1/faults/policy");
  if (!reply) return cli.console.fail(reply.error());
  return cli.print_json(*reply);
}

int set_policy(const Cli& cli, const FaultOptions& options) {
  const auto source = load_text(options.file);
  if (!source) return cli.console.fail(source.error());
  const auto policy = parse_fault_policy(source->text, source->name);
  if (!policy) return cli.console.fail(policy.error());
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->put("/v1/faults/policy", write_fault_policy(*policy));
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(
      fmt::format("Faults are judged by policy {} now: {}.\n", policy->name, summary(*policy)));
  return 0;
}

void add_place(CLI::App* verb, FaultOptions& options) {
  verb->add_option("CODE", options.code, "What happened: nvidia.xid.79")->required();
  verb->add_option("--node", options.node, "The node that it is about")->type_name("NAME");
  verb->add_option("--device", options.device, "The node's accelerator, from 0")->type_name("N");
  verb->add_option("--rack", options.rack, "Or the rack")->type_name("NAME");
  verb->add_option("--leaf", options.leaf, "Or the leaf of the fabric")->type_name("NAME");
  verb->add_option("--power", options.power, "Or the power path")->type_name("NAME");
  verb->add_option("--site", options.site, "Or the site")->type_name("NAME");
  verb->add_option("--source", options.source, "Who says so; you when not given")
      ->type_name("NAME");
  verb->add_option("--sequence", options.sequence,
                   "Of the source's reports: what has the same, or a smaller one, was told before")
      ->type_name("N");
  verb->add_option("--at", options.at, "When it happened; now when not given")->type_name("TIME");
}

void add_fault_policy(CLI::App& group, Cli& cli, const std::shared_ptr<FaultOptions>& options) {
  const auto run = [&cli, options](CLI::App* verb, auto action) {
    verb->callback([&cli, options, action] {
      cli.action = [&cli, options, action] { return action(cli, *options); };
    });
  };
  CLI::App* policy = group.add_subcommand(
      "policy", "Look at fault policies, and change the one that faults are judged by");
  policy->require_subcommand(1);
  CLI::App* check = policy->add_subcommand("validate", "Check fault policy files");
  check->add_option("FILE", options->files, kFileText)->required();
  check->footer("docs/faults.md describes the file.");
  run(check, validate);
  CLI::App* show = policy->add_subcommand(
      "show", "Show a fault policy's file; without FILE, the one in force as JSON");
  show->add_option("FILE", options->file, kFileText);
  show->footer("  mw faults policy show default > my-faults.yaml");
  run(show, show_policy);
  CLI::App* set = policy->add_subcommand("set", "Have faults judged by another policy");
  set->add_option("FILE", options->file, kFileText)->required();
  set->footer(
      "It holds from now on, also for faults that are known. What has begun goes on. The programs "
      "that it names run as the user of the control plane.");
  run(set, set_policy);
}

}  // namespace

void add_faults(CLI::App& app, Cli& cli) {
  CLI::App* group =
      app.add_subcommand("faults", "See what is wrong with the fleet, and what is done about it");
  group->require_subcommand(1);
  auto options = std::make_shared<FaultOptions>();
  const auto run = [&cli, options](CLI::App* verb, auto action) {
    verb->callback([&cli, options, action] {
      cli.action = [&cli, options, action] { return action(cli, *options); };
    });
  };

  CLI::App* all = group->add_subcommand("list", "List the faults that are known");
  all->add_option("--node", options->node, "Only of this node")->type_name("NAME");
  all->add_flag("--all", options->all, "Also those that are over");
  all->footer(
      "DONE: the most that was done about it; what \"waits for you\" is held back, and mw node "
      "story says why.");
  run(all, list);

  CLI::App* above = group->add_subcommand(
      "places", "List what is above nodes and can have a fault: racks, leaves, power paths, sites");
  above->add_option("--scope", options->level, "Only of this kind: rack, leaf, power or site")
      ->type_name("WORD");
  above->footer(
      "These are the names that --rack, --leaf, --power and --site of \"mw faults post\" take.");
  run(above, places);

  CLI::App* tell = group->add_subcommand("post", "Tell of a fault");
  add_place(tell, *options);
  tell->add_option("--severity", options->severity,
                   "info, warning, error or critical; as the policy says when not given")
      ->type_name("WORD");
  tell->add_option("--detail", options->detail, "More, on one line")->type_name("TEXT");
  tell->add_option("--count", options->count, "How often it happened; 0: it still holds")
      ->type_name("N");
  tell->footer("  mw faults post nvidia.xid.79 --node n17 --device 3");
  run(tell, [](const Cli& c, const FaultOptions& o) { return post(c, o, false); });

  CLI::App* clear = group->add_subcommand("clear", "Say that a fault is over");
  add_place(clear, *options);
  clear->footer("What was planned because of it is off, unless it has begun.");
  run(clear, [](const Cli& c, const FaultOptions& o) { return post(c, o, true); });

  CLI::App* tell_why = group->add_subcommand(
      "explain", "Say what a code means, what its maker advises, and what is done about it");
  tell_why->add_option("CODE", options->code, "Such as nvidia.xid.79")->required();
  run(tell_why, explain);

  CLI::App* again = group->add_subcommand(
      "reset", "Reset a breaker: nodes there may be taken out of service by themselves again");
  again->add_option("LEVEL", options->level, "rack, leaf, pod or site")->required();
  again->add_option("PLACE", options->place, "Its name")->required();
  run(again, reset);

  add_fault_policy(*group, cli, options);
}

}  // namespace mw
