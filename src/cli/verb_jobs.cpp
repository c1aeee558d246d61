// mw jobs: what there is.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <chrono>
#include <memory>
#include <thread>

#include "cli/format.h"
#include "cli/render.h"
#include "cli/verbs.h"

namespace mw {
namespace {

constexpr auto kWatchEvery = std::chrono::seconds(1);

struct JobsOptions {
  std::string state;
  std::string tenant;
  bool all = false;
  bool watch = false;
  std::uint32_t limit = 100;
  std::uint64_t before = 0;
};

HttpFields query_of(const JobsOptions& options) {
  HttpFields query = {{"limit", std::to_string(options.limit)}};
  if (!options.state.empty()) query.emplace_back("state", options.state);
  if (!options.tenant.empty()) query.emplace_back("tenant", options.tenant);
  if (options.all) query.emplace_back("all", "1");
  if (options.before != 0) query.emplace_back("before", std::to_string(options.before));
  return query;
}

/// Draws the table anew every second, until it is interrupted.
int watch(const Cli& cli, Api& api, const JobsOptions& options) {
  while (true) {
    const auto reply = api.get("/v1/jobs", query_of(options));
    std::string text = fmt::format("{}  every {} s; Ctrl-C ends it\n\n", clock_text(wall_clock()),
                                   kWatchEvery.count());
    if (reply) {
      text += render_jobs(reply->view(), wall_clock(), cli.console.out_traits);
    } else if (reply.error().code == ErrorCode::kUnavailable ||
               reply.error().code == ErrorCode::kTimeout) {
      text += reply.error().message + "\n";
    } else {
      return cli.console.fail(reply.error());
    }
    cli.console.out("\x1b[H\x1b[J" + text);
    std::this_thread::sleep_for(kWatchEvery);
  }
}

int jobs(const Cli& cli, const JobsOptions& options) {
  if (options.watch && (cli.globals.json || !cli.console.out_traits.interactive)) {
    return cli.console.fail(
        {ErrorCode::kInvalid,
         "--watch needs a terminal; for programs there is \"mw events -f --json\""});
  }
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  if (options.watch) return watch(cli, *api, options);
  const auto reply = api->get("/v1/jobs", query_of(options));
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_jobs(reply->view(), wall_clock(), cli.console.out_traits));
  return 0;
}

}  // namespace

void add_jobs(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand("jobs", "List jobs, newest first");
  auto options = std::make_shared<JobsOptions>();
  verb->add_option("--state", options->state,
                   "Only these states, separated by commas: pending, starting, running, stopping, "
                   "succeeded, failed, "
                   "cancelled, timed_out")
      ->type_name("STATES");
  verb->add_option("--tenant", options->tenant, "Only this tenant's")->type_name("NAME");
  verb->add_flag("--all", options->all, "Also those that ended long ago");
  verb->add_option("--limit", options->limit, "How many at most (default: 100)")
      ->type_name("N")
      ->check(CLI::Range(1U, 1000U));
  verb->add_option("--before", options->before,
                   "Only jobs with a smaller number, to go on where a list ended")
      ->type_name("JOB");
  verb->add_flag("--watch", options->watch, "Show it anew every second");
  verb->callback([&cli, options] { cli.action = [&cli, options] { return jobs(cli, *options); }; });
}

}  // namespace mw
