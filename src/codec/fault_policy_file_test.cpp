// Fault policy files: the one that is built in, everything that a file can say, and its mistakes.
#include "codec/fault_policy_file.h"

#include <gmock/gmock.h>

#include <set>

#include "codec/embedded_files.h"

namespace mw {
namespace {

using ::testing::HasSubstr;

FaultPolicy built_in() {
  for (const EmbeddedFile& file : kEmbeddedFaultPolicies) {
    if (file.name == "default") return *parse_fault_policy(file.text, "default");
  }
  ADD_FAILURE() << "there is no faults/default.yaml";
  return {};
}

TEST(FaultPolicyFile, TheOneThatIsBuiltInCoversWhatItPromises) {
  const FaultPolicy policy = built_in();
  EXPECT_EQ(fault_of(policy), "");
  for (int xid = 1; xid <= 172; ++xid) {
    const std::string code = "nvidia.xid." + std::to_string(xid);
    const FaultRule* rule = rule_for(policy, code);
    ASSERT_NE(rule, nullptr);
    EXPECT_EQ(rule->code, code) << "the catalogue has it";
    EXPECT_FALSE(rule->what.empty()) << code;
    EXPECT_FALSE(rule->advice.empty()) << code;
    EXPECT_THAT(rule->source, HasSubstr("https://docs.nvidia.com/deploy/xid-errors/")) << code;
  }
  struct Case {
    const char* code;
    FaultAction first;
  };
  // The catalogue's immediate actions.
  for (const Case& each : {Case{"nvidia.xid.13", FaultAction::kIgnore},
                           Case{"nvidia.xid.48", FaultAction::kResetAccelerator},
                           Case{"nvidia.xid.63", FaultAction::kIgnore},
                           Case{"nvidia.xid.64", FaultAction::kResetAccelerator},
                           Case{"nvidia.xid.74", FaultAction::kResetAccelerator},
                           Case{"nvidia.xid.79", FaultAction::kReboot},
                           Case{"nvidia.xid.94", FaultAction::kRestartJob},
                           Case{"nvidia.xid.95", FaultAction::kResetAccelerator},
                           Case{"nvidia.xid.119", FaultAction::kResetAccelerator},
                           Case{"nvidia.xid.154.node_reboot_required", FaultAction::kReboot},
                           Case{"nvidia.xid.9999", FaultAction::kWatch},
                           Case{"nvidia.row_remap.failed", FaultAction::kReturnToVendor},
                           Case{"amd.ras.uncorrectable", FaultAction::kReboot},
                           Case{"net.ib.flap", FaultAction::kIgnore},
                           Case{"cooling.leak", FaultAction::kQuarantine},
                           Case{"habana.accelerator.missing", FaultAction::kReboot},
                           Case{"net.nic.health", FaultAction::kReboot},
                           Case{"thermal.board", FaultAction::kWatch},
                           Case{"engine.node_lost", FaultAction::kIgnore},
                           Case{"job.hung", FaultAction::kRestartJob},
                           Case{"alert.Whatever", FaultAction::kIgnore},
                           Case{"never.heard.of", FaultAction::kWatch}}) {
    const FaultRule* rule = rule_for(policy, each.code);
    ASSERT_NE(rule, nullptr) << each.code;
    EXPECT_EQ(rule->steps.front().action, each.first) << each.code;
  }
}

TEST(FaultPolicyFile, IsReadBackAsItWasWritten) {
  const FaultPolicy policy = built_in();
  const auto again = parse_fault_policy(write_fault_policy(policy), "");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, policy);
  const auto nothing = parse_fault_policy(write_fault_policy(FaultPolicy()), "");
  ASSERT_TRUE(nothing.ok()) << nothing.error().message;
  EXPECT_EQ(*nothing, FaultPolicy());
}

TEST(FaultPolicyFile, SaysEverything) {
  const auto policy = parse_fault_policy(R"(
name: mine
merge_within: 1s
stale_after: 2m
watch_for: 3m
drain_deadline: 4m
silence: 5m
silence_intervals: 7
crash_loops: {failures: 5, over: 2m, node_jobs: 4, node_within: 3h}
stragglers: {ranks_min: 16, slower: 2.5%, deviations: 6, rounds: 3}
lemons: {over: 7d, incidents_min: 4, false_alarms: 0.05%}
breakers:
  site: {share: 7%, at_least: 3, window: 2h}
  rack: {share: 50%}
hooks:
  reboot: {command: [/sbin/power, cycle], timeout: 20m, retries: 2, environment: {BMC: 10.0.0.1, A: b}}
checks:
  programs:
    - {name: host, command: [mw, check, host], timeout: 3m, environment: {B: c}, when: [entry]}
    - {name: own, command: [/own]}
  new_nodes: true
  entering: {share: 50%, at_least: 2}
  idle: {every: 2d, after: 5m, share: 3%, at_least: 4}
  slow: {behind: 8%, pool_min: 12}
sources: {here: "https://example.com/"}
rules:
  - {code: b.*, do: watch}
  - code: a.one
    component: network
    severity: error
    scope: leaf
    what: It is broken
    advice: Mend it
    source: here
    do: [ignore, {action: drain, count: 3, within: 1h, drain: force}]
)",
                                         "mine.yaml");
  ASSERT_TRUE(policy.ok()) << policy.error().message;
  EXPECT_EQ(policy->silence, minutes(5));
  EXPECT_EQ(policy->silence_intervals, 7U);
  EXPECT_EQ(policy->crash_loops, (CrashLoopRules{5, minutes(2), 4, hours(3)}));
  EXPECT_EQ(policy->stragglers, (StragglerRules{16, 25, 6, 3}));
  EXPECT_EQ(policy->lemons, (LemonRules{hours(24 * 7), 4, 500}));
  const auto again = parse_fault_policy(write_fault_policy(*policy), "");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, *policy);
  ASSERT_EQ(policy->breakers.size(), 2U);
  EXPECT_EQ(policy->breakers[0].level, BreakerLevel::kRack);
  EXPECT_EQ(policy->breakers[1], (BreakerRule{BreakerLevel::kSite, 7, 3, hours(2)}));
  ASSERT_EQ(policy->hooks.size(), 1U);
  EXPECT_EQ(policy->hooks[0].command, (std::vector<std::string>{"/sbin/power", "cycle"}));
  EXPECT_EQ(policy->hooks[0].environment[0].name, "A");
  ASSERT_TRUE(policy->checks.has_value());
  const CheckRules checks = {
      {{"host", {"mw", "check", "host"}, minutes(3), {{"B", "c"}}, true, false},
       {"own", {"/own"}, minutes(10), {}, true, true}},
      true,
      {50, 2},
      hours(48),
      minutes(5),
      {3, 4},
      8,
      12};
  EXPECT_EQ(*policy->checks, checks);
  EXPECT_EQ(*parse_fault_policy(write_fault_policy(*policy), ""), *policy);
  ASSERT_EQ(policy->rules.size(), 2U);
  EXPECT_EQ(policy->rules[0].code, "a.one");
  EXPECT_EQ(policy->rules[0].source, "https://example.com/");
  EXPECT_EQ(policy->rules[0].steps[1],
            (FaultStep{FaultAction::kDrain, 3, hours(1), DrainMode::kForce}));
  EXPECT_EQ(rule_for(*policy, "b.x.y")->code, "b.*");
  EXPECT_EQ(rule_for(*policy, "c"), nullptr);
}

