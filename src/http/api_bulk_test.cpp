// Routes of many things at once: batches of jobs, pages of nodes, the fleet.
#include <boost/json/serialize.hpp>

#include "http/api_test_fixture.h"

namespace mw::http {
namespace {

using testing::ApiTest;
using testing::EngineIs;
using testing::kSmallFleet;
namespace json = boost::json;
using ::testing::HasSubstr;

TEST_F(ApiTest, NodesComeAPageAtATime) {
  begin();
  const auto first = ask("GET", "/v1/nodes?limit=1");
  ASSERT_EQ(first.at("nodes").as_array().size(), 1U);
  EXPECT_EQ(first.at("nodes").at(0).at("name").as_string(), "a");
  EXPECT_EQ(first.at("count").as_int64(), 2);
  EXPECT_EQ(first.at("next").as_int64(), 1);
  const auto second = ask("GET", "/v1/nodes?limit=1&from=1");
  EXPECT_EQ(second.at("nodes").at(0).at("name").as_string(), "b");
  EXPECT_TRUE(second.at("next").is_null());
  EXPECT_TRUE(ask("GET", "/v1/nodes?from=2").at("nodes").as_array().empty());
  for (const char* bad : {"?limit=0", "?limit=10001", "?from=-1"}) {
    // The router refuses it before any route sees it.
    EXPECT_EQ(code_of(world->json("GET", std::string("/v1/nodes") + bad, "", 400)), "invalid");
  }
}

TEST_F(ApiTest, AFleetIsDeclaredOnceWhereThereAreNoNodes) {
  begin(EngineIs::kWithoutNodes);
  EXPECT_EQ(code_of(ask("GET", "/v1/fleet", "", 404)), "not_found");
  EXPECT_EQ(code_of(ask("PUT", "/v1/fleet", "name: [", 400)), "invalid");
  const auto declared = ask("PUT", "/v1/fleet", kSmallFleet, 201);
  EXPECT_EQ(declared.at("fleet").as_string(), "small");
  EXPECT_EQ(declared.at("nodes").as_int64(), 25);
  EXPECT_EQ(declared.at("accelerators").as_int64(), 200);
  EXPECT_FALSE(declared.at("repeated").as_bool());
  EXPECT_TRUE(ask("PUT", "/v1/fleet", kSmallFleet).at("repeated").as_bool());
  EXPECT_EQ(ask("GET", "/v1/nodes").at("count").as_int64(), 25);
  // What is shown can be declared: it is the same fleet.
  const std::string shown = world->get("/v1/fleet").body;
  EXPECT_TRUE(ask("PUT", "/v1/fleet", shown).at("repeated").as_bool());
  std::string other = kSmallFleet;
  other.replace(other.find("25"), 2, "26");
  EXPECT_EQ(code_of(ask("PUT", "/v1/fleet", other, 409)), "conflict");
}

TEST_F(ApiTest, NoFleetIsDeclaredOverNodesOfAnEngine) {
  begin();
  const auto refused = ask("PUT", "/v1/fleet", kSmallFleet, 409);
  EXPECT_THAT(std::string(refused.at("error").at("message").as_string()),
              HasSubstr("There are nodes already"));
}

TEST_F(ApiTest, ABatchAnswersForEachJob) {
  begin();
  const std::string batch = R"({"jobs":[{"name":"a","command":["true"]},{"name":"b"},
      {"name":"c","command":["true"],"array":3},{"name":"d","command":["true"],"tenant":"x y"}]})";
  const auto answer =
      ask("POST", "/v1/jobs/batch?workdir=/tmp", batch, 200, {{"idempotency-key", "k"}});
  const auto& jobs = answer.at("jobs").as_array();
  ASSERT_EQ(jobs.size(), 4U);
  EXPECT_EQ(answer.at("refused").as_int64(), 2);
  EXPECT_EQ(json::serialize(jobs[0]), R"({"job":1,"count":1,"name":"a","repeated":false})");
  EXPECT_EQ(jobs[1].at("error").at("code").as_string(), "invalid");
  EXPECT_EQ(json::serialize(jobs[2]), R"({"job":2,"count":3,"name":"c","repeated":false})");
  EXPECT_TRUE(jobs[3].as_object().contains("error"));
  ASSERT_TRUE(world->wait_state(1, JobState::kRunning));

  // The same again is the same jobs, also one by one, by the keys that they have.
  const auto again =
      ask("POST", "/v1/jobs/batch?workdir=/tmp", batch, 200, {{"idempotency-key", "k"}});
  EXPECT_TRUE(again.at("jobs").at(0).at("repeated").as_bool());
  EXPECT_EQ(again.at("jobs").at(2).at("job").as_int64(), 2);
  const auto alone = ask("POST", "/v1/jobs?workdir=/tmp", R"({"name":"a","command":["true"]})", 200,
                         {{"idempotency-key", "k/0"}});
  EXPECT_EQ(alone.at("job").as_int64(), 1);
  // A key of one job is no other's: that one alone is refused.
  const auto reused =
      ask("POST", "/v1/jobs/batch?workdir=/tmp",
          R"({"jobs":[{"name":"z","command":["true"]},{"name":"y","command":["true"]}],
                              "keys":["k/0","k2"]})");
  EXPECT_EQ(reused.at("jobs").at(0).at("error").at("code").as_string(), "conflict");
  EXPECT_EQ(reused.at("jobs").at(1).at("job").as_int64(), 5);
}

TEST_F(ApiTest, ABatchThatIsNoneChangesNothing) {
  begin();
  const std::string job = R"({"name":"a","command":["true"],"workdir":"/tmp"})";
  for (const auto& [body, headers] : {
           std::pair<std::string, Fields>("", {}),
           {"{\"jobs\":[]}", {}},
           {"{\"jobs\":[" + job + "],\"keys\":[]}", {}},
           {"{\"jobs\":[" + job + "]}", {{"idempotency-key", std::string(197, 'k')}}},
           {"{\"jobs\":[" + job + "],\"keys\":[\"k\"]}", {{"idempotency-key", "k"}}},
       }) {
    EXPECT_EQ(code_of(ask("POST", "/v1/jobs/batch", body, 400, headers)), "invalid") << body;
  }
  const auto dry = ask("POST", "/v1/jobs/batch?dry_run=1", "{\"jobs\":[" + job + "]}");
  EXPECT_TRUE(dry.at("jobs").at(0).at("job").is_null());
  EXPECT_EQ(world->submit(), 1);
}

}  // namespace
}  // namespace mw::http
