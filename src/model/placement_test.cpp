#include "model/placement.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace mw {
namespace {

/// Mostly what is given in earnest: whole devices by rising number.
DeviceShare any_share(Random& random, std::uint16_t after) {
  if (random.chance(4, 5)) return {static_cast<std::uint16_t>(after + 1), kWholeAccelerator};
  return {static_cast<std::uint16_t>(random.below(100)),
          AcceleratorShare(static_cast<std::int64_t>(random.below(3)) * 500)};
}

TEST(DeviceList, DoesWhatAPlainListDoes) {
  for (std::uint64_t seed = 1; seed <= 2000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    std::vector<DeviceShare> plain;
    DeviceList list;
    EXPECT_TRUE(list.empty());
    AcceleratorShare sum;
    std::uint16_t last = static_cast<std::uint16_t>(random.below(70));
    for (std::uint64_t n = random.below(30); n > 0; --n) {
      const DeviceShare share = any_share(random, last);
      last = share.device;
      plain.push_back(share);
      list.push_back(share);
      sum += share.share;
    }
    ASSERT_EQ(list.size(), plain.size());
    EXPECT_EQ(list.empty(), plain.empty());
    EXPECT_EQ(list.sum(), sum);
    std::vector<DeviceShare> walked;
    for (const DeviceShare& each : list) walked.push_back(each);
    EXPECT_EQ(walked, plain);
    for (std::size_t i = 0; i < plain.size(); ++i) EXPECT_EQ(list[i], plain[i]);

    DeviceList again;
    for (const DeviceShare& each : walked) again.push_back(each);
    EXPECT_EQ(again, list);
    again.push_back({last, AcceleratorShare(1)});
    EXPECT_NE(again, list);
    again.clear();
    EXPECT_TRUE(again.empty());
    EXPECT_EQ(again == list, plain.empty());
  }
}

TEST(Placement, CopiesShareUntilOneChanges) {
  const Placement none;
  EXPECT_TRUE(none.empty());
  EXPECT_EQ(none.begin(), none.end());
  Placement made_empty;
  made_empty.change().clear();
  EXPECT_EQ(none, made_empty);

  const Placement two = {{NodeId(3), 0, 4, {{0, kWholeAccelerator}}}, {NodeId(4), 4, 1, {}}};
  Placement copy = two;
  EXPECT_EQ(&copy[0], &two[0]);
  copy.change()[1].tasks = 2;
  EXPECT_NE(copy, two);
  EXPECT_EQ(two.back().tasks, 1U);
  EXPECT_EQ(copy.front(), two.front());
  copy.change()[1].tasks = 1;
  EXPECT_EQ(copy, two);
  EXPECT_NE(copy, none);
}

}  // namespace
}  // namespace mw
