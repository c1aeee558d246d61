// The routes of faults and of nodes' lives: each answer against its documented schema.
#include "http/api_test_fixture.h"

namespace mw::http {
namespace {

using namespace testing;

class FaultApiTest : public ApiTest {
 protected:
  void begin_with_policy() {
    begin();
    const auto set = ask("PUT", "/v1/faults/policy", R"(
name: small
hooks: {reboot: {command: [/sbin/power-cycle]}}
breakers: {site: {share: 50%, at_least: 1, window: 1h}}
rules:
  - {code: x.watch, do: watch, what: Something, advice: None, source: here}
  - {code: x.reboot, do: reboot}
  - {code: x.reset, do: [reset_accelerator, {action: reboot, count: 2, within: 1h}]}
)");
    EXPECT_EQ(set.at("name").as_string(), "small");
    EXPECT_EQ(set.at("rules").as_array().size(), 3U);
  }
  json::value node(const std::string& name) { return ask("GET", "/v1/nodes/" + name); }
};

TEST_F(FaultApiTest, NodesAreMovedThroughTheirLife) {
  begin();
  auto seen =
      ask("POST", "/v1/nodes/a/drain", R"({"reason":"fan","mode":"checkpoint","deadline":"2h"})");
  EXPECT_EQ(seen.at("phase").as_string(), "draining");
  EXPECT_EQ(seen.at("drain").at("mode").as_string(), "checkpoint");
  EXPECT_TRUE(seen.at("drain").at("deadline_ns").is_number());
  EXPECT_EQ(ask("POST", "/v1/nodes/a/quarantine", R"({"reason":"smoke"})").at("phase").as_string(),
            "quarantined");
  EXPECT_EQ(code_of(ask("POST", "/v1/nodes/a/quarantine", "", 409)), "conflict");
  EXPECT_EQ(ask("POST", "/v1/nodes/a/validate").at("phase").as_string(), "validating");
  EXPECT_EQ(ask("POST", "/v1/nodes/a/resume", R"({"reason":"fine"})").at("reason").as_string(),
            "fine");
  EXPECT_EQ(ask("POST", "/v1/nodes/b/retire").at("phase").as_string(), "retired");
  EXPECT_EQ(code_of(ask("POST", "/v1/nodes/b/resume", "", 409)), "conflict");
  EXPECT_EQ(ask("POST", "/v1/nodes/b/provision").at("phase").as_string(), "provisioning");
  EXPECT_EQ(code_of(ask("POST", "/v1/nodes/z/retire", "", 404)), "not_found");
  for (const char* bad : {R"({"mode":"slowly"})", R"({"deadline":"soon"})", R"({"deadline":1})"}) {
    EXPECT_EQ(code_of(ask("POST", "/v1/nodes/a/drain", bad, 400)), "invalid") << bad;
  }
  // Who moved it, when and why.
  const auto story = ask("GET", "/v1/nodes/a/story");
  std::string told;
  for (const auto& event : story.at("events").as_array()) {
    told += std::string(event.at("text").as_string()) + "\n";
  }
  EXPECT_THAT(told, HasSubstr("a drains: its jobs are asked to save and leave"));
  EXPECT_THAT(told, HasSubstr("a is quarantined until somebody decides, decided by tester: smoke"));
  EXPECT_THAT(told, HasSubstr("a takes new work again, decided by tester: fine"));
  EXPECT_EQ(code_of(ask("GET", "/v1/nodes/z/story", "", 404)), "not_found");
}

TEST_F(FaultApiTest, FaultsAreToldListedAndCleared) {
  begin_with_policy();
  const char* fault = R"({"code":"x.watch","node":"a","source":"agent:a","sequence":4})";
  auto taken = ask("POST", "/v1/faults", fault);
  EXPECT_EQ(taken.at("noted").to_number<int>(), 1);
  EXPECT_EQ(node("a").at("phase").as_string(), "suspect");
  EXPECT_EQ(node("a").at("faults").to_number<int>(), 1);
  taken = ask("POST", "/v1/faults", fault);
  EXPECT_EQ(taken.at("noted").to_number<int>(), 0);
  EXPECT_EQ(taken.at("known").to_number<int>(), 1);
  // Of many, those that can be taken are.
  taken = ask("POST", "/v1/faults",
              R"({"faults":[{"code":"other","node":"b"},{"code":"other","node":"z"}]})");
  EXPECT_EQ(taken.at("noted").to_number<int>(), 1);
  EXPECT_EQ(taken.at("refused").at(0).at("index").to_number<int>(), 1);
  EXPECT_EQ(code_of(ask("POST", "/v1/faults", R"({"code":"x","node":"z"})", 404)), "not_found");
  EXPECT_EQ(code_of(ask("POST", "/v1/faults", R"({"code":"x"})", 400)), "invalid");

  auto list = ask("GET", "/v1/faults");
  EXPECT_EQ(list.at("count").to_number<int>(), 2);
  EXPECT_EQ(list.at("faults").at(0).at("code").as_string(), "x.watch");
  EXPECT_EQ(list.at("faults").at(0).at("done").as_string(), "watch");
  EXPECT_EQ(list.at("breakers").at(0).at("taken").to_number<int>(), 1);
  EXPECT_EQ(ask("GET", "/v1/faults?node=b").at("count").to_number<int>(), 1);
  EXPECT_EQ(ask("GET", "/v1/faults?node=z").at("count").to_number<int>(), 0);

  ask("POST", "/v1/faults", R"({"code":"x.watch","node":"a","cleared":true})");
  EXPECT_EQ(node("a").at("phase").as_string(), "ready");
  EXPECT_EQ(ask("GET", "/v1/faults").at("count").to_number<int>(), 1);
  EXPECT_EQ(ask("GET", "/v1/faults?all=true").at("count").to_number<int>(), 2);
  EXPECT_EQ(
      code_of(ask("POST", "/v1/faults", R"({"code":"x.watch","node":"a","cleared":true})", 404)),
      "not_found");
}

TEST_F(FaultApiTest, ABreakerIsResetByAPerson) {
  begin_with_policy();
  ask("POST", "/v1/faults", R"({"faults":[{"code":"x.watch","node":"a"},
                                          {"code":"x.watch","node":"b"}]})");
  const auto list = ask("GET", "/v1/faults");
  const json::value& breaker = list.at("breakers").at(0);
  ASSERT_TRUE(breaker.at("tripped_at_ns").is_number());
  EXPECT_EQ(list.at("faults").at(1).at("withheld").as_string(), "watch");
  const std::string place(breaker.at("place").as_string());
  EXPECT_EQ(
      code_of(ask("POST", "/v1/faults/breakers/reset", R"({"level":"site","place":"z"})", 404)),
      "not_found");
  ask("POST", "/v1/faults/breakers/reset", R"({"level":"site","place":")" + place + "\"}");
  EXPECT_EQ(node("b").at("phase").as_string(), "suspect");
}

