// mw job logs: what a task wrote, as it wrote it.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <thread>

#include "cli/verbs.h"
#include "model/job.h"

namespace mw {
namespace {

constexpr auto kPollEvery = std::chrono::milliseconds(200);
constexpr std::uint64_t kChunkBytes = 65'536;

struct LogsOptions {
  std::string job;
  std::uint32_t rank = 0;
  std::optional<std::uint32_t> attempt;
  bool standard_error = false;
  bool follow = false;
};

std::uint64_t number_of(const std::string& text, std::uint64_t otherwise) {
  std::uint64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  return failure == std::errc() && end == text.data() + text.size() ? value : otherwise;
}

bool is_final_state(std::string_view state) {
  const auto known = enum_from_name<JobState>(state);
  return known && is_final(*known);
}

/// Reads the log of one attempt from `offset` on.
class LogReader {
 public:
  LogReader(const Cli& cli, Api& api, std::uint64_t job, const LogsOptions& options)
      : cli_(cli), api_(api), job_(job), options_(options), attempt_(options.attempt.value_or(0)) {}

  int run() {
    while (true) {
      const auto more = print_next();
      if (!more) {
        const ErrorCode code = more.error().code;
        const bool away = code == ErrorCode::kUnavailable || code == ErrorCode::kTimeout;
        // A job that has not started yet has no log; following waits for it.
        const bool not_yet = code == ErrorCode::kNotFound && offset_ == 0 && !ended();
        if (!options_.follow || !(away || not_yet)) return cli_.console.fail(more.error());
      } else if (*more) {
        continue;
      } else if (!options_.follow || (complete_ && !go_on())) {
        return 0;
      }
      std::this_thread::sleep_for(kPollEvery);
    }
  }

 private:
  /// Prints what there is next; false when there is nothing more now.
  Result<bool> print_next() {
    HttpFields query = {{"rank", std::to_string(options_.rank)},
                        {"stream", options_.standard_error ? "stderr" : "stdout"},
                        {"offset", std::to_string(offset_)},
                        {"limit", std::to_string(kChunkBytes)}};
    if (attempt_ != 0) query.emplace_back("attempt", std::to_string(attempt_));
    const auto reply = api_.get(fmt::format("/v1/jobs/{}/logs", job_), query);
    if (!reply) return reply.error();
    // From now on this attempt, also when a newer one begins between two reads.
    attempt_ =
        static_cast<std::uint32_t>(number_of(reply->header("X-Millwright-Attempt"), attempt_));
    const std::uint64_t begin = number_of(reply->header("X-Millwright-Offset"), offset_);
    if (begin > offset_) {
      cli_.console.warn(fmt::format("{} bytes of older output were rotated away", begin - offset_));
    }
    offset_ = number_of(reply->header("X-Millwright-Next-Offset"), begin + reply->body.size());
    complete_ = reply->header("X-Millwright-Complete") == "true";
    cli_.console.out(reply->body);
    return !reply->body.empty();
  }

  /// The job has ended for good.
  bool ended() {
    const auto reply = api_.get(fmt::format("/v1/jobs/{}", job_));
    return !reply || is_final_state(reply->view()["state"].text());
  }

  /// After an attempt's last output: whether there is another to go on with.
  bool go_on() {
    if (options_.attempt) return false;
    const auto reply = api_.get(fmt::format("/v1/jobs/{}", job_));
    if (!reply) return reply.error().code == ErrorCode::kUnavailable;
    const JsonView view = reply->view();
    const auto latest = static_cast<std::uint32_t>(view["attempts"].integer());
    if (latest > attempt_) {
      cli_.console.err(fmt::format("-- attempt {} --\n", latest));
      attempt_ = latest;
      offset_ = 0;
      complete_ = false;
      return true;
    }
    return !is_final_state(view["state"].text());
  }

  const Cli& cli_;
  Api& api_;
  std::uint64_t job_;
  const LogsOptions& options_;
  std::uint32_t attempt_;  ///< 0: the latest
  std::uint64_t offset_ = 0;
  bool complete_ = false;
};

int logs(const Cli& cli, const LogsOptions& options) {
  const auto job = parse_job_reference(options.job);
  if (!job) return cli.console.fail(job.error());
  auto api = cli.api();
  if (!api) return cli.console.fail(api.error());
  const auto view = get_job(*api, *job);
  if (!view) return cli.console.fail(view.error());
  // Told at once: following would wait for a task that never comes.
  const std::int64_t tasks = view->view()["tasks"].integer(1);
  if (options.rank >= tasks) {
    return cli.console.fail(
        {ErrorCode::kNotFound, fmt::format("job {} has no rank {}; its ranks are 0 to {}",
                                           job->text(), options.rank, tasks - 1)});
  }
  return LogReader(cli, *api, job->id, options).run();
}

}  // namespace

void add_job_logs(CLI::App& job, Cli& cli) {
  CLI::App* verb = job.add_subcommand("logs", "Print what a task of the job wrote");
  auto options = std::make_shared<LogsOptions>();
  verb->add_option("JOB", options->job,
                   "The job's number, such as 17; 17[3] is element 3 of the array 17")
      ->required();
  verb->add_flag("-f,--follow", options->follow,
                 "Go on as it writes, over restarts too, until the job has ended");
  verb->add_option("--rank", options->rank, "Which task (default: 0)")->type_name("N");
  verb->add_option("--attempt", options->attempt, "Which attempt (default: the latest)")
      ->type_name("N")
      ->check(CLI::Range(1U, UINT32_MAX));
  verb->add_flag("--stderr", options->standard_error, "Standard error instead of standard output");
  verb->callback([&cli, options] { cli.action = [&cli, options] { return logs(cli, *options); }; });
}

}  // namespace mw
