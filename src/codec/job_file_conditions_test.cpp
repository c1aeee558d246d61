#include <gtest/gtest.h>

#include "codec/job_file.h"

namespace mw {
namespace {

JobFileContext context() { return {.source_name = "job.yaml", .default_workdir = "/w"}; }

Result<JobSpec> read(const std::string& lines) {
  return parse_job_file("name: a\ncommand: [x]\n" + lines, context());
}

TEST(JobFileConditions, AListMayAlsoBeTextWithCommas) {
  const auto listed = read(
      "where: {sites: [oslo, dallas], jurisdictions: [NO]}\n"
      "after: [{afterok: 12}, {afterany: 13}]\n");
  ASSERT_TRUE(listed.ok()) << listed.error().message;
  const auto short_form = read(
      "where: {sites: 'oslo,dallas', jurisdictions: NO}\n"
      "after: 12,afterany:13\n");
  ASSERT_TRUE(short_form.ok()) << short_form.error().message;
  EXPECT_EQ(*short_form, *listed);
  EXPECT_EQ(listed->after[1], (Dependency{DependencyKind::kAfterAny, JobId(13)}));
  EXPECT_EQ(read("after: [12, 'afterany:13']\nwhere: {sites: [oslo, dallas], jurisdictions: NO}\n")
                ->after,
            listed->after);
}

TEST(JobFileConditions, OptionsReplaceAndTakeBack) {
  JobFileContext with = context();
  with.overrides = {{"where.sites", "oslo,bergen", "--site"},
                    {"after", "afterany:7", "--after"},
                    {"deadline", "0", "--deadline"},
                    {"not_before", "2026-12-01T09:00:00+01:00", "--not-before"}};
  const auto job = parse_job_file(
      "name: a\ncommand: [x]\nafter: [{afterok: 1}]\ndeadline: 2026-12-01T08:00:00Z\n"
      "where: {sites: [dallas], jurisdictions: [NO]}\n",
      with);
  ASSERT_TRUE(job.ok()) << job.error().message;
  EXPECT_EQ(job->where, (Whereabouts{{"oslo", "bergen"}, {"NO"}}));
  EXPECT_EQ(job->after, (std::vector<Dependency>{{DependencyKind::kAfterAny, JobId(7)}}));
  EXPECT_EQ(job->deadline, Instant());
  EXPECT_EQ(job->not_before, Instant(1'796'112'000'000'000'000));
  with.overrides = {{"after", "never:7", "--after"}, {"where.sites", "a b", "--site"}};
  EXPECT_EQ(parse_job_file("name: a\ncommand: [x]\n", with).error().message,
            "--site: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -, found \"a b\"\n"
            "--after: expected afterok or afterany, found \"never\"");
}

TEST(JobFileConditions, EveryBadValueIsNamed) {
  std::string many = "after: [";
  for (int i = 1; i <= 1001; ++i) many += std::to_string(i) + ", ";
  const std::string time = ", such as 2026-12-01T08:00:00Z or 2026-12-01T09:00:00+01:00, found ";
  const struct {
    std::string text;
    std::string message;  ///< without "job.yaml:3:"
  } cases[] = {
      {"where: oslo",
       "8: where: expected keys and values such as \"sites: [oslo]\", found "
       "\"oslo\""},
      {"where: {site: oslo}",
       "9: where: unknown key \"site\"; did you mean \"sites\"? Allowed: sites, jurisdictions"},
      {"site: oslo",
       "1: unknown key \"site\"; did you mean \"where.sites\"? Allowed: name, command, script, "
       "tasks, tasks_min, nodes, resources, placement, groups, where, environment, workdir, "
       "time_limit, grace, restart, priority_class, priority, not_before, deadline, after, array, "
       "hold, reservation, tenant"},
      {"where: {sites: {a: b}}",
       "16: where.sites: expected a list such as [oslo, dallas], found a map"},
      {"where: {sites: [oslo, [x]]}",
       "23: where.sites[1]: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -, found a list"},
      {"where: {sites: [oslo, oslo]}", "23: where.sites[1]: \"oslo\" is given twice"},
      {"where: {jurisdictions: [UK]}",
       "25: where.jurisdictions[0]: expected a code of ISO 3166-1 or 3166-2 in capital letters, "
       "such as NO or US-TX (the United Kingdom is GB), found \"UK\""},
      {"priority_class: very high",
       "17: priority_class: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -, found \"very "
       "high\""},
      {"not_before: tomorrow",
       "13: not_before: expected a time with date and zone" + time + "\"tomorrow\""},
      {"deadline: 2026-12-01T08:00:00",
       "11: deadline: expected a time with its zone" + time + "\"2026-12-01T08:00:00\""},
      {"deadline: 2026-12-01T08:00:00Z\nnot_before: 2026-12-01T08:00:00Z",
       "11: deadline: expected a time after not_before (2026-12-01T08:00:00Z), found "
       "2026-12-01T08:00:00Z"},
      {"after: {afterok: 12}",
       "8: after: expected a list such as [{afterok: 12}, {afterany: 13}], found a map"},
      {"after: [{afterok: 12, afterany: 13}]",
       "9: after[0]: expected one of {afterok: JOB} and {afterany: JOB}, found a map"},
      {"after: [12, {before: 12}]", "14: after[1]: expected afterok or afterany, found \"before\""},
      {"after: [{afterok: x}]",
       "19: after[0]: expected the number of a job, such as 12, found \"x\""},
      {"after: [{afterok: 0}]",
       "19: after[0]: expected the number of a job, such as 12, found \"0\""},
      {"after: [{afterok: [1]}]",
       "19: after[0]: expected the number of a job, such as 12, found a list"},
      {"after: [{afterok: 12}, {afterany: 12}]", "35: after[1]: job 12 is given twice"},
      {many + "]", "8: after: expected at most 1000, found 1001"},
      {"depends_on: 12",
       "1: unknown key \"depends_on\"; did you mean \"after\"? Allowed: name, command, script, "
       "tasks, tasks_min, nodes, resources, placement, groups, where, environment, workdir, "
       "time_limit, grace, restart, priority_class, priority, not_before, deadline, after, array, "
       "hold, reservation, tenant"},
  };
  for (const auto& [text, message] : cases) {
    const auto job = read(text);
    ASSERT_FALSE(job.ok()) << text;
    EXPECT_EQ(job.error().message, "job.yaml:3:" + message) << text;
  }
}

}  // namespace
}  // namespace mw
