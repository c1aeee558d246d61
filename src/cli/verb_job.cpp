// mw job ...: one job, and what can be done to it.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/array.hpp>
#include <memory>

#include "cli/format.h"
#include "cli/render.h"
#include "cli/table.h"
#include "cli/verbs.h"
#include "codec/text.h"

namespace mw {
namespace {

int show(const Cli& cli, const std::string& text) {
  const auto job = parse_job_reference(text);
  if (!job) return cli.console.fail(job.error());
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto view = get_job(*api, *job);
  if (!view) return cli.console.fail(view.error());
  if (cli.globals.json) return cli.print_json(*view);
  const auto story = api->get(fmt::format("/v1/jobs/{}/story", job->id));
  const TerminalTraits& traits = cli.console.out_traits;
  cli.console.out(render_job(view->view(), wall_clock(), traits));
  if (!story) return cli.console.fail(story.error());
  cli.console.out("\n" + render_story(story->view(), traits));
  return 0;
}

int why(const Cli& cli, const std::string& text) {
  const auto job = parse_job_reference(text);
  if (!job) return cli.console.fail(job.error());
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  if (job->is_element) {
    if (const auto exists = get_job(*api, *job); !exists) return cli.console.fail(exists.error());
  }
  const auto reply = api->get(fmt::format("/v1/jobs/{}/why", job->id));
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  const JsonView view = reply->view();
  cli.console.out(fmt::format("Job {} is {}. {}\n", job->text(), printable(view["state"].text()),
                              printable(view["text"].text())));
  const std::string blockers = view["blockers"]["text"].text();
  if (!blockers.empty()) cli.console.out(printable(blockers) + "\n");
  return 0;
}

/// The whole queue by what it waits for.
int why_all(const Cli& cli) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto reply = api->get("/v1/queue/reasons");
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  Table table({{.title = "JOBS", .importance = 9, .align = Column::Align::kRight},
               {.title = "ACCELERATORS", .importance = 5, .align = Column::Align::kRight},
               {.title = "WHY", .importance = 10, .width_min = 20},
               {.title = "E.G.", .importance = 3}});
  for (const auto& element : reply->view()["reasons"].list()) {
    const JsonView row(element);
    table.add({{std::to_string(row["jobs"].integer())},
               {share_text(AcceleratorShare(row["accelerators_milli"].integer()))},
               {printable(row["text"].text())},
               {"job " + std::to_string(row["example"].integer())}});
  }
  if (table.empty()) {
    cli.console.out("No job waits.\n");
  } else {
    cli.console.out(table.render(cli.console.out_traits));
  }
  return 0;
}

void add_why(CLI::App& parent, Cli& cli) {
  CLI::App* verb = parent.add_subcommand("why", "Say why a job waits, and what is in its way");
  auto job = std::make_shared<std::string>();
  auto all = std::make_shared<bool>(false);
  auto* name = verb->add_option("JOB", *job,
                                "The job's number, such as 17; 17[3] is element 3 of the array 17");
  auto* whole = verb->add_flag("--all", *all, "The whole queue, by what it waits for");
  name->excludes(whole);
  verb->footer("Held jobs are not counted by --all: they wait for a person.");
  verb->callback([&cli, job, all] {
    if (job->empty() && !*all) throw CLI::RequiredError("JOB or --all");
    cli.action = [&cli, job, all] { return *all ? why_all(cli) : why(cli, *job); };
  });
}

/// What a verb does to one job, or to a whole array when its number is given without an index.
int act(const Cli& cli, const std::string& text, const std::string& verb) {
  const auto job = parse_job_reference(text);
  if (!job) return cli.console.fail(job.error());
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto view = get_job(*api, *job);
  if (!view) return cli.console.fail(view.error());
  const bool is_array = view->view()["array_count"].integer(1) > 1;
  const bool is_first = view->view()["array_index"].integer() == 0;
  const bool whole = is_array && is_first && !job->is_element && verb != "requeue";
  HttpFields query;
  if (whole) query.emplace_back("whole_array", "1");
  const auto reply = api->post(fmt::format("/v1/jobs/{}/{}", job->id, verb), "", query);
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  const std::string label =
      whole ? fmt::format("array {}", job->id) : "job " + job_label(view->view());
  cli.console.out(fmt::format("{}: {} asked; it is now {}.\n", label, verb,
                              printable(reply->view()["state"].text())));
  return 0;
}

void add_action(CLI::App& parent, Cli& cli, const std::string& name, const std::string& description,
                const std::string& footer) {
  CLI::App* verb = parent.add_subcommand(name, description);
  auto jobs = std::make_shared<std::vector<std::string>>();
  verb->add_option("JOB", *jobs, "The job's number, such as 17 or 17[3]; several may be given")
      ->required();
  verb->footer(footer);
  verb->callback([&cli, jobs, name] {
    cli.action = [&cli, jobs, name] {
      int code = 0;
      for (const std::string& job : *jobs) {
        const int one = act(cli, job, name);
        if (code == 0) code = one;
      }
      return code;
    };
  });
}

void add_look(CLI::App& parent, Cli& cli, const std::string& name, const std::string& description,
              int (*look)(const Cli&, const std::string&)) {
  CLI::App* verb = parent.add_subcommand(name, description);
  auto job = std::make_shared<std::string>();
  verb->add_option("JOB", *job, "The job's number, such as 17; 17[3] is element 3 of the array 17")
      ->required();
  verb->callback([&cli, job, look] { cli.action = [&cli, job, look] { return look(cli, *job); }; });
}

}  // namespace

void add_job(CLI::App& app, Cli& cli) {
  CLI::App* group = app.add_subcommand("job", "Look at one job, or do something to it");
  group->require_subcommand(1);
  add_look(*group, cli, "show", "Show everything about a job, and its story", show);
  add_why(*group, cli);
  add_job_when(*group, cli);
  add_job_logs(*group, cli);
  const std::string whole =
      "The number of an array without an index means all its elements that have not ended.";
  add_action(*group, cli, "cancel",
             "End a job: its tasks are asked to stop, and killed after their grace", whole);
  add_action(*group, cli, "hold", "Keep a pending job from starting", whole);
  add_action(*group, cli, "release", "Let a held job start", whole);
  add_action(*group, cli, "requeue",
             "Stop the running attempt and start the job again from its last checkpoint",
             "Does not count against its restart limit.");
}

}  // namespace mw
