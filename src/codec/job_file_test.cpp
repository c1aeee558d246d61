#include "codec/job_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "codec/suggest.h"

namespace mw {
namespace {

JobFileContext context() {
  return {.source_name = "job.yaml",
          .default_workdir = "/work",
          .user = "ada",
          .overrides = {},
          .command = {}};
}

TEST(JobFile, DefaultsAreFilledIn) {
  const auto read = parse_job_file("name: a\ncommand: [true]\n", context());
  ASSERT_TRUE(read.ok()) << read.error().message;
  JobSpec want;
  want.name = "a";
  want.user = "ada";
  want.command = {"true"};
  want.workdir = "/work";
  EXPECT_EQ(*read, want);
}

TEST(JobFile, EveryKeyIsRead) {
  const auto read = parse_job_file(R"(name: charlm
command: [python3, train.py, --steps, "200"]
tasks: 4
nodes: 2
resources: {accelerators: 0.5, cpus: 1.25, memory: 512MiB, accelerator_type: H100-SXM5-80GB}
environment: {OMP_NUM_THREADS: "1", A: yes, B: ""}
workdir: runs/../today
time_limit: 1h30m
grace: 0
restart: {limit: 5, delay: 2s, delay_max: 1m, in_place: true}
priority: -3
array: 10
priority_class: high
not_before: 2026-12-01T08:00:00Z
deadline: "2026-12-08T09:00:00.5+01:00"
after: [{afterok: 12}, {afterany: 13}]
where: {sites: [oslo, dallas], jurisdictions: [NO, US-TX]}
groups: [{tasks: 3, resources: {accelerators: 0, cpus: 8}, placement: {require: leaf}}]
hold: true
reservation: demo
tenant: team.a
)",
                                   context());
  ASSERT_TRUE(read.ok()) << read.error().message;
  JobSpec want;
  want.name = "charlm";
  want.tenant = "team.a";
  want.user = "ada";
  want.command = {"python3", "train.py", "--steps", "200"};
  want.workdir = "/work/today";
  want.environment = {{"A", "yes"}, {"B", ""}, {"OMP_NUM_THREADS", "1"}};
  want.gang = {
      .tasks = 4,
      .nodes = 2,
      .task = {AcceleratorShare(500), CpuShare(1250), Bytes(512LL << 20), "H100-SXM5-80GB"}};
  want.restart = {.limit = 5, .delay = seconds(2), .delay_max = minutes(1), .in_place = true};
  want.time_limit = minutes(90);
  want.grace = Duration(0);
  want.priority = -3;
  want.array = 10;
  want.priority_class = "high";
  want.not_before = Instant(1'796'112'000'000'000'000);
  want.deadline = want.not_before + hours(24 * 7) + milliseconds(500);
  want.after = {{DependencyKind::kAfterOk, JobId(12)}, {DependencyKind::kAfterAny, JobId(13)}};
  want.where = {{"oslo", "dallas"}, {"NO", "US-TX"}};
  want.groups.resize(1);
  want.groups[0].tasks = 3;
  want.groups[0].task = {AcceleratorShare(0), CpuShare(8000), Bytes(0), ""};
  want.groups[0].require = FabricLevel::kLeaf;
  want.hold = true;
  want.reservation = "demo";
  EXPECT_EQ(*read, want);
}

TEST(JobFile, AScriptRunsUnderTheShell) {
  const auto read = parse_job_file("name: a\nscript: |\n  echo one\n  echo \"two\"\n", context());
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->command,
            (std::vector<std::string>{"/bin/sh", "-e", "-c", "echo one\necho \"two\"\n"}));
}

TEST(JobFile, ADelayMovesTheDefaultOfTheOther) {
  const auto longer = parse_job_file("name: a\ncommand: [x]\nrestart: {delay: 1h}\n", context());
  ASSERT_TRUE(longer.ok());
  EXPECT_EQ(longer->restart.delay_max, hours(1));
  const auto shorter =
      parse_job_file("name: a\ncommand: [x]\nrestart: {delay_max: 10ms}\n", context());
  ASSERT_TRUE(shorter.ok());
  EXPECT_EQ(shorter->restart.delay, milliseconds(10));
}

