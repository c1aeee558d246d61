#include "engines/local/task_record.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <csignal>

namespace mw::local {
namespace {

using ::testing::HasSubstr;

TaskSpec example() {
  return {.job = JobId(7),
          .attempt = AttemptNumber(2),
          .epoch = Epoch(31),
          .rank = Rank(5),
          .tasks = 8,
          .boot_id = "boot",
          .workdir = "/a folder/with=equals",
          .command = {"/bin/sh", "-c", "echo 'x'\nexit", ""},
          .environment = {"A=1", "EMPTY=", "LINES=a\nb=c", "UTF8=\xC3\xA4", "RAW=\xFF"},
          .grace = seconds(10),
          .time_limit = hours(3),
          .time_limit_slack = milliseconds(1),
          .log_segment_bytes = 1 << 20,
          .log_segments = 4,
          .master_port = 29'500,
          .hint_socket = "/home/engine.sock",
          .cgroups = {{.directory = "/sys/fs/cgroup/a b",
                       .unified = true,
                       .tracks = true,
                       .memory = false,
                       .settings = {}},
                      {.directory = "/sys/fs/cgroup/memory/x",
                       .unified = false,
                       .tracks = false,
                       .memory = true,
                       .settings = {{"memory.limit_in_bytes", "1000", false},
                                    {"memory.memsw.limit_in_bytes", "1 2", true}}}}};
}

TEST(TaskSpecTest, ComesBackAsItWas) {
  const auto text = encode_spec(example());
  ASSERT_TRUE(text.ok());
  const auto spec = decode_spec(*text);
  ASSERT_TRUE(spec.ok()) << spec.error().message;
  EXPECT_EQ(*spec, example());
}

TEST(TaskSpecTest, AValueCannotSmuggleInARecord) {
  TaskSpec spec = example();
  spec.environment.emplace_back(std::string("A=1\0workdir=/elsewhere", 22));
  const auto text = encode_spec(spec);
  ASSERT_FALSE(text.ok());
  EXPECT_THAT(text.error().message, HasSubstr("environment holds a NUL byte"));
}

TEST(TaskSpecTest, EveryCutIsNoticedOrStillTheBeginning) {
  const std::string text = *encode_spec(example());
  for (std::size_t size = 0; size < text.size(); ++size) {
    const auto spec = decode_spec(std::string_view(text).substr(0, size));
    if (!spec.ok()) continue;
    // Cut between two records, of which those that matter have all been read.
    EXPECT_EQ(text[size - 1], '\0');
    EXPECT_EQ(spec->job, example().job);
  }
}

TEST(TaskSpecTest, AnErrorNamesTheKeyAndKeepsTheValueToItself) {
  const auto spec = decode_spec(std::string_view("enviroment=TOKEN=secret\0", 24));
  ASSERT_FALSE(spec.ok());
  EXPECT_THAT(spec.error().message, HasSubstr("`enviroment`"));
  EXPECT_THAT(spec.error().message, ::testing::Not(HasSubstr("secret")));
}

TEST(BegunTest, ComesBackAndNothingElseIsTakenForIt) {
  const Begun begun{.supervisor = {.pid = 12, .start_ticks = 345}, .boot_id = "a-b-c"};
  EXPECT_EQ(decode_begun(encode_begun(begun)), begun);
  EXPECT_EQ(decode_begun(encode_begun(begun) + "mw-supervisor: more\n"), begun);
  for (const char* const text : {"", "12 345", "12 345 a-b-c", "mw-supervisor: cannot read it\n",
                                 "12 x a\n", "x 1 a\n", "12\n345 a\n"}) {
    EXPECT_EQ(decode_begun(text), std::nullopt) << text;
  }
}

TEST(TaskStatusTest, ComesBackAsItWas) {
  TaskStatus status;
  status.phase = TaskPhase::kExited;
  status.boot_id = "boot";
  status.supervisor = {.pid = 12, .start_ticks = 1234567890123};
  status.task = {.pid = 13, .start_ticks = 1};
  status.started_at_ns = 1'700'000'000'000'000'000;
  status.ended_at_ns = 1'700'000'000'000'000'001;
  status.exit = {.exit_code = 3,
                 .signal = SIGTERM,
                 .out_of_memory = true,
                 .detail = "a \"quoted\" \\ line\nand \x01 \xC3\xA4 \xF0\x9F\x98\x80"};
  status.log_bytes_lost = 5;
  const auto read = decode_status(encode_status(status));
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read, status);
}

TEST(TaskStatusTest, BytesThatAreNoTextDoNotMakeItUnreadable) {
  TaskStatus status;
  for (const char* const bad : {"\xFF", "\xC3", "\xED\xA0\x80", "\xC0\xAF", "\xF5\x80\x80\x80"}) {
    status.exit.detail = std::string("command not found: ") + bad + "x";
    const auto read = decode_status(encode_status(status));
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_THAT(read->exit.detail, ::testing::StartsWith("command not found: ?"));
    EXPECT_EQ(read->exit.detail.back(), 'x');
  }
}

TEST(TaskStatusTest, WhatASupervisorDoesNotWriteIsRefused) {
  for (const char* const text : {"", "{", "[]", "{\"state\":\"flying\"}", "{\"state\":7}"}) {
    EXPECT_FALSE(decode_status(text).ok()) << text;
  }
}

TEST(ProcessTest, FindsItselfAndDoesNotMistakeAnother) {
  const auto self = read_process(::getpid());
  ASSERT_TRUE(self.has_value());
  EXPECT_EQ(self->parent, ::getppid());
  EXPECT_TRUE(watch_process(self->id).valid());
  EXPECT_FALSE(watch_process({.pid = self->id.pid, .start_ticks = 1}).valid());
  EXPECT_FALSE(watch_process({}).valid());
}

}  // namespace
}  // namespace mw::local
