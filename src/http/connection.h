// One client's connection, as three small state machines that hand the socket on:
//
//   HttpConnection ---- a response that has no end ----> StreamConnection
//         |                                                     |
//         +------------ the last response is sent --------------+--> LingeringConnection
//
// Each lives for as long as something is under way on its socket, and is in the host's list.
#pragma once

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <string>
#include <unordered_set>

#include "http/listener.h"

namespace mw::http {

/// Keeps replies that come after the listener has stopped from touching what is gone.
struct ReplyGate {
  std::shared_mutex mutex;
  bool open = true;
};

class Connection;

/// What the connections of one listener share.
struct ConnectionHost {
  ConnectionHost(const Limits& the_limits, RequestHandler& the_handler)
      : limits(the_limits), handler(the_handler) {}

  const Limits limits;
  RequestHandler& handler;
  const std::shared_ptr<ReplyGate> gate = std::make_shared<ReplyGate>();
  std::atomic<bool> stopping{false};  ///< nothing new is begun
  std::atomic<std::uint64_t> streams_dropped{0};

  std::mutex mutex;
  std::condition_variable emptied;  ///< `connections` became empty
  std::unordered_set<Connection*> connections;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  /// REQUIRES: `host` outlives it.
  explicit Connection(ConnectionHost& host);
  virtual ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Finishes what is under way and closes. From any thread.
  virtual void shut_down() = 0;
  /// Closes at once. From any thread.
  virtual void abort() = 0;
  /// None when it is being destroyed.
  std::shared_ptr<Connection> reference() { return weak_from_this().lock(); }

 protected:
  ConnectionHost& host_;
};

using Socket = boost::asio::ip::tcp::socket;
// REQUIRES of all: the socket's executor is a strand. The first two may be called from anywhere,
// the others on that strand.

/// Serves requests until the client or somebody here has enough.
void serve_requests(Socket socket, ConnectionHost& host);
/// Says that there are too many connections, and closes.
void turn_away(Socket socket, ConnectionHost& host);
/// Sends what `source` gives, after the head of the response. `chunked`: in HTTP/1.1's coding.
void serve_stream(Socket socket, ConnectionHost& host, std::shared_ptr<ByteStream> source,
                  bool chunked);
/// Closes in an orderly way: says that there is no more, and listens for a moment, so that a
/// client that still sends can read our last words before its connection is reset.
void linger(Socket socket, ConnectionHost& host);

}  // namespace mw::http
