#include "codec/policy_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>

#include "codec/embedded_files.h"

namespace mw {
namespace {

using ::testing::HasSubstr;

Result<Policy> read(std::string_view text) { return parse_policy_file(text, "p.yaml"); }

AcceleratorShare whole(std::int64_t accelerators) { return accelerators * kWholeAccelerator; }

constexpr std::string_view kWhole = R"(name: lab
classes:
  low: {value: -5, preemptible: true}
  plain:
  top: {value: 7, preempts: true, preemptible: false}
default_class: plain
tenants:
  research:
    quota: 64
    borrow_limit: 16.5
    weight: 3
    tenants:
      vision: {quota: 0.125}
      language:
  sales: {borrow_limit: unlimited}
others: {quota: 1, borrow_limit: 2, weight: 4}
fair_share: {half_life: 1d12h, history: 250%}
backfill: {reservations: 3}
preemption: {by_priority: false, reclaim: false, runtime_min: 1m, restart_cost: 90s}
elastic: {grow: false, grow_interval: 1h, gain: 5%}
consolidation: {enabled: true, move_cost: 3m, horizon: 4h}
ranking: {fragmentation: 90%, whole_accelerators: 80%, types: 70%, empty_nodes: 60%}
starvation_after: 0
)";

TEST(PolicyFile, EveryKeyIsRead) {
  const auto policy = read(kWhole);
  ASSERT_TRUE(policy.ok()) << policy.error().message;
  Policy want;
  want.name = "lab";
  want.classes = {{"low", -5, false, true}, {"plain", 0, false, false}, {"top", 7, true, false}};
  want.default_class = "plain";
  want.tenants = {{"research", "", whole(64), AcceleratorShare(16'500), 3},
                  {"vision", "research", AcceleratorShare(125), std::nullopt, 1},
                  {"language", "research", whole(0), std::nullopt, 1},
                  {"sales", "", whole(0), std::nullopt, 1}};
  want.others = TenantPolicy{"", "", whole(1), whole(2), 4};
  want.fair_share = {hours(36), 250};
  want.backfill = {3};
  want.preemption = {false, false, minutes(1), seconds(90)};
  want.elastic = {false, hours(1), 5};
  want.consolidation = {true, minutes(3), hours(4)};
  want.ranking = {90, 80, 70, 60};
  want.starvation_after = Duration(0);
  EXPECT_EQ(*policy, want);
  EXPECT_EQ(fault_of(*policy), "");
}

TEST(PolicyFile, WhatIsNotSaidIsAsByDefault) {
  for (const char* text : {"{}", "name: default", "tenants: {}", "fair_share: {}\nelastic: {}"}) {
    const auto policy = read(text);
    ASSERT_TRUE(policy.ok()) << policy.error().message;
    EXPECT_EQ(*policy, Policy{}) << text;
  }
  // Classes are a whole: those of the default are not mixed with them.
  const auto classes = read("classes: {a: {value: 1}}\ndefault_class: a\n");
  ASSERT_TRUE(classes.ok()) << classes.error().message;
  EXPECT_EQ(classes->classes, (std::vector<PriorityClass>{{"a", 1, false, false}}));
  const auto others = read("others: {weight: 5}");
  ASSERT_TRUE(others.ok());
  EXPECT_EQ(others->others, (TenantPolicy{"", "", whole(0), std::nullopt, 5}));
  const auto refused = read("others: refused");
  ASSERT_TRUE(refused.ok());
  EXPECT_EQ(refused->others, std::nullopt);
}

TEST(PolicyFile, AParentHasNoQuotaOrOneThatIsEnoughForThoseBelowIt) {
  const auto policy = read(R"(
tenants:
  a: {tenants: {b: {tenants: {c: {quota: 1.5}, d: {quota: 2}}}, e: {quota: 4}}}
  f: {quota: 8, tenants: {g: {quota: 8}}}
)");
  ASSERT_TRUE(policy.ok()) << policy.error().message;
  std::vector<std::pair<std::string, std::int64_t>> quotas;
  for (const TenantPolicy& one : policy->tenants) quotas.emplace_back(one.name, one.quota.count());
  EXPECT_EQ(
      quotas,
      (std::vector<std::pair<std::string, std::int64_t>>{
          {"a", 0}, {"b", 0}, {"c", 1500}, {"d", 2000}, {"e", 4000}, {"f", 8000}, {"g", 8000}}));
  const auto again = parse_policy_file(write_policy_file(*policy), "");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, *policy);
}

TEST(PolicyFile, EveryBadValueIsNamed) {
  std::string many_classes = "classes: {";
  for (int i = 0; i < 101; ++i) many_classes += "c" + std::to_string(i) + ": {}, ";
  std::string many_tenants = "tenants: {";
  for (int i = 0; i < 10'001; ++i) many_tenants += "t" + std::to_string(i) + ": , ";
  std::string deep = "tenants: {";
  for (int i = 0; i < 13; ++i) deep += "t" + std::to_string(i) + ": {tenants: {";
  for (int i = 0; i < 13; ++i) deep += "}}";
  const std::string duration = "expected a length of time such as 90s, 10m, 2h, 1d or 1h30m, at ";
  const struct {
    std::string text;
    std::string message;  ///< without "p.yaml:"
  } cases[] = {
      {"", "1:1: expected keys and values such as \"name: my-policy\", found nothing"},
      {"- a", "1:1: expected keys and values such as \"name: my-policy\", found a list"},
      {"nmae: a",
       "1:1: unknown key \"nmae\"; did you mean \"name\"? Allowed: name, classes, default_class, "
       "tenants, others, fair_share, backfill, preemption, elastic, consolidation, "
       "ranking, starvation_after, keep_nodes_for, spares, lend_spares"},
      {"name: a b",
       "1:7: name: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -, found \"a b\""},
      {"classes: high",
       "1:10: classes: expected keys and values such as \"high: {value: 100, preempts: true}\", "
       "found \"high\""},
      {"classes: {}", "1:10: classes: expected 1 to 100 classes, found 0"},
      {many_classes + "}", "1:10: classes: expected 1 to 100 classes, found 101"},
      {"classes: {normal: {}, a b: {}}",
       "1:23: classes: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -, found \"a b\""},
      {"classes: {normal: 3}",
       "1:19: classes.normal: expected keys and values such as \"value: 100\", found \"3\""},
      {"classes: {normal: {value: 1.5}}",
       "1:27: classes.normal.value: expected a whole number from -1000000 to 1000000, found "
       "\"1.5\""},
      {"classes: {normal: {preempt: true}}",
       "1:20: classes.normal: unknown key \"preempt\"; did you mean \"preempts\"? Allowed: value, "
       "preempts, preemptible"},
      {"classes: {normal: {preempts: yes}}",
       "1:30: classes.normal.preempts: expected true or false, found \"yes\""},
      {"default_class: hihg",
       "1:16: default_class: expected one of the classes (best-effort, normal, high), found "
       "\"hihg\"; did you mean \"high\"?"},
      {"classes: {a: {}}",
       "1:10: default_class: expected one of the classes (a), found \"normal\", which it is unless "
       "the file says another"},
      {"tenants: [a]",
       "1:10: tenants: expected keys and values such as \"research: {quota: 64}\", found a list"},
      {"tenants: {a: 3}",
       "1:14: tenants.a: expected keys and values such as \"quota: 64\", found \"3\""},
      {"tenants: {'a b': {}}",
       "1:11: tenants: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -, found \"a b\""},
      {"tenants: {a: {quota: -1}}",
       "1:22: tenants.a.quota: expected a number of accelerators from 0 to 64000000, with at most "
       "three decimals, found \"-1\""},
      {"tenants: {a: {quota: 0.0001}}",
       "1:22: tenants.a.quota: expected a number of accelerators from 0 to 64000000, with at most "
       "three decimals, found \"0.0001\""},
      {"tenants: {a: {borrow_limit: none}}",
       "1:29: tenants.a.borrow_limit: expected a number of accelerators from 0 to 64000000, with "
       "at most three decimals, or unlimited, found \"none\""},
      {"tenants: {a: {weight: 0}}",
       "1:23: tenants.a.weight: expected a whole number from 1 to 1000000, found \"0\""},
      {"tenants: {a: {share: 1}}",
       "1:15: tenants.a: unknown key \"share\". Allowed: quota, borrow_limit, weight, tenants"},
      {"tenants: {a: {tenants: {b: {}}}, b: {}}",
       "1:34: tenants: the tenant \"b\" is named twice: also as tenants.a.tenants.b"},
      {"tenants: {a: {quota: 4, tenants: {b: {tenants: {c: {quota: 4}}}, d: {quota: 0.5}}}}",
       "1:22: tenants.a.quota: expected at least the 4.5 accelerators that those below it have "
       "together, found 4"},
      {many_tenants + "}",
       "1:88901: tenants: expected at most 10000 tenants; with this one there are more"},
      {deep + "}",
       "1:192: tenants.t0.tenants.t1.tenants.t2.tenants.t3.tenants.t4.tenants.t5.tenants.t6."
       "tenants.t7.tenants.t8.tenants.t9.tenants.t10.tenants.t11.tenants: expected tenants at most "
       "12 deep, found one more"},
      {"others: none",
       "1:9: others: expected refused, or keys and values such as \"quota: 0\", found \"none\""},
      {"others: {tenants: {}}",
       "1:10: others: unknown key \"tenants\". Allowed: quota, borrow_limit, weight"},
      {"fair_share: {half_life: 0}",
       "1:25: fair_share.half_life: " + duration + "least 1s, at most 3650d, found \"0\""},
      {"fair_share: {history: 50}",
       "1:23: fair_share.history: expected a whole percentage such as 25%, from 0% to 10000%, "
       "found \"50\""},
      {"backfill: {reservations: 10001}",
       "1:26: backfill.reservations: expected a whole number from 0 to 10000, found \"10001\""},
      {"preemption: {runtime_min: 5}",
       "1:27: preemption.runtime_min: expected a length of time with its unit, such as 5s or 5m, "
       "found \"5\""},
      {"elastic: {gain: 2.5%}",
       "1:17: elastic.gain: expected a whole percentage such as 25%, from 0% to 10000%, found "
       "\"2.5%\""},
      {"consolidation: {enabled: on}",
       "1:26: consolidation.enabled: expected true or false, found \"on\""},
      {"ranking: {fragmentation: 1}",
       "1:26: ranking.fragmentation: expected a whole percentage such as 25%, from 0% to 10000%, "
       "found \"1\""},
      {"ranking: {empty: 1%}",
       "1:11: ranking: unknown key \"empty\"; did you mean \"empty_nodes\"? Allowed: "
       "fragmentation, "
       "whole_accelerators, types, empty_nodes"},
      {"starvation_after: 4000d",
       "1:19: starvation_after: " + duration + "most 3650d, found \"4000d\""},
  };
  for (const auto& [text, message] : cases) {
    const auto policy = read(text);
    ASSERT_FALSE(policy.ok()) << text.substr(0, 200);
    EXPECT_EQ(policy.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(policy.error().message, "p.yaml:" + message) << text.substr(0, 200);
  }
  EXPECT_EQ(read(std::string(kPolicyFileBytesMax + 1, '#')).error().code, ErrorCode::kTooLarge);
}

TEST(PolicyFile, AllProblemsAreToldAtOnce) {
  const auto policy =
      read("nam: a\nclasses: {x: {value: z}}\ntenants: {a: {quota: b}}\nstarvation_after: 1\n");
  ASSERT_FALSE(policy.ok());
  EXPECT_EQ(std::ranges::count(policy.error().message, '\n'), 4) << policy.error().message;
  EXPECT_THAT(policy.error().message, HasSubstr("\np.yaml:3:22: tenants.a.quota: "));
}

// --- written and read -------------------------------------------------------------------------

/// Adds tenants below `parent`, each with all below it before the next. Returns their quotas' sum.
AcceleratorShare add_tenants(Policy& policy, const std::string& parent, int depth) {
  AcceleratorShare sum;
  for (int left = *rc::gen::inRange(0, 4 - depth); left > 0; --left) {
    TenantPolicy tenant;
    tenant.name = "t" + std::to_string(policy.tenants.size());
    tenant.parent = parent;
    if (*rc::gen::arbitrary<bool>())
      tenant.borrow_limit = AcceleratorShare(*rc::gen::inRange<std::int64_t>(0, 64'000'000'001));
    tenant.weight = *rc::gen::inRange<std::uint32_t>(1, 1'000'001);
    const std::size_t index = policy.tenants.size();
    policy.tenants.push_back(tenant);
    const AcceleratorShare below = add_tenants(policy, tenant.name, depth + 1);
    const AcceleratorShare quota =
        below + AcceleratorShare(*rc::gen::inRange<std::int64_t>(0, 100'000'001));
    if (*rc::gen::arbitrary<bool>()) policy.tenants[index].quota = quota;
    sum += std::max(below, policy.tenants[index].quota);
  }
  return sum;
}

Duration any_length(Duration low) {
  const std::int64_t ns =
      *rc::gen::inRange<std::int64_t>(low.count(), kPolicyDurationMax.count() + 1);
  // Most are to be round, as people write them.
  const std::int64_t unit = *rc::gen::element<std::int64_t>(1, 1'000'000'000, 60'000'000'000);
  return std::max(low, Duration(ns / unit * unit));
}

RC_GTEST_PROP(PolicyFile, WhatIsWrittenReadsBackTheSame, ()) {
  Policy policy;
  policy.name = *rc::gen::element<std::string>("default", "a.b-c_D", "0");
  policy.classes.clear();
  const int classes = *rc::gen::inRange(1, 5);
  for (int i = 0; i < classes; ++i) {
    policy.classes.push_back({"c" + std::to_string(i), *rc::gen::inRange(-1'000'000, 1'000'001),
                              *rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>()});
  }
  policy.default_class = "c" + std::to_string(*rc::gen::inRange(0, classes));
  add_tenants(policy, "", 0);
  policy.others.reset();
  if (*rc::gen::arbitrary<bool>()) {
    policy.others = TenantPolicy{"", "", whole(*rc::gen::inRange(0, 100)), std::nullopt, 7};
  }
  const auto percent = rc::gen::inRange<std::uint32_t>(0, 10'001);
  policy.fair_share = {any_length(kHalfLifeMin), *percent};
  policy.backfill.reservations = *rc::gen::inRange<std::uint32_t>(0, 10'001);
  policy.preemption = {*rc::gen::arbitrary<bool>(), *rc::gen::arbitrary<bool>(),
                       any_length(Duration(0)), any_length(Duration(0))};
  policy.elastic = {*rc::gen::arbitrary<bool>(), any_length(Duration(0)), *percent};
  policy.consolidation = {*rc::gen::arbitrary<bool>(), any_length(Duration(0)),
                          any_length(Duration(0))};
  policy.ranking = {*percent, *percent, *percent, *percent};
  policy.starvation_after = any_length(Duration(0));
  RC_ASSERT(fault_of(policy).empty());
  const auto again = parse_policy_file(write_policy_file(policy), "");
  if (!again) RC_FAIL(again.error().message);
  RC_ASSERT(*again == policy);
}

// --- those that come with the program ---------------------------------------------------------

TEST(Policies, AreReadAndWrittenBackTheSame) {
  std::vector<std::string_view> names;
  for (const EmbeddedFile& file : kEmbeddedPolicies) {
    names.push_back(file.name);
    const auto policy = parse_policy_file(file.text, file.name);
    ASSERT_TRUE(policy.ok()) << policy.error().message;
    EXPECT_EQ(policy->name, file.name);
    EXPECT_EQ(fault_of(*policy), "");
    const auto again = parse_policy_file(write_policy_file(*policy), "");
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(*again, *policy);
  }
  EXPECT_THAT(names, testing::ElementsAre("cloud", "default", "research-lab"));
}

TEST(Policies, SayWhatIsKeptForGangsThatLoseNodes) {
  const auto policy = parse_policy_file(R"(
keep_nodes_for: 10m
spares:
  - {level: pod, confidence: 99.9%, failures: 6.5, repair: 12h}
  - {level: scale_up, count: 2, failures: measured}
)",
                                        "f");
  ASSERT_TRUE(policy.ok()) << policy.error().message;
  EXPECT_EQ(policy->keep_nodes_for, minutes(10));
  const std::vector<SpareRule> spares = {
      {FabricLevel::kPod, std::nullopt, 999'000, 6500, hours(12)},
      {FabricLevel::kScaleUp, 2, 990'000, std::nullopt, hours(24)}};
  EXPECT_EQ(policy->spares, spares);
  const auto again = parse_policy_file(write_policy_file(*policy), "");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, *policy);
  for (const auto& [text, message] : std::vector<std::pair<std::string, std::string>>{
           {"spares: [{level: node}]", "spares[0].level: expected scale_up, leaf, pod"},
           {"spares: [{confidence: 100%}]", "expected less than 100%"},
           {"spares: [{failures: many}]", "or measured, found \"many\""},
           {"spares: [{cuont: 1}]", "did you mean \"count\"?"},
           {"lend_spares: normal", "whose jobs may be stopped (preemptible: true)"},
           {"lend_spares: best-efort", "or none; found \"best-efort\""}}) {
    const auto wrong = parse_policy_file(text, "f");
    ASSERT_FALSE(wrong.ok()) << text;
    EXPECT_THAT(wrong.error().message, HasSubstr(message)) << text;
  }
}

// The file says what the program does when there is none, key by key.
TEST(Policies, DefaultIsWhatTheProgramDoesByItself) {
  const auto file = std::ranges::find(kEmbeddedPolicies, "default", &EmbeddedFile::name);
  ASSERT_NE(file, kEmbeddedPolicies.end());
  const auto policy = parse_policy_file(file->text, "default.yaml");
  ASSERT_TRUE(policy.ok()) << policy.error().message;
  EXPECT_EQ(*policy, Policy{});
  // Every key of the file that would be written is named, so that nobody has to look elsewhere.
  for (const char* key :
       {"name:",           "classes:",     "value:",        "preempts:",     "preemptible:",
        "default_class:",  "tenants:",     "others:",       "quota:",        "borrow_limit:",
        "weight:",         "half_life:",   "history:",      "reservations:", "by_priority:",
        "reclaim:",        "runtime_min:", "restart_cost:", "grow:",         "grow_interval:",
        "gain:",           "enabled:",     "move_cost:",    "horizon:",      "starvation_after:",
        "keep_nodes_for:", "spares:",      "lend_spares:"}) {
    EXPECT_THAT(std::string(file->text), HasSubstr(key));
  }
}

}  // namespace
}  // namespace mw
