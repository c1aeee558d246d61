// Workload files: what is read, what is refused and how, and that what is written is read again as
// the same. Those that are shipped are among the cases.
#include "codec/workload_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/embedded_files.h"

namespace mw {
namespace {

using testing::HasSubstr;

constexpr std::string_view kSizes =
    "sizes:\n- {accelerators: 1, durations: {lognormal: [{median: 1m}]}}\n";

std::string problem_of(const std::string& text) {
  const auto model = parse_workload_file(text, "w.yaml");
  return model.ok() ? "" : model.error().message;
}

TEST(WorkloadFile, EverythingIsRead) {
  const auto model = parse_workload_file(R"(
name: all
days: 7
load: 0.85
hours: [1,1,1,1,1,1,1,1,1,1,1,1,2,2,2,2,2,2,0.5,0,0,0,0,0]
failed: 10%
checkpoint: {interval: 1h, cost: 30s}
sizes:
  - accelerators: 1
    weight: 2.5
    durations: {lognormal: [{weight: 3, median: 2m, sigma: 1.5}, {median: 1h}], min: 10s, max: 2d}
  - accelerators: 8
    failed: 12.5%
    cancelled: 5%
    checkpoint: {cost: 1m}
    durations: {quantiles: {0: 1s, 50: 5m, 99.5: 3d, 100: 7d}}
tenants: {a: 3, b: 1}
classes: {normal: 1}
time_limits: {known: 40%, overestimate: 2.5}
)",
                                         "w.yaml");
  ASSERT_TRUE(model.ok()) << model.error().message;
  EXPECT_EQ(model->name, "all");
  EXPECT_EQ(model->days, 7);
  EXPECT_EQ(model->jobs, 0);
  EXPECT_EQ(model->load_milli, 850);
  ASSERT_EQ(model->hours.size(), 24U);
  EXPECT_EQ(model->hours[18], 500'000);
  ASSERT_EQ(model->sizes.size(), 2U);
  const SizeClass& one = model->sizes[0];
  EXPECT_EQ(one.weight, 2'500'000);
  EXPECT_EQ(one.failed, 10'000);  // from above
  EXPECT_EQ(one.checkpoint_interval, hours(1));
  EXPECT_EQ(one.durations.lognormal,
            (std::vector<LognormalPart>{{3'000'000, minutes(2), 1500}, {1'000'000, hours(1), 0}}));
  EXPECT_EQ(one.durations.min, seconds(10));
  EXPECT_EQ(one.durations.max, hours(48));
  const SizeClass& eight = model->sizes[1];
  EXPECT_EQ(eight.failed, 12'500);
  EXPECT_EQ(eight.cancelled, 5'000);
  EXPECT_EQ(eight.checkpoint_interval, hours(1));
  EXPECT_EQ(eight.checkpoint_cost, minutes(1));
  EXPECT_EQ(eight.durations.quantiles[2], (QuantilePoint{99'500, hours(72)}));
  EXPECT_EQ(model->tenants, (std::vector<NamedWeight>{{"a", 3'000'000}, {"b", 1'000'000}}));
  EXPECT_EQ(model->limits_known, 40'000);
  EXPECT_EQ(model->limits_over_milli, 2500);
  const auto again = parse_workload_file(write_workload_file(*model, "A comment\nof two"), "");
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, *model);
}

TEST(WorkloadFile, ShippedFilesAreValidAndSurviveWriting) {
  ASSERT_FALSE(kEmbeddedWorkloads.empty());
  for (const EmbeddedFile& file : kEmbeddedWorkloads) {
    const auto model = parse_workload_file(file.text, file.name);
    ASSERT_TRUE(model.ok()) << model.error().message;
    EXPECT_EQ(model->name, file.name);
    const auto again = parse_workload_file(write_workload_file(*model), "");
    ASSERT_TRUE(again.ok()) << again.error().message;
    EXPECT_EQ(*again, *model);
  }
}

TEST(WorkloadFile, RefusalsNameThePlaceAndWhatIsAllowed) {
  struct Row {
    std::string text;
    std::string_view message;
  };
  const std::string sizes(kSizes);
  const auto durations = [](std::string_view what) {
    return "jobs: 1\nsizes:\n- {accelerators: 1, durations: " + std::string(what) + "}\n";
  };
  for (const Row& row : std::vector<Row>{
           {"", "expected keys and values"},
           {sizes, "w.yaml:1:1: jobs: expected how often jobs come"},
           {"jobs: 1\nload: 1\n" + sizes, "w.yaml:2:7: load: expected either jobs or load"},
           {"load: 0\n" + sizes, "w.yaml:1:7: load: expected a load over 0 and up to 100"},
           {"jobs: 1\n", "sizes: expected 1 to 1000 sizes, found 0"},
           {"jobs: 0\n" + sizes, "w.yaml:1:7: jobs: expected"},
           {"jobs: 1\ntenant: {a: 1}\n" + sizes,
            "unknown key \"tenant\"; did you mean \"tenants\"?"},
           {"jobs: 1\nhours: [1, 2]\n" + sizes,
            "hours: expected 24 weights, of the hours of a day, or 168, of a week; found 2"},
           {"jobs: 1\nhours: [0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0]\n" + sizes,
            "hours: expected some weight over 0"},
           {"jobs: 1\ntenants: {a: -1}\n" + sizes, "tenants.a: expected a weight from 0 to"},
           {"jobs: 1\ntenants: {a b: 1}\n" + sizes, "w.yaml:2:11: tenants: expected"},
           {"jobs: 1\ntenants: {}\n" + sizes, "tenants: expected 1 to 10000 names, found 0"},
           {"jobs: 1\nfailed: 12\n" + sizes, "failed: expected a share from 0% to 100%"},
           {"jobs: 1\nfailed: 60%\ncancelled: 50%\n" + sizes,
            "cancelled: expected no more than 100% together with failed"},
           {"jobs: 1\nsizes:\n- {accelerators: 1}\n",
            "sizes[0].durations: expected how long such jobs run"},
           {"jobs: 1\nsizes:\n- {durations: {lognormal: [{median: 1m}]}}\n",
            "sizes[0].accelerators: expected a whole number of them, found nothing"},
           {"jobs: 1\n" + sizes + "- {accelerators: 1, durations: {lognormal: [{median: 1m}]}}\n",
            "sizes[1].accelerators: expected more than the 1 of the size before it, found 1"},
           {"jobs: 1\nsizes:\n- {accelerators: 1, weight: 0, durations: {lognormal: "
            "[{median: 1m}]}}\n",
            "sizes: expected some weight over 0, found none"},
           {durations("{}"), "sizes[0].durations: expected either lognormal or quantiles"},
           {durations("{lognormal: [{sigma: 1}]}"), "lognormal.median: expected a length"},
           {durations("{lognormal: [{median: 1m, sigma: 6}]}"), "lognormal.sigma: expected"},
           {durations("{lognormal: [{median: 1m}], min: 2h, max: 1h}"),
            "durations.max: expected at least min"},
           {durations("{lognormal: [{median: 0s}]}"), "lognormal.median: expected"},
           {durations("{lognormal: [{median: 1m, weight: 0}]}"), "some weight over 0"},
           {durations("{quantiles: {0: 1s, 90: 1m}}"),
            "quantiles: expected 2 to 100 points, the first at 0 and the last at 100"},
           {durations("{quantiles: {0: 2s, 100: 1s}}"), "lengths that do not fall"},
           {durations("{quantiles: {0: 1s, 100: 1m}, max: 1h}"), "durations.max: expected only"},
           {durations("{quantiles: {0: 1s, 200: 1m}}"), "expected a percent from 0 to 100"}}) {
    EXPECT_THAT(problem_of(row.text), HasSubstr(std::string(row.message))) << row.text;
  }
}

}  // namespace
}  // namespace mw
