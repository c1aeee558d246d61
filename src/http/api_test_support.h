// The interface over a real control loop, with a journal in memory and an engine that runs nothing:
// what tests of routes stand on. No sockets.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <future>
#include <memory>
#include <optional>
#include <string>

#include "core/core_test_support.h"
#include "http/api.h"
#include "http/http_test_support.h"
#include "loop/loop_test_support.h"
#include "loop/memory_journal.h"
#include "loop/system_clock.h"

namespace mw::http::testing {

inline constexpr const char* kToken = "0123456789abcdef0123456789abcdef-api";
inline constexpr const char* kKey = "0123456789abcdef0123456789abcdef-key";

inline ControlLoop::Options loop_options() {
  ControlLoop::Options options;
  options.version = "test";
  options.store_retry_every = milliseconds(1);
  return options;
}

inline ApiOptions api_options() {
  ApiOptions options;
  options.token = kToken;
  options.attempt_key = kKey;
  options.version = "1.2.3";
  options.home = "/home/of/test";
  options.store_path = "/home/of/test/journal.db";
  options.user = "tester";
  return options;
}

enum class EngineIs : std::uint8_t { kAutomatic, kDrivenByTheTest, kWithoutNodes };

struct World {
  explicit World(EngineIs how = EngineIs::kAutomatic, ApiOptions options = api_options())
      : engine(nodes_of(how), how != EngineIs::kDrivenByTheTest),
        loop(loop_options(), clock, journal, engine) {
    MW_CHECK(loop.start().ok());
    MW_CHECK(mw::testing::wait_until(
        loop, [&](const State& state) { return state.nodes.size() == nodes_of(how).size(); }));
    api.emplace(std::move(options), loop, journal, engine);
  }
  static std::vector<NodeSpec> nodes_of(EngineIs how) {
    if (how == EngineIs::kWithoutNodes) return {};
    return {mw::testing::node_spec("a", 2), mw::testing::node_spec("b", 2)};
  }
  ~World() {
    api.reset();
    loop.stop();
  }
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  /// What a listener would do with this request.
  Response call(std::string method, std::string target, std::string body = {},
                Fields headers = {}) {
    auto request = std::make_shared<Request>();
    request->method = std::move(method);
    request->target = std::move(target);
    request->headers = std::move(headers);
    request->headers.emplace_back("host", "127.0.0.1:1234");
    if (request->header_count("authorization") == 0) {
      request->headers.emplace_back("authorization", std::string("Bearer ") + kToken);
    }
    if (auto refusal = api->admit(*request)) return std::move(*refusal);
    request->body = std::move(body);
    const auto promise = std::make_shared<std::promise<Response>>();
    auto future = promise->get_future();
    api->handle(request, [promise](Response response) { promise->set_value(std::move(response)); });
    MW_CHECK(future.wait_for(std::chrono::milliseconds(kDeadlineMs)) == std::future_status::ready);
    return future.get();
  }
  Response get(std::string target) { return call("GET", std::move(target)); }
  /// The JSON of an answer that must have `status`.
  boost::json::value json(std::string method, std::string target, std::string body = {},
                          int status = 200, Fields headers = {}) {
    const Response response =
        call(std::move(method), std::move(target), std::move(body), std::move(headers));
    EXPECT_EQ(response.status, status) << response.body;
    return boost::json::parse(response.body);
  }
  /// Submits a job of one task, and gives its id.
  std::int64_t submit(const std::string& more = {}, Fields headers = {}) {
    const std::string body = R"({"name":"a","command":["true"],"workdir":"/tmp")" + more + "}";
    return json("POST", "/v1/jobs", body, 201, std::move(headers)).at("job").as_int64();
  }
  bool wait_state(std::int64_t job, JobState wanted) {
    return mw::testing::wait_until(loop, [&](const State& state) {
      const Job* found = state.jobs.find(JobId(static_cast<std::uint64_t>(job)));
      return found != nullptr && found->state == wanted;
    });
  }

  MemoryJournal journal;
  SystemClock clock;
  mw::testing::FakeEngine engine;
  ControlLoop loop;
  std::optional<Api> api;
};

}  // namespace mw::http::testing