TEST(JobFile, WorkdirIsResolvedFromTheContext) {
  struct Case {
    const char* line;
    const char* base;
    const char* want;
  };
  const Case cases[] = {
      {"", "/home/ada/jobs", "/home/ada/jobs"}, {"workdir: /abs/", "/home", "/abs"},
      {"workdir: .", "/home", "/home"},         {"workdir: a/b/", "/home", "/home/a/b"},
      {"workdir: ../../..", "/home/ada", "/"},  {"workdir: /x", "", "/x"}};
  for (const auto& c : cases) {
    JobFileContext from = context();
    from.default_workdir = c.base;
    const auto read = parse_job_file(std::string("name: a\ncommand: [x]\n") + c.line, from);
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read->workdir, c.want) << c.line;
  }
  JobFileContext nowhere = context();
  nowhere.default_workdir = "";
  EXPECT_EQ(parse_job_file("name: a\ncommand: [x]\n", nowhere).error().message,
            "job.yaml:1:1: workdir: is missing; give the absolute path of a folder");
  EXPECT_EQ(parse_job_file("name: a\ncommand: [x]\nworkdir: b\n", nowhere).error().message,
            "job.yaml:3:10: workdir: expected an absolute path, found \"b\"");
}

struct BadCase {
  std::string text;     ///< added to a good file
  std::string message;  ///< without "job.yaml:"
};
TEST(JobFile, EveryBadValueIsNamed) {
  const std::string long_text(70, 'n');
  const std::string allowed =
      "Allowed: name, command, script, tasks, tasks_min, nodes, resources, placement, groups, "
      "where, "
      "environment, workdir, time_limit, grace, restart, priority_class, priority, not_before, "
      "deadline, after, array, hold, reservation, tenant";
  const std::string duration =
      "expected a length of time such as 90s, 10m, 2h, 1d or 1h30m, at most ";
  const BadCase cases[] = {
      {"tasks: two", "3:8: tasks: expected a whole number from 1 to 1000000, found \"two\""},
      {"tasks: 0", "3:8: tasks: expected a whole number from 1 to 1000000, found \"0\""},
      {"tasks: 1000001",
       "3:8: tasks: expected a whole number from 1 to 1000000, found \"1000001\""},
      {"tasks: 1.0", "3:8: tasks: expected a whole number from 1 to 1000000, found \"1.0\""},
      {"tasks:", "3:1: tasks: expected a whole number from 1 to 1000000, found nothing"},
      {"tasks: [1]", "3:8: tasks: expected a whole number from 1 to 1000000, found a list"},
      {"tasks: {a: 1}", "3:8: tasks: expected a whole number from 1 to 1000000, found a map"},
      {"nodes: 2", "3:8: nodes: expected at most as many nodes as tasks (1), found 2"},
      {"tasks: 5\nnodes: 2",
       "4:8: nodes: expected a number that divides the 5 tasks evenly, found 2"},
      {"nodes: 0", "3:8: nodes: expected a whole number from 1 to 1000000, found \"0\""},
      {"array: 1000001",
       "3:8: array: expected a whole number from 1 to 1000000, found \"1000001\""},
      {"priority: 1000001",
       "3:11: priority: expected a whole number from -1000000 to 1000000, found \"1000001\""},
      {"hold: yes", "3:7: hold: expected true or false, found \"yes\""},
      {"tenant: a b",
       "3:9: tenant: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -, found \"a b\""},
      {"time_limit: 10",
       "3:13: time_limit: expected a length of time with its unit, such as 10s or 10m, found "
       "\"10\""},
      {"time_limit: 4000d", "3:13: time_limit: " + duration + "3650d, found \"4000d\""},
      {"grace: 2d", "3:8: grace: " + duration + "1d, found \"2d\""},
      {"grace: -1s", "3:8: grace: " + duration + "1d, found \"-1s\""},
      {"restart: 3", "3:10: restart: expected keys and values such as \"limit: 3\", found \"3\""},
      {"restart: {limit: -1}",
       "3:18: restart.limit: expected a whole number from 0 to 1000000, found \"-1\""},
      {"restart: {delay: 8d}", "3:18: restart.delay: " + duration + "7d, found \"8d\""},
      {"restart: {delay: 2m, delay_max: 1m}",
       "3:33: restart.delay_max: expected at least restart.delay (2m), found 1m"},
      {"restart: {limits: 1}",
       "3:11: restart: unknown key \"limits\"; did you mean \"limit\"? Allowed: limit, delay, "
       "delay_max, in_place"},
      {"resources: {accelerators: 1.5}",
       "3:27: resources.accelerators: expected a whole number from 0 to 1000, or a part of one "
       "accelerator such as 0.5, with at most three decimals, found \"1.5\""},
      {"resources: {accelerators: 1001}",
       "3:27: resources.accelerators: expected a whole number from 0 to 1000, or a part of one "
       "accelerator such as 0.5, with at most three decimals, found \"1001\""},
      {"resources: {accelerators: 0.0001}",
       "3:27: resources.accelerators: expected a whole number from 0 to 1000, or a part of one "
       "accelerator such as 0.5, with at most three decimals, found \"0.0001\""},
      {"resources: {cpus: -1}",
       "3:19: resources.cpus: expected a number from 0 to 10000 with at most three decimals, found "
       "\"-1\""},
      {"resources: {memory: lots}",
       "3:21: resources.memory: expected a size such as 512MiB, 1.5GiB or 10GB, at most 1024PiB, "
       "found \"lots\""},
      {"resources: {memory: 8G}",
       "3:21: resources.memory: expected a size with a whole unit, GiB (powers of 1024) or GB (of "
       "1000), found \"8G\""},
      {"resources: {accelerator_type: \"a\\tb\"}",
       "3:31: resources.accelerator_type: expected at most 128 printable ASCII characters, found "
       "\"a\\x09b\""},
      {"resources: {gpu: 1}",
       "3:13: resources: unknown key \"gpu\"; did you mean \"accelerators\"? Allowed: "
       "accelerators, cpus, "
       "memory, accelerator_type"},
      {"resources: 4",
       "3:12: resources: expected keys and values such as \"accelerators: 1\", found \"4\""},
      {"environment: [A=1]",
       "3:14: environment: expected keys and values such as \"OMP_NUM_THREADS: 1\", found a list"},
      {"environment: {1A: x}",
       "3:15: environment: expected names of letters, digits and _, not beginning with a digit, "
       "found \"1A\""},
      {"environment: {\"A=B\": x}",
       "3:15: environment: expected names of letters, digits and _, not beginning with a digit, "
       "found \"A=B\""},
      {"environment: {MILLWRIGHT_TOKEN: x}",
       "3:15: environment: \"MILLWRIGHT_TOKEN\" is set by Millwright itself; names that begin with "
       "MILLWRIGHT_ cannot be given"},
      {"environment: {A: }",
       "3:15: environment.A: expected text, found nothing; for an empty value write \"\""},
      {"environment: {A: [b]}",
       "3:18: environment.A: expected text, found a list; for an empty value write \"\""},
      {"environment: {A: " + std::string(140'000, 'x') + "}",
       "3:14: environment: expected at most 131072 bytes in all, found 140003"},
      {"workdir: ''", "3:10: workdir: expected the path of a folder, found \"\""},
      {"workdir:", "3:1: workdir: expected the path of a folder, found nothing"},
      {"workdir: \"a\\nb\"", "3:10: workdir: expected the path of a folder, found \"a\\nb\""},
      {"workdir: /" + std::string(4096, 'd'),
       "3:10: workdir: expected a path of at most 4095 bytes, found 4097"},
      {"script: exit", "3:9: script: is given together with command; keep one of them"},
      {"comand: [x]", "3:1: unknown key \"comand\"; did you mean \"command\"? " + allowed},
      {"cmd: x", "3:1: unknown key \"cmd\"; did you mean \"command\"? " + allowed},
      {"gpus: 2", "3:1: unknown key \"gpus\"; did you mean \"resources.accelerators\"? " + allowed},
      {"cpus: 2", "3:1: unknown key \"cpus\"; did you mean \"resources.cpus\"? " + allowed},
      {"env: {A: b}", "3:1: unknown key \"env\"; did you mean \"environment\"? " + allowed},
      {"prio: 2", "3:1: unknown key \"prio\"; did you mean \"priority\"? " + allowed},
      {"quux: 2", "3:1: unknown key \"quux\". " + allowed},
      {"name: b", "3:1: the key \"name\" was given before, on line 1"},
  };
  for (const auto& c : cases) {
    const auto read = parse_job_file("name: a\ncommand: [x]\n" + c.text + "\n", context());
    ASSERT_FALSE(read.ok()) << c.text;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(read.error().message, "job.yaml:" + c.message) << c.text;
  }
}

TEST(JobFile, NameAndCommandAreRequiredAndChecked) {
  const BadCase cases[] = {
      {"",
       "1:1: name: is missing; every job has a name, such as \"name: charlm\"\n"
       "job.yaml:1:1: command: is missing; give \"command: [PROGRAM, ARGUMENT, ...]\" or "
       "\"script: |\" with the lines of a shell script"},
      {"- a", "1:1: expected keys and values such as \"name: charlm\", found a list"},
      {"just text", "1:1: expected keys and values such as \"name: charlm\", found \"just text\""},
      {"name: a/b\ncommand: [x]",
       "1:7: name: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -, found \"a/b\""},
      {"name: " + std::string(65, 'n') + "\ncommand: [x]",
       "1:7: name: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -, found \"" +
           std::string(60, 'n') + "...\""},
      {"name: a\ncommand: python3 train.py",
       "2:10: command: expected a list such as [python3, train.py], found \"python3 train.py\"; "
       "for a shell's line use script"},
      {"name: a\ncommand: []",
       "2:10: command: expected a list such as [python3, train.py], found an empty one; for a "
       "shell's line use script"},
      {"name: a\ncommand:",
       "2:1: command: expected a list such as [python3, train.py], found nothing; for a shell's "
       "line use script"},
      {"name: a\ncommand: [x, ~, {a: b}]",
       "2:14: command[1]: expected text, found nothing; quote it\n"
       "job.yaml:2:17: command[2]: expected text, found a map; quote it"},
      {"name: a\ncommand: ['', x]",
       "2:10: command: expected a program's name first, found an empty one"},
      {"name: a\ncommand: [x, " + std::string(131'072, 'y') + "]",
       "2:10: command: expected at most 131072 bytes of arguments in all, found 131075; put long "
       "text into a file"},
      {"name: a\nscript: []", "2:9: script: expected the lines of a shell script, found a list"},
      {"name: a\nscript: ''", "2:9: script: expected the lines of a shell script, found \"\""},
      {"name: a\ncommand: [\"a\\0b\"]", "2:11: a NUL character is not allowed in a value"},
  };
  for (const auto& c : cases) {
    const auto read = parse_job_file(c.text, context());
    ASSERT_FALSE(read.ok()) << c.text;
    EXPECT_EQ(read.error().message, "job.yaml:" + c.message) << c.text.substr(0, 100);
  }
}

TEST(JobFile, AllProblemsAreToldAtOnce) {
  const auto read = parse_job_file("name: a b\ncommand: [x]\ntasks: two\nfoo: 1\n", context());
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().message, testing::HasSubstr("job.yaml:1:7: name: "));
  EXPECT_THAT(read.error().message, testing::HasSubstr("\njob.yaml:3:8: tasks: "));
  EXPECT_THAT(read.error().message, testing::HasSubstr("job.yaml:4:1: unknown key \"foo\""));

  std::string many = "name: a\ncommand: [x]\n";
  for (int i = 0; i < 100; ++i) many += "zzz" + std::to_string(i) + ": 1\n";
  EXPECT_EQ(std::ranges::count(parse_job_file(many, context()).error().message, '\n'), 19);
}

TEST(JobFile, TooLargeIsItsOwnCode) {
  const auto read = parse_job_file(std::string(kJobFileBytesMax + 1, '#'), context());
  ASSERT_FALSE(read.ok());
  EXPECT_EQ(read.error().code, ErrorCode::kTooLarge);
}

TEST(JobFile, OverridesReplaceAndAdd) {
  JobFileContext with = context();
  with.overrides = {{"name", "b", "--name"},
                    {"tasks", "4", "--tasks"},
                    {"resources.cpus", "2", "--cpus"},
                    {"environment.A", "new", "--env A"},
                    {"environment.B", "more", "--env B"}};
  with.command = {"other", "program"};
  const auto read = parse_job_file("name: a\ntasks: 2\nenvironment: {A: old}\n", with);
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->name, "b");
  EXPECT_EQ(read->gang.tasks, 4U);
  EXPECT_EQ(read->gang.task.cpus, CpuShare(2000));
  EXPECT_EQ(read->environment, (std::vector<EnvironmentVariable>{{"A", "new"}, {"B", "more"}}));
  EXPECT_EQ(read->command, with.command);
}

