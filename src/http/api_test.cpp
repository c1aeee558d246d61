// Routes over a real control loop. Each JSON answer is held against the schema that the OpenAPI
// document gives for it, so that what is documented is what is sent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "codec/json.h"
#include "codec/policy_file.h"
#include "http/api_test_fixture.h"
#include "http/openapi.h"

namespace mw::http {
namespace {

namespace json = boost::json;
using testing::ApiTest;
using ::testing::ElementsAre;
using testing::EngineIs;
using ::testing::HasSubstr;
using testing::kSmallFleet;
using testing::World;

// --- answers against schemas
// ----------------------------------------------------------------------

TEST_F(ApiTest, SchemaCheckFindsFaults) {
  begin();
  const json::value schema{{"$ref", "#/components/schemas/Submitted"}};
  const json::value good{{"job", 1}, {"count", 1}, {"name", "x"}, {"repeated", false}};
  EXPECT_THAT(schemas->faults(good, schema), ElementsAre());
  json::value bad = good;
  bad.as_object()["job"] = "1";
  EXPECT_EQ(schemas->faults(bad, schema).size(), 1U);
  bad = good;
  bad.as_object().erase("name");
  EXPECT_EQ(schemas->faults(bad, schema).size(), 1U);
  bad = good;
  bad.as_object()["more"] = 1;
  EXPECT_EQ(schemas->faults(bad, schema).size(), 1U);
}

// --- a job's life
// -----------------------------------------------------------------------------------

TEST_F(ApiTest, AJobFromSubmitToEnd) {
  begin(EngineIs::kDrivenByTheTest);
  const auto submitted = ask("POST", "/v1/jobs?workdir=/tmp&name=renamed",
                             "name: a\ncommand: ['true']\ntasks: 2\n", 201);
  const std::int64_t job = submitted.at("job").as_int64();
  EXPECT_EQ(submitted.at("name").as_string(), "renamed");
  EXPECT_EQ(submitted.at("count").as_int64(), 1);
  const DesiredAttempt attempt = world->engine.wait_for(JobId(1));
  auto view = ask("GET", path(job));
  EXPECT_EQ(view.at("state").as_string(), "starting");
  EXPECT_EQ(view.at("user").as_string(), "tester");
  EXPECT_EQ(view.at("accelerators_milli").as_int64(), 2000);
  EXPECT_EQ(view.at("attempt").at("nodes").at(0).at("name").as_string(), "a");
  EXPECT_EQ(json::serialize(view.at("attempt").at("nodes").at(0).at("devices")), "[0,1]");
  EXPECT_TRUE(view.at("attempt").at("running_at_ns").is_null());
  EXPECT_TRUE(view.at("checkpoint").is_null());

  world->engine.report(AttemptStarted{JobId(1), attempt.epoch});
  ASSERT_TRUE(world->wait_state(job, JobState::kRunning));
  const Fields token = attempt_token(job, 1);
  ask("POST", "/v1/report",
      R"({"step":10,"steps_total":100,"loss":2.5,"rate":12.5,"unit":"tokens"})", 200, token);
  ask("POST", "/v1/report", R"({"checkpointing":true})", 200, token);
  ask("POST", "/v1/report", R"({"step":11,"checkpoint":{"step":11,"path":"/c/11"}})", 200, token);
  view = ask("GET", path(job));
  EXPECT_EQ(view.at("state").as_string(), "running");
  EXPECT_EQ(view.at("progress").at("step").as_int64(), 11);
  EXPECT_EQ(view.at("checkpoint").at("path").as_string(), "/c/11");
  EXPECT_GT(view.at("usage").at("productive_accelerator_s").to_number<double>(), 0);
  EXPECT_EQ(json::serialize(ask("GET", "/v1/nodes/a").at("jobs")), "[1]");

  world->engine.end(JobId(1), attempt.epoch, 2, 0);
  world->engine.report(AttemptGone{JobId(1), attempt.epoch, false, ""});
  ASSERT_TRUE(world->wait_state(job, JobState::kSucceeded));
  view = ask("GET", path(job));
  EXPECT_TRUE(view.at("attempt").is_null());
  EXPECT_EQ(view.at("last_end").as_string(), "completed");
  EXPECT_FALSE(view.at("finished_at_ns").is_null());
  EXPECT_EQ(code_of(ask("POST", "/v1/report", "{}", 409, token)), "conflict");

  const auto story = ask("GET", path(job, "/story"));
  std::vector<std::string> kinds;
  for (const auto& event : story.at("events").as_array())
    kinds.emplace_back(event.at("kind").as_string());
  EXPECT_EQ(kinds.front(), "job_submitted");
  EXPECT_EQ(kinds.back(), "job_finished");
  EXPECT_THAT(kinds, ::testing::Contains("checkpoint_kept"));
  EXPECT_THAT(kinds, ::testing::Not(::testing::AnyOf(::testing::Contains("progress_noted"),
                                                     ::testing::Contains("refused"))));
  EXPECT_FALSE(story.at("truncated").as_bool());
  EXPECT_THAT(json::serialize(ask("GET", path(job, "/story?progress=1")).at("events")),
              HasSubstr("progress_noted"));
}

TEST_F(ApiTest, WhyAJobWaits) {
  begin();
  const std::int64_t large = world->submit(R"(,"tasks":9)");
  const auto why = ask("GET", path(large, "/why"));
  EXPECT_EQ(why.at("state").as_string(), "pending");
  EXPECT_EQ(why.at("reason").at("kind").as_string(), "fleet_too_small");
  EXPECT_EQ(why.at("reason").at("tasks_needed").to_number<int>(), 9);
  EXPECT_FALSE(why.at("text").as_string().empty());
  EXPECT_EQ(ask("GET", path(large)).at("pending_text"), why.at("text"));
  EXPECT_EQ(ask("GET", "/v1/jobs").at("jobs").at(0).at("pending_text"), why.at("text"))
      << "lists say the same";
  const std::int64_t runs = world->submit();
  ASSERT_TRUE(world->wait_state(runs, JobState::kRunning));
  EXPECT_TRUE(ask("GET", path(runs, "/why")).at("reason").is_null());
}

TEST_F(ApiTest, VerbsSayWhatStateTheJobIsInThen) {
  begin();
  const std::int64_t job = world->submit(R"(,"hold":true)");
  EXPECT_EQ(code_of(ask("POST", path(job, "/hold"), "", 409)), "conflict");
  ask("POST", path(job, "/release"));
  ASSERT_TRUE(world->wait_state(job, JobState::kRunning));
  EXPECT_EQ(code_of(ask("POST", path(job, "/hold"), "", 409)), "conflict");
  EXPECT_EQ(ask("POST", path(job, "/requeue")).at("job").as_int64(), job);
  ASSERT_TRUE(mw::testing::wait_until(world->loop, [&](const State& state) {
    return state.jobs.at(JobId(1)).attempts == 2 &&
           state.jobs.at(JobId(1)).state == JobState::kRunning;
  }));
  const auto state = ask("POST", path(job, "/cancel")).at("state").as_string();
  EXPECT_TRUE(state == "stopping" || state == "cancelled") << state;
  ASSERT_TRUE(world->wait_state(job, JobState::kCancelled));
  EXPECT_EQ(code_of(ask("POST", path(job, "/cancel"), "", 409)), "conflict");
  for (const char* verb : {"/cancel", "/hold", "/release", "/requeue"}) {
    EXPECT_EQ(code_of(ask("POST", path(99, verb), "", 404)), "not_found");
  }
}

TEST_F(ApiTest, AnArrayIsToldAsAWhole) {
  begin();
  const auto submitted =
      ask("POST", "/v1/jobs",
          R"({"name":"many","command":["true"],"workdir":"/","array":3,"hold":true})", 201);
  EXPECT_EQ(submitted.at("count").as_int64(), 3);
  EXPECT_EQ(ask("GET", path(3)).at("array_index").as_int64(), 2);
  ask("POST", path(2, "/cancel"));
  EXPECT_EQ(ask("GET", path(1)).at("state").as_string(), "pending");
  ask("POST", path(2, "/cancel?whole_array=1"));
  EXPECT_EQ(ask("GET", path(1)).at("state").as_string(), "cancelled");
  EXPECT_EQ(ask("GET", path(3)).at("state").as_string(), "cancelled");
}

// --- submit
// -----------------------------------------------------------------------------------------

TEST_F(ApiTest, ARepeatedSubmitGivesTheJobThatThereIs) {
  begin();
  const std::string body = R"({"name":"a","command":["true"],"workdir":"/tmp"})";
  const Fields key = {{"idempotency-key", "key-1"}};
  const Response first = world->call("POST", "/v1/jobs", body, key);
  EXPECT_EQ(first.status, 201);
  EXPECT_THAT(first.headers, ::testing::Contains(::testing::Pair("Location", "/v1/jobs/1")));
  const auto again = ask("POST", "/v1/jobs", body, 200, key);
  EXPECT_EQ(again.at("job").as_int64(), 1);
  EXPECT_TRUE(again.at("repeated").as_bool());
  EXPECT_EQ(code_of(ask("POST", "/v1/jobs?name=other", body, 409, key)), "conflict");
  EXPECT_EQ(ask("POST", "/v1/jobs", body, 201).at("job").as_int64(), 2)
      << "without a key it is another job";
  for (const std::string& bad : {std::string(201, 'x'), std::string("a b"), std::string("\xff")}) {
    EXPECT_EQ(code_of(ask("POST", "/v1/jobs", body, 400, {{"idempotency-key", bad}})), "invalid");
  }
}

TEST_F(ApiTest, ADryRunChangesNothing) {
  begin();
  const auto answer = ask("POST", "/v1/jobs?dry_run=1",
                          R"({"name":"a","command":["true"],"workdir":"/tmp","array":5})");
  EXPECT_TRUE(answer.at("job").is_null());
  EXPECT_EQ(answer.at("count").as_int64(), 5);
  EXPECT_TRUE(ask("GET", "/v1/jobs").at("jobs").as_array().empty());
}

TEST_F(ApiTest, BadSubmissionsAreRefusedWithTheirPlace) {
  begin();
  const auto unknown =
      ask("POST", "/v1/jobs?workdir=/tmp", "name: a\ncommand: [x]\ntaks: 2\n", 400);
  EXPECT_THAT(std::string(unknown.at("error").at("message").as_string()), HasSubstr("3:1"));
  EXPECT_THAT(std::string(unknown.at("error").at("message").as_string()), HasSubstr("tasks"));
  EXPECT_EQ(code_of(ask("POST", "/v1/jobs?workdir=relative", "name: a\ncommand: [x]\n", 400)),
            "invalid");
  EXPECT_EQ(
      code_of(ask("POST", "/v1/jobs?name=bad%20name&workdir=/", "name: a\ncommand: [x]\n", 400)),
      "invalid");
  EXPECT_EQ(code_of(ask("POST", "/v1/jobs", "", 400)), "invalid");
  EXPECT_TRUE(ask("GET", "/v1/jobs").at("jobs").as_array().empty());
}

TEST_F(ApiTest, NothingIsAcknowledgedThatTheStoreDidNotTake) {
  begin();
  EXPECT_EQ(ask("GET", "/healthz").at("status").as_string(), "ok");
  world->journal.fail_with(Error{ErrorCode::kUnavailable, "the disk is full"});
  const auto refused =
      ask("POST", "/v1/jobs", R"({"name":"a","command":["true"],"workdir":"/tmp"})", 503);
  EXPECT_THAT(std::string(refused.at("error").at("message").as_string()),
              HasSubstr("the disk is full"));
  EXPECT_EQ(ask("GET", "/healthz", "", 503).at("status").as_string(), "store unavailable");
  EXPECT_FALSE(ask("GET", "/v1/server").at("store").at("available").as_bool());
  EXPECT_TRUE(ask("GET", "/v1/jobs").at("jobs").as_array().empty()) << "reading goes on";
  world->journal.fail_with(std::nullopt);
  const auto deadline =
      std::chrono::steady_clock::now() + std::chrono::milliseconds(testing::kDeadlineMs);
  while (world->get("/healthz").status != 200 && std::chrono::steady_clock::now() < deadline)
    std::this_thread::yield();
  EXPECT_EQ(world->submit(), 1);
}

// --- policy and tenants
// -----------------------------------------------------------------------------

TEST_F(ApiTest, APolicyIsShownChangedAndRefused) {
  begin();
  EXPECT_EQ(ask("GET", "/v1/policy"), *parse_json(write_policy_file(Policy{})));
  const std::string yaml =
      "name: lab\nclasses: {normal: {preempts: true}}\ntenants: {a: {quota: 1.5}}\n"
      "others: refused\n";
  const json::value wanted = *parse_json(write_policy_file(*parse_policy_file(yaml, "")));
  EXPECT_EQ(ask("PUT", "/v1/policy", yaml), wanted);
  EXPECT_EQ(ask("GET", "/v1/policy"), wanted);
  EXPECT_THAT(json::serialize(ask("GET", "/v1/events")), HasSubstr("policy_changed"));
  // What is shown may be put back; what is put is the whole of it.
  EXPECT_EQ(ask("PUT", "/v1/policy", json::serialize(wanted)), wanted);
  const auto wrong = ask("PUT", "/v1/policy", "name: x\nstarvation_after: 1\n", 400);
  EXPECT_THAT(std::string(wrong.at("error").at("message").as_string()),
              HasSubstr("2:19: starvation_after: expected a length of time"));
  EXPECT_EQ(code_of(ask("PUT", "/v1/policy", "", 400)), "invalid");
  EXPECT_EQ(ask("GET", "/v1/policy"), wanted);
  const Response method = world->call("POST", "/v1/policy", yaml);
  EXPECT_EQ(method.status, 405);
  EXPECT_THAT(method.headers, ::testing::Contains(::testing::Pair("Allow", "GET, HEAD, PUT")));
  // It holds at once.
  const auto submit = [&](const std::string& more) {
    const auto answer = ask("POST", "/v1/jobs",
                            R"({"name":"a","command":["true"],"workdir":"/tmp")" + more + "}", 400);
    return std::string(answer.at("error").at("message").as_string());
  };
  EXPECT_EQ(submit(""),
            "The policy has no tenant \"default\" and takes none that it does not name; see \"mw "
            "policy show\".");
  EXPECT_EQ(submit(R"(,"tenant":"a","priority_class":"high")"),
            "The policy has no priority class \"high\"; see \"mw policy show\".");
  EXPECT_EQ(submit(R"(,"tenant":"a","after":[{"afterok":99}])"),
            "Job 99, after which it is to start, does not exist, or ended long ago.");
  EXPECT_EQ(world->submit(R"(,"tenant":"a")"), 1);
}

TEST_F(ApiTest, TenantsAreATreeWithWhatTheyUse) {
  begin();
  ask("PUT", "/v1/policy",
      "tenants: {lab: {borrow_limit: 1, tenants: {vision: {quota: 1, weight: 2}, audio: }}}\n");
  const std::int64_t job = world->submit(R"(,"tenant":"vision","tasks":2)");
  ASSERT_TRUE(world->wait_state(job, JobState::kRunning));
  world->submit(R"(,"tenant":"someone","hold":true)");
  const auto answer = ask("GET", "/v1/tenants");
  std::vector<std::string> rows;
  for (const auto& one : answer.at("tenants").as_array()) {
    rows.push_back(json::serialize(
        json::array{one.at("tenant"), one.at("parent"), one.at("depth"), one.at("named"),
                    one.at("quota_milli"), one.at("limit_milli"), one.at("weight"),
                    one.at("in_use_milli"), one.at("over_quota"), one.at("jobs_submitted")}));
  }
  EXPECT_THAT(rows, ElementsAre(R"(["lab",null,0,true,1000,2000,1,2000,true,0])",
                                R"(["audio","lab",1,true,0,null,1,0,false,0])",
                                R"(["vision","lab",1,true,1000,null,2,2000,true,1])",
                                R"(["someone",null,0,false,0,null,1,0,false,1])"));
  // Two of the fleet's four accelerators, and as good as none in the past.
  const double share = answer.at("tenants").at(0).at("share").to_number<double>();
  EXPECT_NEAR(share, 0.5, 0.01);
  EXPECT_NEAR(answer.at("tenants").at(2).at("share").to_number<double>(), share / 2, 0.01);
}

// --- lists
// ------------------------------------------------------------------------------------------

TEST_F(ApiTest, ListsPageDownwardsAndFilter) {
  begin();
  for (int i = 0; i < 7; ++i)
    world->submit(i % 2 == 0 ? R"(,"hold":true)" : R"(,"hold":true,"tenant":"other")");
  std::vector<std::int64_t> seen;
  std::string before;
  for (int pages = 0; pages < 10; ++pages) {
    const auto page = ask("GET", "/v1/jobs?limit=3" + before);
    for (const auto& job : page.at("jobs").as_array()) seen.push_back(job.at("id").as_int64());
    if (page.at("next").is_null()) break;
    before = "&before=" + std::to_string(page.at("next").as_int64());
  }
  EXPECT_THAT(seen, ElementsAre(7, 6, 5, 4, 3, 2, 1));
  EXPECT_EQ(ask("GET", "/v1/jobs?tenant=other").at("jobs").as_array().size(), 3U);
  EXPECT_EQ(ask("GET", "/v1/jobs?state=running,starting").at("jobs").as_array().size(), 0U);
  ask("POST", path(4, "/release"));
  ask("POST", path(2, "/release"));
  ASSERT_TRUE(world->wait_state(4, JobState::kRunning));
  ASSERT_TRUE(world->wait_state(2, JobState::kRunning));
  const auto live = ask("GET", "/v1/jobs?state=running&limit=1");
  EXPECT_EQ(live.at("jobs").at(0).at("id").as_int64(), 4);
  EXPECT_EQ(live.at("next").as_int64(), 4);
  EXPECT_EQ(ask("GET", "/v1/jobs?state=running&before=4").at("jobs").at(0).at("id").as_int64(), 2);
  EXPECT_EQ(ask("GET", "/v1/jobs?state=pending,running").at("jobs").as_array().size(), 7U);
  EXPECT_EQ(code_of(ask("GET", "/v1/jobs?state=sleeping", "", 400)), "invalid");
}

TEST_F(ApiTest, ListsGoOnIntoJobsThatTheStateHasForgotten) {
  begin();
  // More than the state keeps, in one array; the oldest of them are in the journal only.
  const std::int64_t many = kFinishedJobsKept + 50;
  ask("POST", "/v1/jobs",
      R"({"name":"many","command":["true"],"workdir":"/","hold":true,"array":)" +
          std::to_string(many) + "}",
      201);
  for (std::int64_t job = 1; job <= 60; ++job) ask("POST", path(job, "/cancel"));
  world->submit(R"(,"hold":true)");
  ask("POST", path(100, "/cancel?whole_array=1"));
  ASSERT_TRUE(mw::testing::wait_until(
      world->loop, [](const State& state) { return state.jobs.find(JobId(1)) == nullptr; }));
  EXPECT_EQ(ask("GET", path(1)).at("state").as_string(), "cancelled") << "from the journal";
  EXPECT_EQ(ask("GET", path(1, "/story")).at("events").as_array().size(), 2U);
  EXPECT_EQ(ask("GET", path(1, "/why")).at("state").as_string(), "cancelled");
  EXPECT_TRUE(ask("GET", "/v1/jobs?before=40&limit=5").at("jobs").as_array().empty());
  std::int64_t expected = many + 1;
  std::string before;
  for (bool more = true; more;) {
    const auto page = ask("GET", "/v1/jobs?all=1&limit=1000" + before);
    for (const auto& job : page.at("jobs").as_array())
      ASSERT_EQ(job.at("id").as_int64(), expected--) << "each once, in order";
    more = !page.at("next").is_null();
    if (more) before = "&before=" + std::to_string(page.at("next").as_int64());
  }
  EXPECT_EQ(expected, 0) << "to the first";
}

// --- logs, nodes, ledger, reports
// ---------------------------------------------------------------------

TEST_F(ApiTest, LogsComeInPieces) {
  begin();
  const std::int64_t job = world->submit(R"(,"hold":true)");
  EXPECT_THAT(world->get(path(job, "/logs")).body, HasSubstr("has not started"));
  ask("POST", path(job, "/release"));
  ASSERT_TRUE(world->wait_state(job, JobState::kRunning));
  const Response all = world->get(path(job, "/logs"));
  EXPECT_EQ(all.status, 200);
  EXPECT_EQ(all.body, "output of job 1\n");
  EXPECT_THAT(all.content_type, HasSubstr("text/plain"));
  EXPECT_EQ(all.headers, (Fields{{"X-Millwright-Offset", "0"},
                                 {"X-Millwright-Next-Offset", "16"},
                                 {"X-Millwright-Complete", "true"},
                                 {"X-Millwright-Attempt", "1"}}));
  const Response piece =
      world->get(path(job, "/logs?offset=7&limit=2&stream=stderr&attempt=1&rank=0"));
  EXPECT_EQ(piece.body, "of");
  EXPECT_EQ(piece.headers[1].second, "9");
  EXPECT_EQ(world->get(path(job, "/logs?rank=1")).status, 404);
  EXPECT_EQ(world->get(path(job, "/logs?attempt=2")).status, 404);
  EXPECT_EQ(world->get(path(job, "/logs?stream=both")).status, 400);
  EXPECT_EQ(world->get(path(9, "/logs")).status, 404);
}

TEST_F(ApiTest, NodesAreDrainedAndResumed) {
  begin();
  EXPECT_EQ(ask("GET", "/v1/nodes").at("nodes").as_array().size(), 2U);
  EXPECT_EQ(code_of(ask("GET", "/v1/nodes/c", "", 404)), "not_found");
  const auto drained = ask("POST", "/v1/nodes/a/drain", R"({"reason":"fan"})");
  EXPECT_EQ(drained.at("phase").as_string(), "draining");
  EXPECT_EQ(drained.at("reason").as_string(), "fan");
  EXPECT_EQ(drained.at("by").as_string(), "tester");
  EXPECT_EQ(code_of(ask("POST", "/v1/nodes/a/drain", "", 409)), "conflict");
  EXPECT_EQ(code_of(ask("POST", "/v1/nodes/c/drain", "", 404)), "not_found");
  for (const char* bad :
       {"x", "{\"reson\":\"x\"}", "{\"reason\":1}", "{\"reason\":\"a\\nb\"}", "[]"}) {
    EXPECT_EQ(code_of(ask("POST", "/v1/nodes/b/drain", bad, 400)), "invalid") << bad;
  }
  EXPECT_EQ(ask("POST", "/v1/nodes/a/resume").at("phase").as_string(), "ready");
  EXPECT_EQ(code_of(ask("POST", "/v1/nodes/a/resume", "", 409)), "conflict");
}

TEST_F(ApiTest, NodesAreReserved) {
  begin();
  EXPECT_TRUE(ask("GET", "/v1/reservations").at("reservations").as_array().empty());
  const auto made = ask("POST", "/v1/reservations",
                        R"({"name":"demo","duration":"1h","nodes":1,"users":["tester"],)"
                        R"("reason":"a visit"})");
  EXPECT_EQ(made.at("nodes").as_array().size(), 1U);
  EXPECT_TRUE(made.at("begun").as_bool());
  EXPECT_EQ(made.at("by").as_string(), "tester");
  EXPECT_EQ(made.at("end_ns").as_int64() - made.at("start_ns").as_int64(), hours(1).count());
  EXPECT_EQ(ask("GET", "/v1/reservations").at("reservations").as_array().size(), 1U);
  EXPECT_EQ(ask("GET", "/v1/reservations/demo").at("reason").as_string(), "a visit");
  EXPECT_EQ(code_of(ask("GET", "/v1/reservations/none", "", 404)), "not_found");
  const char* again = R"({"name":"demo","duration":"1h","nodes":1})";
  EXPECT_EQ(code_of(ask("POST", "/v1/reservations", again, 409)), "conflict");
  const char* many = R"({"name":"many","duration":"1h","nodes":2})";
  EXPECT_EQ(code_of(ask("POST", "/v1/reservations", many, 409)), "conflict");
  const char* unknown = R"({"name":"x","duration":"1h","node_list":["c"]})";
  EXPECT_EQ(code_of(ask("POST", "/v1/reservations", unknown, 404)), "not_found");
  EXPECT_EQ(code_of(ask("POST", "/v1/reservations", "{}", 400)), "invalid");
  EXPECT_TRUE(ask("POST", "/v1/reservations/demo/delete").at("ok").as_bool());
  EXPECT_EQ(code_of(ask("POST", "/v1/reservations/demo/delete", "", 404)), "not_found");
}

TEST_F(ApiTest, TheLedgerAddsUpExactly) {
  begin();
  const std::int64_t job = world->submit();
  ASSERT_TRUE(world->wait_state(job, JobState::kRunning));
  const auto ledger = ask("GET", "/v1/ledger");
  EXPECT_TRUE(ledger.at("balanced").as_bool());
  EXPECT_EQ(ledger.at("capacity_milli").as_int64(), 4000);
  Int128 sum = 0;
  std::int64_t now = 0;
  for (const auto& category : ledger.at("categories").as_array()) {
    sum += std::stoll(std::string(category.at("time").as_string()));
    now += category.at("now_milli").as_int64();
  }
  EXPECT_EQ(now, 4000);
  EXPECT_TRUE(sum == std::stoll(std::string(ledger.at("capacity_time").as_string())));
  EXPECT_EQ(ledger.at("tenants").at(0).at("tenant").as_string(), "default");
  EXPECT_EQ(ledger.at("tenants").at(0).at("jobs_submitted").as_int64(), 1);
}

TEST_F(ApiTest, ReportsAreForTheCurrentAttempt) {
  begin();
  const std::int64_t job = world->submit();
  ASSERT_TRUE(world->wait_state(job, JobState::kRunning));
  EXPECT_EQ(code_of(ask("POST", "/v1/report", R"({"step":1})", 409, attempt_token(job, 2))),
            "conflict");
  EXPECT_EQ(code_of(ask("POST", "/v1/report", R"({"step":1})", 404, attempt_token(99, 1))),
            "not_found");
  EXPECT_EQ(code_of(ask("POST", "/v1/report", R"({"step":1,"job":2})", 403, attempt_token(job, 1))),
            "forbidden");
  EXPECT_EQ(code_of(ask("POST", "/v1/report", R"({"step":1})", 400)), "invalid")
      << "the API token does not say which job";
  ask("POST", "/v1/report", R"({"step":1,"job":1,"attempt":1})");
  ask("POST", "/v1/report", R"({"step":2,"job":1,"attempt":1,"rank":0})", 200,
      attempt_token(job, 1));
  for (const char* bad :
       {"", "x", "[]", R"({"stp":1})", R"({"step":-1})", R"({"step":1.5})", R"({"loss":"x"})",
        R"({"loss":1e999})", R"({"checkpoint":{"step":1}})",
        R"({"checkpoint":{"step":1,"path":"rel"}})", R"({"checkpoint":{"step":1,"path":"/a\nb"}})",
        R"({"unit":"a\u0000b"})", R"({"unit":"much longer than any unit ought to be"})",
        R"({"rank":4294967296})"}) {
    EXPECT_EQ(code_of(ask("POST", "/v1/report", bad, 400, attempt_token(job, 1))), "invalid")
        << bad;
  }
  const auto progress = ask("GET", path(job)).at("progress");
  EXPECT_EQ(progress.at("step").as_int64(), 2) << "nothing of the refused ones was taken";
}

TEST_F(ApiTest, StepTimesOfARoundAreOneEventHoweverManyRanksThereAre) {
  begin();
  ask("PUT", "/v1/faults/policy", "name: test\nstragglers: {ranks_min: 8}\nrules: []\n");
  const std::int64_t job = world->submit(R"(,"tasks":8,"resources":{"cpus":0,"accelerators":0})");
  ASSERT_TRUE(world->wait_state(job, JobState::kRunning));
  const Fields token = attempt_token(job, 1);
  const auto kinds = [&] {
    std::vector<std::string> all;
    for (const auto& event : ask("GET", path(job, "/story?progress=1")).at("events").as_array())
      all.emplace_back(event.at("kind").as_string());
    return all;
  };
  const std::size_t before = kinds().size();
  for (int rank = 0; rank < 8; ++rank) {
    const auto answer =
        ask("POST", "/v1/report", R"({"step_time_s":1.5,"rank":)" + std::to_string(rank) + "}", 200,
            token);
    EXPECT_TRUE(answer.at("ok").as_bool());
    EXPECT_FALSE(answer.at("checkpoint_wanted").as_bool());
    EXPECT_EQ(answer.at("attempt").as_int64(), 1);
  }
  ASSERT_EQ(kinds().size(), before + 1);
  EXPECT_EQ(kinds().back(), "ranks_compared");
  EXPECT_EQ(ask("GET", path(job)).at("ranks").at("compared").as_int64(), 8);
  // What else a report tells is noted as ever, and of a stale attempt it is refused.
  ask("POST", "/v1/report", R"({"step_time_s":1.5,"step":7})", 200, token);
  EXPECT_EQ(ask("GET", path(job)).at("progress").at("step").as_int64(), 7);
  EXPECT_EQ(code_of(ask("POST", "/v1/report", R"({"step_time_s":1})", 409, attempt_token(job, 2))),
            "conflict");
}

// --- events
// -----------------------------------------------------------------------------------------

TEST_F(ApiTest, EventsComeInPagesAndByJobAndNode) {
  begin();
  const std::int64_t job = world->submit();
  ASSERT_TRUE(world->wait_state(job, JobState::kRunning));
  ask("POST", "/v1/nodes/b/drain");
  std::vector<std::int64_t> seen;
  std::int64_t after = 0;
  while (true) {
    const auto page = ask("GET", "/v1/events?limit=2&after=" + std::to_string(after));
    if (page.at("events").as_array().empty()) {
      EXPECT_EQ(page.at("last").as_int64(), after);
      break;
    }
    for (const auto& event : page.at("events").as_array())
      seen.push_back(event.at("seq").as_int64());
    after = page.at("last").as_int64();
    EXPECT_EQ(after, seen.back());
  }
  for (std::size_t i = 0; i < seen.size(); ++i)
    EXPECT_EQ(seen[i], static_cast<std::int64_t>(i + 1));
  const auto of_job = ask("GET", "/v1/events?job=1");
  EXPECT_EQ(of_job.at("events").at(0).at("kind").as_string(), "job_submitted");
  EXPECT_EQ(of_job.at("last").as_int64(), after) << "nothing more about it up to there";
  const auto of_node = ask("GET", "/v1/events?node=b");
  EXPECT_EQ(of_node.at("events").as_array().back().at("kind").as_string(), "node_moved");
  EXPECT_EQ(code_of(ask("GET", "/v1/events?node=c", "", 404)), "not_found");
  EXPECT_EQ(code_of(ask("GET", "/v1/events?after=" + std::to_string(after + 1), "", 400)),
            "invalid");
  EXPECT_EQ(code_of(ask("GET", "/v1/events?follow=1", "", 400, {{"last-event-id", "x"}})),
            "invalid");
}

// --- the server
// -------------------------------------------------------------------------------------

TEST_F(ApiTest, TheServerTellsOfItself) {
  begin();
  world->submit();
  const auto server = ask("GET", "/v1/server");
  EXPECT_EQ(server.at("version").as_string(), "1.2.3");
  EXPECT_EQ(server.at("containment").as_string(), "nothing: a test's engine");
  EXPECT_GT(server.at("loop").at("events").as_int64(), 0);
  const json::value document = json::parse(world->get("/openapi.json").body);
  EXPECT_EQ(document.at("paths").as_object().size(),
            json::value(openapi_document(world->api->router().routes(), ""))
                .at("paths")
                .as_object()
                .size());
  const std::string metrics = world->get("/metrics").body;
  EXPECT_THAT(metrics, HasSubstr("\nmw_jobs{state=\"failed\"} 0\n"));
  EXPECT_THAT(metrics, HasSubstr("\nmw_nodes{phase=\"ready\",lost=\"false\"} 2\n"));
  EXPECT_THAT(metrics, HasSubstr("\nmw_accelerator_seconds_total{category=\"idle_no_demand\"} "));
  EXPECT_THAT(metrics, HasSubstr("\nmw_store_available 1\n"));
  EXPECT_THAT(metrics, HasSubstr("\nmw_loop_inputs_total "));
  EXPECT_THAT(metrics, HasSubstr("\nprocess_resident_memory_bytes "));
}

TEST_F(ApiTest, StopIsAnsweredAndPassedOn) {
  ApiOptions options = testing::api_options();
  std::atomic<int> stops{0};
  options.on_stop = [&] { ++stops; };
  World stoppable(EngineIs::kAutomatic, options);
  EXPECT_EQ(stoppable.call("POST", "/v1/server/stop").status, 202);
  EXPECT_EQ(stops, 1);
}

TEST_F(ApiTest, EveryRouteAnswersAsDocumented) {
  begin();
  ASSERT_TRUE(world->wait_state(world->submit(), JobState::kRunning));
  int checked = 0;
  for (const Route& route : world->api->router().routes()) {
    SCOPED_TRACE(route.operation);
    std::string target(route.path);
    for (const auto& [placeholder, value] : {std::pair("{job}", "1"), std::pair("{node}", "a")}) {
      const std::size_t at = target.find(placeholder);
      if (at != std::string::npos) target.replace(at, std::string_view(placeholder).size(), value);
    }
    std::string body;
    if (route.request_schema == "JobFile")
      body = R"({"name":"a","command":["true"],"workdir":"/tmp"})";
    if (route.request_schema == "JobBatch")
      body = R"({"jobs":[{"name":"a","command":["true"],"workdir":"/tmp"},{"name":"b"}]})";
    if (route.request_schema == "FleetFile") body = kSmallFleet;
    if (route.request_schema == "PolicyFile") body = R"({"name":"p"})";
    if (route.request_schema == "Report") body = R"({"job":1,"attempt":1,"step":3})";
    if (route.request_schema == "FaultPost") body = R"({"code":"x","node":"a"})";
    if (route.request_schema == "FaultPolicyFile") body = R"({"name":"p"})";
    if (route.request_schema == "BreakerPlace") body = R"({"level":"site","place":"x"})";
    if (route.operation == "post_alerts") body = R"({"alerts":[]})";
    const Response response = world->call(std::string(method_name(route.method)), target, body);
    const auto documented =
        std::find_if(route.responses.begin(), route.responses.end(),
                     [&](const DocumentedResponse& one) { return one.status == response.status; });
    ASSERT_NE(documented, route.responses.end()) << response.status << " " << response.body;
    EXPECT_EQ(response.content_type.substr(0, response.content_type.find(';')),
              documented->content_type);
    ++checked;
    if (documented->content_type != "application/json") continue;
    EXPECT_THAT(
        schemas->faults(json::parse(response.body), schemas->answer_of(route, response.status)),
        ElementsAre());
  }
  EXPECT_GE(checked, 20);
}

TEST_F(ApiTest, CompressedBodiesAreRefused) {
  begin();
  EXPECT_EQ(world->call("POST", "/v1/jobs", "x", {{"content-encoding", "gzip"}}).status, 415);
  EXPECT_EQ(world->call("POST", "/v1/jobs", "x", {{"content-encoding", "identity"}}).status, 400);
}

// --- the stream of events
// -----------------------------------------------------------------------------

/// Pulls until something came; the ids and texts of the events.
std::vector<std::uint64_t> pull(ByteStream& stream) {
  const auto promise = std::make_shared<std::promise<std::string>>();
  auto future = promise->get_future();
  stream.pull([promise](std::string piece) { promise->set_value(std::move(piece)); });
  MW_CHECK(future.wait_for(std::chrono::milliseconds(testing::kDeadlineMs)) ==
           std::future_status::ready);
  const std::string text = future.get();
  std::vector<std::uint64_t> ids;
  for (std::size_t at = text.find("id: "); at != std::string::npos;
       at = text.find("\nid: ", at + 1)) {
    ids.push_back(std::stoull(text.substr(text.find_first_of("0123456789", at))));
  }
  return ids;
}

TEST(EventStream, HasNeitherGapNorRepetitionWhereMemoryMeetsJournal) {
  // Five events are kept in memory, so readers go back and forth between it and the journal.
  ApiOptions options = testing::api_options();
  options.events_kept = 5;
  World world(EngineIs::kDrivenByTheTest, options);
  constexpr std::uint64_t kEvents = 300;
  std::thread writer([&] {
    for (std::uint64_t i = 0; i < kEvents; ++i) world.submit(R"(,"hold":true)");
  });
  std::uint64_t position = 0;
  for (int reader = 0; position < kEvents; ++reader) {
    const Response response =
        world.call("GET", "/v1/events?follow=1", {}, {{"last-event-id", std::to_string(position)}});
    ASSERT_NE(response.stream, nullptr) << response.body;
    for (int pieces = 0; pieces < reader % 4 + 1 && position < kEvents; ++pieces) {
      for (const std::uint64_t id : pull(*response.stream)) {
        EXPECT_EQ(id, position + 1);
        position = id;
      }
    }
    response.stream->cancel();
  }
  writer.join();
}

TEST(EventStream, WakesUpForWhatMatchesOnly) {
  World world;
  const Response response = world.call("GET", "/v1/events?follow=1&job=2");
  ASSERT_NE(response.stream, nullptr);
  const auto promise = std::make_shared<std::promise<std::string>>();
  auto future = promise->get_future();
  response.stream->pull([promise](std::string piece) { promise->set_value(std::move(piece)); });
  world.submit(R"(,"hold":true)");
  world.submit(R"(,"hold":true)");
  ASSERT_EQ(future.wait_for(std::chrono::milliseconds(testing::kDeadlineMs)),
            std::future_status::ready);
  const std::string text = future.get();
  EXPECT_THAT(text, HasSubstr("event: job_submitted\ndata: {\"seq\":"));
  EXPECT_THAT(text, HasSubstr("\"job\":2"));
  EXPECT_THAT(text, ::testing::Not(HasSubstr("\"job\":1,")));
  response.stream->cancel();
}

TEST(EventFilter, SeesTheSubmitOfItsArray) {
  Event event;
  JobSubmitted submitted{JobId(10), mw::testing::job_spec(1), ""};
  submitted.spec.change().array = 5;
  event.body = submitted;
  const auto sees = [&](std::uint64_t job) {
    return EventFilter{JobId(job), std::nullopt}.matches(event);
  };
  EXPECT_FALSE(sees(9));
  EXPECT_TRUE(sees(10));
  EXPECT_TRUE(sees(14));
  EXPECT_FALSE(sees(15));
  EXPECT_TRUE((EventFilter{}.matches(event)));
  EXPECT_FALSE((EventFilter{std::nullopt, NodeId(0)}.matches(event)));
}

}  // namespace
}  // namespace mw::http
