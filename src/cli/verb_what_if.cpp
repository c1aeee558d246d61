// mw what-if ...: what a change would do, from possible futures with it and without it.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <memory>

#include "cli/fleet_source.h"
#include "cli/forecast_view.h"
#include "cli/job_source.h"
#include "cli/verbs.h"
#include "codec/embedded_files.h"
#include "codec/fleet_file.h"
#include "codec/policy_file.h"
#include "codec/units.h"

namespace mw {
namespace {

struct WhatIfOptions {
  std::vector<std::string> names;  ///< nodes or files
  std::string name;                ///< a file or a site
  double megawatts = 0;
  std::string horizon;
  std::uint32_t futures = 0;
  std::uint32_t seconds = 0;
};

using Body = Result<boost::json::object>;

boost::json::array list_of(const std::vector<std::string>& names) {
  boost::json::array list;
  for (const std::string& name : names) list.push_back(boost::json::value(name));
  return list;
}

Body drain(const WhatIfOptions& options) {
  return boost::json::object{{"drain", list_of(options.names)}};
}

Body add_fleet_file(const WhatIfOptions& options) {
  const auto catalogue = load_catalogue("");
  if (!catalogue) return catalogue.error();
  const auto fleet = load_fleet(options.name, *catalogue);
  if (!fleet) return fleet.error();
  return boost::json::object{{"add", write_fleet_file(fleet->fleet)}};
}

Body policy(const WhatIfOptions& options) {
  const auto source =
      read_file_or_built_in(options.name, kEmbeddedPolicies, "policy", kPolicyFileBytesMax);
  if (!source) return source.error();
  const auto parsed = parse_policy_file(source->text, source->name);
  if (!parsed) return parsed.error();
  return boost::json::object{{"policy", write_policy_file(*parsed)}};
}

Body curtail(const WhatIfOptions& options) {
  return boost::json::object{
      {"curtail", boost::json::object{{"site", options.name}, {"mw", options.megawatts}}}};
}

Body submit(const WhatIfOptions& options) {
  std::vector<std::string> files;
  for (const std::string& name : options.names) {
    auto text = load_job_file(name);
    if (!text) return text.error();
    files.push_back(std::move(*text));
  }
  return boost::json::object{{"submit", list_of(files)}};
}

int ask(const Cli& cli, const WhatIfOptions& options, Body (*body_of)(const WhatIfOptions&)) {
  auto body = body_of(options);
  if (!body) return cli.console.fail(body.error());
  if (!options.horizon.empty()) {
    const auto horizon = parse_duration(options.horizon, seconds(1), hours(24 * 90));
    if (!horizon) {
      return cli.console.fail({horizon.error().code, "--horizon: " + horizon.error().message});
    }
    (*body)["horizon_s"] = horizon->count() / seconds(1).count();
  }
  if (options.futures > 0) (*body)["futures"] = options.futures;
  if (options.seconds > 0) (*body)["seconds"] = options.seconds;
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->post("/v1/what-if", boost::json::serialize(*body));
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_what_if(reply->view(), cli.console.out_traits));
  return 0;
}

}  // namespace

void add_what_if(CLI::App& app, Cli& cli) {
  CLI::App* group = app.add_subcommand(
      "what-if", "Compare possible futures with a change and without it; nothing is changed");
  group->require_subcommand(1);
  auto options = std::make_shared<WhatIfOptions>();
  const auto add = [&](const char* name, const char* description, auto body_of) {
    CLI::App* verb = group->add_subcommand(name, description);
    verb->add_option("--horizon", options->horizon, "How far the futures go (24h when not given)")
        ->type_name("TIME");
    verb->add_option("--futures", options->futures,
                     "At most so many with and without the change (20 when not given)")
        ->type_name("N")
        ->check(CLI::Range(1, 1000));
    verb->add_option("--seconds", options->seconds,
                     "Begin no further future after so long (2 when not given)")
        ->type_name("N")
        ->check(CLI::Range(1, 30));
    verb->callback([&cli, options, body_of] {
      cli.action = [&cli, options, body_of] { return ask(cli, *options, body_of); };
    });
    return verb;
  };
  add("drain", "Nodes get no new work", drain)
      ->add_option("NODE", options->names, "Name of a node; several may be given")
      ->required();
  add("add", "Nodes of another fleet file join", add_fleet_file)
      ->add_option("FLEET", options->name, "The fleet file, or the name of one that is built in")
      ->required();
  add("policy", "Another policy is in force", policy)
      ->add_option("FILE", options->name, "The policy file, or the name of one that is built in")
      ->required();
  CLI::App* less = add("curtail", "A site's nodes draw no more than so many megawatts", curtail);
  less->add_option("SITE", options->name, "Name of the site")->required();
  less->add_option("MW", options->megawatts, "Megawatts of its nodes, without cooling")
      ->required()
      ->check(CLI::NonNegativeNumber);
  less->footer(
      "Nodes of the site are drained until those that are left cannot draw more, those with the "
      "least work to lose first, and their jobs start again.");
  add("submit", "Further jobs are submitted", submit)
      ->add_option("FILE", options->names, "A job file; several may be given")
      ->required();
}

}  // namespace mw
