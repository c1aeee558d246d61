// Many jobs at once: files with several documents, and batches. What a single job means is
// job_file_test.cpp's concern.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/job_file.h"
#include "codec/yaml_tree.h"

namespace mw {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

JobFileContext context() {
  JobFileContext made;
  made.source_name = "f";
  made.default_workdir = "/w";
  made.user = "u";
  return made;
}

TEST(JobFilesTest, DocumentsAreJobsInOrder) {
  const auto jobs = parse_job_files(
      "name: a\ncommand: [x]\n---\nname: b\ncommand: [y]\n---\n{\"name\":\"c\",\"command\":[z]}\n",
      context());
  ASSERT_TRUE(jobs.ok()) << jobs.error().message;
  ASSERT_EQ(jobs->size(), 3U);
  EXPECT_EQ((*jobs)[0].name, "a");
  EXPECT_EQ((*jobs)[1].command, std::vector<std::string>{"y"});
  EXPECT_EQ((*jobs)[2].name, "c");
  EXPECT_EQ((*jobs)[2].user, "u");
}

TEST(JobFilesTest, OverridesAreForEach) {
  JobFileContext with = context();
  with.overrides.push_back({"tasks", "3", "--tasks"});
  const auto jobs = parse_job_files("name: a\ncommand: [x]\n---\nname: b\ncommand: [y]\n", with);
  ASSERT_TRUE(jobs.ok()) << jobs.error().message;
  for (const JobSpec& job : *jobs) EXPECT_EQ(job.gang.tasks, 3U);
}

TEST(JobFilesTest, EveryMistakeIsToldWithItsPlace) {
  const auto jobs = parse_job_files(
      "name: a\n---\nname: b\ncommand: [y]\n---\nname: c d\ncommand: [z]\n", context());
  ASSERT_FALSE(jobs.ok());
  EXPECT_THAT(jobs.error().message, HasSubstr("f:1:1: command: is missing"));
  EXPECT_THAT(jobs.error().message, HasSubstr("\nf:6:7: name: "));
}

TEST(JobFilesTest, AFileOfOneJobIsStillOne) {
  EXPECT_FALSE(parse_job_file("name: a\ncommand: [x]\n---\nname: b\n", context()).ok());
  const auto none = parse_job_files("", context());
  ASSERT_FALSE(none.ok());
  EXPECT_THAT(none.error().message, HasSubstr("f:1:1: name: is missing"));
}

TEST(JobBatchTest, EachJobStandsForItself) {
  const auto batch = parse_job_batch(
      R"({"jobs":[{"name":"a","command":["x"]},{"name":"b"},{"name":"c","command":["z"]}],
          "keys":["k1","k2","k3"]})",
      context());
  ASSERT_TRUE(batch.ok()) << batch.error().message;
  ASSERT_EQ(batch->jobs.size(), 3U);
  EXPECT_EQ(batch->jobs[0]->name, "a");
  ASSERT_FALSE(batch->jobs[1].ok());
  EXPECT_THAT(batch->jobs[1].error().message, HasSubstr("f:1:39: command: is missing"));
  EXPECT_EQ(batch->jobs[2]->name, "c");
  EXPECT_THAT(batch->keys, ElementsAre("k1", "k2", "k3"));
}

TEST(JobBatchTest, YamlWillDo) {
  const auto batch = parse_job_batch("jobs:\n  - name: a\n    command: [x]\n", context());
  ASSERT_TRUE(batch.ok()) << batch.error().message;
  EXPECT_EQ(batch->jobs[0]->name, "a");
  EXPECT_TRUE(batch->keys.empty());
}

TEST(JobBatchTest, SaysWhatIsNoBatch) {
  std::string many = "{\"jobs\":[";
  for (std::size_t i = 0; i <= kBatchJobsMax; ++i) many += i == 0 ? "{}" : ",{}";
  many += "]}";
  for (const auto& [text, message] : {
           std::pair<std::string, const char*>("[]", "expected {\"jobs\": [...]}"),
           {"{}", "jobs: expected a list of 1 to 1000 jobs, found nothing"},
           {R"({"jobs":[]})", "jobs: expected a list of 1 to 1000 jobs, found 0"},
           {R"({"jobs":{}})", "jobs: expected a list of 1 to 1000 jobs, found "},
           {many, "jobs: expected a list of 1 to 1000 jobs, found 1001"},
           {R"({"jobs":[{}],"keys":[]})", "keys: expected a list of 1, one for each job"},
           {R"({"jobs":[{}],"keys":[[]]})", "keys: expected text, found "},
           {R"({"jobs":[{}],"key":["a"]})", "key"},
           {"jobs: [", "never closed"},
       }) {
    const auto batch = parse_job_batch(text, context());
    ASSERT_FALSE(batch.ok()) << text.substr(0, 100);
    EXPECT_THAT(batch.error().message, HasSubstr(message));
  }
  const auto large = parse_job_batch(std::string(kBatchBytesMax + 1, ' '), context());
  ASSERT_FALSE(large.ok());
  EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
}

}  // namespace
}  // namespace mw
