// mw experiment faults: what faults cost a large training job, by how much is done about them
// without people.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <memory>

#include "cli/experiment.h"
#include "cli/verbs.h"
#include "codec/units.h"

namespace mw {
namespace {

constexpr std::uint32_t kNodesMax = 100'000;

struct Words {
  std::string seeds = "1";
  std::string checkpoint_cost = "2s";
  std::string checkpoint_interval = "best";
  std::string person = "1h";
  std::string start_up;
};

Result<void> read_length(const std::string& option, const std::string& text, Duration low,
                         std::int64_t& ms) {
  const auto length = parse_duration(text, low, hours(24 * 30));
  if (!length) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("{}: {}, found {}", option, length.error().message, in_quotes(text))};
  }
  ms = length->count() / milliseconds(1).count();
  return {};
}

Result<void> read_words(const Words& words, const std::vector<std::string>& known,
                        FaultsRequest& request) {
  for (const std::string& each : request.automation) {
    if (std::find(known.begin(), known.end(), each) != known.end()) continue;
    return Error{ErrorCode::kInvalid, fmt::format("--automation: expected one of {}; found {}",
                                                  fmt::join(known, ", "), in_quotes(each))};
  }
  if (request.trace.empty() == request.scenario.empty()) {
    return Error{ErrorCode::kInvalid, "expected either --trace FILE or --scenario SCENARIO"};
  }
  if (request.nodes != 0 && request.gang > request.nodes) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("--gang: expected at most the {} nodes of --nodes; found {}",
                             request.nodes, request.gang)};
  }
  const auto seeds = parse_seeds(words.seeds);
  if (!seeds) return seeds.error();
  std::tie(request.first_seed, request.last_seed) = *seeds;
  Result<void> read = read_length("--checkpoint-cost", words.checkpoint_cost, Duration(0),
                                  request.checkpoint_cost_ms);
  if (read.ok() && words.checkpoint_interval != "best") {
    read = read_length("--checkpoint-interval", words.checkpoint_interval, seconds(1),
                       request.checkpoint_interval_ms);
  }
  if (read.ok()) read = read_length("--person", words.person, seconds(1), request.person_ms);
  if (read.ok() && !words.start_up.empty()) {
    read = read_length("--start-up", words.start_up, milliseconds(1), request.start_up_ms);
  }
  return read;
}

void add_options(CLI::App& verb, FaultsRequest& request, Words& words) {
  verb.add_option("--trace", request.trace, "A fault trace, whose faults are replayed")
      ->type_name("FILE");
  verb.add_option("--scenario", request.scenario,
                  "Instead: faults at the rates of a scenario, a file or a built-in one")
      ->type_name("SCENARIO");
  verb.add_option("--automation", request.automation,
                  "How much is done without people; may be given several times (default: all): "
                  "none, restart, full")
      ->type_name("HOW")
      ->allow_extra_args(false);
  verb.add_option("--nodes", request.nodes,
                  "Nodes of 8 accelerators (default: 400 for a trace, else 3 % more than the gang)")
      ->type_name("N")
      ->check(CLI::Range(1U, kNodesMax));
  verb.add_option("--gang", request.gang, "Nodes of the gang (default: 256)")
      ->type_name("N")
      ->check(CLI::Range(1U, kNodesMax));
  verb.add_option("--days", request.days, "Simulated days (default: the trace's; else 54)")
      ->type_name("N")
      ->check(CLI::Range(1, 3660));
  verb.add_option("--checkpoint-cost", words.checkpoint_cost,
                  "How long the gang stands still for a checkpoint (default: 2s)")
      ->type_name("TIME");
  verb.add_option("--checkpoint-interval", words.checkpoint_interval,
                  "Work between two of them; best (default): Daly's for these faults")
      ->type_name("TIME");
  verb.add_option("--person", words.person,
                  "From being called until a person has done it (default: 1h)")
      ->type_name("TIME");
  verb.add_option("--start-up", words.start_up,
                  "From the start of all tasks until work goes on (default: the scenario's, 60s)")
      ->type_name("TIME");
  verb.add_option("--seeds", words.seeds, "Seeds, as 1..5 or 1 (default)")->type_name("SEEDS");
}

}  // namespace

void add_faults_experiment(CLI::App& group, Cli& cli) {
  CLI::App* verb = group.add_subcommand(
      "faults", "What faults cost a large gang, by how much is done about them without people");
  auto request = std::make_shared<FaultsRequest>();
  auto words = std::make_shared<Words>();
  add_options(*verb, *request, *words);
  verb->footer(
      "One gang runs on the fleet beside filler that may be stopped for it, and the same faults "
      "strike each time. Shows the part of the time that was work which was kept (ETTR), and what "
      "one interruption cost in the mean, in seconds, by its parts. docs/validation.md says what "
      "is assumed, and what came out.\n\n"
      "  mw experiment faults --trace traces/infinitehbd/fault_trace_90d.json\n"
      "  mw experiment faults --scenario llama3-16k --gang 2048 --days 54 --automation full");
  verb->callback([&cli, request, words] {
    cli.action = [&cli, request, words] {
      const auto& hooks = cli.hooks.experiments;
      const auto read = read_words(*words, hooks.automations, *request);
      if (!read.ok()) return cli.console.fail(read.error());
      return show_experiment(cli, hooks.faults(*request, experiment_progress(cli)));
    };
  });
}

}  // namespace mw
