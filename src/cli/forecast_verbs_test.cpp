// mw job when, mw what-if, mw replay: what they send, and what they show.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <fstream>

#include "cli/cli_test_support.h"

namespace mw {
namespace {

using ::testing::HasSubstr;

const char* const kForecast = R"J({
  "job":17,"name":"train","asked_at_ns":1795322600000000000,"horizon_ns":1209600000000000,
  "start":{"p10_ns":1795323200000000000,"p50_ns":1795324400000000000,"p90_ns":null,
           "futures":40,"not_started":5},
  "runs_learned":120,"arrivals_past_ns":259200000000000,
  "reason":{"kind":"no_room_now"},"text":"Its tasks do not fit.",
  "blockers":{"jobs":[3],"by_ns":null,"claims":[],"nodes":[],"text":"It would start if job 3 ended."},
  "sooner":[{"key":"priority_class","text":"in priority class high",
             "start":{"p10_ns":1795322600000000000,"p50_ns":1795322600000000000,
                      "p90_ns":1795322600000000000,"futures":40,"not_started":0},
             "sooner_ns":1800000000000}]})J";

class ForecastVerbs : public ::testing::Test {
 protected:
  ForecastVerbs() { ::tzset(); }
  std::string file(const std::string& name, const std::string& text) {
    const auto path = plane.home() / name;
    std::ofstream(path) << text;
    return path.string();
  }
  ScopedVariable zone_{"TZ", "UTC"};
  FakeControlPlane plane;
};

TEST_F(ForecastVerbs, WhenShowsTheSpreadTheReasonAndWhatWouldBeSooner) {
  plane.on("GET /v1/jobs/17/forecast", kForecast);
  const Ran ran = run_mw(plane, {"job", "when", "17", "--seconds", "5"});
  EXPECT_EQ(plane.asked().back().query, "seconds=5");
  EXPECT_EQ(
      ran.out,
      "Job 17 starts in about 30m 00s.\n"
      "  p10  2026-11-22 04:53:20  in 10m 00s\n"
      "  p50  2026-11-22 05:13:20  in 30m 00s\n"
      "  p90  not within the horizon\n"
      "From 40 possible futures, in which jobs go on coming in as in the past 3d 00h. In 5 of "
      "them it does not start within 14d 00h.\n"
      "Now it waits: Its tasks do not fit.\n"
      "It would start if job 3 ended.\n"
      "It would start sooner, if it were submitted anew\n"
      "  in priority class high: 2026-11-22 04:43:20  at once, 30m 00s sooner\n")
      << ran.err;
  EXPECT_EQ(boost::json::parse(run_mw(plane, {"--json", "job", "when", "17"}).out),
            boost::json::parse(kForecast));
}

TEST_F(ForecastVerbs, WhatEarlierForecastsWereWorthIsTold) {
  std::string answer = kForecast;
  answer.replace(answer.find(R"("reason")"), 0, R"("past_forecasts":57,"put_right":true,)");
  plane.on("GET /v1/jobs/17/forecast", answer);
  EXPECT_NE(run_mw(plane, {"job", "when", "17"})
                .out.find("in the past 3d 00h, put right by what 57 earlier forecasts were worth."),
            std::string::npos);
}

TEST_F(ForecastVerbs, OneFutureHasNoSpread) {
  std::string answer = kForecast;
  answer.replace(answer.find(R"("futures":40,"not_started":5)"), 28,
                 R"("futures":1,"spread_known":false,"not_started":0)");
  plane.on("GET /v1/jobs/17/forecast", answer);
  const std::string out = run_mw(plane, {"job", "when", "17"}).out;
  EXPECT_NE(out.find("  p10  not known from so few futures"), std::string::npos) << out;
  EXPECT_NE(out.find("  p50  2026-11-22 05:13:20  in 30m 00s"), std::string::npos) << out;
  EXPECT_NE(out.find("  p90  not known from so few futures"), std::string::npos) << out;
}

