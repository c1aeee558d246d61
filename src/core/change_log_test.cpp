// Followers of a log that look now and then must know at each look what is, also when changes were
// taken back meanwhile, and also when they looked in the middle of that.
#include "core/change_log.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "base/random.h"

namespace mw {
namespace {

class Follower {
 public:
  void look(const ChangeLog& log, const std::vector<int>& values, std::uint64_t& told) {
    if (log.lost(seen_)) {
      known_ = values;
    } else {
      log.visit(seen_, [&](Position each) {
        known_.at(each) = values.at(each);
        ++told;
      });
    }
    seen_ = log.count();
    ASSERT_EQ(known_, values);
  }

 private:
  std::vector<int> known_;
  std::uint64_t seen_ = 0;
};

TEST(ChangeLog, FollowersKnowWhatIsAlsoWhenChangesAreTakenBack) {
  std::uint64_t told = 0;
  for (std::uint64_t seed = 1; seed <= 300 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    ChangeLog log;
    std::vector<int> values(random.between(1, 40));
    log.add_all(static_cast<std::uint32_t>(values.size()));
    std::vector<Follower> followers(4);
    const auto some_look = [&] {
      if (random.chance(1, 2)) followers[random.below(4)].look(log, values, told);
    };
    const auto change = [&](Position at, int value) {
      values.at(at) = value;
      log.add(at);
    };
    for (int i = 0; i < 200; ++i) {
      some_look();
      if (random.chance(1, 100)) log.add_all(static_cast<std::uint32_t>(values.size()));
      const std::uint64_t before = log.count();
      const std::vector<int> as_it_was = values;
      std::vector<Position> tried;
      for (std::uint64_t k = random.below(30); k > 0; --k) {
        tried.push_back(static_cast<Position>(random.below(values.size())));
        change(tried.back(), static_cast<int>(random.below(1000)));
      }
      some_look();
      // Sometimes something else happens meanwhile, which stays.
      const bool stays = random.chance(1, 3);
      std::vector<int> after = as_it_was;
      if (stays) {
        const auto at = static_cast<Position>(random.below(values.size()));
        after.at(at) = -i;
        change(at, -i);
        some_look();
      }
      if (random.chance(1, 8)) continue;  // not taken back at all
      for (const Position each : tried) change(each, after.at(each));
      log.take_back(before, 2 * tried.size());
    }
    for (Follower& each : followers) each.look(log, values, told);
  }
  EXPECT_GT(told, 10'000U);
}

TEST(ChangeLog, WhatIsVoidIsNotTold) {
  ChangeLog log;
  const std::uint64_t seen = log.count();
  log.add(1);
  const std::uint64_t before = log.count();
  for (const Position each : {2U, 3U, 3U, 2U}) log.add(each);
  log.take_back(before, 4);
  log.add(4);
  std::vector<Position> told;
  log.visit(seen, [&](Position each) { told.push_back(each); });
  EXPECT_EQ(told, (std::vector<Position>{1, 4}));
}

}  // namespace
}  // namespace mw