TEST_F(FaultApiTest, CodesAreExplained) {
  begin_with_policy();
  const auto known = ask("GET", "/v1/faults/explain?code=x.reset");
  EXPECT_EQ(known.at("rule").as_string(), "x.reset");
  EXPECT_TRUE(known.at("steps").at(0).at("by_hand").as_bool()) << "no program resets";
  EXPECT_FALSE(known.at("steps").at(1).at("by_hand").as_bool());
  EXPECT_THAT(std::string(known.at("steps").at(1).at("text").as_string()),
              HasSubstr("reboot after 2 times within 1h"));
  EXPECT_TRUE(ask("GET", "/v1/faults/explain?code=y").at("rule").is_null());
  EXPECT_EQ(code_of(ask("GET", "/v1/faults/explain?code=a%20b", "", 400)), "invalid");
  EXPECT_EQ(code_of(ask("PUT", "/v1/faults/policy", "rules: [{code: a}]", 400)), "invalid");
  EXPECT_EQ(ask("GET", "/v1/faults/policy").at("name").as_string(), "small");
}

TEST_F(FaultApiTest, AlertmanagerTells) {
  begin_with_policy();
  const std::string labels =
      R"("labels":{"alertname":"x","mw_code":"x.watch","node":"a"},"annotations":{},)";
  const auto taken =
      ask("POST", "/v1/faults/alertmanager",
          R"({"version":"4","alerts":[{"status":"firing",)" + labels +
              R"("startsAt":"2026-11-25T10:00:00Z","endsAt":"0001-01-01T00:00:00Z"}]})");
  EXPECT_EQ(taken.at("noted").to_number<int>(), 1);
  EXPECT_EQ(node("a").at("phase").as_string(), "suspect");
  ask("POST", "/v1/faults/alertmanager",
      R"({"version":"4","alerts":[{"status":"resolved",)" + labels +
          R"("startsAt":"2026-11-25T10:00:00Z","endsAt":"2026-11-25T10:05:00Z"}]})");
  EXPECT_EQ(node("a").at("phase").as_string(), "ready");
  EXPECT_EQ(ask("POST", "/v1/faults/alertmanager", R"({"alerts":[]})").at("noted").to_number<int>(),
            0);
}

