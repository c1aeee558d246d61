// mw reservation ...: nodes that are set aside by the calendar.
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
#include "codec/reservation_request.h"
#include "codec/timestamp.h"
#include "codec/units.h"

namespace mw {
namespace {

struct ReservationOptions {
  std::string name;
  std::string start = "now";
  std::string duration;
  std::int64_t nodes = 0;
  std::string type;
  std::string site;
  std::vector<std::string> node_list;
  std::vector<std::string> tenants;
  std::vector<std::string> users;
  std::string reason;
  bool force = false;
};

std::string path_of(const std::string& name) { return "/v1/reservations/" + percent_encode(name); }

/// "+2h" is a time from now on; anything else is for the server to read.
Result<std::string> start_of(const std::string& text) {
  if (!text.starts_with('+')) return text;
  const auto after = parse_duration(text.substr(1), Duration(), kReservationDurationMax);
  if (!after) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("--start: {}, found {}", after.error().message, in_quotes(text))};
  }
  return write_timestamp(wall_clock() + *after);
}

Result<std::string> body_of(const ReservationOptions& options) {
  const auto start = start_of(options.start);
  if (!start) return start.error();
  const auto list = [](const std::vector<std::string>& texts) {
    return boost::json::array(texts.begin(), texts.end());
  };
  boost::json::object body{{"name", options.name}};
  body["start"] = *start;
  body["duration"] = options.duration;
  if (options.nodes != 0) body["nodes"] = options.nodes;
  if (!options.type.empty()) body["type"] = options.type;
  if (!options.site.empty()) body["site"] = options.site;
  if (!options.node_list.empty()) body["node_list"] = list(options.node_list);
  if (!options.tenants.empty()) body["tenants"] = list(options.tenants);
  if (!options.users.empty()) body["users"] = list(options.users);
  if (!options.reason.empty()) body["reason"] = options.reason;
  if (options.force) body["force"] = true;
  return boost::json::serialize(body);
}

int create(const Cli& cli, const ReservationOptions& options) {
  auto body = body_of(options);
  if (!body) return cli.console.fail(body.error());
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->post("/v1/reservations", std::move(*body));
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_reservation(reply->view(), wall_clock(), cli.console.out_traits));
  return 0;
}

int list(const Cli& cli) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->get("/v1/reservations");
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_reservations(reply->view(), wall_clock(), cli.console.out_traits));
  return 0;
}

int show(const Cli& cli, const std::string& name) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->get(path_of(name));
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_reservation(reply->view(), wall_clock(), cli.console.out_traits));
  return 0;
}

int take_back(const Cli& cli, const std::string& name) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->post(path_of(name) + "/delete");
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(fmt::format("Reservation {} is deleted.\n", printable(name)));
  return 0;
}

void add_create(CLI::App& group, Cli& cli) {
  CLI::App* verb = group.add_subcommand("create", "Set nodes aside from a start to an end");
  auto options = std::make_shared<ReservationOptions>();
  verb->add_option("NAME", options->name, "What jobs call it by")->required();
  verb->add_option("--start", options->start,
                   "When it begins: a time such as 2026-12-01T08:00:00Z, +2h from now, or now "
                   "(the default)")
      ->type_name("WHEN");
  verb->add_option("--duration", options->duration, "For how long, such as 4h or 90m")
      ->type_name("TIME")
      ->required();
  auto* nodes = verb->add_option("--nodes", options->nodes, "How many nodes; they are chosen")
                    ->type_name("N");
  auto* type = verb->add_option("--type", options->type, "Of nodes with this type of accelerator")
                   ->type_name("TYPE")
                   ->needs(nodes);
  auto* site =
      verb->add_option("--site", options->site, "At this site")->type_name("NAME")->needs(nodes);
  verb->add_option("--node-list", options->node_list, "These nodes, with commas between them")
      ->type_name("NODES")
      ->delimiter(',')
      ->excludes(nodes)
      ->excludes(type)
      ->excludes(site);
  verb->add_option("--tenant", options->tenants,
                   "For jobs of this tenant and those below it; may be given several times")
      ->type_name("NAME");
  verb->add_option("--user", options->users, "For jobs of this user; may be given several times")
      ->type_name("NAME");
  verb->add_option("--reason", options->reason, "Why, for everybody who asks")->type_name("TEXT");
  verb->add_flag("--force", options->force,
                 "Also nodes that are in use then, or kept for jobs; what runs there goes on until "
                 "it ends");
  verb->footer(
      "From now on nothing is placed on its nodes that would still be there at the start; from the "
      "start to the end only jobs that name it are. Without --tenant and --user, everybody's "
      "may.\n\n"
      "  mw reservation create maintenance --start 2026-12-06T06:00:00Z --duration 4h --node-list "
      "n0,n1\n"
      "  mw submit --reservation demo -- ./train.sh");
  verb->callback(
      [&cli, options] { cli.action = [&cli, options] { return create(cli, *options); }; });
}

}  // namespace

void add_reservation(CLI::App& app, Cli& cli) {
  CLI::App* group =
      app.add_subcommand("reservation", "Set nodes aside by the calendar, or look at what is");
  group->require_subcommand(1);
  add_create(*group, cli);

  CLI::App* all = group->add_subcommand("list", "List the reservations that are not over");
  all->callback([&cli] { cli.action = [&cli] { return list(cli); }; });

  auto name = std::make_shared<std::string>();
  CLI::App* one = group->add_subcommand("show", "Show everything about a reservation");
  one->add_option("NAME", *name, "Its name")->required();
  one->callback([&cli, name] { cli.action = [&cli, name] { return show(cli, *name); }; });

  CLI::App* end = group->add_subcommand("delete", "Take a reservation back, or end it early");
  end->add_option("NAME", *name, "Its name")->required();
  end->footer("Its jobs that run go on to their own ends; those that wait are cancelled.");
  end->callback([&cli, name] { cli.action = [&cli, name] { return take_back(cli, *name); }; });
}

}  // namespace mw
