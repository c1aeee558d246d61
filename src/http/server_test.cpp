// The whole server over sockets: many clients at once, streams that break off and resume, and what
// is refused before anything is read.
#include "http/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <set>
#include <thread>

#include "core/core_test_support.h"
#include "http/http_test_support.h"
#include "loop/loop_test_support.h"
#include "loop/memory_journal.h"
#include "loop/system_clock.h"

namespace mw::http {
namespace {

using testing::BodyIs;
using ::testing::HasSubstr;
using testing::RawClient;
using testing::RawResponse;
using testing::request_text;

constexpr const char* kToken = "0123456789abcdef0123456789abcdef-api";
const std::string kAuthorization = std::string("Authorization: Bearer ") + kToken + "\r\n";
const std::string kJob = R"({"name":"a","command":["true"],"workdir":"/tmp","hold":true})";

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() : loop(loop_options(), clock, journal, engine) {
    MW_CHECK(loop.start().ok());
    HttpServer::Options options;
    options.token = kToken;
    options.attempt_key = "0123456789abcdef0123456789abcdef-key";
    options.on_stop = [this] { ++stops; };
    server.emplace(options, loop, journal, engine);
    const auto started = server->start();
    MW_CHECK(started.ok());
  }
  ~ServerTest() override {
    server.reset();
    loop.stop();
  }
  static ControlLoop::Options loop_options() {
    ControlLoop::Options options;
    options.version = "test";
    return options;
  }
  std::optional<RawResponse> once(const std::string& text, BodyIs body = BodyIs::kThere) {
    RawClient client(server->port());
    client.say(text);
    return client.hear(body);
  }

