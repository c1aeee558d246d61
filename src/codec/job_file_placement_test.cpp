#include <gtest/gtest.h>

#include "codec/job_file.h"

namespace mw {
namespace {

Result<JobSpec> read(const std::string& lines) {
  return parse_job_file("name: a\ncommand: [x]\ntasks: 16\n" + lines,
                        {.source_name = "job.yaml", .default_workdir = "/w"});
}

TEST(JobFilePlacement, EveryKeyIsReadAndWrittenBackTheSame) {
  const auto job = read(R"(
placement:
  require: pod
  prefer: leaf
  segment: 8
  spread: {level: scale_up, tasks: 8}
  exclusive: true
  types: {h100-sxm: 1, a100-sxm: 0.4}
)");
  ASSERT_TRUE(job.ok()) << job.error().message;
  GangShape want;
  want.tasks = 16;
  want.require = FabricLevel::kPod;
  want.prefer = FabricLevel::kLeaf;
  want.segment = 8;
  want.spread = FabricLevel::kScaleUp;
  want.spread_tasks = 8;
  want.exclusive = true;
  want.types = {{"h100-sxm", 1000}, {"a100-sxm", 400}};
  EXPECT_EQ(job->gang, want);
  const auto again = parse_job_file(write_job_file(*job), {});
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->gang, want);
}

TEST(JobFilePlacement, WithoutItAnywhereAtOneSite) {
  const auto job = read("");
  ASSERT_TRUE(job.ok());
  EXPECT_EQ(job->gang.require, FabricLevel::kSite);
  EXPECT_EQ(write_job_file(*job).find("placement"), std::string::npos);
}

TEST(JobFilePlacement, EveryBadValueIsNamed) {
  const struct {
    const char* text;
    const char* message;
  } cases[] = {
      {"placement: pod",
       "job.yaml:4:12: placement: expected keys and values such as \"require: pod\", found "
       "\"pod\""},
      {"placement: {requires: pod}",
       "job.yaml:4:13: placement: unknown key \"requires\"; did you mean \"require\"? Allowed: "
       "require, prefer, segment, spread, exclusive, types"},
      {"placement: {require: pods}",
       "job.yaml:4:22: placement.require: expected node, scale_up, leaf, pod, spine, site, fleet "
       "(did you mean \"pod\"?), found \"pods\""},
      {"placement: {require: leaf, prefer: pod}",
       "job.yaml:4:36: placement.prefer: expected no wider level than require (leaf), found pod"},
      {"placement: {segment: 5}",
       "job.yaml:4:22: placement.segment: expected a number that divides the 16 tasks evenly, "
       "found "
       "5"},
      {"placement: {spread: {level: leaf}}",
       "job.yaml:4:21: placement.spread: needs both level and tasks"},
      {"placement: {spread: {level: leaf, tasks: 0}}",
       "job.yaml:4:42: placement.spread.tasks: expected a whole number from 1 to 1000000, found "
       "\"0\""},
      {"placement: {exclusive: yes}",
       "job.yaml:4:24: placement.exclusive: expected true or false, found \"yes\""},
      {"placement: {types: {h100: 0}}",
       "job.yaml:4:27: placement.types.h100: expected a rate above 0 and up to 1000000, with at "
       "most "
       "three decimals, found \"0\""},
      {"resources: {accelerator_type: a}\nplacement: {types: {b: 1}}",
       "job.yaml:5:20: placement.types: is given together with resources.accelerator_type; keep "
       "one "
       "of them"},
  };
  for (const auto& [text, message] : cases) {
    const auto job = read(text);
    ASSERT_FALSE(job.ok()) << text;
    EXPECT_EQ(job.error().message, message) << text;
  }
}

}  // namespace
}  // namespace mw
