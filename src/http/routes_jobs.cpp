// One job: handing it in, looking at it, reading its output, and telling it what to do.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "codec/job_file.h"
#include "http/checkpoint_advice.h"
#include "http/routes.h"
#include "http/why_views.h"
#include "model/gang.h"

namespace mw::http {
namespace {

constexpr std::size_t kKeyLengthMax = 200;
constexpr std::size_t kLogBytesMax = std::size_t{1} << 20;
constexpr std::size_t kStoryEventsMax = 5000;
constexpr std::size_t kStoryPage = 1000;

JobId job_of(const Request& request) { return JobId(*request.number("job")); }

// --- submit -------------------------------------------------------------------------------------

Response submitted(JobId job, const JobSpec& spec, bool repeated) {
  Response response = json_response(
      {{"job", job.value()}, {"count", spec.array}, {"name", spec.name}, {"repeated", repeated}},
      repeated ? 200 : 201);
  response.headers.emplace_back("Location", "/v1/jobs/" + std::to_string(job.value()));
  return response;
}

/// A job that was submitted when keys were not yet each user's own is still known by the key alone,
/// to whose it is.
void keep_older_key(ApiContext& context, const Request& request, SubmitJob& submission) {
  const std::string bare(request.header("idempotency-key"));
  if (bare.empty() || bare == submission.client_key) return;
  read_state(context, [&](const State& state, Instant) {
    const auto older = state.job_by_key.find(bare);
    if (older == state.job_by_key.end() || state.job_by_key.contains(submission.client_key)) return;
    if (state.records.at(older->second).spec->user != request.caller.user) return;
    submission.client_key = bare;
  });
}

void submit(ApiContext& context, const Request& request, const Reply& reply) {
  if (auto refusal = check_submitter(context, request)) return reply(std::move(*refusal));
  auto submission = parse_submission(request, user_of(context, request));
  if (!submission) return reply(error_response(submission.error()));
  keep_older_key(context, request, *submission);
  const Boxed<JobSpec> spec = submission->spec;
  if (request.flag("dry_run")) {
    return reply(json_response(
        {{"job", nullptr}, {"count", spec->array}, {"name", spec->name}, {"repeated", false}}));
  }
  ask(context, std::move(*submission), reply, [spec](const Answer& answer, const Reply& to) {
    for (const Event& event : answer.events) {
      if (const auto* made = std::get_if<JobSubmitted>(&event.body))
        return to(submitted(made->job, spec, false));
      if (const auto* known = std::get_if<SubmitRepeated>(&event.body))
        return to(submitted(known->job, spec, true));
    }
    to(error_response(
        Error{ErrorCode::kInternal, "The job was taken, but what became of it was not told."}));
  });
}

// --- look ---------------------------------------------------------------------------------------

void show(ApiContext& context, const Request& request, const Reply& reply) {
  const auto job = find_job(context, job_of(request), Why::kTryAgain);
  if (!job) return reply(error_response(job.error()));
  boost::json::object view = job_view(*job);
  if (const auto saving = advise(context, job_of(request))) view["saving"] = advice_view(*saving);
  reply(json_response(std::move(view)));
}

void why(ApiContext& context, const Request& request, const Reply& reply) {
  const auto job = find_job(context, job_of(request), Why::kTryAgain);
  if (!job) return reply(error_response(job.error()));
  boost::json::object view = why_view(*job);
  view["blockers"] = nullptr;
  read_state(context, [&](const State& state, Instant now) {
    const Job* found = state.jobs.find(job->job.id);
    // It may have started since.
    if (found == nullptr || found->state != JobState::kPending || !found->in_line) return;
    view["blockers"] = blockers_view(state, found->id, now);
  });
  reply(json_response(std::move(view)));
}

/// The event has their numbers alone.
boost::json::array names_of(ApiContext& context, const Placement& placement) {
  boost::json::array names;
  for (const NodeSlice& slice : placement) names.emplace_back(context.names.name(slice.node));
  return names;
}

void story(ApiContext& context, const Request& request, const Reply& reply) {
  const auto job = find_job(context, job_of(request), Why::kTryAgain);
  if (!job) return reply(error_response(job.error()));
  const bool with_progress = request.flag("progress");
  boost::json::array events;
  EventQuery query;
  query.job = job_of(request);
  query.limit = kStoryPage;
  bool more = true;
  bool truncated = false;
  while (more && !truncated) {
    const auto page = context.journal.events(query);
    if (!page) return reply(error_response(page.error()));
    for (const StoredEvent& stored : *page) {
      query.after = stored.seq;
      if (!with_progress && std::holds_alternative<ProgressNoted>(stored.event.body)) continue;
      if (std::holds_alternative<Refused>(stored.event.body)) continue;  // did not happen to it
      truncated = events.size() == kStoryEventsMax;
      if (truncated) break;
      events.push_back(event_view(stored.seq, stored.event, context.names.namer()));
      if (const auto* placed = std::get_if<AttemptPlaced>(&stored.event.body)) {
        events.back().as_object()["nodes"] = names_of(context, placed->placement);
      }
    }
    more = page->size() == query.limit;
  }
  boost::json::object view = job_view(*job);
  if (const auto saving = advise(context, *query.job)) view["saving"] = advice_view(*saving);
  reply(json_response(
      {{"job", std::move(view)}, {"events", std::move(events)}, {"truncated", truncated}}));
}

void logs(ApiContext& context, const Request& request, const Reply& reply) {
  const auto job = find_job(context, job_of(request), Why::kAsLastTold);
  if (!job) return reply(error_response(job.error()));
  if (!request.caller.user.empty() && job->spec->user != request.caller.user) {
    return reply(
        error_response(Error{ErrorCode::kForbidden, "What a job writes is shown to its own user, " +
                                                        job->spec->user + "."}));
  }
  const auto refuse = [&](ErrorCode code, const std::string& message) {
    reply(error_response(Error{code, message}));
  };
  const std::string name = "Job " + std::to_string(job->job.id.value());
  const std::uint64_t attempt = request.number("attempt").value_or(job->job.attempts);
  const std::uint64_t rank = request.number("rank").value_or(0);
  const std::string_view stream = request.text("stream");
  if (!stream.empty() && stream != "stdout" && stream != "stderr") {
    return refuse(ErrorCode::kInvalid,
                  "Query parameter stream: expected stdout or stderr, found \"" +
                      std::string(stream) + "\".");
  }
  if (job->job.attempts == 0)
    return refuse(ErrorCode::kNotFound, name + " has not started, so it has no output yet.");
  if (attempt > job->job.attempts) {
    return refuse(ErrorCode::kNotFound, name + " has no attempt " + std::to_string(attempt) +
                                            "; there were " + std::to_string(job->job.attempts) +
                                            ".");
  }
  std::uint64_t tasks = 0;
  for_each_group(*job->spec, [&](const GangShape& group, std::uint32_t) { tasks += group.tasks; });
  if (rank >= tasks) {
    return refuse(ErrorCode::kNotFound, name + " has no rank " + std::to_string(rank) +
                                            "; its ranks are 0 to " + std::to_string(tasks - 1) +
                                            ".");
  }
  LogQuery query;
  query.job = job->job.id;
  query.attempt = AttemptNumber(static_cast<std::uint32_t>(attempt));
  query.rank = Rank(static_cast<std::uint32_t>(rank));
  query.standard_error = stream == "stderr";
  query.offset = request.number("offset").value_or(0);
  query.limit = request.number("limit").value_or(std::size_t{1} << 16);
  auto chunk = context.engine.read_log(query);
  if (!chunk) return reply(error_response(chunk.error()));
  Response response;
  response.content_type = "text/plain; charset=utf-8";
  response.headers = {
      {"X-Millwright-Offset", std::to_string(chunk->offset)},
      {"X-Millwright-Next-Offset", std::to_string(chunk->offset + chunk->data.size())},
      {"X-Millwright-Complete", chunk->complete ? "true" : "false"},
      {"X-Millwright-Attempt", std::to_string(attempt)}};
  response.body = std::move(chunk->data);
  reply(std::move(response));
}

// --- tell ---------------------------------------------------------------------------------------

/// Asks `body`, and replies what state the job is in then.
void tell(ApiContext& context, JobId job, InputBody body, const Reply& reply) {
  const auto keep = context.shared_from_this();
  ask(context, std::move(body), reply, [keep, job](const Answer&, const Reply& to) {
    keep->workers.post([keep, job, to] {
      const auto now = find_job(*keep, job, Why::kAsLastTold);
      if (!now) return to(error_response(now.error()));
      to(json_response({{"job", job.value()}, {"state", name_of(now->job.state)}}));
    });
  });
}

template <class Input>
Handler whole_array_handler(ApiContext* context) {
  return [context](const auto& request, const Reply& reply) {
    const JobId job = job_of(*request);
    if (auto refusal = check_own_job(*context, *request, job)) return reply(std::move(*refusal));
    tell(*context, job, Input{job, request->flag("whole_array"), user_of(*context, *request)},
         reply);
  };
}

Route verb_route(std::string_view path, std::string_view operation, std::string_view summary,
                 Handler handler) {
  Route route;
  route.method = Method::kPost;
  route.path = path;
  route.operation = operation;
  route.summary = summary;
  route.for_users = true;
  route.parameters = {job_parameter()};
  route.responses = {{200, "What state it is in now.", "JobStateAnswer"},
                     {404, "There is no such job.", "Error"},
                     {409, "Its state does not allow this.", "Error"}};
  route.handler = std::move(handler);
  return route;
}

Route look_route(std::string_view path, std::string_view operation, std::string_view summary,
                 std::string_view schema, std::string_view description, ApiContext* context,
                 void (*look)(ApiContext&, const Request&, const Reply&)) {
  Route route;
  route.path = path;
  route.operation = operation;
  route.summary = summary;
  route.runs = Runs::kOnWorker;
  route.parameters = {job_parameter()};
  route.responses = {{200, description, schema}, {404, "There is no such job.", "Error"}};
  route.handler = [context, look](const auto& request, const Reply& reply) {
    look(*context, *request, reply);
  };
  return route;
}

Route submit_route(ApiContext* context) {
  Route route;
  route.method = Method::kPost;
  route.path = "/v1/jobs";
  route.operation = "submit_job";
  route.for_users = true;
  route.summary =
      "Hands in a job. The body is a job file in YAML or JSON. With an Idempotency-Key the same "
      "job "
      "handed in again gives the job that there is.";
  route.parameters = {
      {"workdir", ParameterPlace::kQuery, ParameterType::kString,
       "Absolute; what a missing or relative workdir in the job file means."},
      {"name", ParameterPlace::kQuery, ParameterType::kString, "Instead of the job file's name."},
      {"dry_run", ParameterPlace::kQuery, ParameterType::kBoolean, "Only check it."},
      {"Idempotency-Key", ParameterPlace::kHeader, ParameterType::kString,
       "Up to 200 visible ASCII characters."},
  };
  route.request_schema = "JobFile";
  route.request_content_type = "application/yaml";
  route.responses = {{201, "The job is in, durably.", "Submitted"},
                     {200, "It was in already, or this was a dry run.", "Submitted"},
                     {409, "The key was used for another job.", "Error"},
                     {413, "The job file is too large.", "Error"}};
  route.handler = [context](const auto& request, const Reply& reply) {
    submit(*context, *request, reply);
  };
  return route;
}

}  // namespace

Result<void> check_client_key(std::string_view key, const std::string& where) {
  bool clean = key.size() <= kKeyLengthMax;
  for (const char c : key) clean = clean && c > ' ' && c < '\x7f';
  if (clean) return {};
  return Error{ErrorCode::kInvalid, where + ": expected one of 1 to " +
                                        std::to_string(kKeyLengthMax) +
                                        " visible ASCII characters without spaces."};
}

std::string own_key(const Request& request, std::string key) {
  if (key.empty() || request.caller.user.empty()) return key;
  return request.caller.user + " " + key;
}

Result<JobFileContext> job_file_context(const Request& request, const std::string& user) {
  const std::string_view workdir = request.text("workdir");
  if (request.has("workdir") && !workdir.starts_with('/')) {
    return Error{ErrorCode::kInvalid,
                 "Query parameter workdir: expected an absolute path, found \"" +
                     std::string(workdir) + "\"."};
  }
  JobFileContext context;
  context.default_workdir = workdir;
  context.user = user;
  return context;
}

Result<SubmitJob> parse_submission(const Request& request, const std::string& user) {
  SubmitJob submission;
  submission.client_key = request.header("idempotency-key");
  // A header given twice is no key: two of them would be joined by a comma and a space.
  const std::string key =
      request.header_count("idempotency-key") <= 1 ? submission.client_key : " ";
  if (auto checked = check_client_key(key, "Header Idempotency-Key"); !checked) {
    return checked.error();
  }
  auto context = job_file_context(request, user);
  if (!context) return context.error();
  if (request.has("name"))
    context->overrides.push_back(
        {"name", std::string(request.text("name")), "query parameter name"});
  auto spec = parse_job_file(request.body, *context);
  if (!spec) return spec.error();
  submission.spec = std::move(*spec);
  submission.client_key = own_key(request, std::move(submission.client_key));
  return submission;
}

std::vector<Route> job_routes(ApiContext* context) {
  std::vector<Route> routes;
  routes.push_back(submit_route(context));
  routes.push_back(
      look_route("/v1/jobs/{job}", "show_job", "One job.", "JobView", "The job.", context, show));
  routes.push_back(look_route("/v1/jobs/{job}/why", "explain_job", "Why a job has not started.",
                              "Why", "The reason, typed and as a sentence.", context, why));
  routes.push_back(look_route("/v1/jobs/{job}/story", "job_story",
                              "All that happened to a job, from the journal.", "Story",
                              "The job and its events, oldest first.", context, story));
  routes.back().parameters.push_back({"progress", ParameterPlace::kQuery, ParameterType::kBoolean,
                                      "Also each report of progress."});

  Route output = look_route(
      "/v1/jobs/{job}/logs", "job_logs", "What a task wrote.", "",
      "The bytes from X-Millwright-Offset "
      "to before X-Millwright-Next-Offset; X-Millwright-Complete says whether there will be more.",
      context, logs);
  output.responses[0].content_type = "text/plain";
  output.responses[1].description = "There is no such job, attempt or rank, or no output yet.";
  output.parameters.insert(output.parameters.end(),
                           {{"rank", ParameterPlace::kQuery, ParameterType::kInteger,
                             "Which task; 0 when not given.", 0, 0xFFFFFFFF},
                            {"attempt", ParameterPlace::kQuery, ParameterType::kInteger,
                             "Which attempt; the latest when not given.", 1, 0xFFFFFFFF},
                            {"stream", ParameterPlace::kQuery, ParameterType::kString,
                             "stdout, or stderr; stdout when not given."},
                            {"offset", ParameterPlace::kQuery, ParameterType::kInteger,
                             "In bytes from the start of the output."},
                            {"limit", ParameterPlace::kQuery, ParameterType::kInteger,
                             "At most so many bytes; 65536 when not given.", 1, kLogBytesMax}});
  routes.push_back(std::move(output));

  const Parameter whole_array{"whole_array", ParameterPlace::kQuery, ParameterType::kBoolean,
                              "All unfinished jobs of the array that it belongs to."};
  routes.push_back(verb_route("/v1/jobs/{job}/cancel", "cancel_job", "Stops a job for good.",
                              whole_array_handler<CancelJob>(context)));
  routes.back().parameters.push_back(whole_array);
  routes.push_back(verb_route("/v1/jobs/{job}/hold", "hold_job",
                              "Keeps a pending job from starting.",
                              whole_array_handler<HoldJob>(context)));
  routes.back().parameters.push_back(whole_array);
  routes.push_back(verb_route("/v1/jobs/{job}/release", "release_job", "Lets a held job start.",
                              whole_array_handler<ReleaseJob>(context)));
  routes.back().parameters.push_back(whole_array);
  routes.push_back(
      verb_route("/v1/jobs/{job}/requeue", "requeue_job",
                 "Stops a running job and starts it again from its last checkpoint.",
                 [context](const auto& request, const Reply& reply) {
                   const JobId job = job_of(*request);
                   if (auto refusal = check_own_job(*context, *request, job)) {
                     return reply(std::move(*refusal));
                   }
                   tell(*context, job, RequeueJob{job, user_of(*context, *request)}, reply);
                 }));
  return routes;
}

}  // namespace mw::http
