// mw slurm ...: the jobs that people hand to a Slurm cluster for us, and the way back to Slurm's
// own scheduler. Both ask the cluster itself, so they work when no control plane runs.
// Slurm's commands under this name (sbatch and the others) are no verbs of this tree: they have
// options of their own and are read as Slurm reads them, by src/slurm_face, before this tree is
// asked. Here they are only described.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/home.h"
#include "cli/json_view.h"
#include "cli/table.h"
#include "cli/verbs.h"

namespace mw {
namespace {

namespace json = boost::json;

int jobs(const Cli& cli) {
  const auto home = cli.home();
  if (!home) return cli.console.fail(home.error());
  const auto waiting = cli.hooks.slurm.waiting(*home);
  if (!waiting) return cli.console.fail(waiting.error());
  json::array list;
  Table table({{.title = "SLURM JOB", .importance = 100, .width_min = 9},
               {.title = "NAME", .importance = 60, .width_min = 8},
               {.title = "USER", .importance = 80, .width_min = 4},
               {.title = "PARTITION", .importance = 50, .width_min = 9},
               {.title = "WHAT", .importance = 90, .width_min = 20}});
  for (const SlurmWaiting& each : *waiting) {
    list.push_back(json::object{{"slurm_job", each.id},
                                {"name", each.name},
                                {"user", each.user},
                                {"partition", each.partition},
                                {"what", each.what}});
    table.add({{each.id}, {each.name}, {each.user}, {each.partition}, {each.what}});
  }
  if (cli.globals.json) {
    cli.console.out(pretty_json(json::serialize(json::object{{"jobs", std::move(list)}})));
  } else if (table.empty()) {
    cli.console.out("No job waits in Slurm for a decision.\n");
  } else {
    cli.console.out(table.render(cli.console.out_traits));
  }
  return 0;
}

constexpr const char* kDrains =
    "Nodes that were drained from here have a reason that begins with \"Millwright\"; see them "
    "with \"sinfo -R\".\n";

/// Whether new jobs still arrive held, and what is to be done then.
std::string text_of_rule(const SlurmGivenBack& back) {
  if (!back.rule_off.empty()) {
    return fmt::format(
        "New jobs go there as well, until \"mw up\": the rule in job_submit.lua is switched off by "
        "{}, which slurmctld has to see.\n",
        back.rule_off);
  }
  if (back.rule_fault.empty()) return "";
  return fmt::format(
      "New jobs are still held: {}. Without that file take \"lua\" out of JobSubmitPlugins in "
      "slurm.conf, or empty the list of partitions at the top of job_submit.lua, then run "
      "\"scontrol reconfigure\".\n",
      back.rule_fault);
}

int give_back(const Cli& cli) {
  const auto home = cli.home();
  if (!home) return cli.console.fail(home.error());
  if (const auto holder = lock_holder(*home)) {
    return cli.console.fail(
        {ErrorCode::kConflict,
         fmt::format("a control plane serves {} (process {}), and would hold the jobs again; stop "
                     "it first with \"mw down\"",
                     home->string(), *holder)});
  }
  const auto back = cli.hooks.slurm.give_back(*home);
  if (!back) return cli.console.fail(back.error());
  if (cli.globals.json) {
    json::array failed;
    for (const auto& [id, why] : back->failed) {
      failed.push_back(json::object{{"slurm_job", id}, {"why", why}});
    }
    cli.console.out(pretty_json(json::serialize(
        json::object{{"released", json::array(back->released.begin(), back->released.end())},
                     {"failed", std::move(failed)},
                     {"rule_switched_off_by", back->rule_off},
                     {"rule_fault", back->rule_fault}})));
  } else {
    cli.console.out(
        fmt::format("{} of Slurm's jobs were let go; Slurm's own scheduler starts them.\n",
                    back->released.size()));
    for (const auto& [id, why] : back->failed) {
      cli.console.out(fmt::format("  job {} stays held: {}\n", id, why));
    }
    cli.console.out(text_of_rule(*back) + kDrains);
  }
  return back->failed.empty() && back->rule_fault.empty() ? 0
                                                          : row(ErrorCode::kUnavailable).exit_code;
}

}  // namespace

void add_slurm(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand(
      "slurm", "Slurm's commands for any engine, and jobs that people hand to a Slurm cluster");
  verb->require_subcommand(1);
  verb->footer(
      "sbatch, srun, salloc, squeue, scancel, sinfo, scontrol and sacct follow \"mw slurm\" as "
      "well. \"mw slurm links DIR\" makes them links to mw, so that they are called by their "
      "names; with --remove it takes them away again. \"mw slurm show SCRIPT\" says what Slurm "
      "would be asked for by a batch script, and what of it is not supported; \"mw slurm options\" "
      "lists all options. docs/slurm-commands.md has the rest.\n\n"
      "  mw slurm links ~/bin\n"
      "  mw slurm sbatch --nodes=2 --gres=gpu:8 train.sh\n"
      "  mw slurm show train.sh");
  CLI::App* list = verb->add_subcommand(
      "jobs", "Jobs that wait in Slurm for a decision, and what is to be said of each");
  list->footer(
      "Of an array's elements that wait one line stands for all. What cannot be decided about "
      "stays "
      "held, and the reason stands here and in Slurm (AdminComment of \"scontrol show job\"). Once "
      "it was taken a job is one like any other: \"mw jobs\", \"mw job why\".\n\n"
      "  mw slurm jobs");
  list->callback([&cli] { cli.action = [&cli] { return jobs(cli); }; });
  CLI::App* back = verb->add_subcommand(
      "give-back", "Let Slurm's own scheduler have all jobs that wait for a decision");
  back->footer(
      "For when there is to be no control plane any more, or for a while. It asks Slurm itself, as "
      "the control plane of this home did, and switches off the rule that hands new jobs over. "
      "\"mw up\" switches it on again. What runs goes on. Jobs that their users hold stay held.\n\n"
      "  mw down; mw slurm give-back");
  back->callback([&cli] { cli.action = [&cli] { return give_back(cli); }; });
}

}  // namespace mw
