// What a job says of itself, with its attempt's token.

// g++ 12 sees an uninitialised string in the empty optionals that from_json<ReportBody> moves out
// of its Result (GCC bug 105562 and its kin); there is none. What it sees lies in the library's
// headers.
#ifndef __clang__  // which does not know this warning
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

#include <algorithm>
#include <cmath>
#include <mutex>

#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "codec/fault_policy_file.h"
#include "codec/fault_request.h"
#include "codec/json.h"
#include "http/checkpoint_advice.h"
#include "http/routes.h"

namespace mw::http {
namespace {

constexpr std::size_t kPathLengthMax = 4095;  // PATH_MAX without its NUL
constexpr std::size_t kUnitLengthMax = 32;
constexpr double kStepSecondsMax = 86'400;

/// Something that is wrong with the job, by its own word.
struct FaultBody {
  std::string code;
  std::optional<std::string> detail;
  MW_FIELDS(code, detail)
};

/// The body of a report; the keys are documented as schema Report.
struct ReportBody {
  std::optional<JobId> job;
  std::optional<AttemptNumber> attempt;
  std::optional<Rank> rank;
  std::optional<std::uint64_t> step;
  std::optional<std::uint64_t> steps_total;
  std::optional<std::uint64_t> samples;
  std::optional<double> loss;
  std::optional<double> rate;
  std::optional<std::string> unit;
  std::optional<double> step_time_s;
  std::optional<Checkpoint> checkpoint;
  std::optional<bool> checkpointing;
  std::optional<FaultBody> fault;
  MW_FIELDS(job, attempt, rank, step, steps_total, samples, loss, rate, unit, step_time_s,
            checkpoint, checkpointing, fault)
};

Error invalid(std::string message) { return Error{ErrorCode::kInvalid, std::move(message)}; }

bool has_control_character(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return true;
  }
  return false;
}

Result<Caller> who(const Request& request, const ReportBody& body) {
  if (request.caller.job != JobId()) {
    const bool same = body.job.value_or(request.caller.job) == request.caller.job &&
                      body.attempt.value_or(request.caller.attempt) == request.caller.attempt;
    if (same) return request.caller;
    return Error{ErrorCode::kForbidden,
                 "An attempt's token is for reports of that attempt: leave out job and attempt."};
  }
  if (!body.job || !body.attempt || *body.job == JobId() || *body.attempt == AttemptNumber()) {
    return invalid(
        "body: with the API token, job and attempt say what is reported on; both are from 1 on.");
  }
  return Caller{*body.job, *body.attempt};
}

Result<FaultReported> job_fault(const FaultBody& body, const Caller& caller, Rank rank) {
  const auto code = parse_fault_code(body.code);
  if (!code) return invalid("body.fault.code: " + code.error().message + ".");
  if (!code->starts_with("job.")) {
    return invalid(
        "body.fault.code: expected a code that begins with \"job.\", such as "
        "job.nan_loss; what is wrong with a node is told by POST /v1/faults.");
  }
  FaultReport report;
  report.source =
      "job " + std::to_string(caller.job.value()) + ", rank " + std::to_string(rank.value());
  report.code = *code;
  report.scope = FaultReach::kJob;
  report.job = caller.job;
  report.attempt = caller.attempt;
  report.rank = rank;
  report.detail = body.detail.value_or("");
  if (report.detail.size() > kFaultTextBytesMax || has_control_character(report.detail)) {
    return invalid("body.fault.detail: expected up to 500 bytes on one line.");
  }
  return FaultReported{std::move(report)};
}

/// All inputs of a report are of one job.
JobId reported_job(const std::vector<InputBody>& inputs) {
  JobId job;
  for (const InputBody& input : inputs) {
    if (const auto* progress = std::get_if<ReportProgress>(&input)) job = progress->job;
    if (const auto* begun = std::get_if<CheckpointBegun>(&input)) job = begun->job;
    if (const auto* saved = std::get_if<CheckpointSaved>(&input)) job = saved->job;
    if (const auto* fault = std::get_if<FaultReported>(&input)) job = fault->fault.job;
  }
  return job;
}

boost::json::value seconds_or_null(const std::optional<Duration>& length) {
  if (!length) return nullptr;
  return static_cast<double>(length->count()) / 1e9;
}

/// Waits for the answers to all inputs of one report.
struct ReportAnswers {
  std::mutex mutex;
  std::size_t missing = 0;
  bool checkpoint_wanted = false;
  std::optional<Duration> checkpoint_within{};  ///< it is stopped after that
  std::optional<Duration> checkpoint_interval{};
  AttemptNumber attempt{};
  std::optional<Response> failure;
};

Response taken(const ReportAnswers& answers) {
  return json_response({{"ok", true},
                        {"checkpoint_wanted", answers.checkpoint_wanted},
                        {"checkpoint_within_s", seconds_or_null(answers.checkpoint_within)},
                        {"checkpoint_interval_s", seconds_or_null(answers.checkpoint_interval)},
                        {"attempt", answers.attempt.value()}});
}

/// Until then; nothing once it has come.
std::optional<Duration> time_until(const std::optional<Instant>& deadline, Instant now) {
  if (!deadline) return std::nullopt;
  return *deadline > now ? *deadline - now : Duration();
}

/// Whether the job is to save and leave: of whatever a report tells, its answer says so.
void note_wish(const State& state, Instant now, JobId job, ReportAnswers& answers) {
  const auto attempt = state.attempts.find(job);
  if (attempt == state.attempts.end()) return;
  answers.checkpoint_wanted = is_asked_to_save(state, attempt->second);
  answers.checkpoint_within = time_until(save_deadline(state, attempt->second), now);
}

/// Step times are gathered, and told when a round of them is whole: see step_rounds.h. True:
/// nothing is left to be told, and `answers` says of checkpoints what its answer would have said.
bool gather_step_times(StepRounds& rounds, const State& state, Instant now,
                       std::vector<InputBody>& inputs, ReportAnswers& answers) {
  for (InputBody& input : inputs) {
    auto* progress = std::get_if<ReportProgress>(&input);
    if (progress == nullptr || !progress->progress.step_time) continue;
    const auto found = state.attempts.find(progress->job);
    // What is told of another attempt is refused by whoever decides.
    if (found == state.attempts.end() ||
        !speaks_for(state, found->second, progress->attempt, progress->rank)) {
      continue;
    }
    const Attempt& attempt = found->second;
    note_wish(state, now, progress->job, answers);
    const auto& rules = state.health.policy->stragglers;
    const std::size_t ranks = attempt.exited.size();
    const bool compared = rules && ranks >= rules->ranks_min && progress->rank.value() < ranks;
    // Else the first rank speaks for all: a sign of life.
    if (!compared && progress->rank == Rank()) continue;
    std::optional<ReportStepTimes> whole;
    if (compared) whole = rounds.add(state, attempt, progress->rank, *progress->progress.step_time);
    progress->progress.step_time.reset();
    const bool tells_more = progress->progress != Progress();
    if (whole && tells_more) {
      inputs.emplace_back(std::move(*whole));
    } else if (whole) {
      input = std::move(*whole);
    } else if (!tells_more) {
      inputs.erase(inputs.begin() + (&input - inputs.data()));
    }
    break;  // a report has the progress of one rank
  }
  return inputs.empty();
}

void report(ApiContext& context, const Request& request, const Reply& reply) {
  auto inputs = parse_report(request);
  if (!inputs) return reply(error_response(inputs.error()));
  const auto answers = std::make_shared<ReportAnswers>();
  const JobId job = reported_job(*inputs);
  if (const auto saving = advise(context, job)) answers->checkpoint_interval = saving->best;
  bool all_gathered = false;
  read_state(context, [&](const State& state, Instant now) {
    // A later one than its ranks were started in, when others were replaced. 0: it has none.
    const auto attempt = state.attempts.find(job);
    if (attempt != state.attempts.end()) answers->attempt = attempt->second.number;
    all_gathered = gather_step_times(context.step_rounds, state, now, *inputs, *answers);
  });
  if (all_gathered) return reply(taken(*answers));
  answers->missing = inputs->size();
  const Reply collect = [keep = context.shared_from_this(), job, answers,
                         reply](Response response) {
    std::unique_lock lock(answers->mutex);
    if (response.status != 200 && !answers->failure) answers->failure = std::move(response);
    if (--answers->missing > 0) return;
    lock.unlock();
    // Not before: what it has just saved may be what was wanted.
    read_state(*keep,
               [&](const State& state, Instant now) { note_wish(state, now, job, *answers); });
    reply(answers->failure ? std::move(*answers->failure) : taken(*answers));
  };
  for (InputBody& input : *inputs) {
    ask(context, std::move(input), collect,
        [](const Answer& /*answer*/, const Reply& to) { to(Response()); });
  }
}

}  // namespace

