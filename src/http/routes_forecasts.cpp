// Questions about the future. The copy of the state is taken here, by a worker, so that the
// replica's lock is held for as long as a copy takes and never by a thread that gives way to all
// others; the futures are run at the desk (forecast_desk.h).
#include <algorithm>
#include <chrono>

#include <spdlog/spdlog.h>

#include "base/random.h"
#include "http/forecast_views.h"
#include "http/routes.h"
#include "twin/past_questions.h"

namespace mw::http {
namespace {

/// Enough for an answer whose p10 and p90 mean something.
constexpr std::uint32_t kStartFutures = 40;
constexpr std::uint32_t kWhatIfFutures = 20;
constexpr Duration kStartHorizon = hours(24 * 14);
constexpr Duration kWhatIfHorizon = hours(24);
/// A future that takes so much longer than what was asked for is left: on a large fleet, or beside
/// other work, one alone may take minutes, and nobody waits for that.
constexpr std::chrono::seconds kGiveUpAfter{10};
/// Less than Limits::answer_timeout, after which nobody listens any more.
constexpr std::chrono::seconds kAnswerWithin{26};
using WallClock = std::chrono::steady_clock;

/// The state as people see it, at the present moment.
State copy_of_now(const ApiContext& context) {
  State copy;
  Instant at;
  read_state(context, [&](const State& state, Instant now) {
    copy = state;
    at = now;
  });
  // The last event may be long ago, and what runs has run on since.
  copy.now = at;
  return copy;
}

/// `asked`: since when somebody waits for the answer.
ForecastOptions options_for(const ApiContext& context, std::optional<std::uint64_t> seconds_given,
                            std::uint32_t futures, Duration horizon, WallClock::time_point asked) {
  ForecastOptions options;
  options.futures = futures;
  options.horizon = horizon;
  const Duration budget = seconds_given ? seconds(static_cast<std::int64_t>(*seconds_given))
                                        : context.options.forecast_budget;
  const WallClock::time_point last = asked + kAnswerWithin;
  options.until = std::min(WallClock::now() + std::chrono::nanoseconds(budget.count()), last);
  options.give_up = std::min(*options.until + kGiveUpAfter, last);
  return options;
}

/// Has `work` done at the desk, or says that too many wait.
void at_desk(ApiContext& context, const Reply& reply,
             std::function<Result<boost::json::object>(const std::atomic<bool>& stop)> work) {
  const auto keep = context.shared_from_this();
  const bool taken =
      context.forecasts.post([keep, reply, work = std::move(work)](const std::atomic<bool>& stop) {
        auto answer = work(stop);
        reply(answer ? json_response(std::move(*answer)) : error_response(answer.error()));
      });
  if (taken) return;
  reply(error_response(
      Error{ErrorCode::kUnavailable,
            "Too many forecasts wait already; they are made one at a time, so that they disturb "
            "nothing. Ask again in a few seconds."}));
}

/// Why no forecast is made of a job; nothing when one is.
std::optional<Error> no_forecast(const State& state, JobId id) {
  const Job* job = state.jobs.find(id);
  const std::string name = "Job " + std::to_string(id.value());
  if (job == nullptr) return Error{ErrorCode::kNotFound, "There is no " + name + "."};
  const auto conflict = [&](const std::string& words) {
    return Error{ErrorCode::kConflict, name + words};
  };
  if (is_final(job->state)) {
    return conflict(" has ended already: it is " + std::string(name_of(job->state)) + ".");
  }
  if (job->state != JobState::kPending) {
    return conflict(" has started already: it is " + std::string(name_of(job->state)) + ".");
  }
  if (job->held) {
    return conflict(" is held" + (job->held_by.empty() ? "" : " by " + job->held_by) +
                    ": it starts at some time after it is released (mw job release " +
                    std::to_string(id.value()) + ").");
  }
  return std::nullopt;
}

void job_forecast(ApiContext& context, const std::shared_ptr<const Request>& request,
                  const Reply& reply) {
  const JobId job(*request->number("job"));
  // Also of a job that the state no longer keeps.
  if (const auto known = find_job(context, job, Why::kAsLastTold); !known)
    return reply(error_response(known.error()));
  auto state = std::make_shared<State>(copy_of_now(context));
  if (const auto error = no_forecast(*state, job)) {
    // It has ended, and so long ago that only the journal knows.
    if (error->code != ErrorCode::kNotFound) return reply(error_response(*error));
    return reply(error_response(
        Error{ErrorCode::kConflict, "Job " + std::to_string(job.value()) + " has ended already."}));
  }
  at_desk(context, reply,
          [&context, state, job, request,
           asked = WallClock::now()](const std::atomic<bool>& stop) -> Result<boost::json::object> {
            ForecastOptions options = options_for(context, request->number("seconds"),
                                                  kStartFutures, kStartHorizon, asked);
            options.stop = &stop;
            const Present present(std::move(*state));
            auto forecast = forecast_start(present, job, options);
            if (!forecast) return forecast.error();
            context.past_forecasts.look_at(present.state);
            return start_forecast_view(*forecast, present, present.state, false, options.horizon,
                                       context.past_forecasts);
          });
}

void dry_run(ApiContext& context, const std::shared_ptr<const Request>& request,
             const Reply& reply) {
  auto submission = parse_submission(*request, user_of(context, *request));
  if (!submission) return reply(error_response(submission.error()));
  const Boxed<JobSpec> spec = submission->spec;
  if (spec->hold) {
    return reply(error_response(Error{ErrorCode::kConflict,
                                      "The job is to be held: it starts at some time after it is "
                                      "released. Leave out `hold` to see when it could start."}));
  }
  auto state = std::make_shared<State>(copy_of_now(context));
  at_desk(context, reply,
          [&context, state, spec, request,
           asked = WallClock::now()](const std::atomic<bool>& stop) -> Result<boost::json::object> {
            ForecastOptions options = options_for(context, request->number("seconds"),
                                                  kStartFutures, kStartHorizon, asked);
            options.stop = &stop;
            const Present present(std::move(*state));
            auto forecast = forecast_start(present, *spec, options);
            if (!forecast) return forecast.error();
            // What it waits for is said of it as it would stand in line.
            const auto after = after_inputs(present.state, {SubmitJob{spec, ""}});
            if (!after) return after.error();
            context.past_forecasts.look_at(present.state);
            return start_forecast_view(*forecast, present, *after, true, options.horizon,
                                       context.past_forecasts);
          });
}

void try_change(ApiContext& context, const std::shared_ptr<const Request>& request,
                const Reply& reply) {
  auto parsed = parse_what_if(*request, context.options.user);
  if (!parsed) return reply(error_response(parsed.error()));
  auto question = std::make_shared<WhatIfQuestion>(std::move(*parsed));
  auto state = std::make_shared<State>(copy_of_now(context));
  at_desk(context, reply,
          [&context, state, question,
           asked = WallClock::now()](const std::atomic<bool>& stop) -> Result<boost::json::object> {
            const Duration horizon =
                question->horizon_s ? seconds(*question->horizon_s) : kWhatIfHorizon;
            ForecastOptions options =
                options_for(context, question->seconds, question->futures.value_or(kWhatIfFutures),
                            horizon, asked);
            options.stop = &stop;
            const Present present(std::move(*state));
            const auto report = what_if(present, question->change, options);
            if (!report) return report.error();
            return what_if_view(*report);
          });
}

ForecastOptions options_to_learn(const ApiContext& context, const std::atomic<bool>& stop) {
  ForecastOptions options =
      options_for(context, std::nullopt, kStartFutures, kStartHorizon, WallClock::now());
  options.stop = &stop;
  return options;
}

/// Makes forecasts that nobody asked for, to see later what they were worth.
void check_forecast(ApiContext& context, State state, const std::atomic<bool>& stop) {
  context.past_forecasts.look_at(state);
  // By the time alone: which ones is of no matter, as long as nobody chooses them.
  Random random(static_cast<std::uint64_t>(state.now.count()));
  const auto jobs = some_waiting(state, PastForecasts::kJobsAtOnce, random);
  if (jobs.empty()) return;
  const Present present(std::move(state));
  const auto starts = possible_starts(present, {}, jobs, options_to_learn(context, stop));
  if (starts.front().at.size() < PastForecasts::kFuturesEnough || stop.load()) return;
  context.past_forecasts.note(jobs, starts, present.state.now);
}

/// Learns from the journal what forecasts would have been worth so far, a question at a time.
/// Result: whether there is more to learn.
bool learn_from_past(ApiContext& context, PastQuestions& questions, const std::atomic<bool>& stop) {
  const auto outcome = questions.ask_next(options_to_learn(context, stop));
  if (stop.load()) return false;
  if (!outcome) {
    spdlog::error("http: what forecasts were worth cannot be learned from the journal: {}",
                  outcome.error().message);
  } else if (*outcome != PastQuestions::Outcome::kDone) {
    return true;
  }
  context.past_forecasts = questions.found();
  return false;
}

Route forecast_route(Method method, std::string_view path, std::string_view operation,
                     std::string_view summary, std::string_view schema, ApiContext* context,
                     void (*look)(ApiContext&, const std::shared_ptr<const Request>&,
                                  const Reply&)) {
  Route route;
  route.method = method;
  route.path = path;
  route.operation = operation;
  route.summary = summary;
  route.runs = Runs::kOnWorker;
  route.responses = {{200, "What comes of it in possible futures.", schema},
                     {503, "Too many forecasts wait already.", "Error"}};
  route.handler = [context, look](const auto& request, const Reply& reply) {
    look(*context, request, reply);
  };
  return route;
}

}  // namespace

void check_forecasts(ApiContext& context) {
  const Duration every = context.options.forecast_check_every;
  if (every.count() <= 0) return;
  const std::chrono::nanoseconds again(every.count());
  Instant now;
  read_state(context, [&](const State& state, Instant) { now = state.now; });
  // Not kept alive by the desk: the desk is the context's, and ends before it.
  auto past = std::make_shared<std::optional<PastQuestions>>(std::in_place, context.journal, now);
  context.forecasts.now_and_then(
      [&context, past, again](const std::atomic<bool>& stop) {
        if (*past && learn_from_past(context, **past, stop)) return std::chrono::nanoseconds(0);
        if (*past) {
          past->reset();
          return again;
        }
        // The copy is taken by a worker, as for all forecasts.
        context.workers.post([keep = context.shared_from_this()] {
          auto state = std::make_shared<State>(copy_of_now(*keep));
          keep->forecasts.post([keep, state](const std::atomic<bool>& stopped) {
            check_forecast(*keep, std::move(*state), stopped);
          });
        });
        return again;
      },
      std::chrono::nanoseconds(0));
}

std::vector<Route> forecast_routes(ApiContext* context) {
  const Parameter budget{"seconds",
                         ParameterPlace::kQuery,
                         ParameterType::kInteger,
                         "No further future is begun after so many; 2 when not given.",
                         1,
                         kForecastSecondsMax};
  Route job = forecast_route(Method::kGet, "/v1/jobs/{job}/forecast", "forecast_job",
                             "When a job that waits starts, and what would make it sooner.",
                             "StartForecast", context, job_forecast);
  job.parameters = {job_parameter(), budget};
  job.responses.push_back({404, "There is no such job.", "Error"});
  job.responses.push_back({409, "It has started, has ended, or is held.", "Error"});

  Route dry = forecast_route(Method::kPost, "/v1/forecasts", "forecast_submission",
                             "When a job would start if it were handed in now. The body is a job "
                             "file in YAML or JSON; nothing is submitted.",
                             "StartForecast", context, dry_run);
  dry.parameters = {{"workdir", ParameterPlace::kQuery, ParameterType::kString,
                     "Absolute; what a missing or relative workdir in the job file means."},
                    budget};
  dry.request_schema = "JobFile";
  dry.request_content_type = "application/yaml";
  dry.responses.push_back({409, "It would be held.", "Error"});
  dry.responses.push_back(
      {400, "It is no job file, or it would be refused; the message says where.", "Error"});

  Route change = forecast_route(Method::kPost, "/v1/what-if", "what_if",
                                "Compares futures with a change and without it. Nothing is "
                                "changed.",
                                "WhatIfReport", context, try_change);
  change.request_schema = "WhatIf";
  change.responses.push_back({400, "It is not a change; the message says where.", "Error"});
  change.responses.push_back({404, "There is no such node or site.", "Error"});
  change.responses.push_back({409, "It cannot be changed so.", "Error"});
  return {job, dry, change};
}

}  // namespace mw::http
