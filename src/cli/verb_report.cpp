// mw report: what a job tells of itself, from a shell. Training must not fail because of it: a
// control plane that is away, or an attempt that is over, is a warning unless --strict asks more.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cmath>
#include <memory>
#include <optional>

#include "cli/home.h"
#include "cli/verbs.h"
#include "codec/units.h"

namespace mw {
namespace {

struct ReportOptions {
  std::optional<std::uint32_t> rank;
  std::optional<std::uint64_t> step;
  std::optional<std::uint64_t> steps_total;
  std::optional<std::uint64_t> samples;
  std::optional<double> loss;
  std::optional<double> rate;
  std::optional<double> step_time;
  std::string unit;
  std::string checkpoint;
  std::optional<std::uint64_t> checkpoint_step;
  bool checkpointing = false;
  std::string fault;
  std::string detail;
  std::uint64_t job = 0;
  std::uint32_t attempt = 0;
  bool quiet = false;
  bool strict = false;
};

constexpr HttpClient::Options kTimeouts = {.connect_timeout = seconds(2),
                                           .exchange_timeout = seconds(5),
                                           .stream_timeout = seconds(5),
                                           .body_bytes_max = std::size_t{1} << 20};

/// What is wrong with the task; null: nothing. A loss that is no number is a fault by itself, as
/// clients/python and clients/c have it.
Result<boost::json::value> fault_of(const ReportOptions& options) {
  if (options.fault.empty() && !options.detail.empty()) {
    return Error{ErrorCode::kInvalid, "--detail needs --fault CODE: detail of what?"};
  }
  if (!options.fault.empty()) {
    return boost::json::value{{"code", options.fault}, {"detail", options.detail}};
  }
  if (!options.loss || !std::isnan(*options.loss)) return boost::json::value();
  return boost::json::value{
      {"code", "job.nan_loss"},
      {"detail", options.step ? fmt::format("at step {}", *options.step) : std::string()}};
}

Result<std::string> report_body(const ReportOptions& options) {
  namespace json = boost::json;
  json::object body;
  const auto add = [&](const char* key, const auto& value) {
    if (value) body[key] = *value;
  };
  std::optional<std::uint32_t> rank = options.rank;
  if (!rank) {
    const auto own = parse_whole(read_environment("MILLWRIGHT_RANK"), 0, UINT32_MAX);
    if (own) rank = static_cast<std::uint32_t>(*own);
  }
  add("rank", rank);
  add("step", options.step);
  add("steps_total", options.steps_total);
  add("samples", options.samples);
  const auto fault = fault_of(options);
  if (!fault) return fault.error();
  if (!fault->is_null()) body["fault"] = *fault;
  // A loss that has become infinite is news for people, but no JSON.
  if (options.loss && std::isfinite(*options.loss)) body["loss"] = *options.loss;
  if (options.rate && std::isfinite(*options.rate)) body["rate"] = *options.rate;
  if (options.step_time) body["step_time_s"] = *options.step_time;
  if (!options.unit.empty()) body["unit"] = options.unit;
  if (options.checkpointing) body["checkpointing"] = true;
  if (!options.checkpoint.empty()) {
    const auto step = options.checkpoint_step ? options.checkpoint_step : options.step;
    if (!step) {
      return Error{ErrorCode::kInvalid,
                   "--checkpoint needs --checkpoint-step (or --step): from which step is it?"};
    }
    std::error_code failure;
    const auto path = std::filesystem::absolute(options.checkpoint, failure);
    body["checkpoint"] = {
        {"step", *step}, {"path", failure ? options.checkpoint : path.lexically_normal().string()}};
  } else if (options.checkpoint_step) {
    return Error{ErrorCode::kInvalid, "--checkpoint-step needs --checkpoint PATH: where is it?"};
  }
  const bool says_something = body.size() > (body.contains("rank") ? 1U : 0U);
  if (!says_something) {
    return Error{ErrorCode::kInvalid,
                 "nothing to report; give --step, --loss, --checkpoint or another figure"};
  }
  if (options.job != 0) {
    body["job"] = options.job;
    body["attempt"] = options.attempt;
  }
  return json::serialize(body);
}

/// The control plane and the token: the task's own, or the API's when --job says which job.
Result<Api> report_api(const Cli& cli, const ReportOptions& options) {
  if (options.job != 0) return cli.api();
  const std::string token = read_environment("MILLWRIGHT_TOKEN");
  // The file is as fresh as the control plane that runs now; the variable is from the task's start.
  const std::string file = read_environment("MILLWRIGHT_ENDPOINT_FILE");
  std::string url = cli.globals.url;
  if (url.empty() && !file.empty()) url = read_first_line(file).value_or("");
  if (url.empty()) url = read_environment("MILLWRIGHT_URL");
  if (token.empty() || url.empty()) {
    return Error{ErrorCode::kInvalid,
                 "this is not a task of a job (MILLWRIGHT_TOKEN or MILLWRIGHT_URL is not set); "
                 "from outside give "
                 "--job N --attempt N"};
  }
  return Api(url, token, kTimeouts);
}

/// One line when the control plane wants something of the task, so that a script may ask for it.
int tell_wish(const Cli& cli, const ApiReply& reply) {
  if (cli.globals.json) {
    cli.console.out(reply.body + "\n");
    return 0;
  }
  const auto* answer = reply.json.if_object();
  const auto* wanted = answer == nullptr ? nullptr : answer->if_contains("checkpoint_wanted");
  if (wanted == nullptr || !wanted->is_bool() || !wanted->as_bool()) return 0;
  const auto* within = answer->if_contains("checkpoint_within_s");
  const bool limited = within != nullptr && within->is_number();
  cli.console.out(
      limited ? fmt::format("checkpoint wanted within {:.0f} s\n", within->to_number<double>())
              : "checkpoint wanted\n");
  return 0;
}

int report(const Cli& cli, const ReportOptions& options) {
  if ((options.job != 0) != (options.attempt != 0)) {
    return cli.console.fail({ErrorCode::kInvalid, "--job and --attempt go together"});
  }
  const auto body = report_body(options);
  if (!body) return cli.console.fail(body.error());
  auto api = report_api(cli, options);
  const auto sent = api ? api->post("/v1/report", *body) : Result<ApiReply>(api.error());
  if (sent) return tell_wish(cli, *sent);
  if (options.strict) return cli.console.fail(sent.error());
  if (!options.quiet) cli.console.warn("the report did not arrive: " + sent.error().message);
  return 0;
}

}  // namespace

void add_report(CLI::App& app, Cli& cli) {
  CLI::App* verb = app.add_subcommand("report", "Report a job's progress, from inside of its task");
  auto options = std::make_shared<ReportOptions>();
  verb->add_option("--step", options->step, "Steps done so far")->type_name("N");
  verb->add_option("--steps-total", options->steps_total, "Steps in all")->type_name("N");
  verb->add_option("--samples", options->samples, "Samples done so far by the whole gang")
      ->type_name("N");
  verb->add_option("--loss", options->loss, "The loss now")->type_name("X");
  verb->add_option("--rate", options->rate, "Units a second, of the whole gang")->type_name("X");
  verb->add_option("--step-time", options->step_time,
                   "Seconds that a step takes this rank, without waiting for others")
      ->type_name("S");
  verb->add_option("--unit", options->unit, "What the rate counts, such as tokens")
      ->type_name("TEXT");
  verb->add_option("--checkpoint", options->checkpoint, "A checkpoint was saved here")
      ->type_name("PATH");
  verb->add_option("--checkpoint-step", options->checkpoint_step,
                   "The step that it is from (default: --step)")
      ->type_name("N");
  verb->add_flag("--checkpointing", options->checkpointing,
                 "A checkpoint is being saved from now on");
  verb->add_option("--fault", options->fault,
                   "Something is wrong with this task: job.slow_rank, or another code of job.")
      ->type_name("CODE");
  verb->add_option("--detail", options->detail, "What is wrong, on one line")->type_name("TEXT");
  verb->add_option("--rank", options->rank, "Which task reports (default: $MILLWRIGHT_RANK)")
      ->type_name("N");
  verb->add_option("--job", options->job, "From outside of a task: which job")->type_name("N");
  verb->add_option("--attempt", options->attempt, "From outside of a task: which attempt")
      ->type_name("N");
  verb->add_flag("--quiet", options->quiet, "No warning when it does not arrive");
  verb->add_flag("--strict", options->strict, "Fail when it does not arrive");
  verb->footer(
      "A report that does not arrive is a warning and exit status 0, so that it never ends a "
      "training run. When the job has to leave a node it says \"checkpoint wanted within 540 s\": "
      "what is saved by then is not lost. A loss of nan is told as the fault job.nan_loss.\n\n"
      "  mw report --step 120 --steps-total 500 --loss 2.31 --rate 1800 --unit tokens\n"
      "  mw report --checkpoint ckpt/120.pt --checkpoint-step 120");
  verb->callback(
      [&cli, options] { cli.action = [&cli, options] { return report(cli, *options); }; });
}

}  // namespace mw
