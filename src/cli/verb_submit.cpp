// mw submit: read job files here, where its name and the caller's folder are known, let the
// options have their say, and send what came of it. The control plane judges it again.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/random.h>
#include <unistd.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <optional>

#include "cli/follow.h"
#include "cli/format.h"
#include "cli/render.h"
#include "cli/verbs.h"
#include "codec/job_file.h"
#include "codec/units.h"

namespace mw {
namespace {

namespace fs = std::filesystem;

struct SubmitOptions {
  std::vector<std::string> files;
  std::vector<std::pair<std::string, std::string>> values;  ///< key of the job file, value
  std::vector<std::string> environment;
  std::string workdir;
  std::string key;
  bool hold = false;
  bool dry_run = false;
  bool wait = false;
  bool follow = false;
};

struct Flag {
  const char* name;
  const char* key;
  const char* type;
  const char* description;
  bool repeats = false;  ///< given several times it is a list
};
constexpr std::array<Flag, 20> kFlags = {{
    {"--name", "name", "NAME", "The job's name"},
    {"--tasks", "tasks", "N", "How many tasks the gang has"},
    {"--tasks-min", "tasks_min", "N", "Elastic: it also starts with so many tasks"},
    {"--nodes", "nodes", "N", "On exactly how many nodes"},
    {"--accelerators", "resources.accelerators", "N",
     "Accelerators of each task, such as 1 or 0.5"},
    {"--accelerator-type", "resources.accelerator_type", "TYPE", "Which type of accelerator"},
    {"--cpus", "resources.cpus", "N", "CPUs of each task"},
    {"--memory", "resources.memory", "SIZE", "Memory of each task, such as 512MiB"},
    {"--time-limit", "time_limit", "TIME",
     "How long one attempt may run, such as 90s, 10m, 2h; 0: no limit"},
    {"--restart-limit", "restart.limit", "N", "How often it may start again after a failure"},
    {"--array", "array", "N", "How many like jobs"},
    {"--priority-class", "priority_class", "NAME", "Its class in the policy's order of classes"},
    {"--priority", "priority", "N", "Larger goes first among jobs of its class"},
    {"--not-before", "not_before", "WHEN",
     "Its earliest start, such as 2026-12-01T08:00:00Z; 0: at once"},
    {"--deadline", "deadline", "WHEN", "Given up when it could not have ended by then; 0: never"},
    {"--after", "after", "[KIND:]JOB",
     "Start after this job has succeeded, or with afterany:JOB after it has ended; may be given "
     "several times",
     true},
    {"--site", "where.sites", "NAME", "Run at this site; may be given several times", true},
    {"--jurisdiction", "where.jurisdictions", "CODE",
     "Run where this law holds, such as NO or US-TX; may be given several times", true},
    {"--reservation", "reservation", "NAME", "Run on the nodes that are reserved under this name"},
    {"--tenant", "tenant", "NAME", "Whose account it is on"},
}};

/// Reads all of a stream, but no more than may be submitted at once and one byte to tell.
std::string read_all(std::istream& stream) {
  std::string text(kBatchBytesMax + 1, '\0');
  stream.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(stream.gcount()));
  return text;
}

struct Source {
  std::string name;  ///< for messages
  std::string text;
  fs::path folder;  ///< what relative paths in it mean
};

/// `file`: empty: there is none.
Result<Source> read_source(const SubmitOptions& options, const std::string& file,
                           bool has_command) {
  std::error_code failure;
  const fs::path here = fs::current_path(failure);
  if (failure)
    return Error{ErrorCode::kInvalid,
                 "the current folder no longer exists; change to one that does"};
  if (file.empty()) {
    if (!has_command) {
      return Error{
          ErrorCode::kInvalid,
          "nothing to submit: give a job file, \"-\" for standard input, or a command behind --"};
    }
    return Source{.name = "", .text = "", .folder = here};
  }
  if (file == "-")
    return Source{.name = "(standard input)", .text = read_all(std::cin), .folder = here};
  if (fs::is_directory(file, failure)) {
    return Error{ErrorCode::kInvalid, fmt::format("{} is a folder; name the job file in it", file)};
  }
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("cannot read {}: {}", file, std::strerror(errno))};
  }
  const fs::path folder = options.workdir.empty() ? fs::absolute(file).parent_path() : here;
  return Source{.name = file, .text = read_all(stream), .folder = folder};
}