TEST(FaultPolicyFile, AnEngineMayRebootByItself) {
  const auto policy = parse_fault_policy("hooks: {reboot: {command: engine, timeout: 30m}}", "");
  ASSERT_TRUE(policy.ok()) << policy.error().message;
  EXPECT_TRUE(is_for_engine(policy->hooks.at(0)));
  EXPECT_TRUE(can_be_done(*policy, FaultAction::kReboot));
  EXPECT_EQ(*parse_fault_policy(write_fault_policy(*policy), ""), *policy);
}

TEST(FaultPolicyFile, MistakesAreToldWithTheirPlace) {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& each :
       {Case{"rules: [{code: a, do: rebot}]", "f:1:23: rules[0].do: expected one of ignore"},
        Case{"rules: [{code: a, do: rebot}]", "did you mean reboot?"},
        Case{"rules: [{do: watch}]", "expected the code that the rule is for, found nothing"},
        Case{"rules: [{code: a}]", "rules[0].do: expected an action such as reboot"},
        Case{"rules: [{code: a b, do: watch}]", "expected a code such as nvidia.xid.79"},
        Case{"rules: [{code: a, do: watch}, {code: a, do: watch}]",
             "is there twice: also in rules[0]"},
        Case{"rules: [{code: a, do: {count: 2}}]", "expected an action, found none"},
        Case{"rules: [{code: a, do: {action: drain, drain: slowly}}]", "expected one of wait"},
        Case{"rules: [{code: a, do: []}]", "expected 1 to 8 steps, found 0"},
        Case{"hooks: {reboot: {command: reboot now}}", "which no shell reads"},
        Case{"hooks: {reboot: {command: [reboot]}}", "expected the path of a program, from / on"},
        Case{"hooks: {validate: {command: engine}}", "engines do nothing but reboot"},
        Case{"hooks: {drain: {command: [/x]}}", "expected validate, reset_accelerator, reboot"},
        Case{"hooks: {reboot: {command: engine, retries: 2}}",
             "hooks.reboot.retries: an engine tries once; leave retries out"},
        Case{"breakers: {planet: {share: 5%}}", "expected one of rack, leaf, pod, site"},
        Case{"breakers: {site: {share: 500%}}", "breakers.site.share"},
        Case{"checks: {programs: [{command: [/x]}]}", "expected the name of the check"},
        Case{"checks: {programs: [{name: a b, command: [/x]}]}", "expected a name of up to 64"},
        Case{"checks: {programs: [{name: a, command: [x]}]}", "from / on, or mw"},
        Case{"checks: {programs: [{name: a, command: [/x]}, {name: a, command: [/x]}]}",
             "checks.programs[1].name: the check a is there twice"},
        Case{"checks: {programs: [{name: a, command: [/x], when: [never]}]}",
             "expected entry or idle"},
        Case{"checks: {programs: [{name: a, command: [/x], when: []}]}", "it would never run"},
        Case{"checks: {entering: {share: 0%, at_least: 0}}", "no new node would ever serve"},
        Case{"checks: {slow: {pool_min: 3}}", "checks.slow.pool_min"},
        Case{"checks: {idel: {}}", "idel"},
        Case{"lemons: {false_alarms: 0.1}", "lemons.false_alarms: expected a share from 0%"},
        Case{"stragglers: {rank_min: 8}", "did you mean \"ranks_min\"?"},
        Case{"crash_loops: {node_jobs: 9}", "crash_loops.node_jobs: expected a whole number from"},
        Case{"stale_after: 0s", "stale_after"},
        Case{"ruls: []", "ruls"}}) {
    const auto policy = parse_fault_policy(each.text, "f");
    ASSERT_FALSE(policy.ok()) << each.text;
    EXPECT_THAT(policy.error().message, HasSubstr(each.message)) << each.text;
  }
  EXPECT_EQ(parse_fault_policy(std::string(kFaultPolicyBytesMax + 1, ' '), "f").error().code,
            ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace mw
