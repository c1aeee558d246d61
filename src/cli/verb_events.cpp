// mw events: everything that happened, and what happens now.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "cli/render.h"
#include "cli/verbs.h"

namespace mw {
namespace {

constexpr auto kReconnectEvery = std::chrono::milliseconds(500);
constexpr std::uint64_t kPage = 1000;

struct EventsOptions {
  std::uint64_t after = 0;
  std::string job;
  std::string node;
  bool follow = false;
  std::uint64_t limit = 0;
};

Result<HttpFields> filters(Api& api, const EventsOptions& options) {
  HttpFields query;
  if (!options.node.empty()) query.emplace_back("node", options.node);
  if (options.job.empty()) return query;
  const auto job = parse_job_reference(options.job);
  if (!job) return job.error();
  if (const auto exists = get_job(api, *job); !exists) return exists.error();
  query.emplace_back("job", std::to_string(job->id));
  return query;
}

/// Pages through what is stored, oldest first. With --json one event a line: it may be long.
int list(const Cli& cli, Api& api, const HttpFields& filter, const EventsOptions& options) {
  std::uint64_t after = options.after;
  std::uint64_t left = options.limit == 0 ? UINT64_MAX : options.limit;
  while (left > 0) {
    HttpFields query = filter;
    query.emplace_back("after", std::to_string(after));
    query.emplace_back("limit", std::to_string(std::min(left, kPage)));
    const auto reply = api.get("/v1/events", query);
    if (!reply) return cli.console.fail(reply.error());
    const auto& events = reply->view()["events"].list();
    std::string text;
    for (const auto& event : events) {
      text += cli.globals.json ? boost::json::serialize(event) + "\n"
                               : render_event(JsonView(event), cli.console.out_traits);
    }
    cli.console.out(text);
    if (events.size() < std::min(left, kPage)) return 0;
    left -= events.size();
    after = static_cast<std::uint64_t>(JsonView(events.back())["seq"].integer());
  }
  return 0;
}

/// Streams, and takes the stream up again where it broke off.
int follow(const Cli& cli, Api& api, const HttpFields& filter, const EventsOptions& options) {
  std::uint64_t after = options.after;
  std::uint64_t left = options.limit == 0 ? UINT64_MAX : options.limit;
  bool away = false;
  while (left > 0) {
    HttpFields query = filter;
    query.emplace_back("after", std::to_string(after));
    query.emplace_back("follow", "1");
    const auto ended = api.stream("/v1/events", query, [&](const SseEvent& event) {
      away = false;
      boost::json::error_code failure;
      const boost::json::value value = boost::json::parse(event.data, failure);
      if (failure) return true;
      const auto seq = static_cast<std::uint64_t>(JsonView(value)["seq"].integer());
      if (seq <= after) return true;
      after = seq;
      cli.console.out(cli.globals.json ? event.data + "\n"
                                       : render_event(JsonView(value), cli.console.out_traits));
      return --left > 0;
    });
    if (!ended && ended.error().code != ErrorCode::kUnavailable &&
        ended.error().code != ErrorCode::kTimeout) {
      return cli.console.fail(ended.error());
    }
    if (left == 0) break;
    if (!away) cli.console.warn("the control plane is away; waiting for it");
    away = true;
    std::this_thread::sleep_for(kReconnectEvery);
  }
  return 0;
}

int events(const Cli& cli, const EventsOptions& options) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto filter = filters(*api, options);
  if (!filter) return cli.console.fail(filter.error());
  return options.follow ? follow(cli, *api, *filter, options) : list(cli, *api, *filter, options);
}

}  // namespace

void add_events(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand("events", "Print what happened, oldest first");
  auto options = std::make_shared<EventsOptions>();
  verb->add_flag("-f,--follow", options->follow, "Go on with what happens from now on");
  verb->add_option("--after", options->after, "Only events after this number")->type_name("N");
  verb->add_option("--job", options->job, "Only what is about this job")->type_name("JOB");
  verb->add_option("--node", options->node, "Only what is about this node")->type_name("NAME");
  verb->add_option("--limit", options->limit, "End after so many")->type_name("N");
  verb->footer(
      "Numbers have no gaps and never change: a program that remembers the last one it saw can go "
      "on from there. With "
      "--json each line is one event.\n\n"
      "  mw events -f --after 120 --json");
  verb->callback(
      [&cli, options] { cli.action = [&cli, options] { return events(cli, *options); }; });
}

}  // namespace mw
