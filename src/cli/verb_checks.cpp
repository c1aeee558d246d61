// mw checks and mw node checks: what proves nodes, and what was found. The programs themselves are
// mw check ... (verb_check.cpp).
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "cli/format.h"
#include "cli/json_view.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "codec/timestamp.h"

namespace mw {
namespace {

using Align = Column::Align;
constexpr int kNodesAtOnce = 5'000;

Colour colour_of_outcome(std::string_view outcome) {
  if (outcome == "failed") return Colour::kRed;
  if (outcome == "unable") return Colour::kYellow;
  return outcome == "passed" ? Colour::kGreen : Colour::kDim;
}

std::string when_text(const std::optional<Instant>& at, Instant now) {
  return at ? ago_text(*at, now) : "";
}

std::string render_programs(const JsonView& list) {
  if (list["programs"].list().empty()) {
    return "No programs check nodes: the fault policy names none (mw faults policy show).\n";
  }
  std::string text;
  for (const auto& element : list["programs"].list()) {
    const JsonView program(element);
    std::string when;
    for (const auto& each : program["when"].list()) {
      when += (when.empty() ? "" : ", ") + JsonView(each).text();
    }
    text += (text.empty() ? "Programs: " : ", ") + printable(program["name"].text()) + " (" + when +
            ")";
  }
  return text + "\n";
}

std::string render_checks(const JsonView& list, Instant now, const TerminalTraits& traits) {
  Table table({{.title = "NODE", .importance = 10, .width_min = 6},
               {.title = "PHASE", .importance = 7, .width_min = 6},
               {.title = "LAST", .importance = 9, .width_min = 6},
               {.title = "WHEN", .importance = 5, .width_min = 5},
               {.title = "ENDED", .importance = 8, .width_min = 6, .align = Align::kRight},
               {.title = "NOW", .importance = 6, .width_min = 6}});
  for (const auto& element : list["nodes"].list()) {
    const JsonView node(element);
    const JsonView last = node["last"];
    const std::string outcome = last["outcome"].text("never checked");
    const bool runs = node["running"].present();
    const auto due = node["due_at_ns"].instant();
    table.add({{node["node"].text()},
               {node["phase"].text()},
               {outcome, colour_of_outcome(outcome)},
               {last["moment"].text()},
               {when_text(last["at_ns"].instant(), now)},
               {runs                 ? "is being checked"
                : due && *due <= now ? "is due"
                                     : ""}});
  }
  return render_programs(list) + (table.empty() ? "No nodes.\n" : table.render(traits));
}

/// All nodes, page after page, joined as if they were one.
int checks(const Cli& cli) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  boost::json::object joined;
  boost::json::array nodes;
  std::int64_t from = 0;
  for (bool more = true; more;) {
    const auto reply = api->get(
        "/v1/checks", {{"from", std::to_string(from)}, {"limit", std::to_string(kNodesAtOnce)}});
    if (!reply) return cli.console.fail(reply.error());
    const JsonView view = reply->view();
    for (const auto& node : view["nodes"].list()) nodes.push_back(node);
    const std::int64_t next = view["next"].integer(0);
    more = next > from;
    from = next;
    if (!more) joined = view.raw()->get_object();
  }
  joined["nodes"] = std::move(nodes);
  const boost::json::value all(std::move(joined));
  cli.console.out(cli.globals.json
                      ? pretty_json(boost::json::serialize(all))
                      : render_checks(JsonView(all), wall_clock(), cli.console.out_traits));
  return 0;
}

std::string percent_text(const JsonView& measure) {
  const std::int64_t median = measure["median"].integer();
  if (median == 0) return "";
  const double percent =
      100.0 * static_cast<double>(measure["behind"].integer()) / static_cast<double>(median);
  const double size = percent < 0 ? -percent : percent;
  if (size < 0.05) return "level";
  return fmt::format("{:.1f}% {}", size, (percent > 0) == (median > 0) ? "behind" : "ahead");
}

std::string render_pool(const JsonView& view, const TerminalTraits& traits) {
  Table table({{.title = "MEASURE", .importance = 10, .width_min = 10},
               {.title = "LAST", .importance = 9, .width_min = 8, .align = Align::kRight},
               {.title = "POOL", .importance = 8, .width_min = 8, .align = Align::kRight},
               {.title = "OTHERS", .importance = 5, .width_min = 6, .align = Align::kRight},
               {.title = "", .importance = 7, .width_min = 8}});
  for (const auto& element : view["pool"].list()) {
    const JsonView measure(element);
    const bool slow = measure["slow"].flag();
    table.add(
        {{measure["name"].text()},
         {measure["text"].text()},
         {measure["median_text"].text()},
         {std::to_string(measure["others"].integer())},
         {percent_text(measure) + (slow ? ", slow" : ""), slow ? Colour::kRed : Colour::kDim}});
  }
  return table.empty() ? "" : "\n" + table.render(traits);
}

std::string measures_of(const JsonView& check) {
  std::string text;
  for (const auto& element : check["measures"].list()) {
    const JsonView measure(element);
    text += (text.empty() ? "" : ", ") + measure["name"].text() + " " + measure["text"].text();
  }
  return text;
}

std::string render_node_checks(const JsonView& view, const TerminalTraits& traits) {
  Table table({{.title = "ENDED", .importance = 8, .width_min = 19},
               {.title = "CHECK", .importance = 5, .width_min = 5, .align = Align::kRight},
               {.title = "WHEN", .importance = 6, .width_min = 5},
               {.title = "OUTCOME", .importance = 10, .width_min = 7},
               {.title = "DETAIL", .importance = 7, .width_min = 12},
               {.title = "MEASURES", .importance = 9, .width_min = 12}});
  for (const auto& element : view["checks"].list()) {
    const JsonView check(element);
    const auto at = check["at_ns"].instant();
    const std::string outcome = check["outcome"].text();
    table.add({{at ? write_timestamp(*at) : ""},
               {std::to_string(check["check"].integer())},
               {check["moment"].text()},
               {outcome, colour_of_outcome(outcome)},
               {check["detail"].text()},
               {measures_of(check)}});
  }
  std::string out = table.empty() ? "The node was never checked.\n" : table.render(traits);
  out += render_pool(view, traits);
  if (view["running"].present()) {
    out += fmt::format("\nIt is idle and being checked (check {}).\n",
                       view["running"]["check"].integer());
  }
  return out;
}

int node_checks(const Cli& cli, const std::string& name, int limit) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply =
      api->get("/v1/nodes/" + percent_encode(name) + "/checks", {{"limit", std::to_string(limit)}});
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_node_checks(reply->view(), cli.console.out_traits));
  return 0;
}

}  // namespace

void add_checks(CLI::App& app, Cli& cli) {
  CLI::App* verb =
      app.add_subcommand("checks", "List the nodes and how the last check of each ended");
  verb->footer(
      "What a check found is in mw node checks NAME; which programs check nodes, and when, "
      "is in the fault policy (mw faults policy show).");
  verb->callback([&cli] { cli.action = [&cli] { return checks(cli); }; });
}

void add_node_checks(CLI::App& group, Cli& cli) {
  struct Options {
    std::string node;
    int limit = 20;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = group.add_subcommand(
      "checks", "Show what the checks of a node found, and its measures beside its pool's");
  verb->add_option("NODE", options->node, "The node's name")->required();
  verb->add_option("--limit", options->limit, "The last so many checks (default: 20)")
      ->type_name("N")
      ->check(CLI::Range(1, 5000));
  verb->footer("Slow is what is further behind its pool than noise explains: docs/checks.md.");
  verb->callback([&cli, options] {
    cli.action = [&cli, options] { return node_checks(cli, options->node, options->limit); };
  });
}

}  // namespace mw