TEST_F(ForecastVerbs, AFutureThatTookTooLongIsNoAnswerButWhatIsKnownIsTold) {
  std::string answer = kForecast;
  const std::string start = answer.substr(answer.find(R"("start":)"));
  answer.replace(answer.find(R"("start":)"), start.find(R"("runs_learned")"),
                 R"("start":{"p10_ns":null,"p50_ns":null,"p90_ns":null,"futures":0,)"
                 R"("not_started":0,"left_at_ns":1795329800000000000},)");
  plane.on("GET /v1/jobs/17/forecast", answer);
  const std::string out = run_mw(plane, {"job", "when", "17"}).out;
  EXPECT_NE(out.find("When Job 17 starts is not known"), std::string::npos) << out;
  EXPECT_NE(out.find("it had not started by 2026-11-22 06:43:20 (in 2h 00m)"), std::string::npos)
      << out;
  EXPECT_NE(out.find("Now it waits: Its tasks do not fit."), std::string::npos) << out;
}

TEST_F(ForecastVerbs, ADryRunSendsTheWholeJobFile) {
  plane.on("POST /v1/forecasts", kForecast);
  const std::string job = file("job.yaml", "name: a\ncommand: ['true']\ntasks: 3\n");
  const Ran ran = run_mw(plane, {"job", "when", "--dry-run", job});
  EXPECT_THAT(ran.out, HasSubstr("The job of " + job + " starts in about 30m 00s."));
  const auto sent = boost::json::parse(plane.asked().back().body);
  EXPECT_EQ(sent.at("tasks").to_number<int>(), 3);
  EXPECT_EQ(sent.at("workdir").as_string(), plane.home().string());
  const Ran bad = run_mw(plane, {"job", "when", "--dry-run", file("bad.yaml", "name: a\n")});
  EXPECT_EQ(bad.code, 2);
  EXPECT_THAT(bad.err, HasSubstr("bad.yaml"));
}

TEST_F(ForecastVerbs, MistakesAreNamed) {
  const Ran none = run_mw(plane, {"job", "when"});
  EXPECT_EQ(none.code, 2);
  EXPECT_THAT(none.err, HasSubstr("JOB or --dry-run is required"));
  plane.on("GET /v1/jobs/5/forecast", [](const FakeRequest&) {
    return FakeResponse{
        .status = 409,
        .body = R"({"error":{"code":"conflict","message":"Job 5 has started already."}})"};
  });
  EXPECT_THAT(run_mw(plane, {"job", "when", "5"}).err, HasSubstr("Job 5 has started already."));
  EXPECT_EQ(run_mw(plane, {"what-if"}).code, 2);
  EXPECT_EQ(run_mw(plane, {"what-if", "curtail", "here", "-3"}).code, 2);
  const Ran horizon = run_mw(plane, {"what-if", "drain", "a", "--horizon", "soon"});
  EXPECT_EQ(horizon.code, 2);
  EXPECT_THAT(horizon.err, HasSubstr("--horizon: expected"));
}

const char* const kWhatIf = R"J({
  "futures":20,"horizon_ns":86400000000000,"arrivals_past_ns":0,
  "figures":[{"name":"wait_mean_s","base_mean":600.0,"base_deviation":60.0,"changed_mean":1200.0,
              "changed_deviation":90.0,"difference_mean":600.0,"difference_deviation":30.0,
              "beyond_spread":true}],
  "moved":[{"job":9,"name":"eval","base_ns":1795323200000000000,"changed_ns":null,
            "later_ns":3600000000000}],
  "added":[],"notes":["2 of the 4 nodes are drained"]})J";