TEST_F(FaultApiTest, PlacesAboveNodesAreListed) {
  begin();
  const auto all = ask("GET", "/v1/faults/places");
  const auto sites = ask("GET", "/v1/faults/places?scope=site");
  ASSERT_GT(sites.at("count").to_number<int>(), 0);
  EXPECT_GT(all.at("count").to_number<int>(), sites.at("count").to_number<int>())
      << "each site is a power path, too";
  const std::string site(sites.at("places").at(0).at("name").as_string());
  EXPECT_EQ(ask("GET", "/v1/faults/places?limit=1").at("places").as_array().size(), 1U);
  EXPECT_EQ(ask("GET", "/v1/faults/places?scope=rack").at("count").to_number<int>(), 0);
  ask("GET", "/v1/faults/places?scope=node", "", 400);
  ask("POST", "/v1/faults", R"({"code":"cooling.leak","site":")" + site + R"("})");
  const auto refused = ask("POST", "/v1/faults", R"({"code":"cooling.leak","rack":"r7"})", 404);
  EXPECT_THAT(std::string(refused.at("error").at("message").as_string()),
              HasSubstr("mw faults places"));
}

TEST_F(FaultApiTest, AJobIsAskedToSaveAndTellsOfItself) {
  begin(EngineIs::kDrivenByTheTest);
  const std::int64_t job = world->submit();
  const JobId id(static_cast<std::uint64_t>(job));
  ASSERT_TRUE(mw::testing::wait_until(
      world->loop, [&](const State& state) { return state.attempts.contains(id); }));
  const auto headers = attempt_token(job, 1);
  EXPECT_FALSE(
      ask("POST", "/v1/report", R"({"step":1})", 200, headers).at("checkpoint_wanted").as_bool());
  std::string where;
  world->loop.read([&](const State& state) {
    where = state.topology->name(state.attempts.at(id).placement[0].node);
  });
  ask("POST", "/v1/nodes/" + where + "/drain", R"({"mode":"checkpoint"})");
  const auto wished = ask("POST", "/v1/report", R"({"step":2})", 200, headers);
  EXPECT_TRUE(wished.at("checkpoint_wanted").as_bool());
  EXPECT_TRUE(wished.at("checkpoint_within_s").is_null()) << "it may take its time";
  ask("POST", "/v1/nodes/" + where + "/drain", R"({"mode":"checkpoint","deadline":"10m"})");
  for (const char* report : {R"({"step":3})", R"({"step_time_s":1.5,"rank":1})"}) {
    const auto within = ask("POST", "/v1/report", report, 200, headers)
                            .at("checkpoint_within_s")
                            .to_number<double>();
    EXPECT_GT(within, 0) << report;
    EXPECT_LE(within, 600) << report;
  }
  for (const char* report :
       {R"({"fault":{"code":"job.slow_rank","detail":"3 s"}})", R"({"checkpointing":true})"}) {
    const auto told = ask("POST", "/v1/report", report, 200, headers);
    EXPECT_TRUE(told.at("checkpoint_wanted").as_bool()) << report;
    EXPECT_GT(told.at("checkpoint_within_s").to_number<double>(), 0) << report;
  }
  EXPECT_EQ(ask("GET", "/v1/faults").at("faults").at(0).at("job").to_number<std::int64_t>(), job);
  for (const char* bad : {R"({"fault":{"code":"nvidia.xid.79"}})", R"({"fault":{"code":"job. x"}})",
                          R"({"fault":{}})"}) {
    EXPECT_EQ(code_of(ask("POST", "/v1/report", bad, 400, headers)), "invalid") << bad;
  }
  const auto saved =
      ask("POST", "/v1/report", R"({"checkpoint":{"path":"/c","step":3}})", 200, headers);
  EXPECT_FALSE(saved.at("checkpoint_wanted").as_bool()) << "that was what was wanted";
}

}  // namespace
}  // namespace mw::http
