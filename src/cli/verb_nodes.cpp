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

}  // namespace

void add_nodes(CLI::App& app, Cli& cli) {
  CLI::App* list = app.add_subcommand("nodes", "List the nodes and what is free on them");
  list->footer("Of accelerators (FREE), CPUs and memory: what is free of what there is.");
  list->callback([&cli] { cli.action = [&cli] { return nodes(cli); }; });

  CLI::App* group = app.add_subcommand("node", "Look at one node, drain it or resume it");
  group->require_subcommand(1);
  auto name = std::make_shared<std::string>();
  auto reason = std::make_shared<std::string>();

  CLI::App* one = group->add_subcommand("show", "Show everything about a node");
  one->add_option("NODE", *name, "The node's name")->required();
  one->callback([&cli, name] { cli.action = [&cli, name] { return show(cli, *name); }; });

  CLI::App* drain =
      group->add_subcommand("drain", "Give a node no new work; what runs on it goes on");
  drain->add_option("NODE", *name, "The node's name")->required();
  drain->add_option("--reason", *reason, "Why, for everybody who asks")->type_name("TEXT");
  drain->callback([&cli, name, reason] {
    cli.action = [&cli, name, reason] {
      const std::string body = boost::json::serialize(boost::json::object{{"reason", *reason}});
      return act(cli, *name, "drain", body, "is draining");
    };
  });

  CLI::App* resume = group->add_subcommand("resume", "Give a drained node work again");
  resume->add_option("NODE", *name, "The node's name")->required();
  resume->callback([&cli, name] {
    cli.action = [&cli, name] { return act(cli, *name, "resume", "", "takes work again"); };
  });
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