  MemoryJournal journal;
  SystemClock clock;
  mw::testing::FakeEngine engine{{mw::testing::node_spec("a", 2)}, true};
  ControlLoop loop;
  std::optional<HttpServer> server;
  std::atomic<int> stops{0};
};

TEST_F(ServerTest, KnowsItsUrlAndIsHealthyForAnyone) {
  EXPECT_EQ(server->url(), "http://127.0.0.1:" + std::to_string(server->port()));
  const auto health = once(request_text("GET", "/healthz"));
  ASSERT_TRUE(health.has_value());
  EXPECT_EQ(health->status, 200);
  EXPECT_EQ(health->body, R"({"status":"ok"})");
  const auto about = once(request_text("GET", "/v1/server", kAuthorization));
  EXPECT_EQ(boost::json::parse(about->body).at("url").as_string(), server->url());
}

TEST_F(ServerTest, RefusesOverTheWire) {
  struct Case {
    std::string text;
    int status;
  };
  const Case cases[] = {
      {request_text("GET", "/v1/jobs"), 401},
      {request_text("GET", "/v1/jobs", "Authorization: Bearer wrong\r\n"), 401},
      {request_text("POST", "/v1/jobs", "Expect: 100-continue\r\n", kJob), 401},
      {request_text("GET", "/nowhere", kAuthorization), 404},
      {request_text("DELETE", "/v1/jobs", kAuthorization), 405},
      {request_text("GET", "/healthz", "Origin: http://evil.example.org\r\n"), 403},
      {"GET /healthz HTTP/1.1\r\nHost: evil.example.org\r\n\r\n", 403},
      {"GET /healthz HTTP/1.1\r\n\r\n", 400},
      {"POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2000000\r\n" + kAuthorization +
           "\r\n",
       413},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    const auto response = once(c.text);
    ASSERT_TRUE(response.has_value());
    EXPECT_EQ(response->status, c.status);
    EXPECT_THAT(response->body, HasSubstr("{\"error\":{\"code\":"));
    EXPECT_EQ(response->header("content-type"), "application/json");
  }
}

TEST_F(ServerTest, AnswersHead) {
  const auto response = once(request_text("HEAD", "/v1/jobs", kAuthorization), BodyIs::kLeftOut);
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(response->header("content-length"),
            std::to_string(std::string(R"({"jobs":[],"next":null})").size()));
  const auto stream =
      once(request_text("HEAD", "/v1/events?follow=1", kAuthorization), BodyIs::kLeftOut);
  EXPECT_EQ(stream->header("content-type"), "text/event-stream");
}

TEST_F(ServerTest, SixtyFourClientsSubmitAtOnce) {
  constexpr int kClients = 64;
  constexpr int kEach = 20;
  std::vector<std::vector<std::int64_t>> jobs(kClients);
  std::vector<std::thread> threads;
  for (int c = 0; c < kClients; ++c) {
    threads.emplace_back([&, c] {
      RawClient client(server->port());
      for (int i = 0; i < kEach; ++i) {
        if (!client.say(request_text("POST", "/v1/jobs", kAuthorization, kJob))) return;
        const auto response = client.hear();
        if (!response || response->status != 201) return;
        jobs[static_cast<std::size_t>(c)].push_back(
            boost::json::parse(response->body).at("job").as_int64());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::int64_t> all;
  for (const auto& mine : jobs) {
    EXPECT_EQ(mine.size(), static_cast<std::size_t>(kEach));
    EXPECT_TRUE(std::is_sorted(mine.begin(), mine.end()));
    all.insert(mine.begin(), mine.end());
  }
  EXPECT_EQ(all.size(), static_cast<std::size_t>(kClients * kEach)) << "each has its own";
  std::size_t known = 0;
  loop.read([&](const State& state) { known = state.jobs.size(); });
  EXPECT_EQ(known, all.size()) << "and no more";
}

TEST_F(ServerTest, SixtyFourClientsWithOneKeyMakeOneJob) {
  std::vector<std::int64_t> jobs(64);
  std::atomic<int> created{0};
  std::vector<std::thread> threads;
  for (std::int64_t& job : jobs) {
    threads.emplace_back([&] {
      const auto response = once(
          request_text("POST", "/v1/jobs", kAuthorization + "Idempotency-Key: the-key\r\n", kJob));
      if (!response) return;
      created += response->status == 201 ? 1 : 0;
      job = boost::json::parse(response->body).at("job").as_int64();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(std::set<std::int64_t>(jobs.begin(), jobs.end()), std::set<std::int64_t>{1});
}

TEST_F(ServerTest, AStreamThatBreaksOffResumesWithoutGapOrRepetition) {
  constexpr std::uint64_t kEvents = 400;
  std::atomic<bool> submitted{false};
  std::thread writer([&] {
    RawClient client(server->port());
    for (std::uint64_t i = 0; i < kEvents; ++i) {
      client.say(request_text("POST", "/v1/jobs", kAuthorization, kJob));
      if (!client.hear()) return;
    }
    submitted = true;
  });
  std::uint64_t position = 0;
  int connections = 0;
  while (position < kEvents) {
    RawClient client(server->port());
    ASSERT_TRUE(client.say(request_text(
        "GET", "/v1/events",
        kAuthorization + "Accept: text/event-stream\r\nLast-Event-ID: " + std::to_string(position) +
            "\r\n")));
    const auto head = client.hear_head();
    ASSERT_TRUE(head.has_value());
    ASSERT_EQ(head->status, 200);
    EXPECT_EQ(head->header("content-type"), "text/event-stream");
    ++connections;
    // Each connection breaks off after some events, wherever its last piece ended.
    for (int i = 0; i < 37 && position < kEvents; ++i) {
      const std::string event = client.hear_until("\n\n");
      if (event.starts_with(":")) continue;
      ASSERT_TRUE(event.starts_with("id: ")) << event;
      const std::uint64_t id = std::stoull(event.substr(4));
      ASSERT_EQ(id, position + 1);
      EXPECT_THAT(event, HasSubstr("\nevent: "));
      EXPECT_THAT(event, HasSubstr("\ndata: {\"seq\":" + std::to_string(id) + ","));
      position = id;
    }
  }
  writer.join();
  EXPECT_TRUE(submitted);
  EXPECT_GT(connections, 5);
}

TEST_F(ServerTest, StopsWhenAskedAndStreamsEnd) {
  RawClient reader(server->port());
  ASSERT_TRUE(reader.say(request_text("GET", "/v1/events?follow=1", kAuthorization)));
  ASSERT_TRUE(reader.hear_head().has_value());
  const auto response = once(request_text("POST", "/v1/server/stop", kAuthorization));
  ASSERT_TRUE(response.has_value());
  EXPECT_EQ(response->status, 202);
  EXPECT_EQ(stops, 1);
  std::thread stopping([&] { server->stop(); });
  EXPECT_TRUE(reader.hear_end());
  stopping.join();
  EXPECT_FALSE(RawClient(server->port()).connected());
}

TEST_F(ServerTest, MetricsCountWhatWasAsked) {
  ASSERT_EQ(once(request_text("GET", "/v1/jobs", kAuthorization))->status, 200);
  ASSERT_EQ(once(request_text("GET", "/v1/jobs/7", kAuthorization))->status, 404);
  ASSERT_EQ(once("garbage\r\n\r\n")->status, 400);
  const std::string wanted[] = {
      "mw_http_requests_total{route=\"/v1/jobs\",method=\"GET\",code=\"200\"} 1\n",
      "mw_http_requests_total{route=\"/v1/jobs/{job}\",method=\"GET\",code=\"404\"} 1\n",
      "mw_http_requests_total{route=\"none\",method=\"none\",code=\"400\"} 1\n"};
  // A request is counted when its response was sent, which its client may notice a bit earlier.
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(testing::kDeadlineMs);
  std::string text;
  const auto has_all = [&] {
    for (const std::string& line : wanted) {
      if (text.find(line) == std::string::npos) return false;
    }
    return true;
  };
  do {
    text = once(request_text("GET", "/metrics", kAuthorization))->body;
  } while (!has_all() && std::chrono::steady_clock::now() < deadline);
  EXPECT_TRUE(has_all()) << text;
  EXPECT_THAT(text, HasSubstr("mw_http_connections_total "));
}

}  // namespace
}  // namespace mw::http
