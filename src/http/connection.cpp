// Requests on a connection, each step with its deadline:
//
//   wait (idle) -> head (header) -> [100 Continue] -> body (body) -> answer (answer) -> write -+
//     ^                 |                                |                              |      |
//     |                 +----------- refused ------------+------------------------------+      |
//     +----------------------------------- keep-alive ----------------------------------------+
//
// One request is answered before the next is read, which is what makes pipelining safe.
#include "http/connection.h"

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/string.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <ctime>
#include <optional>
#include <utility>

#include "http/http_date.h"
#include "http/router.h"

namespace mw::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace wire = boost::beast::http;
using boost::system::error_code;
using SteadyClock = std::chrono::steady_clock;

constexpr std::size_t kReadAhead = std::size_t{64} << 10;
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

std::chrono::nanoseconds chrono(Duration duration) {
  return std::chrono::nanoseconds(duration.count());
}

bool is_protocol_error(const error_code& code) {
  return code.category() == wire::make_error_code(wire::error::end_of_stream).category() &&
         code != wire::error::end_of_stream && code != wire::error::partial_message;
}

class HttpConnection : public Connection {
 public:
  HttpConnection(Socket socket, ConnectionHost& host)
      : Connection(host),
        stream_(std::move(socket)),
        answer_deadline_(stream_.get_executor()),
        buffer_(host.limits.header_bytes + kReadAhead) {}

  void wait_for_request();
  void refuse_at_once() {
    refuse_at_once(
        error_response(Error{ErrorCode::kUnavailable, "Too many connections are open (" +
                                                          std::to_string(host_.limits.connections) +
                                                          "). Try again in a moment."}));
  }
  void shut_down() override {
    asio::post(stream_.get_executor(), [self = self_reference()] {
      if (self->phase_ == Phase::kWaiting || self->phase_ == Phase::kReading) self->close();
    });
  }
  void abort() override {
    asio::post(stream_.get_executor(), [self = self_reference()] { self->close(); });
  }

 private:
  enum class Phase { kWaiting, kReading, kAnswering, kWriting, kClosed };

  std::shared_ptr<HttpConnection> self_reference() {
    return std::static_pointer_cast<HttpConnection>(shared_from_this());
  }
  /// A completion handler that calls `step`, and keeps the connection alive until then.
  auto then(void (HttpConnection::*step)(error_code, std::size_t)) {
    return [self = self_reference(), step](error_code code, std::size_t size) {
      if (self->phase_ != Phase::kClosed) (self.get()->*step)(code, size);
    };
  }

  void refuse_at_once(Response response) {
    close_after_write_ = true;
    write(std::move(response));
  }
  void on_first_bytes(error_code code, std::size_t size);
  void read_head();
  void on_head(error_code code, std::size_t size);
  void take_head();
  bool limit_body();
  void on_continued(error_code code, std::size_t size);
  void read_body();
  void on_body(error_code code, std::size_t size);
  void refuse_unreadable(error_code code);

  void dispatch();
  void answer(std::uint64_t exchange, Response response);
  void on_answer_late(error_code code);
  void respond(Response response);
  void fill_head(wire::fields& head, const Response& response) const;
  void write(Response response);
  void on_written(error_code code, std::size_t size);
  void begin_stream(Response response);
  void on_stream_begun(error_code code, std::size_t size);
  void finished(unsigned status);
  void close();

  beast::tcp_stream stream_;
  asio::steady_timer answer_deadline_;
  beast::flat_buffer buffer_;
  Phase phase_ = Phase::kWaiting;

  std::optional<wire::request_parser<wire::string_body>> parser_;
  std::shared_ptr<Request> request_;  ///< null until a head was read
  SteadyClock::time_point began_;
  std::uint64_t body_bytes_max_ = 0;  ///< of the request that is being read
  std::uint64_t exchange_ = 0;        ///< number of the request; replies to others are late
  bool close_after_write_ = false;

  std::optional<wire::response<wire::string_body>> message_;
  std::optional<wire::response_serializer<wire::string_body>> serializer_;
  std::optional<wire::response<wire::empty_body>> stream_head_;
  std::optional<wire::response_serializer<wire::empty_body>> stream_serializer_;
  std::shared_ptr<ByteStream> source_;
};

// --- reading ------------------------------------------------------------------------------------

void HttpConnection::wait_for_request() {
  if (host_.stopping) return close();
  phase_ = Phase::kWaiting;
  request_.reset();
  parser_.emplace();
  parser_->header_limit(static_cast<std::uint32_t>(host_.limits.header_bytes));
  // How much the body may be is known when the route is; see limit_body().
  parser_->body_limit(boost::none);
  if (buffer_.size() > 0) return read_head();
  stream_.expires_after(chrono(host_.limits.idle_timeout));
  stream_.async_read_some(buffer_.prepare(4096), then(&HttpConnection::on_first_bytes));
}

