// The bounded log against a trivial model: a string that remembers everything.
#include "engines/local/task_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "base/random.h"

namespace mw::local {
namespace {

class TaskLogTest : public ::testing::Test {
 protected:
  TaskLogTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "mw-task-log-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    directory_ = pattern;
  }
  ~TaskLogTest() override {
    std::error_code error;
    std::filesystem::remove_all(directory_, error);
  }
  std::string directory_;
};

TEST_F(TaskLogTest, AnyReadGivesTheBytesOfItsOffset) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    const std::string directory = directory_ + "/" + std::to_string(seed);
    std::filesystem::create_directory(directory);
    const std::uint64_t segment = 1 + random.below(100);
    const std::uint32_t segments = 1 + static_cast<std::uint32_t>(random.below(5));
    TaskLogWriter writer(directory, "stdout", segment, segments);
    std::string model;
    for (int step = 0; step < 100; ++step) {
      std::string data(random.below(150), ' ');
      for (char& c : data) c = static_cast<char>('a' + random.below(26));
      writer.append(data);
      model += data;
      const std::uint64_t offset = random.below(model.size() + 2);
      const std::size_t limit = 1 + random.below(200);
      const TaskLogPart part = read_task_log(directory, "stdout", offset, limit);
      ASSERT_EQ(part.end, model.size());
      ASSERT_GE(part.offset, offset);
      const std::uint64_t kept = std::min<std::uint64_t>(model.size(), segment * (segments - 1));
      if (offset + kept >= model.size()) { ASSERT_EQ(part.offset, offset); }
      if (offset <= model.size()) {
        ASSERT_EQ(part.data, model.substr(part.offset, limit));
      } else {
        ASSERT_EQ(part.data, "");
      }
    }
    std::uint64_t on_disk = 0;
    for (const auto& file : std::filesystem::directory_iterator(directory)) {
      on_disk += file.file_size();
    }
    EXPECT_LE(on_disk, segment * segments);
    EXPECT_EQ(writer.bytes_lost(), 0U);
  }
}

TEST_F(TaskLogTest, TheTwoStreamsAreApart) {
  TaskLogWriter out(directory_, "stdout", 10, 2);
  TaskLogWriter err(directory_, "stderr", 10, 2);
  out.append("to stdout");
  err.append("to stderr");
  EXPECT_EQ(read_task_log(directory_, "stdout", 0, 100).data, "to stdout");
  EXPECT_EQ(read_task_log(directory_, "stderr", 0, 100).data, "to stderr");
}

TEST_F(TaskLogTest, NothingWrittenReadsAsNothing) {
  const TaskLogPart part = read_task_log(directory_ + "/none", "stdout", 5, 100);
  EXPECT_EQ(part.data, "");
  EXPECT_EQ(part.offset, 5U);
}

TEST_F(TaskLogTest, WhatTheDiskDoesNotTakeIsCountedAndDoesNotStopTheTask) {
  // A limit on the size of files stands in for a full disk.
  rlimit before{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  TaskLogWriter writer(directory_, "stdout", 1000, 2);
  rlimit small = before;
  small.rlim_cur = 50;
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &small), 0);
  writer.append(std::string(80, 'x'));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  std::signal(SIGXFSZ, handler);
  EXPECT_EQ(writer.bytes_lost(), 30U);
  writer.append("later");
  EXPECT_EQ(read_task_log(directory_, "stdout", 0, 100).data, std::string(50, 'x') + "later");
}

}  // namespace
}  // namespace mw::local
