// mw incidents and mw incident show: what broke, what was done about it, what it cost.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "cli/format.h"
#include "cli/json_view.h"
#include "cli/render.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "codec/text.h"

namespace mw {
namespace {

struct IncidentOptions {
  std::string id;
  std::string node;
  std::string limit;
  bool open = false;
};

std::string words_of(std::string name) {
  for (char& c : name) c = c == '_' ? ' ' : c;
  return name;
}

/// What was done about it.
std::string done_of(const JsonView& one) {
  const std::string action = one["action"].text();
  return action == "ignore" && one["withheld"].flag() ? "nothing" : words_of(action);
}

std::string length_between(const JsonView& from, const JsonView& to) {
  const auto begin = from.instant();
  const auto end = to.instant();
  return begin && end ? duration_text(*end - *begin) : "";
}

std::string render_incidents(const JsonView& view, Instant now, const TerminalTraits& traits) {
  using Align = Column::Align;
  Table table({{.title = "ID", .importance = 12, .width_min = 3, .align = Align::kRight},
               {.title = "WHAT", .importance = 11, .width_min = 10},
               {.title = "WHERE", .importance = 10, .width_min = 8},
               {.title = "BEGAN", .importance = 9, .width_min = 6, .align = Align::kRight},
               {.title = "TOOK", .importance = 8, .width_min = 5, .align = Align::kRight},
               {.title = "DONE", .importance = 7, .width_min = 6},
               {.title = "JOBS", .importance = 6, .width_min = 4, .align = Align::kRight},
               {.title = "LOST", .importance = 5, .width_min = 6, .align = Align::kRight},
               {.title = "STATE", .importance = 9, .width_min = 5}});
  for (const auto& element : view["incidents"].list()) {
    const JsonView one(element);
    const auto begun = one["happened_at_ns"].instant();
    const bool open = !one["ended_at_ns"].present();
    const bool withheld = one["withheld"].flag();
    table.add({{std::to_string(one["incident"].integer())},
               {one["code"].text()},
               {one["place"].text()},
               {begun ? ago_text(*begun, now) : ""},
               {length_between(one["happened_at_ns"], one["ended_at_ns"])},
               {done_of(one)},
               {std::to_string(one["jobs_hit"].integer())},
               {accelerator_seconds_text(one["lost_work_accelerator_s"].real())},
               {withheld ? "waits for you"
                : open   ? "open"
                         : "over",
                withheld ? Colour::kRed
                : open   ? Colour::kYellow
                         : Colour::kDim}});
  }
  std::string out = table.empty() ? "No incidents.\n" : table.render(traits);
  const auto shown = static_cast<std::int64_t>(view["incidents"].list().size());
  if (view["count"].integer() > shown) {
    out += fmt::format("{} of {}; --limit shows more.\n", shown, view["count"].integer());
  }
  return out;
}

std::string render_incident(const JsonView& one, const TerminalTraits& traits) {
  const auto since = [&](const char* field) {
    return length_between(one["happened_at_ns"], one[field]);
  };
  const auto after = [&](const char* field) {
    const std::string text = since(field);
    return text.empty() ? text : text + " after it happened";
  };
  const std::string action = done_of(one);
  std::string out = render_facts(
      {{"incident", {std::to_string(one["incident"].integer())}},
       {"what", {one["code"].text()}},
       {"where", {one["place"].text()}},
       {"done", {one["withheld"].flag() ? action + "; more waits for a person" : action}},
       {"heard of", {after("begun_at_ns")}},
       {"acted on", {after("acted_at_ns")}},
       {"node back", {after("back_at_ns")}},
       {"over", {one["ended_at_ns"].present() ? after("ended_at_ns") : "not yet"}},
       {"jobs hit", {std::to_string(one["jobs_hit"].integer())}},
       {"work lost", {accelerator_seconds_text(one["lost_work_accelerator_s"].real())}}},
      0, traits);
  for (const auto& element : one["jobs"].list()) {
    const JsonView job(element);
    out += fmt::format(
        "  job {}, attempt {}: {}, lost {}{}\n", job["job"].integer(), job["attempt"].integer(),
        words_of(job["cause"].text()),
        accelerator_seconds_text(job["lost_work_accelerator_s"].real()),
        job["running_at_ns"].present()
            ? ", ran again after " + length_between(job["stopped_at_ns"], job["running_at_ns"])
            : "");
  }
  return out + "\n" + render_story(one, traits);
}

int list(const Cli& cli, const IncidentOptions& options) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  std::vector<std::pair<std::string, std::string>> query{{"open", options.open ? "true" : "false"}};
  if (!options.node.empty()) query.emplace_back("node", options.node);
  if (!options.limit.empty()) query.emplace_back("limit", options.limit);
  const auto reply = api->get("/v1/incidents", query);
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_incidents(reply->view(), wall_clock(), cli.console.out_traits));
  return 0;
}

int show(const Cli& cli, const std::string& id) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->get("/v1/incidents/" + percent_encode(id));
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_incident(reply->view(), cli.console.out_traits));
  return 0;
}

}  // namespace

void add_incidents(CLI::App& app, Cli& cli) {
  auto options = std::make_shared<IncidentOptions>();
  CLI::App* all = app.add_subcommand("incidents", "List what broke, the newest first");
  all->add_flag("--open", options->open, "Only what is not over");
  all->add_option("--node", options->node, "Only of this node")->type_name("NODE");
  all->add_option("--limit", options->limit, "At most so many (default: 50)")->type_name("N");
  all->footer(
      "One incident is all that came of something that broke: the fault, what was decided and "
      "done, "
      "the jobs that it hit, the work that they lost, and until everything was back.");
  all->callback([&cli, options] { cli.action = [&cli, options] { return list(cli, *options); }; });

  CLI::App* group = app.add_subcommand("incident", "Look at one incident");
  group->require_subcommand(1);
  CLI::App* one = group->add_subcommand("show", "Tell an incident from its beginning to its end");
  one->add_option("ID", options->id, "Its number, as mw incidents shows it")->required();
  one->callback(
      [&cli, options] { cli.action = [&cli, options] { return show(cli, options->id); }; });
}

}  // namespace mw