void HttpConnection::on_first_bytes(error_code code, std::size_t size) {
  if (code) return close();
  buffer_.commit(size);
  read_head();
}

void HttpConnection::read_head() {
  phase_ = Phase::kReading;
  began_ = SteadyClock::now();
  stream_.expires_after(chrono(host_.limits.header_timeout));
  wire::async_read_header(stream_, buffer_, *parser_, then(&HttpConnection::on_head));
}

void HttpConnection::on_head(error_code code, std::size_t) {
  if (code) return refuse_unreadable(code);
  take_head();
  const bool has_body = !parser_->is_done();
  if (auto refusal = host_.handler.admit(*request_)) {
    close_after_write_ = has_body;  // what follows is a body that nobody wants
    return respond(std::move(*refusal));
  }
  const std::string_view expect = request_->header("expect");
  if (!expect.empty() && !beast::iequals({expect.data(), expect.size()}, "100-continue")) {
    close_after_write_ = has_body;
    return respond(
        error_response(417, Error{ErrorCode::kUnsupported,
                                  "Of the header Expect, only \"100-continue\" is known here."}));
  }
  if (!has_body) return dispatch();
  if (!limit_body()) return refuse_unreadable(wire::make_error_code(wire::error::body_limit));
  stream_.expires_after(chrono(host_.limits.body_timeout));
  if (expect.empty()) return read_body();
  asio::async_write(stream_, asio::buffer(kContinue), then(&HttpConnection::on_continued));
}

/// False when the head says already that the body is larger than its route takes.
bool HttpConnection::limit_body() {
  const Route* route = request_->route;
  body_bytes_max_ =
      route == nullptr || route->body_bytes == 0 ? host_.limits.body_bytes : route->body_bytes;
  parser_->body_limit(body_bytes_max_);
  const auto length = parser_->content_length();
  return !length || *length <= body_bytes_max_;
}

void HttpConnection::take_head() {
  request_ = std::make_shared<Request>();
  const auto& message = parser_->get();
  request_->method = std::string(message.method_string());
  request_->target = std::string(message.target());
  request_->is_http_1_0 = message.version() < 11;
  for (const auto& field : message) {
    std::string name(field.name_string());
    for (char& c : name) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    request_->headers.emplace_back(std::move(name), std::string(field.value()));
  }
}

void HttpConnection::on_continued(error_code code, std::size_t) {
  if (code) return close();
  read_body();
}

void HttpConnection::read_body() {
  wire::async_read(stream_, buffer_, *parser_, then(&HttpConnection::on_body));
}

void HttpConnection::on_body(error_code code, std::size_t) {
  if (code) return refuse_unreadable(code);
  request_->body = std::move(parser_->get().body());
  dispatch();
}

void HttpConnection::refuse_unreadable(error_code code) {
  // Silence, a lost connection and an orderly end need no answer, and mostly cannot have one.
  if (!is_protocol_error(code)) return close();
  if (code == wire::error::body_limit) {
    return refuse_at_once(error_response(
        Error{ErrorCode::kTooLarge,
              "The request's body is larger than " + std::to_string(body_bytes_max_) + " bytes."}));
  }
  if (code == wire::error::header_limit || code == wire::error::buffer_overflow) {
    return refuse_at_once(error_response(
        431,
        Error{ErrorCode::kTooLarge, "The request's first line and headers are larger than " +
                                        std::to_string(host_.limits.header_bytes) + " bytes."}));
  }
  refuse_at_once(error_response(
      Error{ErrorCode::kInvalid, "This is not an HTTP/1.1 request: " + code.message() + "."}));
}

// --- answering ----------------------------------------------------------------------------------

void HttpConnection::dispatch() {
  phase_ = Phase::kAnswering;
  ++exchange_;
  answer_deadline_.expires_after(chrono(host_.limits.answer_timeout));
  answer_deadline_.async_wait(
      [self = self_reference()](error_code code) { self->on_answer_late(code); });
  host_.handler.handle(request_, [gate = host_.gate, weak = weak_from_this(),
                                  exchange = exchange_](Response response) {
    const std::shared_lock lock(gate->mutex);
    const auto self = std::static_pointer_cast<HttpConnection>(weak.lock());
    if (!gate->open || self == nullptr) return;
    asio::post(self->stream_.get_executor(),
               [self, exchange, response = std::move(response)]() mutable {
                 self->answer(exchange, std::move(response));
               });
  });
}

