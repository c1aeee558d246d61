// mw agent: sees what is wrong with this node, and tells the control plane. What it sees is in
// src/agent; here are its options, and how it sends: with the client and the token that all
// commands use.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <memory>
#include <optional>

#include "agent/agent_loop.h"
#include "cli/format.h"
#include "cli/json_view.h"
#include "cli/stop_signals.h"
#include "cli/verbs.h"
#include "codec/timestamp.h"
#include "codec/units.h"

namespace mw {
namespace {

struct AgentOptions {
  std::string node;
  std::string root = "/";
  std::string kernel_log;
  std::string state;
  std::string every = "15s";
  std::optional<std::uint32_t> accelerators;
  std::uint32_t queue = 1'000;
  bool from_start = false;
  bool once = false;
  bool dry_run = false;
};

std::string host_name() {
  char name[256] = {};
  if (::gethostname(name, sizeof name - 1) != 0) return "";
  return name;
}

/// A node's name is a part of file names here.
bool is_file_name(std::string_view text) {
  return !text.empty() && text.size() <= 200 && text[0] != '.' &&
         std::ranges::all_of(text, [](unsigned char c) {
           return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
         });
}

/// The connection to the control plane, made anew after a failure: it may have another port by
/// then, and another token.
class Sender {
 public:
  explicit Sender(const Cli& cli) : cli_(cli) {}

  Result<agent::SendAnswer> send(const std::string& body) {
    if (auto ready = connect(); !ready) return ready.error();
    return take(api_->post("/v1/faults", body));
  }
  Result<agent::SendAnswer> ask_date() {
    if (auto ready = connect(); !ready) return ready.error();
    return take(api_->get("/healthz"));
  }

 private:
  /// What is wrong before there is a connection is no word about a report.
  Result<void> connect() {
    if (api_) return {};
    auto api = cli_.api();
    if (!api) return Error{ErrorCode::kUnavailable, api.error().message};
    const auto healthy = api->get("/healthz");
    if (!healthy) return Error{ErrorCode::kUnavailable, healthy.error().message};
    api_ = std::move(*api);
    return {};
  }
  Result<agent::SendAnswer> take(Result<ApiReply> reply) {
    if (!reply) {
      api_.reset();
      return reply.error();
    }
    agent::SendAnswer answer{.date = reply->header("Date")};
    for (const auto& element : reply->view()["refused"].list()) {
      const JsonView refused(element);
      answer.refused.push_back(
          {.index = static_cast<std::size_t>(refused["index"].integer()),
           .code = enum_from_name<ErrorCode>(refused["code"].text()).value_or(ErrorCode::kInternal),
           .message = refused["message"].text()});
    }
    return answer;
  }

  const Cli& cli_;
  std::optional<Api> api_;
};

void print(const Cli& cli, const agent::Agent& agent,
           const std::vector<agent::QueuedReport>& queue) {
  if (cli.globals.json) return cli.console.out(pretty_json(agent.outbox().body(queue.size())));
  if (queue.empty()) return cli.console.out("Nothing is wrong that can be seen.\n");
  for (const agent::QueuedReport& report : queue) {
    cli.console.out(fmt::format("{}  {}{}{}{}  {}\n", write_timestamp(report.at), report.code,
                                report.device ? fmt::format(" device {}", *report.device) : "",
                                report.count > 1 ? fmt::format(" x{}", report.count) : "",
                                report.cleared ? " is over" : "", printable(report.detail)));
  }
}

/// One look around. What was queued before is printed and sent as well.
int once(const Cli& cli, agent::AgentLoop& loop, agent::Agent& agent, bool dry_run) {
  if (const auto seen = loop.see(); !seen) return cli.console.fail(seen.error());
  print(cli, agent, agent.state().queue);
  if (dry_run) return 0;
  const auto sent = loop.send_all();
  return sent ? 0 : cli.console.fail(sent.error());
}

int forever(const Cli& cli, agent::AgentLoop& loop) {
  const int stop = open_stop_signals();
  if (stop < 0) return cli.console.fail({ErrorCode::kInternal, "cannot wait for signals"});
  const auto ended = loop.run(stop);
  ::close(stop);
  return ended ? 0 : cli.console.fail(ended.error());
}

Result<void> check(const AgentOptions& options) {
  if (!is_file_name(options.node)) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("--node: expected the node's name as the control plane has it, of A-Z "
                             "a-z 0-9 . _ -, found {}",
                             in_quotes(options.node))};
  }
  if (options.queue < 1 || options.queue > agent::kQueueMost) {
    return Error{ErrorCode::kInvalid, fmt::format("--queue: expected 1 to {}, found {}",
                                                  agent::kQueueMost, options.queue)};
  }
  if (options.dry_run && !options.once) {
    return Error{ErrorCode::kInvalid, "--dry-run goes with --once"};
  }
  return {};
}

