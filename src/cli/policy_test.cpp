// mw policy and mw tenants, run whole against a control plane that answers what the test says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <fstream>

#include "cli/cli_test_support.h"
#include "cli/json_view.h"
#include "cli/policy_view.h"
#include "codec/policy_file.h"

namespace mw {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr std::string_view kPolicy = R"(name: lab
classes:
  normal: {preempts: true}
  spare: {value: -5, preemptible: true}
tenants:
  research: {quota: 64, borrow_limit: 16.5, tenants: {vision: {quota: 8, weight: 3}}}
others: refused
preemption: {reclaim: false}
consolidation: {enabled: true}
)";

/// Writes `text` beside the control plane's files.
std::string file_in(const FakeControlPlane& plane, const std::string& name, std::string_view text) {
  std::ofstream(plane.home() / name) << text;
  return (plane.home() / name).string();
}

TEST(PolicyVerbs, ValidateTellsOfEachFile) {
  const FakeControlPlane plane;
  const std::string good = file_in(plane, "good.yaml", kPolicy);
  const std::string bad = file_in(plane, "bad.yaml", "nmae: x\nstarvation_after: 1\n");
  const Ran fine = run_mw({"policy", "validate", good, "cloud"});
  EXPECT_EQ(fine.code, 0) << fine.err;
  EXPECT_EQ(fine.out,
            "Policy lab is valid: 2 classes, 2 tenants.\n"
            "Policy cloud is valid: 3 classes, 8 tenants.\n");
  const Ran wrong = run_mw({"policy", "validate", bad, good, "clou", "/nonexistent/p.yaml"});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_EQ(wrong.out, "Policy lab is valid: 2 classes, 2 tenants.\n");
  EXPECT_THAT(wrong.err, HasSubstr(bad + ":1:1: unknown key \"nmae\"; did you mean \"name\"?"));
  EXPECT_THAT(wrong.err, HasSubstr(bad + ":2:19: starvation_after: expected a length of time"));
  EXPECT_THAT(wrong.err, HasSubstr("there is no file and no built-in policy \"clou\"; did you mean "
                                   "\"cloud\"? Built in: cloud, default, research-lab"));
  EXPECT_THAT(wrong.err, HasSubstr("cannot read /nonexistent/p.yaml"));
  const auto json = boost::json::parse(run_mw({"policy", "validate", good, "--json"}).out);
  EXPECT_TRUE(JsonView(json)["valid"].flag());
  EXPECT_EQ(JsonView(JsonView(json)["policies"].list()[0])["policy"].text(), "lab");
}

TEST(PolicyVerbs, ShowSaysItInWords) {
  const FakeControlPlane plane;
  const Ran ran = run_mw({"policy", "show", file_in(plane, "p.yaml", kPolicy)});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, R"(Policy lab

CLASS   VALUE  PREEMPTS  PREEMPTIBLE  DEFAULT
normal      0  yes       -            default
spare      -5  -         yes

TENANT    QUOTA  MAY BORROW  WEIGHT
research     64        16.5       1
  vision      8   unlimited       3
Jobs of tenants that are not named are refused.

fair share     past use counts 100%, and half after 7d
backfill       the start of the first 8 jobs in line is planned
preemption     for higher classes; not before an attempt ran 5m; a restart costs 2m
elastic jobs   grow by 25% or more, at most every 30m
consolidation  on; a move costs 2m, a gain counts over 30m
ranking        fragmentation 100%, room for several whole accelerators 100%, types 100%, empty nodes 100%
starvation     who has waited 1d goes before all others
lost nodes     a gang's others are kept for it for 30m while they are replaced
)");
}

