// For the CLI's tests: a console that keeps what was written, a home in a temporary folder, and a
// control plane that answers what the test tells it to, over a real socket on a free port.
#pragma once

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "cli/cli.h"
#include "cli/terminal.h"

namespace mw {

struct FakeRequest {
  std::string method;
  std::string path;   ///< without the query
  std::string query;  ///< as sent, without the question mark
  std::string head;   ///< request line and headers
  std::string body;
};
struct FakeResponse {
  int status = 200;
  std::string body{};
  std::string headers = "Content-Type: application/json\r\n";  ///< whole lines
  bool until_close = false;                                    ///< no length: a stream that ends
};

/// Answers by "METHOD /path"; anything else is 404. Remembers what was asked.
class FakeControlPlane {
 public:
  using Handler = std::function<FakeResponse(const FakeRequest&)>;

  FakeControlPlane() {
    char pattern[] = "/tmp/mw-cli-test-XXXXXX";
    home_ = ::mkdtemp(pattern);
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    std::ofstream(home_ / "endpoint") << "http://127.0.0.1:" << ntohs(address.sin_port) << "\n";
    std::ofstream(home_ / "token") << "secret\n";
    thread_ = std::thread([this] { serve(); });
  }
  ~FakeControlPlane() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    std::filesystem::remove_all(home_);
  }
  FakeControlPlane(const FakeControlPlane&) = delete;
  FakeControlPlane& operator=(const FakeControlPlane&) = delete;

  void on(const std::string& what, Handler handler) {
    const std::lock_guard lock(mutex_);
    handlers_[what] = std::move(handler);
  }
  void on(const std::string& what, const std::string& body) {
    on(what, [body](const FakeRequest&) { return FakeResponse{.body = body}; });
  }
  [[nodiscard]] std::vector<FakeRequest> asked() const {
    const std::lock_guard lock(mutex_);
    return asked_;
  }
  [[nodiscard]] const std::filesystem::path& home() const { return home_; }

 private:
  // One connection after the other is enough: the client keeps one, and opens another only when
  // that was closed.
  void serve() {
    while (true) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      std::string received;
      while (answer_one(fd, received)) {}
      ::close(fd);
    }
  }

  bool answer_one(int fd, std::string& received) {
    FakeRequest request;
    std::size_t whole = 0;
    while (whole == 0) {
      const std::size_t end = received.find("\r\n\r\n");
      if (end != std::string::npos) {
        std::size_t length = 0;
        const std::size_t field = received.find("Content-Length: ");
        if (field < end) length = std::stoul(received.substr(field + 16));
        if (received.size() >= end + 4 + length) {
          request.head = received.substr(0, end + 2);
          request.body = received.substr(end + 4, length);
          whole = end + 4 + length;
          break;
        }
      }
      char chunk[8192];
      const ssize_t got = ::recv(fd, chunk, sizeof chunk, 0);
      if (got <= 0) return false;
      received.append(chunk, static_cast<std::size_t>(got));
    }
    received.erase(0, whole);
    const std::size_t space = request.head.find(' ');
    request.method = request.head.substr(0, space);
    const std::string target =
        request.head.substr(space + 1, request.head.find(' ', space + 1) - space - 1);
    const std::size_t question = target.find('?');
    request.path = target.substr(0, question);
    if (question != std::string::npos) request.query = target.substr(question + 1);
    const FakeResponse response = respond(request);
    std::string out =
        "HTTP/1.1 " + std::to_string(response.status) + " Whatever\r\n" + response.headers;
    out += response.until_close
               ? "Connection: close\r\n"
               : "Content-Length: " + std::to_string(response.body.size()) + "\r\n";
    out += "\r\n" + response.body;
    ::send(fd, out.data(), out.size(), MSG_NOSIGNAL);
    return !response.until_close;
  }

  FakeResponse respond(const FakeRequest& request) {
    Handler handler;
    {
      const std::lock_guard lock(mutex_);
      asked_.push_back(request);
      const auto found = handlers_.find(request.method + " " + request.path);
      if (found != handlers_.end()) handler = found->second;
    }
    if (handler) return handler(request);
    return {.status = 404,
            .body = R"({"error":{"code":"not_found","message":"There is no such thing."}})"};
  }

  std::filesystem::path home_;
  int listener_ = -1;
  std::thread thread_;
  mutable std::mutex mutex_;
  std::map<std::string, Handler> handlers_;
  std::vector<FakeRequest> asked_;
};

/// Only a version: for verbs that need no more.
inline CliHooks hooks_of_nothing() {
  CliHooks hooks;
  hooks.version = "1.2.3";
  return hooks;
}

/// What one run of the CLI did.
struct Ran {
  int code = 0;
  std::string out;
  std::string err;
};

inline Ran run_mw(std::vector<std::string> arguments, const CliHooks& hooks = hooks_of_nothing()) {
  Ran ran;
  Console console([&ran](std::string_view text) { ran.out += text; },
                  [&ran](std::string_view text) { ran.err += text; });
  ran.code = run_cli(arguments, hooks, console);
  return ran;
}

/// The same against a control plane.
inline Ran run_mw(const FakeControlPlane& plane, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"--home", plane.home().string()});
  return run_mw(std::move(arguments));
}

/// Sets a variable for as long as it lives.
class ScopedVariable {
 public:
  ScopedVariable(const char* name, const std::string& value) : name_(name) {
    if (const char* before = std::getenv(name)) before_ = before;
    ::setenv(name, value.c_str(), 1);
  }
  ~ScopedVariable() {
    if (before_) {
      ::setenv(name_, before_->c_str(), 1);
    } else {
      ::unsetenv(name_);
    }
  }
  ScopedVariable(const ScopedVariable&) = delete;
  ScopedVariable& operator=(const ScopedVariable&) = delete;

 private:
  const char* name_;
  std::optional<std::string> before_;
};

}  // namespace mw
