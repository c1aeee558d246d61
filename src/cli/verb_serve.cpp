// mw serve: be the control plane, in the foreground. What it takes is also what `mw up` passes on.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <set>

#include "cli/fleet_source.h"
#include "cli/home.h"
#include "cli/verbs.h"
#include "codec/job_file.h"
#include "codec/units.h"

namespace mw {
namespace {

constexpr std::int64_t kDevicesMax = 4096;  // of one declared node: far over any real one

std::vector<std::string> split(const std::string& text, char at) {
  std::vector<std::string> parts(1);
  for (const char c : text) {
    if (c == at) {
      parts.emplace_back();
    } else {
      parts.back() += c;
    }
  }
  return parts;
}

bool is_node_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](unsigned char c) {
    return std::isalnum(c) != 0 || c == '.' || c == '_' || c == '-';
  });
}

/// A file named from the root: what remembers it may run in another folder.
Result<void> make_absolute(std::string& file, std::string_view flag) {
  if (file.empty()) return {};
  std::error_code failure;
  if (!std::filesystem::exists(file, failure)) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("{}: there is no file {}", flag, in_quotes(file))};
  }
  file = std::filesystem::absolute(file, failure).string();
  return {};
}

Result<void> read_slurm(const ServeFlags& flags, ServeOptions& options) {
  if (flags.slurm == SlurmChoice()) return {};
  if (options.engine && options.engine != EngineKind::kSlurm) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("--slurm and its like are for \"--engine slurm\", and not for "
                             "\"--engine {}\"",
                             flags.engine)};
  }
  options.engine = EngineKind::kSlurm;
  options.slurm = flags.slurm;
  if (auto made = make_absolute(options.slurm.jwt_key, "--slurm-jwt-key"); !made) return made;
  return make_absolute(options.slurm.topology, "--slurm-topology");
}

Result<void> read_engine(const ServeFlags& flags, ServeOptions& options) {
  if (!flags.engine.empty()) options.engine = enum_from_name<EngineKind>(flags.engine);
  if (auto slurm = read_slurm(flags, options); !slurm) return slurm;
  if (options.engine == EngineKind::kSlurm && !flags.nodes.empty()) {
    return Error{ErrorCode::kInvalid, "--node: a Slurm cluster says itself what nodes it has"};
  }
  const bool simulated = options.engine == EngineKind::kSimulated;
  if (!simulated && (!flags.fleet.empty() || !flags.simulated_run.empty())) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("{} is for \"--engine simulated\"; a real engine says itself what "
                             "nodes it has and when tasks end",
                             flags.fleet.empty() ? "--simulated-run" : "--fleet")};
  }
  if (!flags.fleet.empty() && !flags.nodes.empty()) {
    return Error{ErrorCode::kInvalid, "give either --fleet or --node, and not both"};
  }
  if (!flags.simulated_run.empty()) {
    const auto run = parse_duration(flags.simulated_run, Duration(0), hours(24 * 3650));
    if (!run) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("--simulated-run: {}, found {}", run.error().message,
                               in_quotes(flags.simulated_run))};
    }
    options.simulated_run = *run;
  }
  if (flags.fleet.empty()) return {};
  const auto catalogue = load_catalogue("");
  if (!catalogue) return catalogue.error();
  auto fleet = load_fleet(flags.fleet, *catalogue);
  if (!fleet) return fleet.error();
  options.fleet = std::move(fleet->fleet);
  return {};
}

}  // namespace

Result<ServeOptions> serve_options(const std::filesystem::path& home, const ServeFlags& flags) {
  ServeOptions options;
  options.home = home;
  options.listen = flags.listen;
  options.port = flags.port;
  options.log_level = flags.log_level;
  std::set<std::string> names;
  for (const std::string& text : flags.nodes) {
    auto node = parse_declared_node(text);
    if (!node) return node.error();
    if (!names.insert(node->name).second) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("--node: the name \"{}\" is given twice", node->name)};
    }
    options.nodes.push_back(std::move(*node));
  }
  if (auto engine = read_engine(flags, options); !engine) return engine.error();
  return options;
}

Result<DeclaredNode> parse_declared_node(const std::string& text) {
  const auto refuse = [&](std::string_view what) {
    return Error{
        ErrorCode::kInvalid,
        fmt::format(
            "--node: {}, found {}; the form is NAME:ACCELERATORS[:TYPE[:CPUS[:MEMORY]]], such as "
            "a:8 or a:8:H100:64:512GiB",
            what, in_quotes(text))};
  };
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 5) return refuse("expected two to five parts");
  DeclaredNode node{
      .name = parts[0], .accelerators = 0, .accelerator_type = "", .cpus = {}, .memory = {}};
  if (!is_node_name(node.name))
    return refuse("expected a name of 1 to 64 of the characters A-Z a-z 0-9 . _ -");
  const auto accelerators = parse_whole(parts[1], 0, kDevicesMax);
  if (!accelerators) return refuse(accelerators.error().message + " as the number of accelerators");
  node.accelerators = static_cast<std::uint32_t>(*accelerators);
  if (parts.size() > 2) node.accelerator_type = parts[2];
  if (parts.size() > 3 && !parts[3].empty()) {
    const auto cpus = parse_thousandths(parts[3], 0, kCpusPerTaskMax);
    if (!cpus) return refuse(cpus.error().message + " as the number of CPUs");
    node.cpus = CpuShare(*cpus);
  }
  if (parts.size() > 4 && !parts[4].empty()) {
    const auto memory = parse_bytes(parts[4], Bytes(0), kMemoryPerTaskMax);
    if (!memory) return refuse(memory.error().message + " as the memory");
    node.memory = *memory;
  }
  return node;
}

