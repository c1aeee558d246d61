#include "codec/scenario_file.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>

#include "codec/embedded_files.h"

namespace mw {
namespace {

using ::testing::HasSubstr;

Result<Scenario> read(std::string_view text) { return parse_scenario_file(text, "s.yaml"); }

constexpr std::string_view kWhole = R"(name: rough
physics:
  launch: 1s
  start_up: 2m
  stop: 0
  detection: 250ms
  topology: {leaf: 0.999, fleet: 0.001}
  load: 0.5
  told: 3s
  person: 2h
  remedies: {reboot: 7m, validate: 0}
faults:
  components:
    bus: {rate: 1, effect: broken, repair: 1h, code: nvidia.xid.79, mended_by: reboot}
    alarm: {rate: 2, effect: none, code: thermal.cpu}
    gpu: {rate: 2.34, repair: {median: 4h, mean: 10h}}
    switch: {scope: leaf, rate: 0.000001, repair: 90m}
    straggler: {effect: slow, rate: 1, speed: 0.75, repair: {quantiles: [0, 1h, 1h, 2d]}}
    software: {effect: task, rate: 1000000}
  maintenance:
    firmware: {scope: rack, every: 90d, window: 2h, notice: 1d}
    tests: {every: 2s, window: 1s}
  replay: {file: faults.json, nodes: 500, codes: true}
)";

TEST(ScenarioFile, EveryKeyIsRead) {
  const auto scenario = read(kWhole);
  ASSERT_TRUE(scenario.ok()) << scenario.error().message;
  Scenario want;
  want.name = "rough";
  want.physics.launch = seconds(1);
  want.physics.start_up = minutes(2);
  want.physics.stop = Duration(0);
  want.physics.detection = milliseconds(250);
  want.physics.topology_milli = {1000, 1000, 999, 1000, 980, 950, 1};
  want.physics.load_milli = 500;
  want.physics.told = seconds(3);
  want.physics.person = hours(2);
  want.physics.remedies.reboot = minutes(7);
  want.physics.remedies.validate = Duration(0);
  want.faults.components = {
      {"bus",
       FaultEffect::kBroken,
       FaultScope::kNode,
       1'000'000,
       {hours(1), hours(1), {}},
       1000,
       "nvidia.xid.79",
       FaultAction::kReboot},
      {"alarm", FaultEffect::kNone, FaultScope::kNode, 2'000'000, {}, 1000, "thermal.cpu"},
      {"gpu", FaultEffect::kDown, FaultScope::kNode, 2'340'000, {hours(4), hours(10), {}}, 1000},
      {"switch", FaultEffect::kDown, FaultScope::kLeaf, 1, {minutes(90), minutes(90), {}}, 1000},
      {"straggler",
       FaultEffect::kSlow,
       FaultScope::kNode,
       1'000'000,
       {Duration(), Duration(), {Duration(0), hours(1), hours(1), hours(48)}},
       750},
      {"software", FaultEffect::kTask, FaultScope::kNode, 1'000'000'000'000, {}, 1000}};
  want.faults.maintenance = {{"firmware", FaultScope::kRack, hours(24 * 90), hours(2), hours(24)},
                             {"tests", FaultScope::kNode, seconds(2), seconds(1), Duration(0)}};
  want.faults.replay = FaultReplay{"faults.json", 500, true};
  EXPECT_EQ(*scenario, want);
}

TEST(ScenarioFile, WhatIsWrittenReadsBackTheSame) {
  for (const std::string_view text :
       {kWhole, std::string_view("name: a"), std::string_view("{}")}) {
    const auto scenario = read(text);
    ASSERT_TRUE(scenario.ok()) << scenario.error().message;
    const auto again = parse_scenario_file(write_scenario_file(*scenario), "");
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(*again, *scenario);
  }
}

TEST(ScenarioFile, EveryBadValueIsNamed) {
  std::string many = "faults: {components: {";
  for (int i = 0; i < 201; ++i) many += "c" + std::to_string(i) + ": {rate: 1, effect: task}, ";
  many += "}}";
  const auto component = [](std::string_view what) {
    return "faults: {components: {gpu: " + std::string(what) + "}}";
  };
  const auto plan = [](std::string_view what) {
    return "faults: {maintenance: {m: " + std::string(what) + "}}";
  };
  const struct {
    std::string text;
    std::string message;  ///< without "s.yaml:"
  } cases[] = {
      {"", "1:1: expected keys and values such as \"name: my-scenario\", found nothing"},
      {"fautls: {}",
       "1:1: unknown key \"fautls\"; did you mean \"faults\"? Allowed: name, physics, faults"},
      {"physics: {launch: fast}", "physics.launch: expected a length of time"},
      {"physics: {topology: {rack: 1}}", "physics.topology: unknown key \"rack\""},
      {"physics: {topology: {pod: 0}}", "expected a part from 0.001 to 1, such as 0.95"},
      {"physics: {load: 1.1}", "expected a part from 0 to 1, such as 0.95"},
      {component("{repair: 1h}"), "the key \"rate\" is missing"},
      {component("{rate: -1, repair: 1h}"), "expected faults in 1,000 days of one"},
      {component("{rate: 0.0000001, repair: 1h}"), "expected faults in 1,000 days of one"},
      {component("{rate: 1}"), "the key \"repair\" is missing"},
      {component("{rate: 1, effect: task, repair: 1h}"), "a task that fails has nothing to repair"},
      {component("{rate: 1, effect: slow, repair: 1h}"), "the key \"speed\" is missing"},
      {component("{rate: 1, effect: none}"), "the key \"code\" is missing"},
      {component("{rate: 1, effect: none, code: a, repair: 1h}"),
       "a false alarm has nothing to repair"},
      {component("{rate: 1, repair: 1h, code: a b}"), "expected a code such as nvidia.xid.79"},
      {component("{rate: 1, repair: 1h, mended_by: drain}"),
       "expected reset_accelerator or reboot"},
      {component("{rate: 1, effect: task, mended_by: reboot}"), "there is nothing to mend"},
      {"physics: {remedies: {return: 1h}}", "physics.remedies: unknown key \"return\""},
      {"faults: {replay: {file: a, codes: perhaps}}", "codes: expected"},
      {component("{rate: 1, speed: 0.5, repair: 1h}"), "only an effect of slow has a speed"},
      {component("{rate: 1, scope: galaxy, repair: 1h}"),
       "expected one of node, scale_up, leaf, pod, spine, rack, row, hall, substation, site, "
       "found \"galaxy\""},
      {component("{rate: 1, repair: soon}"), "repair: expected a length of time"},
      {component("{rate: 1, repair: [1h]}"), "expected keys and values such as \"median: 4h\""},
      {component("{rate: 1, repair: {median: 1h}}"), "expected both median and mean, or quantiles"},
      {component("{rate: 1, repair: {median: 2h, mean: 1h}}"), "expected at least the median 2h"},
      {component("{rate: 1, repair: {median: 1s, mean: 1h}}"), "at most 1000 times it, found 1h"},
      {component("{rate: 1, repair: {quantiles: [1h]}}"), "expected 2 to 1001 lengths of time"},
      {component("{rate: 1, repair: {quantiles: [2h, 1h]}}"), "expected lengths that never fall"},
      {component("{rate: 1, repair: {quantiles: [1h, {}]}}"), "found a map"},
      {component("{rate: 1, repair: {median: 1h, quantiles: [1h, 2h]}}"),
       "expected quantiles alone"},
      {plan("{every: 1d}"), "expected both every and window"},
      {plan("{every: 1d, window: 12h, notice: 12h}"),
       "expected notice and window to be shorter than every, together"},
      {"faults: {replay: {nodes: 4}}", "the key \"file\" is missing"},
      {"faults: {replay: {file: a, nodes: 0}}", "expected a whole number from 1 to 10000000"},
      {many, "expected at most 200 of them, found 201"},
  };
  for (const auto& one : cases) {
    const auto scenario = read(one.text);
    ASSERT_FALSE(scenario.ok()) << one.text;
    EXPECT_EQ(scenario.error().code, ErrorCode::kInvalid);
    EXPECT_THAT(scenario.error().message, HasSubstr(one.message)) << one.text;
    EXPECT_EQ(scenario.error().message.rfind("s.yaml:", 0), 0U) << scenario.error().message;
  }
}

TEST(ScenarioFile, WhatIsBuiltInCanBeUsed) {
  ASSERT_EQ(kEmbeddedScenarios.size(), 3U);
  for (const EmbeddedFile& file : kEmbeddedScenarios) {
    const auto scenario = load_scenario(std::string(file.name));
    ASSERT_TRUE(scenario.ok()) << scenario.error().message;
    EXPECT_EQ(scenario->name, file.name);
    EXPECT_EQ(scenario->physics, Physics{}) << file.name;
    EXPECT_EQ(scenario->faults.none(), file.name == "perfect");
  }
}

/// Faults in 1,000 days of one node, over all components that strike single nodes and stop jobs.
double node_rate(const Scenario& scenario) {
  std::int64_t sum = 0;
  for (const FaultComponent& one : scenario.faults.components) {
    if (one.scope == FaultScope::kNode && one.effect != FaultEffect::kSlow) sum += one.rate;
  }
  return static_cast<double>(sum) / 1e6;
}

TEST(ScenarioFile, ShippedRatesAddUpToWhatWasPublished) {
  constexpr double kLlama3 = 419 / 110.592;  // interruptions in a thousand node-days
  for (const char* name : {"default", "llama3-16k"}) {
    const auto scenario = load_scenario(name);
    ASSERT_TRUE(scenario.ok()) << scenario.error().message;
    EXPECT_NEAR(node_rate(*scenario), kLlama3, 1e-5) << name;
  }
}

TEST(ScenarioFile, AFileIsFoundByItsPath) {
  const std::string folder = ::testing::TempDir();
  std::ofstream(folder + "mine.yaml") << "name: mine\nfaults: {replay: {file: t.json}}\n";
  std::ofstream(folder + "t.json") << "[{}]";
  const auto mine = load_scenario(folder + "mine.yaml");
  ASSERT_TRUE(mine.ok()) << mine.error().message;
  EXPECT_EQ(mine->faults.replay, (FaultReplay{folder + "t.json", kReplayNodesDefault}));
  const auto trace = load_scenario(folder + "t.json");
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace->name, "t");
  EXPECT_EQ(trace->faults.replay, (FaultReplay{folder + "t.json", kReplayNodesDefault}));
  const auto unknown = load_scenario("defualt");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kNotFound);
  EXPECT_EQ(unknown.error().message,
            "there is no file and no built-in scenario \"defualt\"; did you mean \"default\"? "
            "Built in: default, llama3-16k, perfect");
}

}  // namespace
}  // namespace mw