/// The jobs of one file, or the one of a command.
Result<std::vector<JobSpec>> read_jobs(const Cli& cli, const SubmitOptions& options,
                                       const std::string& file) {
  auto source = read_source(options, file, cli.has_dashes);
  if (!source) return source.error();
  JobFileContext context{.source_name = source->name, .default_workdir = source->folder.string()};
  if (cli.has_dashes) {
    if (cli.after_dashes.empty())
      return Error{ErrorCode::kInvalid, "no command is given behind --"};
    context.command = cli.after_dashes;
  }
  for (const auto& [key, value] : options.values) {
    const auto* flag = std::ranges::find_if(kFlags, [&](const Flag& f) { return f.key == key; });
    context.overrides.push_back({key, value, flag->name});
  }
  if (options.hold) context.overrides.push_back({"hold", "true", "--hold"});
  if (!options.workdir.empty())
    context.overrides.push_back({"workdir", options.workdir, "--workdir"});
  for (const std::string& variable : options.environment) {
    const std::size_t equals = variable.find('=');
    if (equals == std::string::npos || equals == 0) {
      return Error{ErrorCode::kInvalid,
                   fmt::format("--env: expected NAME=VALUE, found {}", in_quotes(variable))};
    }
    const std::string name = variable.substr(0, equals);
    context.overrides.push_back(
        {"environment." + name, variable.substr(equals + 1), "--env " + name});
  }
  // A command on the command line is a job without ceremony: it is called after its program.
  const bool has_name =
      std::ranges::any_of(options.values, [](const auto& pair) { return pair.first == "name"; });
  if (file.empty() && !has_name) {
    std::string name =
        fs::path(cli.after_dashes.front()).filename().string().substr(0, kNameLengthMax);
    for (char& c : name) {
      if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '_') c = '-';
    }
    context.overrides.push_back({"name", name, "--name"});
  }
  return parse_job_files(source->text, context);
}

/// The jobs of all files, in order; every mistake in any of them is told.
Result<std::vector<JobSpec>> read_all_jobs(const Cli& cli, const SubmitOptions& options) {
  if (options.files.size() < 2)
    return read_jobs(cli, options, options.files.empty() ? "" : options.files.front());
  std::vector<JobSpec> all;
  std::optional<Error> failure;
  for (const std::string& file : options.files) {
    auto jobs = read_jobs(cli, options, file);
    if (!jobs) {
      if (failure) {
        failure->message += "\n" + jobs.error().message;
      } else {
        failure = jobs.error();
      }
      continue;
    }
    std::ranges::move(*jobs, std::back_inserter(all));
  }
  if (failure) return *failure;
  return all;
}

/// A key of our own makes sending again safe when the answer gets lost.
std::string random_key() {
  std::array<unsigned char, 16> bytes{};
  if (::getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) return {};
  std::string key = "mw-submit-";
  for (const unsigned char byte : bytes) key += fmt::format("{:02x}", byte);
  return key;
}

int report_outcome(const Cli& cli, Api& api, std::uint64_t first, std::uint64_t count,
                   bool succeeded) {
  if (count == 1) {
    if (const auto reply = api.get(fmt::format("/v1/jobs/{}", first))) {
      cli.console.out(cli.globals.json ? pretty_json(reply->body)
                                       : outcome_line(reply->view(), cli.console.out_traits));
      return succeeded ? 0 : 1;
    }
  }
  cli.console.out(
      fmt::format("jobs {}[0..{}] have ended; {}\n", first, count - 1,
                  succeeded ? "all succeeded" : "not all succeeded: see \"mw jobs --all\""));
  return succeeded ? 0 : 1;
}

/// Follows an answered job to its end when that was asked for; the exit code.
int watch_job(const Cli& cli, const SubmitOptions& options, Api& api, const JsonView& answer) {
  const auto job = static_cast<std::uint64_t>(answer["job"].integer());
  const auto count =
      static_cast<std::uint64_t>(std::max<std::int64_t>(answer["count"].integer(1), 1));
  const bool quiet = !options.follow || cli.globals.json;
  const auto succeeded = follow_jobs(api, cli.console, job, count,
                                     quiet ? FollowStyle::kQuiet : FollowStyle::kProgress);
  if (!succeeded) return cli.console.fail(succeeded.error());
  return report_outcome(cli, api, job, count, *succeeded);
}

/// Sends `jobs` in as few requests as they fit into; what became of each, in order.
/// A key a job makes it safe to send all of them again.
Result<boost::json::array> send_batches(Api& api, const std::vector<JobSpec>& jobs,
                                        const std::string& key, bool dry_run) {
  constexpr std::size_t kRoomForKeys = 300;  // bytes a job: more than any key has
  HttpFields query;
  if (dry_run) query.emplace_back("dry_run", "1");
  boost::json::array answers;
  for (std::size_t next = 0; next < jobs.size();) {
    std::string body = "{\"jobs\":[";
    boost::json::array keys;
    while (next < jobs.size() && keys.size() < kBatchJobsMax) {
      const std::string job = write_job_file(jobs[next]);
      const std::size_t size = body.size() + job.size() + kRoomForKeys * (keys.size() + 1);
      if (!keys.empty() && size > kBatchBytesMax) break;
      body += (keys.empty() ? "" : ",") + job;
      keys.emplace_back(fmt::format("{}/{}", key, next));
      ++next;
    }
    body += key.empty() ? "]}" : "],\"keys\":" + boost::json::serialize(keys) + "}";
    const auto reply = api.post("/v1/jobs/batch", std::move(body), query);
    if (!reply) {
      Error error = reply.error();
      if (!answers.empty())
        error.message += fmt::format("; the first {} jobs were answered before", answers.size());
      return error;
    }
    for (const auto& one : reply->view()["jobs"].list()) answers.push_back(one);
  }
  return answers;
}

