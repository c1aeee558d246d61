// mw job when: when a job that waits starts, from possible futures of the live state.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>

#include "cli/forecast_view.h"
#include "cli/job_source.h"
#include "cli/verbs.h"

namespace mw {
namespace {

struct WhenOptions {
  std::string job;
  std::string file;  ///< instead of a job that is submitted
  std::uint32_t seconds = 0;
};

Result<ApiReply> ask(Api& api, const WhenOptions& options, std::string& name) {
  HttpFields query;
  if (options.seconds > 0) query.emplace_back("seconds", std::to_string(options.seconds));
  if (!options.file.empty()) {
    auto text = load_job_file(options.file);
    if (!text) return text.error();
    name = options.file == "-" ? "The job" : "The job of " + options.file;
    return api.post("/v1/forecasts", std::move(*text), query);
  }
  const auto job = parse_job_reference(options.job);
  if (!job) return job.error();
  if (job->is_element) {
    if (const auto exists = get_job(api, *job); !exists) return exists.error();
  }
  name = "Job " + job->text();
  return api.get(fmt::format("/v1/jobs/{}/forecast", job->id), query);
}

int when(const Cli& cli, const WhenOptions& options) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  std::string name;
  const auto reply = ask(*api, options, name);
  if (!reply) return cli.console.fail(reply.error());
  if (cli.globals.json) return cli.print_json(*reply);
  cli.console.out(render_start(reply->view(), name));
  return 0;
}

}  // namespace

void add_job_when(CLI::App& group, Cli& cli) {
  CLI::App* verb = group.add_subcommand(
      "when", "Say when a job starts, what it waits for, and what would make it sooner");
  auto options = std::make_shared<WhenOptions>();
  auto* job = verb->add_option("JOB", options->job,
                               "The job's number, such as 17; 17[3] is element 3 of the array 17");
  auto* file = verb->add_option("--dry-run", options->file,
                                "A job file, as if it were submitted now; - is standard input");
  file->type_name("FILE");
  verb->add_option("--seconds", options->seconds,
                   "Try futures for so long (2 when not given): more make a surer answer")
      ->type_name("N")
      ->check(CLI::Range(1, 30));
  job->excludes(file);
  verb->footer(
      "The live state is copied, and possible futures of it are run by the same rules; nothing "
      "is changed. docs/forecasts.md says how sure an answer is.\n\n"
      "  mw job when 17\n"
      "  mw job when --dry-run job.yaml");
  verb->callback([&cli, options] {
    if (options->job.empty() && options->file.empty()) throw CLI::RequiredError("JOB or --dry-run");
    cli.action = [&cli, options] { return when(cli, *options); };
  });
}

}  // namespace mw
