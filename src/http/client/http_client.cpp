#include "http/client/http_client.h"

#include <poll.h>

#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <optional>
#include <utility>

namespace mw {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;

bool has_control_character(std::string_view text) {
  for (const char c : text) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') return true;
  }
  return false;
}

bool has_field(const HttpFields& fields, std::string_view name) {
  for (const auto& field : fields) {
    if (beast::iequals(field.first, name)) return true;
  }
  return false;
}

template <class Body>
HttpResponse head_of(const http::response<Body>& message) {
  HttpResponse response;
  response.status = message.result_int();
  for (const auto& field : message) {
    response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  return response;
}

std::string seconds_text(Duration duration) {
  const std::int64_t ms = duration.count() / 1'000'000;
  if (ms % 1000 == 0) return std::to_string(ms / 1000) + " s";
  return std::to_string(ms) + " ms";
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const {
  for (const auto& field : headers) {
    if (beast::iequals(field.first, name)) return field.second;
  }
  return {};
}

ErrorCode error_code_of_status(int status) {
  for (std::size_t i = 0; i < kErrorCodes.size(); ++i) {
    if (kErrorCodes[i].http_status == status) return static_cast<ErrorCode>(i);
  }
  if (status == 405) return ErrorCode::kUnsupported;
  if (status == 408) return ErrorCode::kTimeout;
  if (status == 431) return ErrorCode::kTooLarge;
  return ErrorCode::kInternal;
}

class HttpClient::Impl {
 public:
  Impl(std::string base_url, std::string token, Options options)
      : endpoint_(parse_base_url(base_url)), token_(std::move(token)), options_(options) {}

  Result<HttpResponse> exchange(http::verb verb, std::string_view path, std::string body,
                                const HttpFields& query, const HttpFields& headers);
  Result<HttpResponse> stream(std::string_view path, const HttpFields& query,
                              const HttpFields& headers,
                              const std::function<bool(const SseEvent&)>& on_event);

 private:
  using Request = http::request<http::string_body>;

  /// Runs one asynchronous operation to its end; so that it can time out, which Asio's
  /// synchronous ones cannot.
  template <class Start>
  error_code run(Duration timeout, Start&& start) {
    error_code result;
    stream_->expires_after(std::chrono::nanoseconds(timeout.count()));
    std::forward<Start>(start)([&result](error_code code, auto&&...) { result = code; });
    io_.restart();
    io_.run();
    return result;
  }

  Result<Request> build(http::verb verb, std::string_view path, std::string body,
                        const HttpFields& query, const HttpFields& headers) const;
  Result<void> connect();
  /// True when the server has closed, or said something nobody asked for.
  bool is_stale();
  void disconnect() {
    stream_.reset();
    buffer_.clear();
  }
  Error broken(error_code code, Duration timeout, std::string_view doing);

  Result<HttpEndpoint> endpoint_;
  std::string token_;
  Options options_;
  asio::io_context io_{1};
  std::optional<beast::tcp_stream> stream_;
  beast::flat_buffer buffer_;
};

Result<HttpClient::Impl::Request> HttpClient::Impl::build(http::verb verb, std::string_view path,
                                                          std::string body, const HttpFields& query,
                                                          const HttpFields& headers) const {
  if (!endpoint_) return endpoint_.error();
  bool clean = path.starts_with('/') && !has_control_character(path) &&
               path.find_first_of(" ?#") == std::string_view::npos;
  if (!clean) {
    return Error{ErrorCode::kInvalid,
                 "\"" + std::string(path) +
                     "\" is not a path of a request: it begins with '/', and "
                     "spaces, control characters, '?' and '#' in it are percent-encoded."};
  }
  Request request(verb, endpoint_->base_path + std::string(path) + query_string(query), 11);
  request.set(http::field::host, endpoint_->authority);
  request.set(http::field::user_agent, "millwright");
  if (!token_.empty()) {
    if (has_control_character(token_)) {
      return Error{ErrorCode::kInvalid,
                   "The token contains control characters; it is not one of ours."};
    }
    request.set(http::field::authorization, "Bearer " + token_);
  }
  if (verb != http::verb::get) request.set(http::field::content_type, "application/json");
  for (const auto& [name, value] : headers) {
    if (name.empty() || name.find_first_of(" :") != std::string::npos ||
        has_control_character(name) || has_control_character(value)) {
      return Error{ErrorCode::kInvalid,
                   "The header \"" + name +
                       "\" cannot be sent: a name has no spaces "
                       "or colons, and neither name nor value has control characters."};
    }
    request.set(name, value);
  }
  request.body() = std::move(body);
  request.prepare_payload();
  return request;
}

Result<void> HttpClient::Impl::connect() {
  disconnect();
  stream_.emplace(io_);
  error_code code;
  const auto address = asio::ip::make_address(endpoint_->host, code);
  if (!code) {
    code = run(options_.connect_timeout, [&](auto done) {
      stream_->async_connect({address, endpoint_->port}, std::move(done));
    });
  }
  if (!code) {
    // Requests are small and somebody waits for each.
    stream_->socket().set_option(asio::ip::tcp::no_delay(true), code);
    return {};
  }
  disconnect();
  const std::string where = "http://" + endpoint_->authority;
  if (code == beast::error::timeout) {
    return Error{ErrorCode::kUnavailable, "The control plane at " + where +
                                              " did not take the connection within " +
                                              seconds_text(options_.connect_timeout) + "."};
  }
  return Error{ErrorCode::kUnavailable, "No control plane answers at " + where + " (" +
                                            code.message() + "). Start it with `mw up`."};
}

bool HttpClient::Impl::is_stale() {
  pollfd entry{stream_->socket().native_handle(), POLLIN, 0};
  return buffer_.size() != 0 || ::poll(&entry, 1, 0) != 0;
}

Error HttpClient::Impl::broken(error_code code, Duration timeout, std::string_view doing) {
  disconnect();
  const std::string where = "http://" + endpoint_->authority;
  if (code == beast::error::timeout) {
    return Error{ErrorCode::kTimeout, "The control plane at " + where + " did not answer within " +
                                          seconds_text(timeout) +
                                          "; whether it did what was asked is unknown."};
  }
  if (code == http::error::body_limit || code == http::error::header_limit) {
    return Error{ErrorCode::kTooLarge, "The answer of " + where + " is larger than " +
                                           std::to_string(options_.body_bytes_max) +
                                           " bytes. Ask for less at once."};
  }
  if (code == http::make_error_code(http::error::end_of_stream) ||
      code == http::error::partial_message || code == asio::error::connection_reset ||
      code == asio::error::broken_pipe || code == asio::error::eof) {
    return Error{ErrorCode::kUnavailable, "The control plane at " + where +
                                              " closed the connection while " + std::string(doing) +
                                              ". It may have been stopped: see `mw up`."};
  }
  if (code.category() == http::make_error_code(http::error::end_of_stream).category()) {
    return Error{ErrorCode::kInternal,
                 "What answers at " + where + " does not speak HTTP/1.1 (" + code.message() +
                     "). Is it the control plane? See the file `endpoint` in its home."};
  }
  return Error{ErrorCode::kUnavailable, "The connection to " + where + " failed while " +
                                            std::string(doing) + ": " + code.message() + "."};
}

Result<HttpResponse> HttpClient::Impl::exchange(http::verb verb, std::string_view path,
                                                std::string body, const HttpFields& query,
                                                const HttpFields& headers) {
  auto request = build(verb, path, std::move(body), query, headers);
  if (!request) return request.error();
  const bool may_repeat = verb != http::verb::post || has_field(headers, "Idempotency-Key");

  for (bool repeated = false;; repeated = true) {
    const bool reused = stream_.has_value() && !is_stale();
    if (!reused) {
      if (auto connected = connect(); !connected) return connected.error();
    }
    error_code code = run(options_.exchange_timeout, [&](auto done) {
      http::async_write(*stream_, *request, std::move(done));
    });
    // A server that refuses early answers and closes while we still send: its answer counts.
    http::response_parser<http::string_body> parser;
    parser.body_limit(options_.body_bytes_max);
    const error_code write_code = code;
    if (code != beast::error::timeout) {
      code = run(options_.exchange_timeout,
                 [&](auto done) { http::async_read(*stream_, buffer_, parser, std::move(done)); });
    }
    if (!code) {
      HttpResponse response = head_of(parser.get());
      response.body = std::move(parser.get().body());
      if (write_code || !parser.get().keep_alive()) disconnect();
      return response;
    }
    const bool nothing_came = !parser.got_some() && code != beast::error::timeout;
    if (reused && nothing_came && may_repeat && !repeated) {
      disconnect();
      continue;
    }
    return broken(write_code ? write_code : code, options_.exchange_timeout,
                  "a request was under way");
  }
}

Result<HttpResponse> HttpClient::Impl::stream(
    std::string_view path, const HttpFields& query, const HttpFields& headers,
    const std::function<bool(const SseEvent&)>& on_event) {
  auto request = build(http::verb::get, path, {}, query, headers);
  if (!request) return request.error();
  request->set(http::field::accept, "text/event-stream");
  if (auto connected = connect(); !connected) return connected.error();

  http::response_parser<http::empty_body> head;
  head.body_limit(boost::none);
  error_code code = run(options_.exchange_timeout,
                        [&](auto done) { http::async_write(*stream_, *request, std::move(done)); });
  if (!code) {
    code = run(options_.exchange_timeout, [&](auto done) {
      http::async_read_header(*stream_, buffer_, head, std::move(done));
    });
  }
  if (code) return broken(code, options_.exchange_timeout, "the event stream began");
  HttpResponse response = head_of(head.get());

  if (response.status != 200) {
    http::response_parser<http::string_body> whole(std::move(head));
    whole.body_limit(options_.body_bytes_max);
    code = run(options_.exchange_timeout,
               [&](auto done) { http::async_read(*stream_, buffer_, whole, std::move(done)); });
    if (code) return broken(code, options_.exchange_timeout, "the event stream began");
    response.body = std::move(whole.get().body());
    disconnect();
    return response;
  }

  http::response_parser<http::buffer_body> body(std::move(head));
  SseParser events;
  std::array<char, 16384> chunk;
  while (!body.is_done()) {
    body.get().body().data = chunk.data();
    body.get().body().size = chunk.size();
    body.get().body().more = true;
    code = run(options_.stream_timeout,
               [&](auto done) { http::async_read_some(*stream_, buffer_, body, std::move(done)); });
    if (code == http::error::need_buffer) code = {};
    if (code) return broken(code, options_.stream_timeout, "events were followed");
    const std::size_t size = chunk.size() - body.get().body().size;
    switch (events.feed({chunk.data(), size}, on_event)) {
      case SseParser::Outcome::kGoOn:
        break;
      case SseParser::Outcome::kStopped:
        disconnect();
        return response;
      case SseParser::Outcome::kTooLong:
        disconnect();
        return Error{ErrorCode::kTooLarge, "An event from http://" + endpoint_->authority +
                                               " is larger than a client takes (16 MiB)."};
    }
  }
  disconnect();
  return response;
}

HttpClient::HttpClient(std::string base_url, std::string bearer_token)
    : HttpClient(std::move(base_url), std::move(bearer_token), Options()) {}
HttpClient::HttpClient(std::string base_url, std::string bearer_token, Options options)
    : impl_(std::make_unique<Impl>(std::move(base_url), std::move(bearer_token), options)) {}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;
HttpClient& HttpClient::operator=(HttpClient&&) noexcept = default;

Result<HttpResponse> HttpClient::get(std::string_view path, const HttpFields& query,
                                     const HttpFields& headers) {
  return impl_->exchange(http::verb::get, path, {}, query, headers);
}
Result<HttpResponse> HttpClient::post(std::string_view path, std::string body,
                                      const HttpFields& query, const HttpFields& headers) {
  return impl_->exchange(http::verb::post, path, std::move(body), query, headers);
}
Result<HttpResponse> HttpClient::put(std::string_view path, std::string body,
                                     const HttpFields& query, const HttpFields& headers) {
  return impl_->exchange(http::verb::put, path, std::move(body), query, headers);
}
Result<HttpResponse> HttpClient::stream(std::string_view path, const HttpFields& query,
                                        const std::function<bool(const SseEvent&)>& on_event,
                                        const HttpFields& headers) {
  return impl_->stream(path, query, headers, on_event);
}

}  // namespace mw
