#include "core/service_order.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace mw {
namespace {

ServiceJob job(std::uint32_t width, std::int64_t remaining_s, std::int64_t attained_s = 0,
               std::int64_t submitted_s = 0) {
  return {width, Instant(seconds(submitted_s).count()), seconds(attained_s), seconds(remaining_s)};
}

double worth(const ServiceJob& j) {
  double doublings = 0;
  for (std::uint32_t width = j.accelerators; width > 1; width /= 2) ++doublings;
  return (100 + kWidthBonusPercent * doublings) / static_cast<double>(j.remaining.count());
}

TEST(ServeKnown, ChoosesTheBestSetOfAll) {
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    Random random(seed);
    std::vector<ServiceJob> jobs;
    for (std::uint64_t i = 0; i < 1 + random.below(9); ++i) {
      jobs.push_back(job(1U << random.below(4), random.between(1, 5000)));
    }
    const std::uint32_t capacity = 8;
    double best = 0;
    for (std::uint32_t set = 0; set < (1U << jobs.size()); ++set) {
      double value = 0;
      std::uint32_t width = 0;
      for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (((set >> i) & 1U) == 0) continue;
        value += worth(jobs[i]);
        width += jobs[i].accelerators;
      }
      if (width <= capacity) best = std::max(best, value);
    }
    double value = 0;
    std::uint32_t width = 0;
    for (const std::size_t i : serve_known(jobs, capacity)) {
      value += worth(jobs[i]);
      width += jobs[i].accelerators;
    }
    ASSERT_LE(width, capacity) << "seed " << seed;
    ASSERT_NEAR(value, best, best * 1e-6) << "seed " << seed;
  }
}

TEST(ServiceKey, OrdersAsThePoliciesSay) {
  const ServiceJob narrow = job(1, 100, 0, 5);
  const ServiceJob wide = job(8, 50, 0, 1);
  const ServiceHistory none;
  EXPECT_LT(service_key(ServicePolicy::kFifo, wide, none),
            service_key(ServicePolicy::kFifo, narrow, none));
  EXPECT_LT(service_key(ServicePolicy::kSrtf, wide, none),
            service_key(ServicePolicy::kSrtf, narrow, none));
  EXPECT_LT(service_key(ServicePolicy::kSrsf, narrow, none),
            service_key(ServicePolicy::kSrsf, wide, none));
}

TEST(ServiceKey, TiresiasFallsByClassesOfServiceAndIsFairWithin) {
  const ServiceHistory none;
  const auto key = [&](const ServiceJob& j) {
    return service_key(ServicePolicy::kTiresias, j, none);
  };
  EXPECT_LT(key(job(1, 1, 3249, 100)), key(job(1, 1, 3250, 0)));
  EXPECT_LT(key(job(1, 1, 7199, 100)), key(job(8, 1, 900, 0)));
  EXPECT_LT(key(job(1, 1, 3000, 0)), key(job(1, 1, 0, 1)));
  // A job of 8 reaches 3,250 accelerator-seconds after 406.25 s, and 7,200 after 900 s.
  EXPECT_EQ(review_after(ServicePolicy::kTiresias, job(8, 1, 400))->count(), 6'250'000'000);
  EXPECT_EQ(review_after(ServicePolicy::kTiresias, job(8, 1, 500)), seconds(400));
  EXPECT_EQ(review_after(ServicePolicy::kTiresias, job(8, 1, 900)), std::nullopt);
}

TEST(ServiceKey, BlindDoesNotLookAtWhatIsLeft) {
  ServiceHistory history;
  for (int i = 1; i < 20; ++i) remember(history, seconds(i * i * 60));
  for (const ServicePolicy policy : {ServicePolicy::kMillwrightBlind, ServicePolicy::kTiresias}) {
    EXPECT_EQ(service_key(policy, job(4, 1, 700), history),
              service_key(policy, job(4, 1'000'000, 700), history));
    EXPECT_EQ(review_after(policy, job(4, 1, 700)), review_after(policy, job(4, 99999, 700)));
  }
}

TEST(ServiceKey, GittinsIsTheLeastTimeForEachUnitOfLikelihood) {
  ServiceHistory history;
  for (const int length : {2, 10, 50}) remember(history, hours(length));
  // After 5 h: lengths left 5 h and 45 h, and the imagined one's 5 h. Giving 5 h ends two of
  // three: (5 + 5 + 5) / 2 = 7.5 h each; giving 45 h ends all: (5 + 5 + 45) / 3 = 18.3 h.
  const ServiceJob j = {2, Instant(), hours(5), hours(1)};
  EXPECT_EQ(service_key(ServicePolicy::kMillwrightBlind, j, history), hours(15).count());
}

TEST(ServiceHistory, StaysSortedAndBounded) {
  ServiceHistory history;
  for (std::int64_t i = 0; i < 20'000; ++i) remember(history, seconds(i * 7919 % 10'007));
  EXPECT_LE(history.lengths.size(), kServiceHistoryMax);
  EXPECT_TRUE(std::is_sorted(history.lengths.begin(), history.lengths.end()));
}

}  // namespace
}  // namespace mw
