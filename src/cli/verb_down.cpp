// mw down: stop the control plane. Jobs that run go on, unless they are to be stopped first.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <chrono>
#include <csignal>
#include <memory>
#include <thread>

#include "cli/format.h"
#include "cli/home.h"
#include "cli/verbs.h"
#include "codec/units.h"

namespace mw {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kPollEvery = std::chrono::milliseconds(20);
constexpr const char* kActiveStates = "pending,starting,running,stopping";

struct DownOptions {
  bool stop_jobs = false;
  std::string wait = "2m";
};

/// Cancels what has not ended, and waits until nothing is left of it.
Result<void> stop_jobs(const Cli& cli, Api& api, Clock::time_point deadline) {
  bool told = false;
  while (true) {
    const auto reply = api.get("/v1/jobs", {{"state", kActiveStates}, {"limit", "1000"}});
    if (!reply) return reply.error();
    const auto& jobs = reply->view()["jobs"].list();
    if (jobs.empty()) return {};
    if (!told) cli.console.out("Cancelling the jobs that have not ended.\n");
    told = true;
    for (const auto& job : jobs) {
      const JsonView view(job);
      if (view["state"].text() == "stopping") continue;
      const auto done = api.post(fmt::format("/v1/jobs/{}/cancel", view["id"].integer()));
      // It may have ended meanwhile: that is what is wanted.
      if (!done && done.error().code != ErrorCode::kConflict) return done.error();
    }
    if (Clock::now() > deadline) {
      return Error{ErrorCode::kTimeout,
                   "jobs are still stopping; see \"mw jobs\", and run \"mw down\" again"};
    }
    std::this_thread::sleep_for(kPollEvery * 5);
  }
}

int running_jobs(Api& api) {
  const auto reply =
      api.get("/v1/jobs", {{"state", "starting,running,stopping"}, {"limit", "1000"}});
  return reply ? static_cast<int>(reply->view()["jobs"].list().size()) : 0;
}

int down(const Cli& cli, const DownOptions& options) {
  const auto limit = parse_duration(options.wait, milliseconds(1), hours(24));
  if (!limit) {
    return cli.console.fail(
        {ErrorCode::kInvalid,
         fmt::format("--wait: {}, found {}", limit.error().message, in_quotes(options.wait))});
  }
  const auto home = cli.home();
  if (!home) return cli.console.fail(home.error());
  const auto holder = lock_holder(*home);
  if (!holder) {
    cli.console.out(fmt::format("No control plane runs with the home {}.\n", home->string()));
    return 0;
  }
  const auto deadline = Clock::now() + std::chrono::nanoseconds(limit->count());
  int left_running = 0;
  auto api = cli.api();
  Result<ApiReply> stopped = api ? Result<ApiReply>(ApiReply{}) : Result<ApiReply>(api.error());
  if (api) {
    if (options.stop_jobs) {
      if (const auto done = stop_jobs(cli, *api, deadline); !done)
        return cli.console.fail(done.error());
    }
    left_running = running_jobs(*api);
    stopped = api->post("/v1/server/stop");
  }
  if (!stopped) {
    // It holds the lock but does not answer: the process that the lock names is asked directly.
    if (options.stop_jobs || *holder <= 0 || ::kill(*holder, SIGTERM) != 0)
      return cli.console.fail(stopped.error());
    cli.console.warn(fmt::format("it does not answer; asked process {} to end", *holder));
  }
  while (lock_holder(*home)) {
    if (Clock::now() > deadline) {
      return cli.console.fail(
          {ErrorCode::kTimeout,
           fmt::format("the control plane (process {}) has not ended in {}; see {}", *holder,
                       write_duration(*limit), (*home / "serve.log").string())});
    }
    std::this_thread::sleep_for(kPollEvery);
  }
  cli.console.out("Millwright is down.\n");
  if (left_running > 0) {
    cli.console.out(
        fmt::format("{} on under {} supervisors; the next \"mw up\" finds {} again.\n",
                    counted(left_running, "running job") + (left_running == 1 ? " goes" : " go"),
                    left_running == 1 ? "its" : "their", left_running == 1 ? "it" : "them"));
  }
  return 0;
}

}  // namespace

void add_down(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand("down", "Stop the control plane; jobs that run go on");
  auto options = std::make_shared<DownOptions>();
  verb->add_flag("--stop-jobs", options->stop_jobs,
                 "Cancel every job first, and wait until all have ended");
  verb->add_option("--wait", options->wait, "How long to wait until it has ended (default: 2m)")
      ->type_name("TIME");
  verb->footer(
      "Running jobs go on under their supervisors and are found again by the next \"mw up\"; "
      "pending ones wait in the "
      "journal.");
  verb->callback([&cli, options] { cli.action = [&cli, options] { return down(cli, *options); }; });
}

}  // namespace mw