TEST_F(ForecastVerbs, WhatIfSendsEachKindOfChange) {
  plane.on("POST /v1/what-if", kWhatIf);
  const auto sent = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "what-if");
    const Ran ran = run_mw(plane, arguments);
    EXPECT_EQ(ran.code, 0) << ran.err;
    return boost::json::parse(plane.asked().back().body).as_object();
  };
  const auto drain = sent({"drain", "a", "b", "--horizon", "2h", "--futures", "7"});
  EXPECT_EQ(drain.at("drain").as_array().size(), 2U);
  EXPECT_EQ(drain.at("horizon_s").to_number<int>(), 7200);
  EXPECT_EQ(drain.at("futures").to_number<int>(), 7);
  EXPECT_TRUE(sent({"add", "laptop"}).at("add").is_string());
  EXPECT_TRUE(sent({"policy", "default"}).at("policy").is_string());
  const auto curtail = sent({"curtail", "here", "1.5"});
  EXPECT_EQ(curtail.at("curtail").at("mw").to_number<double>(), 1.5);
  const std::string job = file("job.yaml", "name: a\ncommand: ['true']\n");
  EXPECT_EQ(sent({"submit", job, job}).at("submit").as_array().size(), 2U);
}

TEST_F(ForecastVerbs, WhatIfShowsDifferencesAndWhoMoves) {
  plane.on("POST /v1/what-if", kWhatIf);
  const Ran ran = run_mw(plane, {"what-if", "drain", "a"});
  EXPECT_THAT(ran.out, HasSubstr("2 of the 4 nodes are drained.\n"));
  EXPECT_THAT(ran.out, HasSubstr("wait, mean"));
  EXPECT_THAT(ran.out, HasSubstr("10m 00s +- 1m 00s"));
  EXPECT_THAT(ran.out, HasSubstr("yes"));
  EXPECT_THAT(ran.out, HasSubstr("1h 00m later"));
  EXPECT_THAT(ran.out, HasSubstr("not within the horizon"));
  EXPECT_THAT(ran.out, HasSubstr("From 20 possible futures, in which no further jobs come in"));
}

TEST_F(ForecastVerbs, ReplayHandsOverWhatWasAskedAndShowsThreeColumns) {
  CliHooks hooks = hooks_of_nothing();
  std::optional<ReplayRequest> asked;
  hooks.replay = [&](const ReplayRequest& request,
                     const std::function<void(const std::string&)>&) -> Result<ReplayAnswer> {
    asked = request;
    ReplayAnswer answer;
    answer.policy_then = "default";
    answer.policy_other = "other";
    answer.inputs = 12;
    answer.rows = {{"wait_mean_s", 60.0, 62.0, 30.0},
                   {"ledger.idle_shape_percent", 5.0, 5.5, 2.5},
                   {"energy_mwh", std::nullopt, 1.5, 1.25}};
    return answer;
  };
  const std::string home = plane.home().string();
  const Ran ran = run_mw(
      {"--home", home, "replay", "--from", "2026-12-01T08:00:00Z", "--policy", "default"}, hooks);
  EXPECT_EQ(ran.code, 0) << ran.err;
  ASSERT_TRUE(asked);
  EXPECT_EQ(asked->from, Instant(1'796'112'000'000'000'000));
  EXPECT_FALSE(asked->to);
  EXPECT_EQ(asked->policy.name, "default");
  EXPECT_THAT(ran.out, HasSubstr("time idle shape"));
  EXPECT_THAT(ran.out, HasSubstr("-32 s"));
  EXPECT_THAT(ran.out, HasSubstr("12 inputs of people were asked again."));
  const Ran json = run_mw({"--home", home, "--json", "replay", "--policy", "default"}, hooks);
  const auto parsed = boost::json::parse(json.out);
  EXPECT_TRUE(parsed.at("figures").at(2).at("real").is_null());
  EXPECT_EQ(parsed.at("figures").at(0).at("other").to_number<double>(), 30);
  const Ran bad =
      run_mw({"--home", home, "replay", "--from", "yesterday", "--policy", "default"}, hooks);
  EXPECT_EQ(bad.code, 2);
  EXPECT_THAT(bad.err, HasSubstr("--from: expected"));
}

}  // namespace
}  // namespace mw
