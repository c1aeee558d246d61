// The generator against what it was told, within statistical bounds from fixed seeds; that it draws
// the very same on every machine; and that fitting what it drew gives its parameters back.
#include "twin/workload_generator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "codec/embedded_files.h"
#include "codec/fleet_file.h"
#include "codec/job_file.h"
#include "twin/portable_math.h"
#include "twin/workload_files.h"
#include "twin/workload_profile.h"

namespace mw {
namespace {

WorkloadModel model_of(const std::string& text) {
  auto model = parse_workload_file(text, "w.yaml");
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  return model.ok() ? *model : WorkloadModel();
}

WorkloadProfile drawn(const WorkloadModel& model, const GeneratorOptions& options) {
  auto source = generate_workload(model, options);
  EXPECT_TRUE(source.ok()) << (source.ok() ? "" : source.error().message);
  return source.ok() ? profile_workload(**source) : WorkloadProfile();
}

FleetSpec fleet(std::string_view name) {
  for (const EmbeddedFile& file : kEmbeddedFleets) {
    if (file.name != name) continue;
    const auto read = parse_fleet_file(file.text, {});
    EXPECT_TRUE(read.ok());
    return read->fleet;
  }
  ADD_FAILURE() << name;
  return {};
}

const std::string kTwoSizes = R"(
name: two
days: 14
jobs: 40000
hours: [1,1,1,1,1,1,1,1,1,1,1,1,3,3,3,3,3,3,3,3,3,3,0,0]
failed: 20%
cancelled: 5%
checkpoint: {interval: 1h, cost: 30s}
sizes:
  - {accelerators: 1, weight: 3, durations: {lognormal: [{median: 10m, sigma: 1}], max: 1d}}
  - {accelerators: 16, weight: 1, durations: {quantiles: {0: 1m, 50: 1h, 100: 10h}}}
tenants: {a: 3, b: 1}
classes: {normal: 9, high: 1}
time_limits: {known: 50%, overestimate: 2}
)";

TEST(PortableMath, AgreesWithTheLibrary) {
  Random random(1);
  for (int i = 0; i < 100'000; ++i) {
    const double x = uniform(random) * 1400 - 700;
    ASSERT_NEAR(portable_exp(x) / std::exp(x), 1, 1e-14) << x;
    const double y = std::exp(x);
    ASSERT_NEAR(portable_log(y), std::log(y), 1e-13 * std::max(1.0, std::abs(x))) << y;
    const double p = uniform(random);
    ASSERT_NEAR(std::erfc(-normal_quantile(p) / std::sqrt(2.0)) / 2, p, 2e-9) << p;
  }
  EXPECT_EQ(portable_log(1), 0);
  EXPECT_EQ(portable_exp(0), 1);
  EXPECT_EQ(portable_exp(-1000), 0);
}

TEST(WorkloadGenerator, TheSameToTheNanosecondOnEveryMachine) {
  auto source = generate_workload(model_of(kTwoSizes), {.seed = 7});
  ASSERT_TRUE(source.ok());
  std::uint64_t digest = 0;
  std::int64_t jobs = 0;
  while (const auto job = (*source)->next()) {
    for (const std::int64_t value :
         {job->at.count(), job->truth.work.count(), job->spec.time_limit.count(),
          std::int64_t{job->spec.gang.tasks}}) {
      digest = (digest ^ static_cast<std::uint64_t>(value)) * 0x100000001B3U;
    }
    ++jobs;
  }
  EXPECT_EQ(jobs, 40'000);
  EXPECT_EQ(digest, 8'988'202'194'939'464'241U);
}

TEST(WorkloadGenerator, RatesSharesAndQuantilesAreAsTold) {
  const WorkloadProfile profile = drawn(model_of(kTwoSizes), {.seed = 3});
  ASSERT_EQ(profile.jobs, 40'000);
  // Of 42 parts of a day's weight, 30 come in its hours 12 to 21, and none in the last two.
  std::array<std::int64_t, 24> hours{};
  for (std::size_t i = 0; i < profile.hours.size(); ++i) hours[i % 24] += profile.hours[i];
  std::int64_t busy = 0;
  for (std::size_t i = 12; i < 22; ++i) busy += hours[i];
  EXPECT_NEAR(static_cast<double>(busy) / 40'000, 30.0 / 42, 4 * std::sqrt(0.2041 / 40'000));
  EXPECT_EQ(hours[22] + hours[23], 0);
  const SizeProfile& one = profile.sizes.at(kWholeAccelerator);
  const SizeProfile& gang = profile.sizes.at(16 * kWholeAccelerator);
  const auto ones = static_cast<double>(one.lengths_ns.size());
  EXPECT_NEAR(ones / 40'000, 0.75, 4 * std::sqrt(0.1875 / 40'000));
  EXPECT_NEAR(static_cast<double>(one.failed) / ones, 0.2, 4 * std::sqrt(0.16 / ones));
  EXPECT_NEAR(static_cast<double>(one.cancelled) / ones, 0.05, 4 * std::sqrt(0.0475 / ones));
  EXPECT_EQ(gang.checkpoint_interval, mw::hours(1));
  EXPECT_EQ(gang.checkpoint_cost, seconds(30));
  EXPECT_NEAR(static_cast<double>(profile.tenants.at("a").jobs) / 40'000, 0.75, 0.009);
  EXPECT_NEAR(static_cast<double>(profile.classes.at("high")) / 40'000, 0.1, 0.006);
  EXPECT_NEAR(static_cast<double>(profile.limited) / 40'000, 0.5, 0.01);
  // ln(length) of the first is normal, so its quartiles are e^(-0.6745) and e^(0.6745) medians.
  const auto at = [](const SizeProfile& size, std::int64_t percent) {
    return static_cast<double>(quantile(size.lengths_ns, percent * 1000)) / 1e9;
  };
  EXPECT_NEAR(std::log(at(one, 50) / 600), 0, 0.03);
  EXPECT_NEAR(std::log(at(one, 25) / 600), -0.6745, 0.03);
  EXPECT_NEAR(std::log(at(one, 75) / 600), 0.6745, 0.03);
  EXPECT_NEAR(std::log(at(one, 95) / 600), 1.6449, 0.05);
  EXPECT_NEAR(std::log(at(gang, 50) / 3600), 0, 0.05);
  EXPECT_NEAR(std::log(at(gang, 25) / std::sqrt(60.0 * 3600)), 0, 0.08);
  EXPECT_GE(at(gang, 0), 60);
  EXPECT_LE(at(gang, 100), 36'000);
}

TEST(WorkloadGenerator, MeansAreThoseOfWhatIsDrawn) {
  for (const SizeClass& size : model_of(kTwoSizes).sizes) {
    const DurationSampler sampler(size.durations);
    Random random(5);
    double sum = 0;
    double squares = 0;
    constexpr int kDraws = 200'000;
    for (int i = 0; i < kDraws; ++i) {
      const double length = static_cast<double>(sampler.draw(random).count()) / 1e9;
      sum += length;
      squares += length * length;
    }
    const double mean = sum / kDraws;
    const double deviation = std::sqrt((squares / kDraws - mean * mean) / kDraws);
    EXPECT_NEAR(sampler.mean_seconds(), mean, 4 * deviation) << size.accelerators;
  }
}

TEST(WorkloadGenerator, LoadIsThatOfTheFleet) {
  WorkloadModel model = model_of(kTwoSizes);
  model.jobs = 0;
  model.load_milli = 800;
  model.days = 60;
  const GeneratorOptions options{
      .seed = 11, .days = 0, .shape = {}, .gang_max = 64, .accelerators = 1024};
  const WorkloadProfile profile = drawn(model, options);
  const double offered =
      static_cast<double>(profile.time.count()) / (1024.0 * 1000 * 60 * 86'400 * 1e9);
  EXPECT_NEAR(offered, 0.8, 0.02);
  const auto without = generate_workload(model, {});
  ASSERT_FALSE(without.ok());
  EXPECT_THAT(without.error().message, testing::HasSubstr("states a load"));
}

TEST(WorkloadGenerator, ArrivalsOfAnHourArePoisson) {
  WorkloadModel model = model_of(kTwoSizes);
  model.hours = {LognormalPart::kWeightOne};
  model.jobs = 0;
  model.load_milli = 800;
  model.days = 100;
  const WorkloadProfile profile =
      drawn(model, {.seed = 2, .days = 0, .shape = {}, .gang_max = 0, .accelerators = 512});
  double sum = 0;
  double squares = 0;
  for (const std::int64_t jobs : profile.hours) {
    sum += static_cast<double>(jobs);
    squares += static_cast<double>(jobs * jobs);
  }
  const auto count = static_cast<double>(profile.hours.size());
  const double mean = sum / count;
  // Of a Poisson number the variance is the mean; its estimate deviates by sqrt(2 / n).
  EXPECT_NEAR((squares / count - mean * mean) / mean, 1, 4 * std::sqrt(2 / count));
  // The gaps are exponential: their median is ln 2 means.
  const double gap = static_cast<double>(profile.last.count()) / static_cast<double>(profile.jobs);
  EXPECT_NEAR(static_cast<double>(quantile(profile.gaps_ns, 50'000)) / gap, std::log(2.0), 0.02);
}

TEST(WorkloadGenerator, DaysScaleTheNumberAndSeedsDiffer) {
  const WorkloadModel model = model_of(kTwoSizes);
  EXPECT_EQ(drawn(model, {.seed = 1, .days = 7}).jobs, 20'000);
  EXPECT_NE(drawn(model, {.seed = 1}).time, drawn(model, {.seed = 2}).time);
  EXPECT_EQ(drawn(model, {.seed = 1,
                          .days = 0,
                          .shape = {},
                          .gang_max = 0,
                          .accelerators = 0,
                          .limits = TimeLimits::kUnknown})
                .limited,
            0);
  EXPECT_EQ(drawn(model, {.seed = 1,
                          .days = 0,
                          .shape = {},
                          .gang_max = 0,
                          .accelerators = 0,
                          .limits = TimeLimits::kKnown})
                .limited,
            40'000);
}

TEST(WorkloadGenerator, SizesAreCutToWhatTheFleetHolds) {
  const FleetSpec laptop = fleet("laptop");
  const WorkloadModel model = model_of(kTwoSizes);
  auto source = open_model(model, {.fleet = &laptop, .seed = 1});
  ASSERT_TRUE(source.ok()) << source.error().message;
  const WorkloadProfile profile = profile_workload(**source);
  EXPECT_EQ(profile.sizes.rbegin()->first, 8 * kWholeAccelerator);
}

TEST(WorkloadGenerator, AMonthOfTheCloudIsAMillionJobsAtItsLoad) {
  const FleetSpec cloud = fleet("ai-cloud-2025");
  auto source = open_workload("ai-cloud-30d", {.fleet = &cloud, .seed = 1});
  ASSERT_TRUE(source.ok()) << source.error().message;
  const WorkloadProfile profile = profile_workload(**source);
  EXPECT_EQ(profile.jobs, 1'000'000);
  EXPECT_EQ(profile.sizes.begin()->first, kWholeAccelerator);
  EXPECT_EQ(profile.sizes.rbegin()->first, 16'384 * kWholeAccelerator);
  const double offered =
      static_cast<double>(profile.time.count()) /
      (static_cast<double>(fleet_accelerators(cloud)) * 1000 * 30 * 86'400 * 1e9);
  EXPECT_NEAR(offered, 0.715, 0.03);
}

TEST(WorkloadGenerator, JobsAreValidJobFiles) {
  auto source = generate_workload(model_of(kTwoSizes), {.seed = 9});
  ASSERT_TRUE(source.ok());
  for (int i = 0; i < 200; ++i) {
    const auto job = (*source)->next();
    ASSERT_TRUE(job);
    const auto read = parse_job_file(write_job_file(job->spec), {});
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(*read, job->spec);
  }
}

TEST(WorkloadFit, GivesAModelsParametersBack) {
  WorkloadModel model = model_of(kTwoSizes);
  model.days = 28;
  model.jobs = 200'000;
  const WorkloadProfile profile = drawn(model, {.seed = 21});
  const auto fitted = fit_model(profile, "again");
  ASSERT_TRUE(fitted.ok()) << fitted.error().message;
  EXPECT_EQ(fitted->jobs, 200'000);
  EXPECT_EQ(fitted->days, 28);
  ASSERT_EQ(fitted->hours.size(), 168U);
  double sum = 0;
  for (const std::int64_t hour : model.hours) sum += static_cast<double>(hour) / 24;
  for (std::size_t i = 0; i < fitted->hours.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(fitted->hours[i]) / 1e6,
                static_cast<double>(model.hours[i % 24]) / sum, 0.15)
        << i;
  }
  ASSERT_EQ(fitted->sizes.size(), 2U);
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(fitted->sizes[i].accelerators, model.sizes[i].accelerators);
    EXPECT_NEAR(static_cast<double>(fitted->sizes[i].failed), 20'000, 900);
    EXPECT_NEAR(static_cast<double>(fitted->sizes[i].cancelled), 5'000, 500);
    EXPECT_EQ(fitted->sizes[i].checkpoint_interval, mw::hours(1));
    EXPECT_NEAR(DurationSampler(fitted->sizes[i].durations).mean_seconds() /
                    DurationSampler(model.sizes[i].durations).mean_seconds(),
                1, 0.03);
  }
  EXPECT_NEAR(static_cast<double>(fitted->sizes[0].weight) / 1e6, 75, 0.5);
  EXPECT_NEAR(static_cast<double>(fitted->tenants[0].weight) / 1e6, 75, 0.5);
  EXPECT_NEAR(static_cast<double>(fitted->limits_known), 50'000, 500);
  EXPECT_EQ(fitted->classes.size(), 2U);
  // What is fitted is a workload file.
  const auto read = parse_workload_file(write_workload_file(*fitted), "fit.yaml");
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(*read, *fitted);
}

}  // namespace
}  // namespace mw
