// A small synchronous HTTP/1.1 client for the control plane of this machine. One object is one
// connection, kept open between requests; it belongs to one thread at a time.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "http/client/sse_parser.h"
#include "http/client/url.h"

namespace mw {

/// What came back, whatever its status; only a failed exchange is an Error.
struct HttpResponse {
  int status = 0;
  HttpFields headers;  ///< as received
  std::string body;
  [[nodiscard]] bool ok() const { return status >= 200 && status < 300; }
  /// The first header of that name in any case; empty when there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const;
};

/// The code that the server meant by a status; kInternal for one that it does not use.
ErrorCode error_code_of_status(int status);

class HttpClient {
 public:
  struct Options {
    Duration connect_timeout = seconds(2);
    Duration exchange_timeout = seconds(60);  ///< from sending a request to its whole answer
    Duration stream_timeout = seconds(60);    ///< without a byte; the server's heartbeat is 15 s
    std::size_t body_bytes_max = std::size_t{64} << 20;
  };

  /// A `base_url` that is none is told by the first request. `bearer_token` may be empty.
  HttpClient(std::string base_url, std::string bearer_token);
  HttpClient(std::string base_url, std::string bearer_token, Options options);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;
  HttpClient& operator=(HttpClient&&) noexcept;

  /// `path` begins with a slash and is written as it goes over the wire (see percent_encode).
  /// Errors: kUnavailable when nobody listens or the connection broke off; kTimeout; kTooLarge;
  /// kInvalid and kUnsupported for a base URL or argument that cannot be used.
  Result<HttpResponse> get(std::string_view path, const HttpFields& query = {},
                           const HttpFields& headers = {});
  /// The body's type is "application/json" unless `headers` has a Content-Type. When the
  /// connection breaks off after sending, it is sent again only under an Idempotency-Key.
  Result<HttpResponse> post(std::string_view path, std::string body, const HttpFields& query = {},
                            const HttpFields& headers = {});
  /// As post, and sent again when the connection breaks off: twice is as good as once.
  Result<HttpResponse> put(std::string_view path, std::string body, const HttpFields& query = {},
                           const HttpFields& headers = {});

  /// Follows a stream of server-sent events until it ends, on_event returns false, or nothing
  /// comes for stream_timeout. With a status other than 200 the answer has its body, and
  /// on_event was not called. Reading on after an error: again, with "Last-Event-ID".
  Result<HttpResponse> stream(std::string_view path, const HttpFields& query,
                              const std::function<bool(const SseEvent&)>& on_event,
                              const HttpFields& headers = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mw
