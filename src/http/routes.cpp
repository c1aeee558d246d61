#include "http/routes.h"

#include <algorithm>
#include <limits>

namespace mw::http {

std::vector<Route> all_routes(ApiContext* context) {
  std::vector<Route> all;
  for (auto part : {job_list_routes(context), job_routes(context), job_batch_routes(context),
                    node_routes(context), fleet_routes(context), reservation_routes(context),
                    policy_routes(context), ledger_routes(context), goodput_routes(context),
                    event_routes(context), report_routes(context), forecast_routes(context),
                    fault_routes(context), check_routes(context), server_routes(context)}) {
    all.insert(all.end(), std::make_move_iterator(part.begin()),
               std::make_move_iterator(part.end()));
  }
  return all;
}

void ask(ApiContext& context, InputBody body, Reply reply,
         std::function<void(const Answer& answer, const Reply& reply)> then) {
  // The context goes along: an answer may come when the server has stopped.
  context.loop.ask(std::move(body), [keep = context.shared_from_this(), reply = std::move(reply),
                                     then = std::move(then)](const Result<Answer>& answer) {
    if (!answer) return reply(error_response(answer.error()));
    if (auto refusal = refusal_in(answer->events)) return reply(std::move(*refusal));
    then(*answer, reply);
  });
}

const std::string& user_of(const ApiContext& context, const Request& request) {
  return request.caller.user.empty() ? context.options.user : request.caller.user;
}

std::optional<Response> check_submitter(const ApiContext& context, const Request& request) {
  const std::string& user = user_of(context, request);
  if (user == context.options.user || context.engine.runs_as_users()) return std::nullopt;
  return error_response(Error{
      ErrorCode::kForbidden,
      "All jobs run here as user " + context.options.user + ", so those of user " + user +
          " are not taken. Each runs as its own user where jobs run on Slurm (mw up --slurm); "
          "else run a control plane of your own, with a home of your own."});
}

std::optional<Response> check_own_job(const ApiContext& context, const Request& request,
                                      JobId job) {
  if (request.caller.user.empty()) return std::nullopt;
  std::string owner;
  read_state(context, [&](const State& state, Instant) {
    const Job* found = state.jobs.find(job);
    if (found != nullptr) owner = spec_of(state, job).user;
  });
  if (owner.empty() || owner == request.caller.user) return std::nullopt;
  return error_response(Error{ErrorCode::kForbidden, "Job " + std::to_string(job.value()) +
                                                         " is of user " + owner + ", and you are " +
                                                         request.caller.user + "."});
}

std::optional<Response> refusal_in(const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (const auto* refused = std::get_if<Refused>(&event.body)) {
      return error_response(Error{refused->refusal.code, text(refused->refusal)});
    }
  }
  return std::nullopt;
}

void read_state(const ApiContext& context,
                const std::function<void(const State&, Instant now)>& reader) {
  const Instant now = context.loop.now();
  context.loop.read([&](const State& state) { reader(state, std::max(now, state.now)); });
}

Result<JobSnapshot> find_job(ApiContext& context, JobId id, Why why) {
  std::optional<JobSnapshot> found;
  read_state(context, [&](const State& state, Instant now) {
    if (const Job* job = state.jobs.find(id)) found = snapshot_of(state, *job, now, why);
  });
  if (found) return std::move(*found);
  auto ended = context.journal.ended_job(id);
  if (!ended) return ended.error();
  if (*ended) return snapshot_of(**ended, context.loop.now());
  return Error{ErrorCode::kNotFound, "There is no job " + std::to_string(id.value()) + "."};
}

Parameter job_parameter() {
  return {"job", ParameterPlace::kPath, ParameterType::kInteger, "Id of the job.", 1};
}

}  // namespace mw::http
