// Accepts connections, speaks HTTP/1.1 on them, and hands whole requests to whoever answers them.
// Everything is asynchronous and every phase of a connection has a deadline, so that a client
// which is slow, silent or broken costs one socket for a while and nobody else anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "base/result.h"
#include "base/time.h"
#include "http/limits.h"
#include "http/message.h"

namespace mw::http {

/// Answers requests. Called from several threads.
class RequestHandler {
 public:
  virtual ~RequestHandler() = default;
  /// Judges a request by its head, before its body is read. A response refuses it.
  virtual std::optional<Response> admit(Request& head) = 0;
  /// Answers an admitted request. REQUIRES (of the handler): does not block.
  virtual void handle(std::shared_ptr<const Request> request, Reply reply) = 0;
  /// A response was sent, or given up. `head` is null for a request that could not be read.
  virtual void finished(const Request* head, int status, Duration took) = 0;
};

/// For /metrics.
struct ListenerStats {
  std::size_t connections = 0;  ///< open now
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;          ///< over the limit
  std::uint64_t streams_dropped = 0;  ///< readers that took nothing for write_timeout
};

class Listener {
 public:
  struct Options {
    std::string address = "127.0.0.1";  ///< an IP literal
    std::uint16_t port = 0;             ///< 0: any that is free
    bool allow_other_machines = false;  ///< take an address that is not loopback
    std::size_t threads = 2;
    Limits limits;
  };

  Listener(Options options, RequestHandler& handler);
  ~Listener();
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

  /// Errors: kInvalid for an address that is none; kForbidden for one that others could reach,
  /// unless allowed; kUnavailable when the port is taken.
  Result<void> bind();
  /// Begins to accept.  REQUIRES: bound.
  void serve();
  /// Takes nothing new, lets what is under way finish for drain_timeout, closes the rest and ends
  /// the threads. Replies that come later do nothing. Safe to call twice.
  void stop();

  [[nodiscard]] std::uint16_t port() const;
  [[nodiscard]] ListenerStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mw::http
