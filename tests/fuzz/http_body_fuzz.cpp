// Any bytes as what a client sends: a target (path and query), headers that matter, and a body for
// each route that takes one. No sockets and no state: the way from bytes to an input of the core.
// The data is lines (target, Idempotency-Key, token), and the rest is the body.
#include <boost/json/parse.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "codec/fault_request.h"
#include "codec/reservation_request.h"
#include "http/api.h"
#include "http/routes.h"

namespace {

using mw::http::Request;
using mw::http::Response;
using mw::http::Route;

std::string_view take_line(std::string_view& data) {
  const std::size_t end = data.find('\n');
  const std::string_view line = data.substr(0, end);
  data.remove_prefix(end == std::string_view::npos ? data.size() : end + 1);
  return line;
}

/// A refusal is an error of the documented form, and says something.
void check_refusal(const Response& response) {
  MW_CHECK(response.status >= 400 && response.status < 500);
  const auto json = boost::json::parse(response.body);
  MW_CHECK(!json.at("error").at("code").as_string().empty());
  MW_CHECK(!json.at("error").at("message").as_string().empty());
}

void check_bodies(Request request) {
  if (const auto submission = mw::http::parse_submission(request, "fuzz")) {
    MW_CHECK(!submission->spec.command.empty() && submission->spec.workdir.starts_with('/'));
  } else {
    check_refusal(mw::http::error_response(submission.error()));
  }
  if (const auto batch = mw::http::parse_batch(request, "fuzz")) {
    MW_CHECK(!batch->empty() && batch->size() <= mw::kBatchJobsMax);
    for (const auto& job : *batch) {
      if (job) MW_CHECK(!job->spec.command.empty() && job->client_key.size() <= 200);
    }
  } else {
    check_refusal(mw::http::error_response(batch.error()));
  }
  if (const auto input = mw::http::parse_fleet(request, "fuzz")) {
    MW_CHECK(!input->fleet.name.empty() && input->by == "fuzz");
  } else {
    check_refusal(mw::http::error_response(input.error()));
  }
  for (const bool with_attempt_token : {false, true}) {
    if (with_attempt_token) request.caller = {mw::JobId(3), mw::AttemptNumber(1)};
    if (const auto inputs = mw::http::parse_report(request)) {
      MW_CHECK(!inputs->empty() && inputs->size() <= 3);
      for (const mw::InputBody& input : *inputs) {
        if (const auto* saved = std::get_if<mw::CheckpointSaved>(&input)) {
          MW_CHECK(saved->checkpoint.path.starts_with('/'));
          MW_CHECK(!with_attempt_token || saved->job == mw::JobId(3));
        }
      }
    } else {
      check_refusal(mw::http::error_response(inputs.error()));
    }
  }
  if (const auto input = mw::http::parse_policy(request, "fuzz")) {
    MW_CHECK(mw::fault_of(input->policy).empty() && input->by == "fuzz");
  } else {
    check_refusal(mw::http::error_response(input.error()));
  }
  if (const auto reservation = mw::parse_reservation_request(request.body)) {
    MW_CHECK(reservation->duration.count() > 0);
    MW_CHECK((reservation->nodes > 0) == reservation->node_list.empty());
  } else {
    check_refusal(mw::http::error_response(reservation.error()));
  }
  if (const auto faults = mw::parse_fault_request(request.body, "someone")) {
    MW_CHECK(!faults->empty() && faults->size() <= mw::kFaultsInRequestMax);
  } else {
    check_refusal(mw::http::error_response(faults.error()));
  }
  if (const auto alerts = mw::parse_alertmanager(request.body); !alerts) {
    check_refusal(mw::http::error_response(alerts.error()));
  }
  if (const auto reason = mw::http::parse_drain(request)) {
    MW_CHECK(reason->reason.find('\n') == std::string::npos);
  } else {
    check_refusal(mw::http::error_response(reason.error()));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const mw::http::Router router(mw::http::all_routes(nullptr));
  static const mw::http::AttemptTokens tokens("key");
  static const mw::http::UserTokens users("key");
  std::string_view rest(reinterpret_cast<const char*>(data), size);
  Request request;
  request.target = take_line(rest);
  request.headers = {{"host", "127.0.0.1"}};
  if (const auto key = take_line(rest); !key.empty())
    request.headers.emplace_back("idempotency-key", key);
  if (const auto token = take_line(rest); !token.empty())
    request.headers.emplace_back("authorization", token);
  request.body = rest;

  for (const char* method : {"GET", "POST", "PUT"}) {
    Request one = request;
    one.method = method;
    if (const auto refusal = router.match(one)) {
      check_refusal(*refusal);
      continue;
    }
    // What the table let through is what it promises.
    for (const auto& parameter : one.route->parameters) {
      if (parameter.type != mw::http::ParameterType::kInteger || !one.has(parameter.name)) continue;
      const auto number = one.number(parameter.name);
      MW_CHECK(number && *number >= parameter.minimum && *number <= parameter.maximum);
    }
    if (const auto refusal = mw::http::check_caller("the token of the api", tokens, users, one))
      check_refusal(*refusal);
  }
  check_bodies(request);
  return 0;
}
