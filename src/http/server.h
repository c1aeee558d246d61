// The face of the control plane: HTTP/JSON on loopback. It authenticates, validates and shows; it
// never decides. What is asked goes to the loop, and is answered when it is durable.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "http/limits.h"

namespace mw {

class ControlLoop;
class Engine;
class Journal;

class HttpServer {
 public:
  struct Options {
    std::string address = "127.0.0.1";    ///< an IP literal
    std::uint16_t port = 0;               ///< 0: any that is free
    bool allow_other_machines = false;    ///< take an address that is not loopback
    std::vector<std::string> host_names;  ///< taken in Host headers besides loopback's names
    std::size_t threads = 2;              ///< for connections
    std::size_t workers = 2;              ///< for what reads the disk or many jobs
    http::Limits limits;

    // Secrets: see load_or_make_secret and AttemptTokens in auth.h.
    std::string token;        ///< the API's
    std::string attempt_key;  ///< what attempts' tokens are derived from

    // Shown by GET /v1/server.
    std::string version;
    std::string home;
    std::string store_path;

    std::string user;               ///< whoever shows the token acts as them
    std::function<void()> on_stop;  ///< asked by POST /v1/server/stop; must not block
  };

  /// REQUIRES: token and attempt_key are not empty; the loop was started, and it, the journal and
  /// the engine outlive the server.
  HttpServer(Options options, ControlLoop& loop, Journal& journal, Engine& engine);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Errors: kInvalid, kForbidden for the address; kUnavailable when the port is taken.
  Result<void> start();
  /// Takes no new connections, lets what is under way finish for a few seconds, closes the rest.
  /// Not from a handler (on_stop): it waits for them.
  void stop();

  /// "http://127.0.0.1:41234". REQUIRES: started.
  [[nodiscard]] std::string url() const;
  [[nodiscard]] std::uint16_t port() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace mw