Result<std::vector<InputBody>> parse_report(const Request& request) {
  auto json = parse_json(request.body);
  if (!json) return json.error();
  auto body = from_json<ReportBody>(*json, "body");
  if (!body) return body.error();
  const auto caller = who(request, *body);
  if (!caller) return caller.error();
  if (body->unit && (body->unit->size() > kUnitLengthMax || has_control_character(*body->unit))) {
    return invalid("body.unit: expected up to 32 bytes on one line.");
  }
  if (body->checkpoint) {
    const std::string& path = body->checkpoint->path;
    if (!path.starts_with('/') || path.size() > kPathLengthMax || has_control_character(path)) {
      return invalid("body.checkpoint.path: expected an absolute path of up to 4095 bytes.");
    }
  }
  std::vector<InputBody> inputs;
  if (body->fault) {
    auto told = job_fault(*body->fault, *caller, body->rank.value_or(Rank()));
    if (!told) return told.error();
    inputs.emplace_back(std::move(*told));
  }
  Progress progress{body->step, body->steps_total, body->samples,
                    body->loss, body->rate,        body->unit};
  if (const auto step = body->step_time_s) {
    if (!(*step > 0) || *step > kStepSecondsMax) {
      return invalid("body.step_time_s: expected seconds, more than 0 and at most 86400.");
    }
    progress.step_time = std::max(Duration(std::llround(*step * 1e9)), Duration(1));
  }
  const bool begins = body->checkpointing.value_or(false);
  // Nothing but "not checkpointing" is progress, too: it ends the time that counts as saving.
  if (progress != Progress() || (!begins && !body->checkpoint && !body->fault)) {
    inputs.emplace_back(
        ReportProgress{caller->job, caller->attempt, body->rank.value_or(Rank()), progress});
  }
  if (begins) inputs.emplace_back(CheckpointBegun{caller->job, caller->attempt, body->rank});
  if (body->checkpoint) {
    inputs.emplace_back(
        CheckpointSaved{caller->job, caller->attempt, *body->checkpoint, body->rank});
  }
  return inputs;
}

std::vector<Route> report_routes(ApiContext* context) {
  Route route;
  route.method = Method::kPost;
  route.path = "/v1/report";
  route.operation = "report";
  route.summary = "A job tells of its progress and its checkpoints, with its attempt's token.";
  route.access = Access::kReport;
  route.request_schema = "Report";
  route.responses = {{200, "Noted, durably.", "ReportTaken"},
                     {404, "There is no such job.", "Error"},
                     {409, "The attempt is not the job's current one.", "Error"}};
  route.handler = [context](const auto& request, const Reply& reply) {
    report(*context, *request, reply);
  };
  return {route};
}

}  // namespace mw::http
