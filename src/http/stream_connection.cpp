// Streams and orderly ends. A stream's pieces are pulled one at a time, the next only when the
// client has taken the last: a slow reader holds back nobody and fills no memory.
#include <array>
#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "http/connection.h"

namespace mw::http {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr Duration kLinger = seconds(2);
constexpr Duration kLingerWhenStopping = milliseconds(200);
constexpr std::size_t kLingerBytesMax = std::size_t{4} << 20;

std::chrono::nanoseconds chrono(Duration duration) {
  return std::chrono::nanoseconds(duration.count());
}

/// True when the timer really ran out: a wait that is moved may already be on its way.
bool ran_out(const asio::steady_timer& timer, const error_code& code) {
  return !code && timer.expiry() <= asio::steady_timer::clock_type::now();
}

class LingeringConnection : public Connection {
 public:
  LingeringConnection(Socket socket, ConnectionHost& host)
      : Connection(host), socket_(std::move(socket)), deadline_(socket_.get_executor()) {}

  void begin() {
    error_code ignored;
    socket_.shutdown(Socket::shutdown_send, ignored);
    wait();
    read();
  }
  void shut_down() override {
    asio::post(socket_.get_executor(), [self = self_reference()] { self->wait(); });
  }
  void abort() override {
    asio::post(socket_.get_executor(), [self = self_reference()] { self->close(); });
  }

 private:
  std::shared_ptr<LingeringConnection> self_reference() {
    return std::static_pointer_cast<LingeringConnection>(shared_from_this());
  }
  void wait() {
    deadline_.expires_after(chrono(host_.stopping ? kLingerWhenStopping : kLinger));
    deadline_.async_wait([self = self_reference()](error_code code) {
      if (ran_out(self->deadline_, code)) self->close();
    });
  }
  void read() {
    socket_.async_read_some(asio::buffer(discarded_),
                            [self = self_reference()](error_code code, std::size_t size) {
                              self->discarded_bytes_ += size;
                              if (code || self->discarded_bytes_ > kLingerBytesMax)
                                return self->close();
                              self->read();
                            });
  }
  void close() {
    error_code ignored;
    deadline_.cancel();
    socket_.close(ignored);
  }

  Socket socket_;
  asio::steady_timer deadline_;
  std::array<char, 16384> discarded_;
  std::size_t discarded_bytes_ = 0;
};

class StreamConnection : public Connection {
 public:
  StreamConnection(Socket socket, ConnectionHost& host, std::shared_ptr<ByteStream> source,
                   bool chunked)
      : Connection(host),
        socket_(std::move(socket)),
        write_deadline_(socket_.get_executor()),
        quiet_(socket_.get_executor()),
        source_(std::move(source)),
        chunked_(chunked) {}

  void begin() {
    watch();
    if (host_.stopping) return end();
    pull();
  }
  void shut_down() override {
    asio::post(socket_.get_executor(), [self = self_reference()] { self->end(); });
  }
  void abort() override {
    asio::post(socket_.get_executor(), [self = self_reference()] { self->close(); });
  }

 private:
  std::shared_ptr<StreamConnection> self_reference() {
    return std::static_pointer_cast<StreamConnection>(shared_from_this());
  }

  /// Reads, so that the client's going is noticed; what it sends meanwhile is not looked at.
  void watch() {
    socket_.async_read_some(asio::buffer(discarded_),
                            [self = self_reference()](error_code code, std::size_t) {
                              if (code) return self->close();
                              self->watch();
                            });
  }

  void pull() {
    pulling_ = true;
    wait_quietly();
    source_->pull([gate = host_.gate, weak = weak_from_this()](std::string piece) {
      const std::shared_lock lock(gate->mutex);
      const auto self = std::static_pointer_cast<StreamConnection>(weak.lock());
      if (!gate->open || self == nullptr) return;
      asio::post(self->socket_.get_executor(),
                 [self, piece = std::move(piece)]() mutable { self->take(std::move(piece)); });
    });
  }