int run_agent(const Cli& cli, AgentOptions options) {
  if (options.node.empty()) options.node = host_name();
  if (auto fine = check(options); !fine) return cli.console.fail(fine.error());
  const auto every = parse_duration(options.every, seconds(1), hours(1));
  if (!every) {
    return cli.console.fail(
        {ErrorCode::kInvalid,
         fmt::format("--every: {}, found {}", every.error().message, in_quotes(options.every))});
  }
  std::optional<agent::StateFile> file;
  agent::AgentState state;
  if (!options.dry_run) {
    const auto home = options.state.empty() ? cli.home() : Result<std::filesystem::path>("");
    if (!home) return cli.console.fail(home.error());
    auto opened = agent::StateFile::open(
        options.state.empty() ? *home / "agent" : std::filesystem::path(options.state),
        options.node);
    if (!opened) return cli.console.fail(opened.error());
    file.emplace(std::move(*opened));
    std::string damaged;
    auto loaded = file->load(damaged);
    if (!loaded) return cli.console.fail(loaded.error());
    if (!damaged.empty()) {
      cli.console.warn(
          fmt::format("the state was damaged and is put aside as {}; what was queued "
                      "in it is not told",
                      damaged));
    }
    state = std::move(*loaded);
  }
  const agent::Folder root(options.root);
  const bool from_start = options.from_start || options.once;
  agent::KernelLog log({.file = options.kernel_log.empty()
                                    ? root.at("/dev/kmsg")
                                    : std::filesystem::path(options.kernel_log),
                        .start = from_start ? agent::LogStart::kBeginning : agent::LogStart::kEnd,
                        .boot = root.read("/proc/sys/kernel/random/boot_id").value_or("")});
  agent::Agent agent({.node = options.node,
                      .queue_room = options.queue,
                      .root = options.root,
                      .sources = agent::all_sources(options.accelerators)},
                     std::move(state));
  Sender sender(cli);
  agent::AgentLoop loop({.look_every = *every}, agent, &log, file ? &*file : nullptr,
                        {.send = [&](const std::string& body) { return sender.send(body); },
                         .ask_date = [&] { return sender.ask_date(); },
                         .say = [&](const std::string& text) { cli.console.warn(text); }});
  if (options.once) return once(cli, loop, agent, options.dry_run);
  if (const auto seen = loop.see(); !seen) return cli.console.fail(seen.error());
  cli.console.err(fmt::format("mw agent watches the node {}\n", options.node));
  return forever(cli, loop);
}

}  // namespace

void add_agent(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand("agent", "See what is wrong with this node, and report it");
  auto options = std::make_shared<AgentOptions>();
  verb->add_option("--node", options->node,
                   "The node's name as the control plane has it (default: the host's name)")
      ->type_name("NAME");
  verb->add_option("--root", options->root,
                   "Look at the files of the machine below this folder (default: /)")
      ->type_name("DIR");
  verb->add_option("--kernel-log", options->kernel_log,
                   "Follow this file, over its rotation, as the kernel's log (default: /dev/kmsg "
                   "below the root)")
      ->type_name("FILE");
  verb->add_option("--state", options->state,
                   "Where to keep what is queued and how far was read (default: HOME/agent)")
      ->type_name("DIR");
  verb->add_option("--every", options->every,
                   "How often to look at counters, sensors and disks (default: 15s)")
      ->type_name("TIME");
  verb->add_option("--accelerators", options->accelerators,
                   "How many accelerators there should be (default: as many as there once were)")
      ->type_name("N");
  verb->add_option("--queue", options->queue,
                   "How many reports to keep while the control plane is away (default: 1000)")
      ->type_name("N");
  verb->add_flag("--from-start", options->from_start,
                 "Read a log file that was never read from its beginning, not from its end");
  verb->add_flag(
      "--once", options->once,
      "Look around once, print what is to be told, tell it, and end; a log file that was "
      "never read is read from its beginning");
  verb->add_flag("--dry-run", options->dry_run, "With --once: tell nothing, and keep nothing");
  verb->footer(
      "Reports have a number that grows over restarts, are kept until the control plane has stored "
      "them, and are known when they are sent again. It needs the right to read the kernel's log "
      "(root, or CAP_SYSLOG), and HOME with a file \"token\" that it may read.\n\n"
      "  mw agent --node n17 --accelerators 8\n"
      "  mw agent --once --dry-run --json");
  verb->callback(
      [&cli, options] { cli.action = [&cli, options] { return run_agent(cli, *options); }; });
}

}  // namespace mw
