// mw sim --fleet ... --workload ...: one simulated run for each seed, its summary, and a folder
// with the report. Ctrl-C ends a run early, and what was run by then is reported.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <csignal>
#include <memory>

#include "cli/experiment.h"
#include "cli/fleet_source.h"
#include "cli/json_view.h"
#include "cli/render_sim.h"
#include "cli/sim.h"
#include "cli/text_source.h"
#include "cli/verbs.h"
#include "codec/fault_policy_file.h"
#include "codec/policy_file.h"

namespace mw {
namespace {

std::atomic<bool> interrupted{false};

/// While it lives, the first Ctrl-C ends the run in good order; a second one ends the program.
class Interruptible {
 public:
  Interruptible() {
    interrupted = false;
    struct sigaction action {};
    action.sa_handler = [](int) { interrupted = true; };
    action.sa_flags = static_cast<int>(SA_RESETHAND);
    ::sigaction(SIGINT, &action, &before_);
  }
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;
  ~Interruptible() { ::sigaction(SIGINT, &before_, nullptr); }

 private:
  struct sigaction before_ {};
};

struct RunOptions {
  std::string fleet;
  std::string policy = "default";
  std::string fault_policy;
  std::string seeds = "1";
  SimRunRequest request;
};

std::string bar(double part, std::size_t width, bool unicode) {
  const auto full = static_cast<std::size_t>(part * static_cast<double>(width));
  std::string text;
  for (std::size_t i = 0; i < width; ++i) {
    text += i < full ? (unicode ? "█" : "#") : (unicode ? "░" : ".");
  }
  return text;
}

SimProgress progress_on(const Cli& cli, std::uint64_t seed) {
  if (!cli.console.err_traits.interactive) return {};
  return [&cli, seed](double days, double part) {
    const bool unicode = cli.console.err_traits.unicode;
    const std::string how_far =
        part < 0 ? std::string() : fmt::format(" {} {:3.0f} %", bar(part, 30, unicode), part * 100);
    cli.console.err("\r\x1b[K" + clip(fmt::format("seed {}{} day {:.1f}", seed, how_far, days),
                                      cli.console.err_traits.width, unicode));
  };
}

Result<void> load_inputs(RunOptions& options) {
  const auto catalogue = load_catalogue("");
  if (!catalogue) return catalogue.error();
  auto fleet = load_fleet(options.fleet, *catalogue);
  if (!fleet) return fleet.error();
  options.request.fleet = std::move(fleet->fleet);
  const auto text =
      read_file_or_built_in(options.policy, kEmbeddedPolicies, "policy", kPolicyFileBytesMax);
  if (!text) return text.error();
  auto policy = parse_policy_file(text->text, text->name);
  if (!policy) return policy.error();
  options.request.policy = std::move(*policy);
  if (options.fault_policy.empty()) return {};
  const auto rules = read_file_or_built_in(options.fault_policy, kEmbeddedFaultPolicies,
                                           "fault policy", kFaultPolicyBytesMax);
  if (!rules) return rules.error();
  auto fault_policy = parse_fault_policy(rules->text, rules->name);
  if (!fault_policy) return fault_policy.error();
  options.request.fault_policy = std::move(*fault_policy);
  return {};
}

/// One run; its report as JSON.
Result<std::string> run_one(const Cli& cli, const SimRunRequest& request) {
  const auto note = [&cli](const std::string& sentence) { cli.console.warn(sentence); };
  auto report = cli.hooks.sim.run(request, progress_on(cli, request.seed), note, interrupted);
  if (cli.console.err_traits.interactive) cli.console.err("\r\x1b[K");
  return report;
}

int run(const Cli& cli, RunOptions options) {
  if (options.fleet.empty() || options.request.workload.empty()) {
    return cli.console.fail({ErrorCode::kInvalid,
                             "mw sim needs --fleet and --workload; mw fleet list and mw workload "
                             "list show what is built in"});
  }
  const auto seeds = parse_seeds(options.seeds, "--seed");
  if (!seeds) return cli.console.fail(seeds.error());
  if (const auto loaded = load_inputs(options); !loaded) return cli.console.fail(loaded.error());
  const Interruptible interruptible;
  const std::string out = options.request.out;
  boost::json::array reports;
  for (std::uint64_t seed = seeds->first; seed <= seeds->second && !interrupted; ++seed) {
    options.request.seed = seed;
    if (!out.empty() && seeds->first != seeds->second) {
      options.request.out = fmt::format("{}/seed-{}", out, seed);
    }
    const auto report = run_one(cli, options.request);
    if (!report) return cli.console.fail(report.error());
    boost::json::value tree = boost::json::parse(*report);
    if (!cli.globals.json) {
      cli.console.out(render_run_report(JsonView(tree), cli.console.out_traits));
      if (!options.request.out.empty()) {
        cli.console.out(fmt::format("\nReport: {}/report.html\n", printable(options.request.out)));
      }
    }
    reports.push_back(std::move(tree));
  }
  if (cli.globals.json) {
    cli.console.out(pretty_json(seeds->first == seeds->second ? boost::json::serialize(reports[0])
                                                              : boost::json::serialize(reports)));
  }
  return interrupted ? 130 : 0;
}

}  // namespace

void add_sim_run(CLI::App& sim, Cli& cli) {
  auto options = std::make_shared<RunOptions>();
  sim.add_option("--fleet", options->fleet,
                 "A fleet file, or the name of a built-in one (mw fleet list)")
      ->type_name("FLEET");
  sim.add_option("--workload", options->request.workload,
                 "A trace, a workload file, or the name of a built-in one (mw workload list); "
                 "FORM:PATH where its form cannot be found out")
      ->type_name("WORKLOAD");
  sim.add_option("--days", options->request.days,
                 "Simulated days (default: as long as the workload, and until all has ended)")
      ->type_name("N")
      ->check(CLI::Range(1, 3660));
  sim.add_option("--policy", options->policy,
                 "A policy file, or the name of a built-in one (default: default)")
      ->type_name("POLICY");
  sim.add_option(
         "--fault-policy", options->fault_policy,
         "What is done about faults that have a code: a fault policy file, or the name of a "
         "built-in one (default: nothing). Its hooks are simulated, not run")
      ->type_name("POLICY");
  sim.add_option("--scenario", options->request.scenario,
                 "What breaks and how fast things go: a file, or a built-in one (default: default)")
      ->type_name("SCENARIO");
  sim.add_option("--seed", options->seeds, "Seed, or several as 1..5 (default: 1)")
      ->type_name("SEEDS");
  sim.add_option("--accelerator", options->request.accelerator_type,
                 "The type that jobs of a trace ask for (default: any)")
      ->type_name("TYPE");
  sim.add_option("--gpus-per-node", options->request.accelerators_per_node,
                 "Of the nodes that the jobs of a trace were made for (default: the fleet's)")
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  sim.add_option("--out", options->request.out,
                 "Folder for report.html, summary.json, jobs.csv and ledger.csv; with several "
                 "seeds, one below it for each")
      ->type_name("DIR");
  sim.footer(
      "The brain and the loop are the very ones that run live; only the machines are simulated. "
      "Needs no control plane. Ctrl-C ends the run, and what was run by then is reported.\n\n"
      "  mw sim --fleet laptop --workload laptop-30d --out runs/laptop\n"
      "  mw sim --fleet ai-cloud-2025 --workload ai-cloud-30d --days 30 --seed 1..5 --out runs/a");
  sim.callback([&cli, options, &sim] {
    if (!sim.get_subcommands().empty()) return;
    cli.action = [&cli, options] { return run(cli, *options); };
  });
}

}  // namespace mw