void add_serve_flags(CLI::App& verb, ServeFlags& flags) {
  verb.add_option("--listen", flags.listen,
                  "The address to listen on (default: on Slurm as before, else 127.0.0.1)")
      ->type_name("ADDRESS");
  verb.add_option("--port", flags.port,
                  "The port (default: as before, as HOME/endpoint says, else any free one)")
      ->type_name("PORT");
  verb.add_option("--node", flags.nodes,
                  "Declare a node instead of using this machine as it is: "
                  "NAME:ACCELERATORS[:TYPE[:CPUS[:MEMORY]]]; may be given several times")
      ->type_name("NODE")
      ->allow_extra_args(false);
  verb.add_option("--engine", flags.engine,
                  "What runs the tasks: local (processes of this machine), slurm (jobs of a Slurm "
                  "cluster) or simulated (nothing runs; attempts start and end on timers). "
                  "Default: as before, else local")
      ->type_name("ENGINE")
      ->check(CLI::IsMember({"local", "simulated", "slurm"}));
  verb.add_option("--fleet", flags.fleet,
                  "With --engine simulated: declare this fleet, a file or the name of one that is "
                  "built in (mw fleet list)")
      ->type_name("FLEET");
  verb.add_option("--simulated-run", flags.simulated_run,
                  "With --engine simulated: how long a task runs when its job has no variable "
                  "SIMULATED_RUN (default: 60s)")
      ->type_name("TIME");
  verb.add_option("--slurm", flags.slurm.address,
                  "Where slurmrestd of a Slurm cluster listens: unix:/PATH of its socket, or "
                  "http://HOST:PORT; implies --engine slurm")
      ->type_name("ADDRESS");
  verb.add_option("--slurm-jwt-key", flags.slurm.jwt_key,
                  "With --slurm: the cluster's key for tokens (jwt_key of slurm.conf), so that "
                  "each job runs as the user who submitted it")
      ->type_name("FILE");
  verb.add_option("--slurm-partition", flags.slurm.partitions,
                  "With --slurm: a partition to use; may be given several times (default: all "
                  "that are up)")
      ->type_name("NAME")
      ->allow_extra_args(false);
  verb.add_option_function<std::vector<std::string>>(
          "--adopt-partition",
          [&flags](const std::vector<std::string>& names) { flags.slurm.adopt = names; },
          "With --slurm: a partition whose jobs people go on handing to Slurm itself, and that is "
          "decided about here; may be given several times, or with commas; \"\": none any more")
      ->type_name("NAME")
      ->delimiter(',')
      ->allow_extra_args(false);
  verb.add_option("--slurm-topology", flags.slurm.topology,
                  "With --slurm: the cluster's topology.conf, which says where its nodes stand")
      ->type_name("FILE");
  verb.add_option("--slurm-user", flags.slurm.user,
                  "With --slurm-jwt-key: as which user lists are asked for (default: who serves)")
      ->type_name("USER");
  verb.add_option("--log-level", flags.log_level,
                  "trace, debug, info, warn or error (default: info)")
      ->type_name("LEVEL")
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
}

void add_serve(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand("serve", "Be the control plane, in the foreground");
  auto flags = std::make_shared<ServeFlags>();
  add_serve_flags(*verb, *flags);
  verb->footer(
      "Logs to standard error. SIGTERM and SIGINT end it; jobs that run go on under their "
      "supervisors and are found "
      "again by the next one. \"mw up\" does the same in the background.\n\n"
      "  mw serve --node a:8:H100:64:512GiB --node b:8:H100:64:512GiB\n"
      "  mw serve --engine simulated --fleet ai-cloud-2025\n"
      "  mw serve --slurm unix:/run/slurmrestd/slurmrestd.sock");
  verb->callback([&cli, flags] {
    cli.action = [&cli, flags] {
      const auto home = cli.home();
      if (!home) return cli.console.fail(home.error());
      auto options = serve_options(*home, *flags);
      if (!options) return cli.console.fail(options.error());
      if (const auto made = make_home(options->home); !made) return cli.console.fail(made.error());
      return cli.hooks.serve(*options);
    };
  });
}

}  // namespace mw
