#include "http/listener.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <chrono>
#include <exception>
#include <thread>
#include <vector>

#include "http/connection.h"

namespace mw::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

/// Connections past the limit that are told so; beyond, they are closed without a word.
constexpr std::size_t kTurnedAwayAtOnce = 64;
/// After accepting failed, mostly for want of file descriptors.
constexpr auto kAcceptRetry = std::chrono::milliseconds(100);

}  // namespace

class Listener::Impl {
 public:
  Impl(Options options, RequestHandler& handler)
      : options_(std::move(options)),
        host_(options_.limits, handler),
        acceptor_(asio::make_strand(io_)),
        retry_(acceptor_.get_executor()) {}
  ~Impl() { stop(); }

  Result<void> bind();
  void serve();
  void stop();
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] ListenerStats stats();

 private:
  void accept();
  void take(Socket socket);
  void run();
  /// Calls `visitor` on every connection there is now.
  template <class Visitor>
  void visit_connections(Visitor&& visitor);
  /// False when some are left after `timeout`.
  bool wait_until_empty(std::chrono::nanoseconds timeout);

  const Options options_;
  asio::io_context io_;
  ConnectionHost host_;
  tcp::acceptor acceptor_;
  asio::steady_timer retry_;
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_;
  std::vector<std::thread> threads_;
  std::uint16_t port_ = 0;
  std::atomic<std::uint64_t> accepted_{0};
  std::atomic<std::uint64_t> refused_{0};
};

Result<void> Listener::Impl::bind() {
  error_code code;
  const auto address = asio::ip::make_address(options_.address, code);
  if (code) {
    return Error{ErrorCode::kInvalid, "Cannot listen on \"" + options_.address +
                                          "\": it is not an IP address such as 127.0.0.1 or ::1."};
  }
  if (!address.is_loopback() && !options_.allow_other_machines) {
    return Error{ErrorCode::kForbidden, "Refusing to listen on " + options_.address +
                                            ": other machines could reach it, and without TLS "
                                            "the token would cross the network in the clear. Use "
                                            "127.0.0.1 and an SSH tunnel, or allow it "
                                            "explicitly."};
  }
  const tcp::endpoint endpoint(address, options_.port);
  const char* doing = "open a socket";
  acceptor_.open(endpoint.protocol(), code);
  if (!code) acceptor_.set_option(tcp::acceptor::reuse_address(true), code);
  if (!code) {
    doing = "take the port";
    acceptor_.bind(endpoint, code);
  }
  if (!code) {
    doing = "listen";
    acceptor_.listen(asio::socket_base::max_listen_connections, code);
  }
  if (!code) port_ = acceptor_.local_endpoint(code).port();
  if (code) {
    error_code ignored;
    acceptor_.close(ignored);
    return Error{ErrorCode::kUnavailable, "Cannot listen on " + options_.address + " port " +
                                              std::to_string(options_.port) + ": cannot " + doing +
                                              ": " + code.message() + "."};
  }
  return {};
}

void Listener::Impl::serve() {
  MW_CHECK(acceptor_.is_open() && threads_.empty());
  work_.emplace(io_.get_executor());
  for (std::size_t i = 0; i < std::max<std::size_t>(1, options_.threads); ++i) {
    threads_.emplace_back([this] { run(); });
  }
  asio::post(acceptor_.get_executor(), [this] { accept(); });
}

void Listener::Impl::run() {
  while (true) {
    try {
      io_.run();
      return;
    } catch (const std::exception& error) {
      // A handler threw; its connection is gone with it, and the others go on.
      spdlog::error("http: a connection was dropped after an unexpected exception: {}",
                    error.what());
    }
  }
}

void Listener::Impl::accept() {
  if (host_.stopping) return;
  acceptor_.async_accept(asio::make_strand(io_), [this](error_code code, Socket socket) {
    if (host_.stopping || code == asio::error::operation_aborted) return;
    if (!code) {
      take(std::move(socket));
      return accept();
    }
    retry_.expires_after(kAcceptRetry);
    retry_.async_wait([this](error_code) { accept(); });
  });
}

void Listener::Impl::take(Socket socket) {
  ++accepted_;
  error_code ignored;
  socket.set_option(tcp::no_delay(true), ignored);  // somebody waits for each answer
  std::size_t open = 0;
  {
    const std::lock_guard lock(host_.mutex);
    open = host_.connections.size();
  }
  if (open >= options_.limits.connections + kTurnedAwayAtOnce) {
    ++refused_;
    return;
  }
  if (open < options_.limits.connections) return serve_requests(std::move(socket), host_);
  ++refused_;
  turn_away(std::move(socket), host_);
}

template <class Visitor>
void Listener::Impl::visit_connections(Visitor&& visitor) {
  std::vector<std::shared_ptr<Connection>> connections;
  {
    const std::lock_guard lock(host_.mutex);
    for (Connection* connection : host_.connections) {
      if (auto reference = connection->reference()) connections.push_back(std::move(reference));
    }
  }
  for (const auto& connection : connections) visitor(*connection);
}

bool Listener::Impl::wait_until_empty(std::chrono::nanoseconds timeout) {
  std::unique_lock lock(host_.mutex);
  return host_.emptied.wait_for(lock, timeout, [this] { return host_.connections.empty(); });
}

void Listener::Impl::stop() {
  if (threads_.empty()) return;
  host_.stopping = true;
  asio::post(acceptor_.get_executor(), [this] {
    error_code ignored;
    acceptor_.close(ignored);
    retry_.cancel();
  });
  visit_connections([](Connection& connection) { connection.shut_down(); });
  bool empty = wait_until_empty(std::chrono::nanoseconds(options_.limits.drain_timeout.count()));
  while (!empty) {
    visit_connections([](Connection& connection) { connection.abort(); });
    empty = wait_until_empty(std::chrono::milliseconds(20));
  }
  {
    const std::unique_lock lock(host_.gate->mutex);
    host_.gate->open = false;
  }
  work_.reset();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

ListenerStats Listener::Impl::stats() {
  ListenerStats stats;
  stats.accepted = accepted_;
  stats.refused = refused_;
  stats.streams_dropped = host_.streams_dropped;
  const std::lock_guard lock(host_.mutex);
  stats.connections = host_.connections.size();
  return stats;
}

Listener::Listener(Options options, RequestHandler& handler)
    : impl_(std::make_unique<Impl>(std::move(options), handler)) {}
Listener::~Listener() = default;
Result<void> Listener::bind() { return impl_->bind(); }
void Listener::serve() { impl_->serve(); }
void Listener::stop() { impl_->stop(); }
std::uint16_t Listener::port() const { return impl_->port(); }
ListenerStats Listener::stats() const { return impl_->stats(); }

}  // namespace mw::http
