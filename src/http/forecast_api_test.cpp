// Questions about the future over a real control loop: what is answered, what is refused in which
// words, and that asking changes nothing.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <future>

#include "http/api_test_fixture.h"
#include "http/forecast_desk.h"

namespace mw::http {
namespace {

namespace json = boost::json;
using testing::EngineIs;
using ::testing::HasSubstr;

/// Two nodes of two accelerators, both given to job 1, and job 2 that waits for all of them.
class ForecastApi : public testing::ApiTest {
 protected:
  void begin_busy() {
    begin(EngineIs::kDrivenByTheTest);
    first_ = world->submit(R"(,"tasks":4,"time_limit":"1h")");
    const DesiredAttempt attempt = world->engine.wait_for(JobId(1));
    world->engine.report(AttemptStarted{JobId(1), attempt.epoch});
    ASSERT_TRUE(world->wait_state(first_, JobState::kRunning));
    second_ = world->submit(R"(,"tasks":4)");
  }
  State state() {
    State copy;
    world->loop.read([&](const State& now) { copy = now; });
    return copy;
  }
  static std::string message_of(const json::value& answer) {
    return std::string(answer.at("error").at("message").as_string());
  }
  std::int64_t first_ = 0;
  std::int64_t second_ = 0;
};

TEST_F(ForecastApi, AJobThatWaitsIsToldWhenAndWhy) {
  begin_busy();
  const State before = state();
  const json::value answer = ask("GET", path(second_, "/forecast?seconds=30"));
  EXPECT_EQ(answer.at("job").as_int64(), second_);
  EXPECT_EQ(answer.at("start").at("futures").to_number<int>(), 40);
  EXPECT_EQ(answer.at("start").at("not_started").to_number<int>(), 0);
  const std::int64_t asked = answer.at("asked_at_ns").as_int64();
  const std::int64_t p10 = answer.at("start").at("p10_ns").as_int64();
  const std::int64_t p90 = answer.at("start").at("p90_ns").as_int64();
  EXPECT_LT(asked, p10);
  EXPECT_LE(p10, answer.at("start").at("p50_ns").as_int64());
  EXPECT_LE(p90, asked + hours(1).count());  // its limit ends the job in the way
  EXPECT_EQ(answer.at("blockers").at("jobs").at(0).to_number<std::int64_t>(), first_);
  EXPECT_FALSE(answer.at("text").as_string().empty());
  EXPECT_TRUE(answer.at("start").at("left_at_ns").is_null());
  EXPECT_FALSE(answer.at("put_right").as_bool());  // nothing was asked before
  EXPECT_EQ(answer.at("past_forecasts").to_number<int>(), 0);
  EXPECT_TRUE(before == state());
}

TEST_F(ForecastApi, WhatWouldBeSoonerIsTold) {
  begin(EngineIs::kDrivenByTheTest);
  first_ = world->submit(R"(,"tasks":2,"time_limit":"1h")");
  const DesiredAttempt attempt = world->engine.wait_for(JobId(1));
  world->engine.report(AttemptStarted{JobId(1), attempt.epoch});
  ASSERT_TRUE(world->wait_state(first_, JobState::kRunning));
  second_ = world->submit(R"(,"tasks":4)");
  const json::value answer = ask("GET", path(second_, "/forecast?seconds=30"));
  std::vector<std::string> keys;
  for (const json::value& each : answer.at("sooner").as_array()) {
    keys.emplace_back(each.at("key").as_string());
    EXPECT_GT(each.at("sooner_ns").to_number<std::int64_t>(), 0);
  }
  // Half of its tasks fit beside the other at once; a higher class may stop nothing of its own.
  EXPECT_THAT(keys, ::testing::Contains("tasks"));
  EXPECT_EQ(answer.at("sooner").at(0).at("start").at("p50_ns"), answer.at("asked_at_ns"));
}

TEST_F(ForecastApi, AJobFileIsTriedAndNotSubmitted) {
  begin_busy();
  const State before = state();
  const std::string job = R"({"name":"a","command":["true"],"workdir":"/tmp"})";
  const json::value answer = ask("POST", "/v1/forecasts?seconds=30", job);
  EXPECT_TRUE(answer.at("job").is_null());
  EXPECT_GT(answer.at("start").at("p50_ns").as_int64(), answer.at("asked_at_ns").as_int64());
  EXPECT_FALSE(answer.at("reason").is_null());
  EXPECT_TRUE(before == state());
  EXPECT_EQ(world->journal.last_event()->value(), before.last_seq.value());
}

TEST_F(ForecastApi, WhatHasNoForecastIsSaidInWords) {
  begin_busy();
  EXPECT_THAT(message_of(ask("GET", path(first_, "/forecast"), "", 409)),
              HasSubstr("Job 1 has started already: it is running."));
  EXPECT_THAT(message_of(ask("GET", path(99, "/forecast"), "", 404)),
              HasSubstr("There is no job 99."));
  ask("POST", path(second_, "/hold"));
  EXPECT_THAT(message_of(ask("GET", path(second_, "/forecast"), "", 409)),
              HasSubstr("is held by tester"));
  ask("POST", path(second_, "/cancel"));
  EXPECT_THAT(message_of(ask("GET", path(second_, "/forecast"), "", 409)),
              HasSubstr("has ended already: it is cancelled."));
  const std::string wrong =
      R"({"name":"a","command":["true"],"workdir":"/tmp","priority_class":"royal"})";
  EXPECT_THAT(message_of(ask("POST", "/v1/forecasts", wrong, 400)), HasSubstr("royal"));
}

double figure(const json::value& answer, std::string_view name, std::string_view which) {
  for (const json::value& each : answer.at("figures").as_array()) {
    if (each.at("name").as_string() == name) return each.at(which).to_number<double>();
  }
  ADD_FAILURE() << "no figure " << name;
  return 0;
}

TEST_F(ForecastApi, ADrainIsComparedWithNone) {
  begin_busy();
  const json::value answer =
      ask("POST", "/v1/what-if", R"({"drain":["b"],"futures":4,"seconds":30})");
  EXPECT_EQ(answer.at("futures").to_number<int>(), 4);
  EXPECT_EQ(figure(answer, "jobs_started", "base_mean"), 1);
  EXPECT_EQ(figure(answer, "jobs_started", "changed_mean"), 0);
  ASSERT_EQ(answer.at("moved").as_array().size(), 1U);
  EXPECT_EQ(answer.at("moved").at(0).at("job").to_number<std::int64_t>(), second_);
  EXPECT_TRUE(answer.at("moved").at(0).at("changed_ns").is_null());
  EXPECT_EQ(state().nodes[1].phase, NodePhase::kReady);
}

TEST_F(ForecastApi, FurtherNodesAndJobsAreTried) {
  begin_busy();
  const std::string fleet = R"(
name: more
shapes:
  node: {type: cpu, accelerators: 2, cpus: 2, memory: 4GiB}
sites:
  - name: there
    blocks:
      - {name: n, shape: node, nodes: 2}
)";
  const std::string body = json::serialize(
      json::object{{"add", fleet},
                   {"submit", json::array{R"({"name":"x","command":["true"],"workdir":"/tmp"})"}},
                   {"futures", 3},
                   {"seconds", 30}});
  const json::value answer = ask("POST", "/v1/what-if", body);
  ASSERT_EQ(answer.at("added").as_array().size(), 1U);
  EXPECT_EQ(answer.at("added").at(0).at("start").at("not_started").to_number<int>(), 0);
}

TEST_F(ForecastApi, AWrongChangeIsRefusedInWords) {
  begin();
  struct Case {
    const char* body;
    int status;
    const char* words;
  };
  const std::vector<Case> cases = {
      {"{}", 400, "expected something to try"},
      {R"({"drain":["zz"]})", 404, "zz"},
      {R"({"drain":["a"],"futures":0})", 400, "body.futures: expected 1 to 1000"},
      {R"({"drain":["a"],"horizon_s":0})", 400, "body.horizon_s: expected 1 to"},
      {R"({"curtail":{"site":"nowhere","mw":1}})", 404, "There is no site \"nowhere\""},
      {R"({"policy":"classes: 3"})", 400, "body.policy"},
      {R"({"submit":["name: x"]})", 400, "body.submit[0]"},
      {R"({"drain":["a"],"more":1})", 400, "more"},
  };
  for (const Case& each : cases) {
    EXPECT_THAT(message_of(ask("POST", "/v1/what-if", each.body, each.status)),
                HasSubstr(each.words))
        << each.body;
  }
}

TEST(ForecastDesk, OneIsMadeAtATimeAndTooManyAreRefused) {
  ForecastDesk desk(2);
  std::promise<void> begun;
  std::promise<void> go_on;
  std::atomic<int> made{0};
  ASSERT_TRUE(desk.post([&](const std::atomic<bool>&) {
    begun.set_value();
    go_on.get_future().wait();
    ++made;
  }));
  begun.get_future().wait();  // it is made now, and no longer waits
  EXPECT_TRUE(desk.post([&](const std::atomic<bool>&) { ++made; }));
  EXPECT_TRUE(desk.post([&](const std::atomic<bool>&) { ++made; }));
  EXPECT_FALSE(desk.post([&](const std::atomic<bool>&) { ++made; }));
  EXPECT_EQ(made, 0);
  go_on.set_value();
  desk.stop();
  EXPECT_EQ(made, 3);  // what was taken is answered, though given up
  EXPECT_FALSE(desk.post([](const std::atomic<bool>&) {}));
}

TEST(ForecastDesk, SomethingElseIsDoneWhenNobodyAsks) {
  ForecastDesk desk(1);
  std::promise<void> twice;
  std::atomic<int> done{0};
  desk.now_and_then(
      [&](const std::atomic<bool>&) {
        if (++done == 2) twice.set_value();
        return std::chrono::milliseconds(1);
      },
      std::chrono::milliseconds(1));
  twice.get_future().wait();
  desk.stop();
  EXPECT_GE(done, 2);
}

TEST(ForecastDesk, StoppingGivesUpWhatIsMade) {
  ForecastDesk desk(1);
  std::promise<void> begun;
  std::atomic<bool> told{false};
  ASSERT_TRUE(desk.post([&](const std::atomic<bool>& stop) {
    begun.set_value();
    while (!stop) std::this_thread::yield();
    told = true;
  }));
  begun.get_future().wait();
  desk.stop();
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace mw::http
