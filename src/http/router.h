// The table of routes: what can be asked, how it is documented, and what answers it. Requests are
// matched and validated by the same rows from which the OpenAPI document is made, so the two
// cannot differ.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "http/message.h"

namespace mw::http {

enum class ParameterPlace : std::uint8_t { kPath, kQuery, kHeader };
enum class ParameterType : std::uint8_t { kString, kInteger, kBoolean };

/// Header parameters are documented here and read by the handler.
struct Parameter {
  std::string_view name;
  ParameterPlace place = ParameterPlace::kQuery;
  ParameterType type = ParameterType::kString;
  std::string_view description;
  std::uint64_t minimum = 0;  ///< of an integer
  std::uint64_t maximum = std::numeric_limits<std::int64_t>::max();
};

/// What may come back. `schema`: a name in openapi.h's list; empty: not JSON.
struct DocumentedResponse {
  int status = 200;
  std::string_view description;
  std::string_view schema;
  std::string_view content_type = "application/json";
};

enum class Access : std::uint8_t {
  kOpen,    ///< no token
  kToken,   ///< the API token
  kReport,  ///< the API token, or that of an attempt
};

/// Where a handler runs. What reads the disk or walks over many jobs must not make others wait.
enum class Runs : std::uint8_t { kAtOnce, kOnWorker };

using Handler = std::function<void(const std::shared_ptr<const Request>&, Reply)>;

struct Route {
  Method method = Method::kGet;
  std::string_view path;       ///< "/v1/jobs/{job}"
  std::string_view operation;  ///< unique: "show_job"
  std::string_view summary;
  Access access = Access::kToken;
  bool for_users = false;  ///< also with a user's own token, as all that only look are
  Runs runs = Runs::kAtOnce;
  std::vector<Parameter> parameters;
  std::string_view request_schema;  ///< empty: no body
  std::string_view request_content_type = "application/json";
  std::size_t body_bytes = 0;  ///< that it takes; 0: as many as the server's limits say
  std::vector<DocumentedResponse> responses;  ///< those of every route are added: 401, 400, ...
  Handler handler;
};

class Router {
 public:
  explicit Router(std::vector<Route> routes);
  Router(const Router&) = delete;
  Router& operator=(const Router&) = delete;

  /// Finds the route of `request` and fills in its parameters, checked against the table.
  /// The answer is a response that refuses it: 400, 404, 405 (with the methods that are allowed).
  [[nodiscard]] std::optional<Response> match(Request& request) const;

  [[nodiscard]] const std::vector<Route>& routes() const { return routes_; }

 private:
  struct Pattern {
    std::vector<std::string_view> segments;  ///< "{job}" stands for any
  };
  [[nodiscard]] static bool fits(const Pattern& pattern, const std::vector<std::string>& segments);

  std::vector<Route> routes_;
  std::vector<Pattern> patterns_;  ///< one a route
};

/// "GET", "HEAD", "POST", "PUT".
std::string_view method_name(Method method);

}  // namespace mw::http