void HttpConnection::answer(std::uint64_t exchange, Response response) {
  if (exchange != exchange_ || phase_ != Phase::kAnswering) {
    if (response.stream != nullptr) response.stream->cancel();
    return;
  }
  answer_deadline_.cancel();
  respond(std::move(response));
}

void HttpConnection::on_answer_late(error_code code) {
  // The wait may have been on its way already when the answer came and the next one began.
  if (code || phase_ != Phase::kAnswering || answer_deadline_.expiry() > SteadyClock::now()) return;
  const std::string after = std::to_string(host_.limits.answer_timeout.count() / 1'000'000) + " ms";
  respond(error_response(
      Error{ErrorCode::kTimeout,
            request_->method == "POST"
                ? "There was no answer within " + after +
                      ": outcome unknown; safe to retry with the same Idempotency-Key."
                : "There was no answer within " + after + ". Try again."}));
}

void HttpConnection::respond(Response response) {
  if (response.stream != nullptr) return begin_stream(std::move(response));
  write(std::move(response));
}

void HttpConnection::fill_head(wire::fields& head, const Response& response) const {
  head.set(wire::field::server, "millwright");
  // Agents compare their clocks with it, and RFC 9110 (6.6.1) asks for it.
  head.set(wire::field::date, http_date(std::time(nullptr)));
  head.set(wire::field::content_type, response.content_type);
  head.set("X-Content-Type-Options", "nosniff");
  head.set(wire::field::cache_control, "no-store");
  for (const auto& [name, value] : response.headers) head.set(name, value);
}

void HttpConnection::write(Response response) {
  phase_ = Phase::kWriting;
  message_.emplace(static_cast<wire::status>(response.status),
                   request_ != nullptr && request_->is_http_1_0 ? 10U : 11U);
  fill_head(*message_, response);
  if (host_.stopping || request_ == nullptr || !parser_->get().keep_alive())
    close_after_write_ = true;
  message_->keep_alive(!close_after_write_);
  message_->body() = std::move(response.body);
  message_->prepare_payload();
  serializer_.emplace(*message_);
  stream_.expires_after(chrono(host_.limits.write_timeout));
  if (request_ != nullptr && request_->method == "HEAD") {
    serializer_->split(true);
    wire::async_write_header(stream_, *serializer_, then(&HttpConnection::on_written));
  } else {
    wire::async_write(stream_, *serializer_, then(&HttpConnection::on_written));
  }
}

void HttpConnection::on_written(error_code code, std::size_t) {
  finished(message_->result_int());
  serializer_.reset();
  message_.reset();
  if (code) return close();
  if (!close_after_write_) return wait_for_request();
  phase_ = Phase::kClosed;
  linger(stream_.release_socket(), host_);
}

void HttpConnection::begin_stream(Response response) {
  phase_ = Phase::kWriting;
  source_ = std::move(response.stream);
  stream_head_.emplace(static_cast<wire::status>(response.status),
                       request_->is_http_1_0 ? 10U : 11U);
  fill_head(*stream_head_, response);
  stream_head_->keep_alive(false);
  if (!request_->is_http_1_0) stream_head_->chunked(true);
  stream_serializer_.emplace(*stream_head_);
  stream_.expires_after(chrono(host_.limits.write_timeout));
  wire::async_write_header(stream_, *stream_serializer_, then(&HttpConnection::on_stream_begun));
}

void HttpConnection::on_stream_begun(error_code code, std::size_t) {
  finished(stream_head_->result_int());
  if (code) return close();
  phase_ = Phase::kClosed;
  if (request_->method == "HEAD") {
    source_->cancel();
    return linger(stream_.release_socket(), host_);
  }
  serve_stream(stream_.release_socket(), host_, std::move(source_), !request_->is_http_1_0);
}

void HttpConnection::finished(unsigned status) {
  const auto took = request_ == nullptr ? SteadyClock::duration() : SteadyClock::now() - began_;
  host_.handler.finished(
      request_.get(), static_cast<int>(status),
      Duration(std::chrono::duration_cast<std::chrono::nanoseconds>(took).count()));
}

void HttpConnection::close() {
  phase_ = Phase::kClosed;
  if (source_ != nullptr) source_->cancel();
  answer_deadline_.cancel();
  stream_.close();
}

}  // namespace

void serve_requests(Socket socket, ConnectionHost& host) {
  const auto executor = socket.get_executor();
  asio::post(executor, [connection = std::make_shared<HttpConnection>(std::move(socket), host)] {
    connection->wait_for_request();
  });
}

void turn_away(Socket socket, ConnectionHost& host) {
  const auto executor = socket.get_executor();
  asio::post(executor, [connection = std::make_shared<HttpConnection>(std::move(socket), host)] {
    connection->refuse_at_once();
  });
}

}  // namespace mw::http
