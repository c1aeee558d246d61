// Requests and responses as the rest of the server sees them: plain values, no sockets. What
// turns bytes into these is in connection.h, and nothing else knows of Beast.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/json/fwd.hpp>

#include "base/id.h"
#include "base/result.h"

namespace mw::http {

struct Route;

/// Names and values, in order.
using Fields = std::vector<std::pair<std::string, std::string>>;

enum class Method : std::uint8_t { kGet, kHead, kPost, kPut };

/// Who an accepted request comes from. A job speaks with its attempt's token, and for itself only.
struct Caller {
  JobId job;  ///< 0: not a job but a person
  AttemptNumber attempt;
  std::string user{};  ///< by a token of their own; empty: whoever has the API token
};

struct Request {
  std::string method;  ///< as sent: "GET"
  std::string target;  ///< as sent: "/v1/jobs?limit=5"
  bool is_http_1_0 = false;
  Fields headers;  ///< names in lower case
  std::string body;

  // Filled in when the request is admitted.
  const Route* route = nullptr;
  std::map<std::string, std::string, std::less<>> parameters;  ///< of path and query, validated
  Caller caller;

  /// The header of that lower-case name; empty when absent.
  [[nodiscard]] std::string_view header(std::string_view name) const;
  [[nodiscard]] std::size_t header_count(std::string_view name) const;

  [[nodiscard]] bool has(std::string_view parameter) const {
    return parameters.contains(parameter);
  }
  /// Empty when absent.
  [[nodiscard]] std::string_view text(std::string_view parameter) const;
  /// REQUIRES: the route declares it as an integer.
  [[nodiscard]] std::optional<std::uint64_t> number(std::string_view parameter) const;
  /// REQUIRES: the route declares it as a boolean.
  [[nodiscard]] bool flag(std::string_view parameter) const;
};

/// A body without an end in sight. Its reader pulls piece by piece.
class ByteStream {
 public:
  virtual ~ByteStream() = default;
  /// Asks for the next bytes; `done` is called once, from any thread: empty bytes are the end.
  /// REQUIRES: the last pull was answered.
  virtual void pull(std::function<void(std::string)> done) = 0;
  /// What to send when there was nothing for a while.
  [[nodiscard]] virtual std::string heartbeat() const = 0;
  /// Nobody reads any more. A pull under way need not be answered.
  virtual void cancel() = 0;
};

struct Response {
  int status = 200;
  std::string content_type = "application/json";
  Fields headers;
  std::string body;
  std::shared_ptr<ByteStream> stream;  ///< instead of a body
};

/// Answers a request: called once, from any thread. Calling it for a client that has gone, or
/// too late, does nothing.
using Reply = std::function<void(Response)>;

Response json_response(const boost::json::value& value, int status = 200);
/// {"error":{"code":..,"message":..}} with the code's own status.
Response error_response(const Error& error);
/// The same where HTTP has a more exact status than the code.
Response error_response(int status, const Error& error);

/// Undoes percent-encoding. `plus_is_space`: as in queries.
/// Errors: kInvalid for a '%' without two hexadecimal digits, and for an encoded NUL.
Result<std::string> percent_decode(std::string_view text, bool plus_is_space);

/// The parts of a request target, decoded.
struct Target {
  std::vector<std::string> segments;  ///< of the path: "/v1/jobs" gives "v1", "jobs"
  Fields query;
};
/// Takes origin form and absolute form. Errors: kInvalid.
Result<Target> parse_target(std::string_view target);

}  // namespace mw::http