int submit_many(const Cli& cli, const SubmitOptions& options, const std::vector<JobSpec>& jobs,
                const std::string& key) {
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto answers = send_batches(*api, jobs, key, options.dry_run);
  if (!answers) return cli.console.fail(answers.error());
  const bool watch = (options.wait || options.follow) && !options.dry_run;
  if (cli.globals.json && !watch)
    cli.console.out(pretty_json(boost::json::serialize(boost::json::object{{"jobs", *answers}})));
  int code = 0;
  std::vector<const boost::json::value*> taken;
  for (std::size_t i = 0; i < answers->size() && i < jobs.size(); ++i) {
    const JsonView answer((*answers)[i]);
    if (answer["error"].present()) {
      const auto known = enum_from_name<ErrorCode>(answer["error"]["code"].text());
      const int failed = cli.console.fail(
          {known.value_or(ErrorCode::kInternal),
           fmt::format("{}: {}", jobs[i].name, answer["error"]["message"].text())});
      if (code == 0) code = failed;  // the first mistake decides how it ends
      continue;
    }
    taken.push_back(&(*answers)[i]);
    if (!cli.globals.json) cli.console.out(submitted_line(answer, jobs[i], options.dry_run));
  }
  for (const boost::json::value* answer : taken) {
    if (!watch) break;
    const int ended = watch_job(cli, options, *api, JsonView(*answer));
    if (code == 0) code = ended;
  }
  return code;
}

int submit(const Cli& cli, const SubmitOptions& options) {
  const auto jobs = read_all_jobs(cli, options);
  if (!jobs) return cli.console.fail(jobs.error());
  const std::string key = options.key.empty() ? random_key() : options.key;
  if (jobs->size() > 1) return submit_many(cli, options, *jobs, key);
  const JobSpec& spec = jobs->front();
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  HttpFields query;
  if (options.dry_run) query.emplace_back("dry_run", "1");
  HttpFields headers;
  if (!key.empty()) headers.emplace_back("Idempotency-Key", key);
  const auto reply = api->post("/v1/jobs", write_job_file(spec), query, headers);
  if (!reply) return cli.console.fail(reply.error());
  const bool watch = (options.wait || options.follow) && !options.dry_run;
  if (cli.globals.json && !watch) return cli.print_json(*reply);
  if (!cli.globals.json) cli.console.out(submitted_line(reply->view(), spec, options.dry_run));
  return watch ? watch_job(cli, options, *api, reply->view()) : 0;
}

/// What is given several times becomes one text with commas, which the job file takes as a list.
void add_flag(CLI::App& verb, const Flag& flag, const std::shared_ptr<SubmitOptions>& options) {
  CLI::Option* option = nullptr;
  if (flag.repeats) {
    option = verb.add_option_function<std::vector<std::string>>(
        flag.name,
        [options, key = flag.key](const std::vector<std::string>& values) {
          options->values.emplace_back(key, fmt::format("{}", fmt::join(values, ",")));
        },
        flag.description);
    option->allow_extra_args(false);
  } else {
    option = verb.add_option_function<std::string>(
        flag.name,
        [options, key = flag.key](const std::string& value) {
          options->values.emplace_back(key, value);
        },
        flag.description);
  }
  option->type_name(flag.type);
}

}  // namespace

void add_submit(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand(
      "submit", "Submit jobs: from files, standard input (-), or a command behind --");
  auto options = std::make_shared<SubmitOptions>();
  verb->add_option("FILE", options->files,
                   "Job files (YAML or JSON), each with one job or several with --- between them; "
                   "- is standard input");
  for (const Flag& flag : kFlags) add_flag(*verb, flag, options);
  verb->add_option("--env", options->environment,
                   "A variable for the tasks, NAME=VALUE; may be given several times")
      ->type_name("NAME=VALUE")
      ->allow_extra_args(false);
  verb->add_option("--workdir", options->workdir,
                   "Where the tasks run (default: the job file's folder, or this one)")
      ->type_name("DIR");
  verb->add_flag("--hold", options->hold, "Wait for \"mw job release\" before it is considered");
  verb->add_option("--key", options->key, "The same key again gives the same job, not a second one")
      ->type_name("TEXT");
  verb->add_flag("--dry-run", options->dry_run, "Check everything, and change nothing");
  verb->add_flag("--wait", options->wait,
                 "Come back when the job has ended, with its outcome as exit status");
  verb->add_flag("-f,--follow", options->follow, "As --wait, and show its progress");
  verb->footer(
      "Options have precedence over the file. docs/reference/job-file.md describes the file. While "
      "following, Ctrl-C "
      "ends the watching and not the job.\n\n"
      "  mw submit examples/charlm/job.yaml --follow\n"
      "  mw submit job.yaml --tasks 4 --env SEED=7\n"
      "  mw submit sweep/*.yaml\n"
      "  mw submit --name hello --cpus 0.5 --wait -- echo hello");
  verb->callback(
      [&cli, options] { cli.action = [&cli, options] { return submit(cli, *options); }; });
}

}  // namespace mw
