#include "http/forecast_views.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <cmath>

#include "codec/fleet_file.h"
#include "codec/job_file.h"
#include "codec/json.h"
#include "codec/policy_file.h"
#include "codec/text.h"
#include "core/core.h"
#include "http/why_views.h"

// g++ 12 sees an uninitialised string in the empty optionals that from_json moves out of its Result
// (GCC bug 105562 and its kin); there is none.
#ifndef __clang__  // which does not know this warning
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif

namespace mw::http {
namespace {

namespace json = boost::json;

json::value instant_or_null(Instant at) {
  return at == Instant::never() ? json::value(nullptr) : json::value(at.count());
}

json::object starts_view(const PossibleStarts& starts, const StartInterval& told) {
  return {{"p10_ns", instant_or_null(told.p10)},
          {"p50_ns", instant_or_null(told.p50)},
          {"p90_ns", instant_or_null(told.p90)},
          {"spread_known", told.has_spread},
          {"futures", starts.at.size()},
          {"not_started", starts.never_started()},
          {"left_at_ns", starts.left_at ? json::value(starts.left_at->count()) : nullptr}};
}

StartInterval as_in_futures(const PossibleStarts& starts) {
  if (starts.at.size() < PastForecasts::kFuturesEnough)
    return {Instant::never(), starts.quantile(0.5), Instant::never(), false};
  return {starts.quantile(0.1), starts.quantile(0.5), starts.quantile(0.9), true};
}

// --- what is asked -------------------------------------------------------------------------------

struct CurtailBody {
  std::string site;
  double mw = 0;
  MW_FIELDS(site, mw)
};
struct WhatIfBody {
  std::optional<std::vector<std::string>> drain;
  std::optional<std::string> add;
  std::optional<std::string> policy;
  std::optional<CurtailBody> curtail;
  std::optional<std::vector<std::string>> submit;
  std::optional<std::int64_t> horizon_s;
  std::optional<std::uint32_t> futures;
  std::optional<std::uint32_t> seconds;
  MW_FIELDS(drain, add, policy, curtail, submit, horizon_s, futures, seconds)
};

Error invalid(std::string message) { return {ErrorCode::kInvalid, std::move(message)}; }

std::optional<Error> out_of_bounds(const WhatIfBody& body) {
  if (!body.drain && !body.add && !body.policy && !body.curtail && !body.submit) {
    return invalid("body: expected something to try: drain, add, policy, curtail or submit.");
  }
  if (body.horizon_s && (*body.horizon_s < 1 || *body.horizon_s > kHorizonMax))
    return invalid(
        fmt::format("body.horizon_s: expected 1 to {}, found {}.", kHorizonMax, *body.horizon_s));
  if (body.futures && (*body.futures < 1 || *body.futures > kFuturesMax))
    return invalid(
        fmt::format("body.futures: expected 1 to {}, found {}.", kFuturesMax, *body.futures));
  if (body.seconds && (*body.seconds < 1 || *body.seconds > kForecastSecondsMax))
    return invalid(fmt::format("body.seconds: expected 1 to {}, found {}.", kForecastSecondsMax,
                               *body.seconds));
  // Up to a terawatt, as for what a fleet file may say.
  if (body.curtail && (body.curtail->mw < 0 || body.curtail->mw > 1e6))
    return invalid(
        fmt::format("body.curtail.mw: expected 0 to 1000000, found {}.", body.curtail->mw));
  return std::nullopt;
}

}  // namespace

json::object start_forecast_view(const StartForecast& forecast, const Present& present,
                                 const State& state, bool is_new, Duration horizon,
                                 const PastForecasts& past) {
  const Instant now = state.now;
  const StartInterval told = past.told(forecast.starts, now);
  json::object view{{"job", is_new ? json::value(nullptr) : json::value(forecast.job.value())},
                    {"name", spec_of(state, forecast.job).name},
                    {"asked_at_ns", now.count()},
                    {"horizon_ns", horizon.count()},
                    {"start", starts_view(forecast.starts, told)},
                    {"runs_learned", present.run_times.runs()},
                    {"arrivals_past_ns", forecast.arrivals_past.count()},
                    {"past_forecasts", past.settled()},
                    {"put_right", past.settled() > 0},
                    {"reason", nullptr},
                    {"text", "It starts at once."},
                    {"blockers", nullptr}};
  const Job& job = state.jobs.at(forecast.job);
  if (job.state == JobState::kPending) {
    const PendingReason reason = explain(state, forecast.job, now);
    view["reason"] = to_json(reason);
    view["text"] = text(reason, now);
    if (job.in_line) view["blockers"] = blockers_view(state, forecast.job, now);
  }
  json::array sooner;
  for (const SoonerChange& each : forecast.sooner) {
    const bool never_before = told.p50 == Instant::never();
    sooner.push_back(
        {{"key", each.key},
         {"text", each.text},
         {"start", starts_view(each.starts, past.told(each.starts, now))},
         {"sooner_ns", never_before ? json::value(nullptr) : json::value(each.sooner.count())}});
  }
  view["sooner"] = std::move(sooner);
  return view;
}

json::object what_if_view(const WhatIfReport& report) {
  json::array figures;
  for (const WhatIfFigure& figure : report.figures) figures.push_back(to_json(figure));
  json::array moved;
  for (const MovedJob& job : report.moved) {
    moved.push_back({{"job", job.job.value()},
                     {"name", job.name},
                     {"base_ns", instant_or_null(job.base.value_or(Instant::never()))},
                     {"changed_ns", instant_or_null(job.changed.value_or(Instant::never()))},
                     {"later_ns", job.later.count()}});
  }
  json::array added;
  for (const AddedJob& job : report.added)
    added.push_back(
        {{"name", job.name}, {"start", starts_view(job.starts, as_in_futures(job.starts))}});
  json::array notes;
  for (const std::string& note : report.notes) notes.push_back(json::value(note));
  return {{"futures", report.futures},
          {"horizon_ns", report.horizon.count()},
          {"arrivals_past_ns", report.arrivals_past.count()},
          {"figures", std::move(figures)},
          {"moved", std::move(moved)},
          {"added", std::move(added)},
          {"notes", std::move(notes)}};
}

Result<WhatIfQuestion> parse_what_if(const Request& request, const std::string& user) {
  auto json = parse_json(request.body, {.bytes_max = kFleetFileBytesMax * 2});
  if (!json) return json.error();
  auto body = from_json<WhatIfBody>(*json, "body");
  if (!body) return body.error();
  if (auto error = out_of_bounds(*body)) return std::move(*error);
  WhatIfQuestion question;
  question.horizon_s = body->horizon_s;
  question.futures = body->futures;
  question.seconds = body->seconds;
  for (const std::string& node : body->drain.value_or(std::vector<std::string>()))
    question.change.inputs.emplace_back(DrainNode{node, "what-if", user});
  if (body->policy) {
    auto policy = parse_policy_file(*body->policy, "body.policy");
    if (!policy) return policy.error();
    question.change.inputs.emplace_back(SetPolicy{std::move(*policy), user});
  }
  if (body->add) {
    auto fleet = parse_fleet_file(*body->add, {.source_name = "body.add"});
    if (!fleet) return fleet.error();
    question.change.add = std::move(fleet->fleet);
  }
  if (body->curtail) {
    question.change.curtail =
        Curtailment{body->curtail->site, Watts(std::llround(body->curtail->mw * 1e9))};
  }
  const auto jobs = body->submit.value_or(std::vector<std::string>());
  for (std::size_t i = 0; i < jobs.size(); ++i) {
    JobFileContext context;
    context.source_name = fmt::format("body.submit[{}]", i);
    context.user = user;
    auto spec = parse_job_file(jobs[i], context);
    if (!spec) return spec.error();
    question.change.inputs.emplace_back(SubmitJob{std::move(*spec), ""});
  }
  return question;
}

}  // namespace mw::http
