// The rows of the route table, by subject, and what their handlers share.
#pragma once

#include <functional>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "codec/job_file.h"
#include "http/api.h"
#include "http/router.h"

namespace mw::http {

/// All routes. `context` is used by handlers only, so that the table can be made without one.
std::vector<Route> all_routes(ApiContext* context);

std::vector<Route> job_routes(ApiContext* context);
std::vector<Route> job_list_routes(ApiContext* context);
std::vector<Route> job_batch_routes(ApiContext* context);
std::vector<Route> node_routes(ApiContext* context);
std::vector<Route> reservation_routes(ApiContext* context);
std::vector<Route> fleet_routes(ApiContext* context);
std::vector<Route> policy_routes(ApiContext* context);
std::vector<Route> ledger_routes(ApiContext* context);
std::vector<Route> goodput_routes(ApiContext* context);
std::vector<Route> event_routes(ApiContext* context);
std::vector<Route> report_routes(ApiContext* context);
std::vector<Route> forecast_routes(ApiContext* context);
/// Begins to ask itself now and then when a waiting job starts, as the options say.
void check_forecasts(ApiContext& context);
std::vector<Route> server_routes(ApiContext* context);
std::vector<Route> fault_routes(ApiContext* context);
std::vector<Route> check_routes(ApiContext* context);

// --- what handlers share ------------------------------------------------------------------------

/// Hands `body` to the loop. A refusal or an error is replied; otherwise `then` makes the reply of
/// the events, on a thread of the loop: it must not block or read the state.
void ask(ApiContext& context, InputBody body, Reply reply,
         std::function<void(const Answer& answer, const Reply& reply)> then);

/// As whom the request is made.
const std::string& user_of(const ApiContext& context, const Request& request);
/// None when a job that whoever asks hands in would be run as them, and as nobody else.
std::optional<Response> check_submitter(const ApiContext& context, const Request& request);
/// None when whoever asks may change the job, and read what it wrote: their own, or as the owner of
/// the control plane any. A job that is not there is for the handler to say.
std::optional<Response> check_own_job(const ApiContext& context, const Request& request, JobId job);

/// The refusal among `events` as a response, if there is one.
std::optional<Response> refusal_in(const std::vector<Event>& events);

/// The job as it is now, or as it ended.  Errors: kNotFound; what the journal says.
Result<JobSnapshot> find_job(ApiContext& context, JobId job, Why why);

/// Calls `reader` with the state and the time to count to.
void read_state(const ApiContext& context,
                const std::function<void(const State&, Instant now)>& reader);

/// A parameter in the path that is a job.
Parameter job_parameter();

// --- what is read out of bodies; no I/O, so the fuzzer reaches it
// -----------------------------------

/// The job that `request` submits. Errors: as parse_job_file, and for the header and parameters.
Result<SubmitJob> parse_submission(const Request& request, const std::string& user);
/// The jobs of a batch, each with the key that it is known by. Errors: as parse_job_batch, and for
/// the header and parameters.
Result<std::vector<Result<SubmitJob>>> parse_batch(const Request& request, const std::string& user);
/// The fleet that `request` declares. Errors: as parse_fleet_file.
Result<DeclareFleet> parse_fleet(const Request& request, const std::string& user);
/// A client's key for a job, in `where`. Errors: kInvalid.
Result<void> check_client_key(std::string_view key, const std::string& where);
/// The same as it is kept: each user's keys are a space of their own, apart from those of who
/// serves. No key that a user gives has a space.
std::string own_key(const Request& request, std::string key);
/// The query parameter workdir, judged.
Result<JobFileContext> job_file_context(const Request& request, const std::string& user);
/// What `request` reports of which attempt.
Result<std::vector<InputBody>> parse_report(const Request& request);
/// The policy that `request` sets. Errors: as parse_policy_file.
Result<SetPolicy> parse_policy(const Request& request, const std::string& user);
/// The fault policy that `request` sets. Errors: as parse_fault_policy.
Result<SetFaultPolicy> parse_fault_policy_request(const Request& request, const std::string& user);
Result<ResetBreaker> parse_breaker_reset(const Request& request, const std::string& user);
/// What a person says of a move of a node: why, how its work leaves, and until when.
struct NodeOrder {
  std::string reason;
  std::optional<DrainMode> mode;
  std::optional<Duration> within;
};
Result<NodeOrder> parse_drain(const Request& request);

}  // namespace mw::http
