// The client against a server made of a plain socket that says exactly what the test tells it to.
#include "http/client/http_client.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace mw {
namespace {

using ::testing::HasSubstr;

/// One accepted connection, spoken to byte by byte.
class Peer {
 public:
  explicit Peer(int fd) : fd_(fd) {}
  ~Peer() { close(); }
  Peer(const Peer&) = delete;
  Peer& operator=(const Peer&) = delete;

  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void say(std::string_view text) {
    ASSERT_EQ(::send(fd_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  /// Reads one request whose body, if any, is told by Content-Length; empty at the end.
  std::string hear() {
    std::string text;
    while (true) {
      const std::size_t end = text.find("\r\n\r\n");
      if (end != std::string::npos) {
        std::size_t length = 0;
        const std::size_t field = text.find("Content-Length: ");
        if (field != std::string::npos && field < end) length = std::stoul(text.substr(field + 16));
        if (text.size() >= end + 4 + length) return text;
      }
      char chunk[4096];
      const ssize_t got = ::recv(fd_, chunk, sizeof chunk, 0);
      if (got <= 0) return text;
      text.append(chunk, static_cast<std::size_t>(got));
    }
  }

 private:
  int fd_;
};

/// Listens on a free port and runs one script a connection, in order.
class ScriptedServer {
 public:
  using Script = std::function<void(Peer&)>;
  explicit ScriptedServer(std::vector<Script> scripts) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 8), 0);
    socklen_t size = sizeof address;
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, scripts = std::move(scripts)] {
      for (const Script& script : scripts) {
        const int fd = ::accept(listener_, nullptr, nullptr);
        if (fd < 0) return;
        Peer peer(fd);
        script(peer);
        ++connections_;
      }
    });
  }
  ~ScriptedServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// Waits until every script has run.
  int connections() {
    thread_.join();
    thread_ = std::thread([] {});
    return connections_;
  }

 private:
  int listener_ = -1;
  std::uint16_t port_ = 0;
  int connections_ = 0;
  std::thread thread_;
};

HttpClient::Options impatient() {
  HttpClient::Options options;
  options.exchange_timeout = milliseconds(200);
  options.stream_timeout = milliseconds(200);
  return options;
}