TEST(JobFile, AnOverridesMistakeNamesItsSource) {
  JobFileContext with = context();
  with.overrides = {{"tasks", "two", "--tasks"}, {"environment.A-B", "x", "--env A-B"}};
  EXPECT_EQ(parse_job_file("name: a\ncommand: [x]\n", with).error().message,
            "--tasks: expected a whole number from 1 to 1000000, found \"two\"\n"
            "--env A-B: expected names of letters, digits and _, not beginning with a digit, found "
            "\"A-B\"");
  with.overrides = {{"resources.cpus", "2", "--cpus"}};
  EXPECT_EQ(parse_job_file("name: a\ncommand: [x]\nresources: 4\n", with).error().message,
            "job.yaml:3:12: resources: expected keys and values such as \"accelerators: 1\", found "
            "\"4\"");
}

TEST(JobFile, JsonIsAJobFileToo) {
  const auto read = parse_job_file(
      "{\"name\":\"a\",\"command\":[\"echo\",\"\\ud83d\\ude00\"],\"tasks\":2,\"hold\":true}",
      context());
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->command[1], "\xF0\x9F\x98\x80");
  EXPECT_EQ(read->gang.tasks, 2U);
  EXPECT_TRUE(read->hold);
}

/// Text with everything that a writer or a reader could trip over.
rc::Gen<std::string> any_text() {
  return rc::gen::map(rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
                          "a", "B", "0", " ", "\n", "\t", "\r", "\"", "'", "\\", "\\u", ":", ": ",
                          "#", " #", "-", "{", "}", "[", "]", ",", "&", "*", "!", "%", "|", ">",
                          "@", "`", "~", "null", "\x01", "\x1b", "\x7f", "\xc2\x85", "\xc2\xa0",
                          "\xe2\x80\xa8", "\xef\xbb\xbf", "\xef\xbf\xbf", "\xf0\x9f\x98\x80")),
                      [](const std::vector<std::string>& parts) {
                        std::string text;
                        for (const auto& part : parts) text += part;
                        return text;
                      });
}

