// mw nodes and mw node ...: what there is to run on.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "cli/format.h"
#include "cli/render.h"
#include "cli/verbs.h"

namespace mw {
namespace {

constexpr int kNodesAtOnce = 5'000;

std::string node_path(const std::string& name) { return "/v1/nodes/" + percent_encode(name); }

/// All nodes: page after page, joined as if they were one.
int nodes(const Cli& cli) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  boost::json::array all;
  std::int64_t from = 0;
  for (bool more = true; more;) {
    auto reply = api->get(
        "/v1/nodes", {{"from", std::to_string(from)}, {"limit", std::to_string(kNodesAtOnce)}});
    if (!reply) return cli.console.fail(reply.error());
    const JsonView view = reply->view();
    for (const auto& node : view["nodes"].list()) all.push_back(node);
    const std::int64_t next = view["next"].integer(0);
    more = next > from;
    from = next;
  }
  const boost::json::value joined = boost::json::object{{"nodes", std::move(all)}};
  cli.console.out(cli.globals.json
                      ? pretty_json(boost::json::serialize(joined))
                      : render_nodes(JsonView(joined), wall_clock(), cli.console.out_traits));
  return 0;
}

int show(const Cli& cli, const std::string& name) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->get(node_path(name));
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_node(reply->view(), wall_clock(), cli.console.out_traits));
  return 0;
}

int act(const Cli& cli, const std::string& name, const std::string& verb, const std::string& body,
        std::string_view outcome) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->post(node_path(name) + "/" + verb, body);
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(fmt::format("Node {} {}.\n", printable(name), outcome));
  return 0;
}

/// What a person says of a move.
struct MoveOptions {
  std::string node;
  std::string reason;
  std::string mode;
  std::string deadline;
};

std::string move_body(const MoveOptions& options) {
  boost::json::object body;
  if (!options.reason.empty()) body["reason"] = options.reason;
  if (!options.mode.empty()) body["mode"] = options.mode;
  if (!options.deadline.empty()) body["deadline"] = options.deadline;
  return boost::json::serialize(body);
}

int story(const Cli& cli, const std::string& name) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->get(node_path(name) + "/story");
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  const JsonView view = reply->view();
  cli.console.out(render_node(view["node"], wall_clock(), cli.console.out_traits) + "\n" +
                  render_story(view, cli.console.out_traits));
  return 0;
}

/// One way to move a node, as a command.
struct MoveVerb {
  const char* name;
  const char* description;
  const char* outcome;
  const char* footer;
  bool drains;  ///< work may have to leave
};
constexpr MoveVerb kMoveVerbs[] = {
    {"drain", "Give a node no new work; what runs on it leaves as told", "is draining",
     "Without --mode what runs there goes on until it ends. A drain can be told anew: the last "
     "word "
     "counts.\n\n"
     "  mw node drain n17 --reason \"fan 3\" --mode checkpoint --deadline 30m",
     true},
    {"resume", "Take a node back into service, as proven", "takes work again",
     "It cancels what is planned for the node, and its known faults count as seen to. A repair "
     "that "
     "has begun cannot be taken back: wait for its end, or give it up with mw node quarantine.",
     false},
    {"quarantine", "Take a node out of service until somebody decides", "goes into quarantine",
     "Its work is stopped and starts again elsewhere, unless --mode says otherwise.", true},
    {"validate", "Have a node proven anew, once nothing runs there any more", "is to be proven",
     "By the program that the fault policy names for validate; without one it waits for mw node "
     "resume.",
     true},
    {"retire", "Take a node out of service for good, once nothing runs there any more",
     "is to be retired", "What stands there later comes back with mw node provision.", true},
    {"provision", "Say that something else stands where a retired node was", "is being set up",
     "When it is ready to be proven: mw node validate.", false},
};

void add_move(CLI::App& group, Cli& cli, const MoveVerb& move) {
  auto options = std::make_shared<MoveOptions>();
  CLI::App* verb = group.add_subcommand(move.name, move.description);
  verb->add_option("NODE", options->node, "The node's name")->required();
  verb->add_option("--reason", options->reason, "Why, for everybody who asks")->type_name("TEXT");
  if (move.drains) {
    verb->add_option(
            "--mode", options->mode,
            "How what runs there leaves: wait, checkpoint (it is asked to save, and leaves "
            "once it has) or force (it is stopped now)")
        ->type_name("MODE");
    verb->add_option("--deadline", options->deadline, "What is left after that is stopped: 30m, 2h")
        ->type_name("TIME");
  }
  verb->footer(move.footer);
  verb->callback([&cli, options, &move] {
    cli.action = [&cli, options, &move] {
      return act(cli, options->node, move.name, move_body(*options), move.outcome);
    };
  });
}

}  // namespace

void add_nodes(CLI::App& app, Cli& cli) {
  CLI::App* list = app.add_subcommand("nodes", "List the nodes and what is free on them");
  list->footer("Of accelerators (FREE), CPUs and memory: what is free of what there is.");
  list->callback([&cli] { cli.action = [&cli] { return nodes(cli); }; });

  CLI::App* group = app.add_subcommand("node", "Look at one node, and move it through its life");
  group->require_subcommand(1);
  auto name = std::make_shared<std::string>();

  CLI::App* one = group->add_subcommand("show", "Show everything about a node");
  one->add_option("NODE", *name, "The node's name")->required();
  one->callback([&cli, name] { cli.action = [&cli, name] { return show(cli, *name); }; });

  CLI::App* past = group->add_subcommand(
      "story", "Tell what happened to a node: who moved it when and why, faults, repairs");
  past->add_option("NODE", *name, "The node's name")->required();
  past->callback([&cli, name] { cli.action = [&cli, name] { return story(cli, *name); }; });

  add_node_checks(*group, cli);
  for (const MoveVerb& move : kMoveVerbs) add_move(*group, cli, move);
}

void add_ledger(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand("ledger", "Show where every accelerator-second went");
  verb->callback([&cli] {
    cli.action = [&cli] {
      auto api = cli.api();
      if (!api) return cli.console.fail(api.error());
      const auto reply = api->get("/v1/ledger");
      if (!reply) return cli.console.fail(reply.error());
      if (cli.globals.json) return cli.print_json(*reply);
      cli.console.out(render_ledger(reply->view(), cli.console.out_traits));
      return 0;
    };
  });
}

}  // namespace mw