  void wait_quietly() {
    quiet_.expires_after(chrono(host_.limits.heartbeat));
    quiet_.async_wait([self = self_reference()](error_code code) {
      if (ran_out(self->quiet_, code) && self->pulling_ && !self->writing_ && !self->ending_) {
        self->write(self->source_->heartbeat());
      }
    });
  }

  void take(std::string piece) {
    if (!pulling_ || ending_) return;
    pulling_ = false;
    quiet_.cancel();
    if (piece.empty()) return end();
    if (writing_)
      next_ = std::move(piece);
    else
      write(std::move(piece));
  }

  void write(std::string piece) {
    writing_ = true;
    piece_ = std::move(piece);
    if (chunked_) {
      std::array<char, 16> size{};
      const auto end = std::to_chars(size.data(), size.data() + size.size(), piece_.size(), 16).ptr;
      piece_.insert(0, std::string(size.data(), end) + "\r\n");
      piece_ += "\r\n";
    }
    send();
  }

  void send() {
    write_deadline_.expires_after(chrono(host_.limits.write_timeout));
    write_deadline_.async_wait([self = self_reference()](error_code code) {
      if (!ran_out(self->write_deadline_, code) || !self->writing_) return;
      ++self->host_.streams_dropped;
      self->close();
    });
    asio::async_write(
        socket_, asio::buffer(piece_),
        [self = self_reference()](error_code code, std::size_t) { self->written(code); });
  }

  void written(error_code code) {
    writing_ = false;
    write_deadline_.cancel();
    if (code || closed_) return close();
    if (last_) return hand_over();
    if (ending_) return write_last();
    if (next_) {
      std::string piece = std::move(*next_);
      next_.reset();
      return write(std::move(piece));
    }
    if (pulling_)
      wait_quietly();
    else
      pull();
  }

  void end() {
    if (ending_ || closed_) return;
    ending_ = true;
    source_->cancel();
    quiet_.cancel();
    if (!writing_) write_last();
  }

  void write_last() {
    last_ = true;
    if (!chunked_) return hand_over();
    writing_ = true;
    piece_ = "0\r\n\r\n";
    send();
  }

  /// The watch's read ends with operation_aborted, which close() then finds closed.
  void hand_over() {
    closed_ = true;
    error_code ignored;
    socket_.cancel(ignored);
    linger(std::move(socket_), host_);
  }

  void close() {
    if (closed_) return;
    closed_ = true;
    source_->cancel();
    quiet_.cancel();
    write_deadline_.cancel();
    error_code ignored;
    socket_.close(ignored);
  }

  Socket socket_;
  asio::steady_timer write_deadline_;
  asio::steady_timer quiet_;  ///< runs out when it is time for a heartbeat
  const std::shared_ptr<ByteStream> source_;
  const bool chunked_;
  std::array<char, 512> discarded_;
  std::string piece_;                ///< being written
  std::optional<std::string> next_;  ///< came while a heartbeat was written
  bool pulling_ = false;
  bool writing_ = false;
  bool ending_ = false;  ///< nothing more is taken from the source
  bool last_ = false;    ///< what is being written is the end
  bool closed_ = false;
};

}  // namespace

Connection::Connection(ConnectionHost& host) : host_(host) {
  const std::lock_guard lock(host_.mutex);
  host_.connections.insert(this);
}

Connection::~Connection() {
  const std::lock_guard lock(host_.mutex);
  host_.connections.erase(this);
  if (host_.connections.empty()) host_.emptied.notify_all();
}

void serve_stream(Socket socket, ConnectionHost& host, std::shared_ptr<ByteStream> source,
                  bool chunked) {
  std::make_shared<StreamConnection>(std::move(socket), host, std::move(source), chunked)->begin();
}

void linger(Socket socket, ConnectionHost& host) {
  std::make_shared<LingeringConnection>(std::move(socket), host)->begin();
}

}  // namespace mw::http
