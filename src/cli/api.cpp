#include "cli/api.h"

#include <fmt/format.h>

#include <boost/json/parse.hpp>
#include <charconv>

#include "cli/home.h"
#include "codec/units.h"

namespace mw {
namespace {

/// The message of {"error":{"code":..,"message":..}}, with the code that it names.
Error error_of(const HttpResponse& response, const boost::json::value& body) {
  const JsonView error = JsonView(body)["error"];
  const auto code = enum_from_name<ErrorCode>(error["code"].text());
  std::string message = error["message"].text();
  if (message.empty())
    message = fmt::format("the control plane answered with status {}", response.status);
  return {code.value_or(error_code_of_status(response.status)), std::move(message)};
}

boost::json::value parse_or_null(std::string_view text) {
  boost::json::error_code failure;
  boost::json::value value = boost::json::parse(text, failure);
  return failure ? boost::json::value() : value;
}

}  // namespace

std::string ApiReply::header(std::string_view name) const {
  return std::string(HttpResponse{.status = status, .headers = headers, .body = {}}.header(name));
}

Result<Api> Api::open(const std::filesystem::path& home, const std::string& url) {
  std::string base = url;
  if (base.empty()) {
    const auto endpoint = read_endpoint(home);
    if (!endpoint) {
      return Error{
          ErrorCode::kUnavailable,
          fmt::format("no control plane has run with the home {}; start one with \"mw up\"",
                      home.string())};
    }
    base = *endpoint;
  }
  const auto token = read_first_line(home / "token");
  if (!token || token->empty()) {
    return Error{
        ErrorCode::kForbidden,
        fmt::format("cannot read {}; run as the user who runs the control plane, or name its home "
                    "with --home DIR",
                    (home / "token").string())};
  }
  return Api(std::move(base), *token);
}

Api::Api(std::string url, std::string token, HttpClient::Options options)
    : url_(std::move(url)), client_(url_, std::move(token), options) {}

Result<ApiReply> Api::judge(Result<HttpResponse> response) {
  if (!response) return response.error();
  boost::json::value body = parse_or_null(response->body);
  if (!response->ok()) return error_of(*response, body);
  return ApiReply{.status = response->status,
                  .body = std::move(response->body),
                  .json = std::move(body),
                  .headers = std::move(response->headers)};
}

Result<ApiReply> Api::get(std::string_view path, const HttpFields& query) {
  return judge(client_.get(path, query));
}

Result<ApiReply> Api::post(std::string_view path, std::string body, const HttpFields& query,
                           const HttpFields& headers) {
  return judge(client_.post(path, std::move(body), query, headers));
}

Result<ApiReply> Api::put(std::string_view path, std::string body) {
  return judge(client_.put(path, std::move(body)));
}

Result<void> Api::stream(std::string_view path, const HttpFields& query,
                         const std::function<bool(const SseEvent&)>& on_event) {
  const auto response = client_.stream(path, query, on_event);
  if (!response) return response.error();
  if (!response->ok()) return error_of(*response, parse_or_null(response->body));
  return {};
}

std::string JobReference::text() const {
  return is_element ? fmt::format("{}[{}]", record, index) : fmt::format("{}", id);
}

Result<JobReference> parse_job_reference(std::string_view text) {
  const Error refused{
      ErrorCode::kInvalid,
      fmt::format("expected a job's number such as 17, or 17[3] for an element of an array, "
                  "found {}",
                  in_quotes(text))};
  JobReference job;
  const char* end = text.data() + text.size();
  const auto number = std::from_chars(text.data(), end, job.record);
  if (number.ec != std::errc() || job.record == 0) return refused;
  const char* at = number.ptr;
  if (at != end) {
    if (*at != '[' || end[-1] != ']') return refused;
    const auto index = std::from_chars(at + 1, end - 1, job.index);
    if (index.ec != std::errc() || index.ptr != end - 1) return refused;
    job.is_element = true;
  }
  if (__builtin_add_overflow(job.record, job.index, &job.id)) return refused;
  return job;
}

Result<ApiReply> get_job(Api& api, const JobReference& job) {
  auto reply = api.get(fmt::format("/v1/jobs/{}", job.id));
  if (!reply || !job.is_element) return reply;
  const std::int64_t record = reply->view()["record"].integer();
  if (record != static_cast<std::int64_t>(job.record)) {
    return Error{ErrorCode::kNotFound,
                 fmt::format("there is no job {}: no array that begins at {} has an element {}",
                             job.text(), job.record, job.index)};
  }
  return reply;
}

}  // namespace mw
