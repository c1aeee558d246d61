// The control plane's API as the verbs see it: paths in, JSON or an Error out. Knows where it
// listens and which token to show, and turns "nobody listens" into what to do about it.
#pragma once

#include <boost/json/value.hpp>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/json_view.h"
#include "http/client/http_client.h"

namespace mw {

/// A successful answer.
struct ApiReply {
  int status = 200;
  std::string body;         ///< as it came, for --json
  boost::json::value json;  ///< the same, parsed; null when it is not JSON
  HttpFields headers;
  [[nodiscard]] JsonView view() const { return JsonView(json); }
  [[nodiscard]] std::string header(std::string_view name) const;
};

class Api {
 public:
  /// Reads HOME/token, and HOME/endpoint unless `url` is given.
  /// Errors: kUnavailable when no control plane has run there; kForbidden when the token cannot be
  ///         read.
  static Result<Api> open(const std::filesystem::path& home, const std::string& url);
  /// With a token that is known, for reports of jobs.
  Api(std::string url, std::string token, HttpClient::Options options = {});

  /// Errors: what the server said, with its code and message; kUnavailable and kTimeout when there
  ///         was no answer.
  Result<ApiReply> get(std::string_view path, const HttpFields& query = {});
  Result<ApiReply> post(std::string_view path, std::string body = {}, const HttpFields& query = {},
                        const HttpFields& headers = {});
  Result<ApiReply> put(std::string_view path, std::string body);
  /// Follows an event stream until on_event returns false or it breaks off (kUnavailable).
  Result<void> stream(std::string_view path, const HttpFields& query,
                      const std::function<bool(const SseEvent&)>& on_event);

  [[nodiscard]] const std::string& url() const { return url_; }

 private:
  static Result<ApiReply> judge(Result<HttpResponse> response);

  std::string url_;
  HttpClient client_;
};

/// A job as people name it: 17, or 17[3] for the element of an array.
struct JobReference {
  std::uint64_t id = 0;      ///< of the element itself
  bool is_element = false;   ///< written with an index
  std::uint64_t record = 0;  ///< the number as written
  std::uint64_t index = 0;
  [[nodiscard]] std::string text() const;
};
/// Errors: kInvalid, saying what was found and what is allowed.
Result<JobReference> parse_job_reference(std::string_view text);

/// The job's view. Errors: kNotFound also when 17[3] names no element of an array that begins
/// at 17.
Result<ApiReply> get_job(Api& api, const JobReference& job);

}  // namespace mw