/// A gang that a file can ask for; only tasks_min is left to the caller.
GangShape any_gang() {
  GangShape gang;
  gang.nodes = *rc::gen::inRange<std::uint32_t>(0, 5);
  gang.segment = *rc::gen::element<std::uint32_t>(0, 0, 1, 2, 3);
  gang.tasks = std::max(gang.nodes, 1U) * std::max(gang.segment, 1U) *
               *rc::gen::inRange<std::uint32_t>(1, 9);
  gang.task.accelerators =
      AcceleratorShare(*rc::gen::element<std::int64_t>(0, 1, 500, 999, 1000, 8000));
  gang.task.cpus = CpuShare(*rc::gen::inRange<std::int64_t>(0, 10'000'000));
  gang.task.memory = Bytes(*rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 60));
  if (*rc::gen::arbitrary<bool>()) {
    gang.task.accelerator_type = *rc::gen::element<std::string>("", "cpu", "NVIDIA H100 \"x\"");
  } else {
    gang.types = {{"h100-sxm", *rc::gen::inRange<std::uint32_t>(1, 1'000'000'000)}, {"b 2", 1}};
  }
  gang.require = static_cast<FabricLevel>(*rc::gen::inRange(0, 7));
  gang.prefer = std::min(gang.require, static_cast<FabricLevel>(*rc::gen::inRange(0, 7)));
  if (*rc::gen::arbitrary<bool>()) {
    gang.spread = static_cast<FabricLevel>(*rc::gen::inRange(0, 7));
    gang.spread_tasks = *rc::gen::inRange<std::uint32_t>(1, 1'000'001);
  }
  gang.exclusive = *rc::gen::arbitrary<bool>();
  return gang;
}

/// Where, when and after what.
void add_any_conditions(JobSpec& spec) {
  using Texts = std::vector<std::string>;
  spec.where.sites = *rc::gen::element(Texts{}, Texts{"oslo"}, Texts{"a", "b.c"});
  spec.where.jurisdictions = *rc::gen::element(Texts{}, Texts{"NO"}, Texts{"US-TX", "DE"});
  spec.not_before = Instant(*rc::gen::element<std::int64_t>(0, 1, 1'796'112'000'000'000'000));
  spec.deadline = Instant(*rc::gen::element<std::int64_t>(0, 1'796'112'000'000'000'001));
  for (const std::uint64_t job : {1U, 7U, 12U}) {
    if (*rc::gen::arbitrary<bool>()) {
      spec.after.push_back({static_cast<DependencyKind>(*rc::gen::inRange(0, 2)), JobId(job)});
    }
  }
  spec.priority_class = *rc::gen::element<std::string>("", "high", "best-effort");
}

RC_GTEST_PROP(JobFile, WhatIsWrittenReadsBackTheSame, ()) {
  JobSpec spec;
  spec.name = "n." + std::to_string(*rc::gen::inRange(0, 1000));
  spec.tenant = *rc::gen::element<std::string>("default", "a-b", "_");
  spec.command = *rc::gen::container<std::vector<std::string>>(any_text());
  spec.command.insert(spec.command.begin(), "program");
  spec.workdir = *rc::gen::element<std::string>("/", "/a", "/a b/'c'", "/\xc3\xa9");
  spec.environment = {{"A", *any_text()}, {"B", *any_text()}};
  spec.gang = any_gang();
  const std::uint32_t tasks_per_node = spec.gang.nodes == 0 ? 1 : spec.gang.tasks / spec.gang.nodes;
  if (*rc::gen::arbitrary<bool>()) {
    // The smallest that keeps whole nodes and whole segments.
    spec.gang.tasks_min = std::lcm(tasks_per_node, std::max(spec.gang.segment, 1U));
    if (spec.gang.tasks_min > spec.gang.tasks) spec.gang.tasks_min = spec.gang.tasks;
  } else {
    for (int groups = *rc::gen::inRange(0, 3); groups > 0; --groups) {
      spec.groups.push_back(any_gang());
    }
  }
  add_any_conditions(spec);
  spec.restart.limit = *rc::gen::inRange<std::uint32_t>(0, 1000);
  spec.restart.delay = Duration(*rc::gen::inRange<std::int64_t>(0, kRestartDelayMax.count()));
  spec.restart.delay_max = std::max(spec.restart.delay, minutes(5));
  spec.time_limit = Duration(*rc::gen::inRange<std::int64_t>(0, kTimeLimitMax.count()));
  spec.grace = Duration(*rc::gen::inRange<std::int64_t>(0, kGraceMax.count()));
  spec.priority = *rc::gen::inRange(-1'000'000, 1'000'001);
  spec.array = *rc::gen::inRange<std::uint32_t>(1, 1'000'001);
  spec.hold = *rc::gen::arbitrary<bool>();

  const auto read =
      parse_job_file(write_job_file(spec), {.source_name = "", .default_workdir = "/elsewhere"});
  if (!read) RC_FAIL(read.error().message);
  RC_ASSERT(*read == spec);
}

TEST(Suggest, FindsWhatWasMeant) {
  constexpr std::array<std::string_view, 4> words = {"command", "tasks", "time_limit", "tenant"};
  EXPECT_EQ(closest("comand", words), "command");
  EXPECT_EQ(closest("taks", words), "tasks");
  EXPECT_EQ(closest("time_limt", words), "time_limit");
  EXPECT_EQ(closest("time", words), "time_limit");
  EXPECT_EQ(closest("xyz", words), "");
  EXPECT_EQ(closest("", words), "");
  EXPECT_EQ(closest("te", words), "");
  EXPECT_EQ(closest(std::string(1000, 'x'), words), "");
}

}  // namespace
}  // namespace mw
