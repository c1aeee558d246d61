// POST /v1/jobs/batch: many different jobs in one request, each with an id or an error of its own.
// They go to the loop together, so that one transaction makes them durable; the answer waits for
// the last of them.
#include <atomic>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>

#include "http/routes.h"

namespace mw::http {
namespace {

/// Gathers the answers to one batch; they come on the loop's thread, and the last one replies.
class BatchAnswers {
 public:
  BatchAnswers(std::size_t jobs, Reply reply)
      : elements_(jobs), open_(jobs), reply_(std::move(reply)) {}

  void set(std::size_t index, boost::json::object element) {
    if (element.contains("error")) ++refused_;
    elements_[index] = std::move(element);
    if (--open_ > 0) return;
    boost::json::array all;
    all.reserve(elements_.size());
    for (boost::json::object& one : elements_) all.emplace_back(std::move(one));
    reply_(json_response({{"jobs", std::move(all)}, {"refused", refused_.load()}}));
  }
  void set(std::size_t index, const Error& error) {
    set(index, boost::json::object{
                   {"error", {{"code", name_of(error.code)}, {"message", error.message}}}});
  }

 private:
  std::vector<boost::json::object> elements_;
  std::atomic<std::size_t> open_;
  std::atomic<std::uint64_t> refused_ = 0;
  Reply reply_;
};

boost::json::object taken(JobId job, std::uint32_t count, const std::string& name, bool repeated) {
  return {{"job", job.value()}, {"count", count}, {"name", name}, {"repeated", repeated}};
}

void take_answer(BatchAnswers& answers, std::size_t index, const std::string& name,
                 std::uint32_t count, const Result<Answer>& answer) {
  if (!answer) return answers.set(index, answer.error());
  for (const Event& event : answer->events) {
    if (const auto* made = std::get_if<JobSubmitted>(&event.body))
      return answers.set(index, taken(made->job, count, name, false));
    if (const auto* known = std::get_if<SubmitRepeated>(&event.body))
      return answers.set(index, taken(known->job, count, name, true));
    if (const auto* refused = std::get_if<Refused>(&event.body))
      return answers.set(index, Error{refused->refusal.code, text(refused->refusal)});
  }
  answers.set(
      index, Error{ErrorCode::kInternal, "The job was taken, but what became of it was not told."});
}

void submit_batch(ApiContext& context, const Request& request, const Reply& reply) {
  if (auto refusal = check_submitter(context, request)) return reply(std::move(*refusal));
  auto batch = parse_batch(request, user_of(context, request));
  if (!batch) return reply(error_response(batch.error()));
  const bool dry_run = request.flag("dry_run");
  const auto answers = std::make_shared<BatchAnswers>(batch->size(), reply);
  for (std::size_t i = 0; i < batch->size(); ++i) {
    Result<SubmitJob>& job = (*batch)[i];
    if (!job) {
      answers->set(i, job.error());
      continue;
    }
    std::string name = job->spec->name;
    const std::uint32_t count = job->spec->array;
    if (dry_run) {
      answers->set(i, boost::json::object{
                          {"job", nullptr}, {"count", count}, {"name", name}, {"repeated", false}});
      continue;
    }
    context.loop.ask(std::move(*job), [keep = context.shared_from_this(), answers, i, count,
                                       name = std::move(name)](const Result<Answer>& answer) {
      take_answer(*answers, i, name, count, answer);
    });
  }
}

}  // namespace

Result<std::vector<Result<SubmitJob>>> parse_batch(const Request& request,
                                                   const std::string& user) {
  // Each job's key is made of the header's, so it must leave room for that.
  const std::string header(request.header("idempotency-key"));
  const bool once = request.header_count("idempotency-key") <= 1;
  if (auto checked = check_client_key(once ? header + (header.empty() ? "" : "/999") : " ",
                                      "Header Idempotency-Key, with the job's place");
      !checked) {
    return checked.error();
  }
  const auto context = job_file_context(request, user);
  if (!context) return context.error();
  auto batch = parse_job_batch(request.body, *context);
  if (!batch) return batch.error();
  if (!header.empty() && !batch->keys.empty()) {
    return Error{ErrorCode::kInvalid,
                 "Keys are given twice, in the body and in the header Idempotency-Key; keep one of "
                 "them."};
  }
  std::vector<Result<SubmitJob>> jobs;
  jobs.reserve(batch->jobs.size());
  for (std::size_t i = 0; i < batch->jobs.size(); ++i) {
    Result<JobSpec>& spec = batch->jobs[i];
    std::string key = !batch->keys.empty() ? std::move(batch->keys[i])
                      : header.empty()     ? std::string()
                                           : header + "/" + std::to_string(i);
    if (!spec) {
      jobs.emplace_back(spec.error());
    } else if (auto checked = check_client_key(key, "keys[" + std::to_string(i) + "]"); !checked) {
      jobs.emplace_back(checked.error());
    } else {
      jobs.emplace_back(SubmitJob{std::move(*spec), own_key(request, std::move(key))});
    }
  }
  return jobs;
}

std::vector<Route> job_batch_routes(ApiContext* context) {
  Route route;
  route.method = Method::kPost;
  route.path = "/v1/jobs/batch";
  route.operation = "submit_jobs";
  route.for_users = true;
  route.summary =
      "Hands in up to 1,000 jobs at once, in order. Each is taken or refused by itself: the answer "
      "has an id or an error for each, and what has an id is durable. With an Idempotency-Key K, "
      "the job in place I (from 0) has the key K/I; or the body has a key for each.";
  route.runs = Runs::kOnWorker;
  route.parameters = {
      {"workdir", ParameterPlace::kQuery, ParameterType::kString,
       "Absolute; what a missing or relative workdir in a job means."},
      {"dry_run", ParameterPlace::kQuery, ParameterType::kBoolean, "Only check them."},
      {"Idempotency-Key", ParameterPlace::kHeader, ParameterType::kString,
       "Up to 196 visible ASCII characters."},
  };
  route.request_schema = "JobBatch";
  route.request_content_type = "application/yaml";
  route.body_bytes = kBatchBytesMax;
  route.responses = {{200, "What became of each.", "BatchSubmitted"},
                     {413, "The batch is too large.", "Error"}};
  route.handler = [context](const auto& request, const Reply& reply) {
    submit_batch(*context, *request, reply);
  };
  return {route};
}

}  // namespace mw::http