TEST(PolicyVerbs, WhatShowPrintsAsJsonIsAPolicyFile) {
  const FakeControlPlane plane;
  const Ran first = run_mw({"policy", "show", file_in(plane, "p.yaml", kPolicy), "--json"});
  const Ran again = run_mw({"policy", "show", file_in(plane, "p.json", first.out), "--json"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.out, first.out);
  EXPECT_THAT(run_mw({"policy", "show", "default", "--source"}).out,
              StartsWith("# What a control plane decides by"));
}

TEST(PolicyVerbs, WithoutAFileItIsTheOneInForce) {
  FakeControlPlane plane;
  plane.on("GET /v1/policy", write_policy_file(Policy{}));
  const Ran ran = run_mw(plane, {"policy", "show"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, run_mw({"policy", "show", "default"}).out);
  EXPECT_EQ(run_mw(plane, {"policy", "show", "--json"}).out,
            run_mw({"policy", "show", "default", "--json"}).out);
  plane.on("GET /v1/policy", R"({"name":"x","newer":1})");
  const Ran newer = run_mw(plane, {"policy", "show"});
  EXPECT_EQ(newer.code, 2);
  EXPECT_THAT(newer.err, HasSubstr("the control plane's policy:1:13: unknown key \"newer\""));
  EXPECT_EQ(run_mw(plane, {"policy", "show", "--source"}).code, 2);
}

TEST(PolicyVerbs, SetSendsAWholePolicy) {
  FakeControlPlane plane;
  plane.on("PUT /v1/policy",
           [](const FakeRequest& request) { return FakeResponse{.body = request.body}; });
  const std::string file = file_in(plane, "p.yaml", kPolicy);
  const Ran ran = run_mw(plane, {"policy", "set", file});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out, "The control plane decides by policy lab now: 2 classes, 2 tenants.\n");
  ASSERT_EQ(plane.asked().size(), 1U);
  EXPECT_THAT(plane.asked()[0].head, HasSubstr("Content-Type: application/json\r\n"));
  EXPECT_EQ(*parse_policy_file(plane.asked()[0].body, ""), *parse_policy_file(kPolicy, ""));
  // A bad file is told here, with its name, and nothing is sent.
  const Ran wrong = run_mw(plane, {"policy", "set", file_in(plane, "bad.yaml", "classes: 3")});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr("bad.yaml:1:10: classes: expected keys and values"));
  EXPECT_EQ(plane.asked().size(), 1U);
}

TEST(PolicyVerbs, ListsTheBuiltInOnes) {
  EXPECT_EQ(run_mw({"policy", "list"}).out,
            "POLICY        CLASSES  TENANTS\n"
            "cloud               3        8\n"
            "default             3        0\n"
            "research-lab        4        9\n");
  const auto json = boost::json::parse(run_mw({"policy", "list", "--json"}).out);
  EXPECT_EQ(JsonView(json)["policies"].list().size(), 3U);
}

TEST(TenantVerb, ShowsTheTree) {
  FakeControlPlane plane;
  plane.on("GET /v1/tenants", R"({"tenants":[
    {"tenant":"lab","parent":null,"depth":0,"quota_milli":64000,"limit_milli":80500,"weight":1,
     "in_use_milli":66000,"average_milli":12345,"share":0.125,"over_quota":true,
     "jobs_submitted":7,"jobs_finished":5},
    {"tenant":"vision","parent":"lab","depth":1,"quota_milli":0,"limit_milli":null,"weight":3,
     "in_use_milli":500,"average_milli":0,"share":0.0004,"over_quota":true,
     "jobs_submitted":0,"jobs_finished":0}]})");
  const Ran ran = run_mw(plane, {"tenants"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_EQ(ran.out,
            "TENANT    QUOTA  LIMIT  IN USE    PAST  WEIGHT  SHARE  JOBS\n"
            "lab          64   80.5      66  12.345       1  12.5%     2\n"
            "  vision      0      -     0.5       0       3   0.0%     0\n");
  plane.on("GET /v1/tenants", R"({"tenants":[]})");
  EXPECT_EQ(run_mw(plane, {"tenants"}).out, "No tenants yet.\n");
}

}  // namespace
}  // namespace mw