TEST(HttpClient, SendsWhatItIsToldAndKeepsTheConnection) {
  std::string first, second;
  ScriptedServer server({[&](Peer& peer) {
    first = peer.hear();
    peer.say("HTTP/1.1 201 Created\r\nContent-Length: 2\r\nX-One: 1\r\n\r\n{}");
    second = peer.hear();
    peer.say(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
  }});
  HttpClient client(server.url(), "secret");
  const auto created =
      client.post("/v1/jobs", "name: x\n", {{"workdir", "/a b"}}, {{"Idempotency-Key", "k"}});
  ASSERT_TRUE(created.ok()) << created.error().message;
  EXPECT_EQ(created->status, 201);
  EXPECT_EQ(created->header("x-one"), "1");
  EXPECT_EQ(created->body, "{}");
  const auto got = client.get("/v1/server");
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ(got->body, "abcde");

  EXPECT_EQ(server.connections(), 1);
  EXPECT_THAT(first, HasSubstr("POST /v1/jobs?workdir=%2Fa%20b HTTP/1.1\r\n"));
  EXPECT_THAT(first, HasSubstr("Authorization: Bearer secret\r\n"));
  EXPECT_THAT(first, HasSubstr("Idempotency-Key: k\r\n"));
  EXPECT_THAT(first, HasSubstr("Host: 127.0.0.1:"));
  EXPECT_TRUE(first.ends_with("\r\n\r\nname: x\n"));
  EXPECT_THAT(second, HasSubstr("GET /v1/server HTTP/1.1\r\n"));
}

TEST(HttpClient, ComesBackWhenTheServerHasClosedMeanwhile) {
  const auto serve = [](Peer& peer) {
    peer.hear();
    peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer.close();
  };
  ScriptedServer server({serve, serve});
  HttpClient client(server.url(), "");
  for (int i = 0; i < 2; ++i) {
    const auto got = client.get("/");
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_EQ(got->body, "ok");
  }
  EXPECT_EQ(server.connections(), 2);
}

TEST(HttpClient, RepeatsOnlyWhatMayBeRepeated) {
  // The server takes the second request on the kept connection and closes without a word.
  const auto answer_then_hang_up = [](Peer& peer) {
    peer.hear();
    peer.say("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer.hear();
  };
  const auto answer = [](Peer& peer) {
    peer.hear();
    peer.say("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nagain");
  };
  {
    ScriptedServer server({answer_then_hang_up, answer});
    HttpClient client(server.url(), "");
    ASSERT_TRUE(client.get("/").ok());
    const auto got = client.post("/", "x", {}, {{"Idempotency-Key", "k"}});
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_EQ(got->body, "again");
  }
  {
    ScriptedServer server({answer_then_hang_up, answer});
    HttpClient client(server.url(), "");
    ASSERT_TRUE(client.get("/").ok());
    const auto got = client.put("/", "x");
    ASSERT_TRUE(got.ok()) << got.error().message;
    EXPECT_EQ(got->body, "again");
  }
  {
    ScriptedServer server({answer_then_hang_up});
    HttpClient client(server.url(), "");
    ASSERT_TRUE(client.get("/").ok());
    const auto got = client.post("/", "x");
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().code, ErrorCode::kUnavailable);
  }
}

TEST(HttpClient, SaysWhereItTriedWhenNobodyListens) {
  std::string url;
  {
    ScriptedServer server({});
    url = server.url();
  }
  HttpClient client(url, "secret");
  const auto got = client.get("/healthz");
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(got.error().message, HasSubstr(url));
  EXPECT_THAT(got.error().message, HasSubstr("`mw up`"));
  EXPECT_THAT(got.error().message, testing::Not(HasSubstr("secret")));
}

TEST(HttpClient, GivesUpOnSilence) {
  ScriptedServer server({[](Peer& peer) {
    peer.hear();
    peer.hear();
  }});
  HttpClient client(server.url(), "", impatient());
  const auto got = client.get("/");
  ASSERT_FALSE(got.ok());
  EXPECT_EQ(got.error().code, ErrorCode::kTimeout);
}

TEST(HttpClient, TellsOtherProtocolsAndTooLargeAnswersApart) {
  ScriptedServer server({
      [](Peer& peer) {
        peer.hear();
        peer.say("220 mail.example.org ESMTP\r\n\r\n");
      },
      [](Peer& peer) {
        peer.hear();
        peer.say("HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n");
        peer.hear();
      },
  });
  HttpClient::Options options;
  options.body_bytes_max = 100;
  HttpClient client(server.url(), "", options);
  const auto mail = client.get("/");
  ASSERT_FALSE(mail.ok());
  EXPECT_EQ(mail.error().code, ErrorCode::kInternal);
  const auto large = client.get("/");
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
}

TEST(HttpClient, TakesAnAnswerThatComesBeforeTheBodyWasSent) {
  ScriptedServer server({[](Peer& peer) {
    peer.say("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}");
    peer.hear();
  }});
  HttpClient client(server.url(), "");
  const auto got = client.post("/v1/jobs", std::string(1 << 20, 'x'));
  ASSERT_TRUE(got.ok()) << got.error().message;
  EXPECT_EQ(got->status, 413);
  EXPECT_EQ(error_code_of_status(got->status), ErrorCode::kTooLarge);
}

TEST(HttpClient, RefusesToBeTalkedIntoHeaders) {
  HttpClient client("http://127.0.0.1:1", "");
  for (const char* path : {"", "v1", "/a b", "/a\r\nX: y", "/a?b", "/a#b"}) {
    const auto got = client.get(path);
    ASSERT_FALSE(got.ok());
    EXPECT_EQ(got.error().code, ErrorCode::kInvalid) << path;
  }
  EXPECT_EQ(client.get("/", {}, {{"A", "b\r\nC: d"}}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(client.get("/", {}, {{"A: b", "c"}}).error().code, ErrorCode::kInvalid);
  EXPECT_EQ(HttpClient("http://127.0.0.1:1", "a\nb").get("/").error().code, ErrorCode::kInvalid);
  EXPECT_EQ(HttpClient("http://example.org", "a").get("/").error().code, ErrorCode::kUnsupported);
}

TEST(HttpClient, FollowsAStreamToItsEnd) {
  std::string heard;
  ScriptedServer server({[&](Peer& peer) {
    heard = peer.hear();
    peer.say(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
        "10\r\nid: 1\ndata: one\n\r\n");
    peer.say("1\r\n\n\r\n");
    peer.say("11\r\nid: 2\ndata: two\n\n\r\n0\r\n\r\n");
  }});
  HttpClient client(server.url(), "");
  std::vector<SseEvent> events;
  const auto end = client.stream("/v1/events", {{"after", "0"}},
                                 [&](const SseEvent& event) {
                                   events.push_back(event);
                                   return true;
                                 },
                                 {{"Last-Event-ID", "0"}});
  ASSERT_TRUE(end.ok()) << end.error().message;
  EXPECT_EQ(events, (std::vector<SseEvent>{{"1", "message", "one"}, {"2", "message", "two"}}));
  EXPECT_EQ(server.connections(), 1);
  EXPECT_THAT(heard, HasSubstr("Accept: text/event-stream"));
  EXPECT_THAT(heard, HasSubstr("Last-Event-ID: 0"));
}

TEST(HttpClient, TellsABrokenStreamFromOneThatEnded) {
  const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
  ScriptedServer server({
      [&](Peer& peer) {
        peer.hear();
        peer.say(head + "9\r\ndata: 1\n\n\r\n");
      },
      [&](Peer& peer) {
        peer.hear();
        peer.say(head);
        peer.hear();
      },
      [](Peer& peer) {
        peer.hear();
        peer.say("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}");
      },
      [&](Peer& peer) {
        peer.hear();
        peer.say(head + "9\r\ndata: 1\n\n\r\n");
        peer.hear();
      },
  });
  HttpClient client(server.url(), "");
  HttpClient impatient_client(server.url(), "", impatient());
  int seen = 0;
  const auto count = [&](const SseEvent&) {
    ++seen;
    return true;
  };
  EXPECT_EQ(client.stream("/", {}, count).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(seen, 1);
  EXPECT_EQ(impatient_client.stream("/", {}, count).error().code, ErrorCode::kTimeout);
  const auto missing = client.stream("/", {}, count);
  ASSERT_TRUE(missing.ok());
  EXPECT_EQ(missing->status, 404);
  EXPECT_EQ(missing->body, "{}");
  const auto stopped = client.stream("/", {}, [](const SseEvent&) { return false; });
  EXPECT_TRUE(stopped.ok()) << "the caller had enough";
}

}  // namespace
}  // namespace mw
