// The command line: everything that a person or a script types. It speaks to the control plane
// over HTTP like any other client and knows nothing that the API does not tell. What only the
// control plane's own program can do (being the server, opening the journal) comes in by hooks.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/experiment.h"
#include "cli/replay.h"
#include "cli/sim.h"
#include "cli/workload.h"
#include "model/fleet_spec.h"

namespace mw {

/// A node that is declared instead of discovered; fields left out are this machine's share.
struct DeclaredNode {
  std::string name;
  std::uint32_t accelerators = 0;
  std::string accelerator_type;  ///< empty: "cpu"
  std::optional<CpuShare> cpus;
  std::optional<Bytes> memory;
  bool operator==(const DeclaredNode&) const = default;
};

/// How to reach a Slurm cluster. What is left empty is as before on this home.
struct SlurmChoice {
  std::string address;                  ///< of slurmrestd: "unix:/PATH" or "http://HOST:PORT"
  std::string user;                     ///< who we are there; empty: who we are here
  std::string jwt_key;                  ///< the cluster's key, a file; empty: no tokens
  std::string topology;                 ///< topology.conf; empty: no switches are known
  std::vector<std::string> partitions;  ///< empty: all that are up
  bool operator==(const SlurmChoice&) const = default;
  MW_FIELDS(address, user, jwt_key, topology, partitions)
};

enum class EngineKind : std::uint8_t { kLocal, kSimulated, kSlurm };
template <>
struct EnumNames<EngineKind> {
  static constexpr std::array<std::string_view, 3> value = {"local", "simulated", "slurm"};
};

/// How `mw serve` is to serve.
struct ServeOptions {
  std::filesystem::path home;  ///< absolute; exists, mode 0700
  std::string listen = "127.0.0.1";
  std::uint16_t port = 0;                ///< 0: as before (HOME/endpoint), or any free one
  std::vector<DeclaredNode> nodes;       ///< empty: this machine, as it is
  std::string log_level = "info";        ///< trace, debug, info, warn, error
  std::optional<EngineKind> engine;      ///< none: as before on this home, or local
  std::optional<FleetSpec> fleet;        ///< to declare, unless it is already
  Duration simulated_run = seconds(60);  ///< of a simulated task whose job does not say
  SlurmChoice slurm;
};

// The journal, read without a control plane.

struct JournalCheck {
  std::uint64_t batches = 0;
  std::uint64_t inputs = 0;
  std::uint64_t events = 0;
};
struct JournalQuery {
  std::uint64_t after = 0;
  std::uint64_t job = 0;  ///< 0: all
  std::size_t limit = 1000;
};
struct JournalEvent {
  std::uint64_t seq = 0;
  Instant at;
  std::string kind;
  std::string text;  ///< for people
  std::string row;   ///< the event as JSON, on one line
};
/// Names and values in the order in which they are shown; names are snake_case.
using JournalStats = std::vector<std::pair<std::string, std::string>>;

struct CliHooks {
  std::string version;
  /// Serves until it is told to stop; the program's exit code. Writes its log to stderr.
  std::function<int(const ServeOptions&)> serve;
  /// Steps the whole history again and compares. Errors: kInternal names the first difference.
  std::function<Result<JournalCheck>(const std::filesystem::path& home,
                                     const std::function<void(std::uint64_t events)>& progress)>
      journal_verify;
  std::function<Result<std::vector<JournalEvent>>(const std::filesystem::path& home,
                                                  const JournalQuery& query)>
      journal_events;
  std::function<Result<JournalStats>(const std::filesystem::path& home)> journal_stats;
  /// The token of a user.  Errors: kInvalid for the name; what reading HOME/key says.
  std::function<Result<std::string>(const std::filesystem::path& home, const std::string& user)>
      user_token;
  ReplayHook replay;
  ExperimentHooks experiments;
  SimHooks sim;
  WorkloadHooks workloads;
};

class Console;

/// Runs one command on the standard streams; the exit code. Catches everything.
int run_cli(int argc, char** argv, const CliHooks& hooks);
/// The same without a process: `arguments` without the program's name.
int run_cli(const std::vector<std::string>& arguments, const CliHooks& hooks, Console& console);

/// docs/reference/cli.md, from the same tree that parses the arguments.
std::string cli_reference_markdown();

/// "name:accelerators[:type[:cpus[:memory]]]", e.g. "a:8:H100:64:512GiB".
/// Errors: kInvalid, saying what was found and what is allowed.
Result<DeclaredNode> parse_declared_node(const std::string& text);

}  // namespace mw
