#include "core/job_map.h"

#include <gtest/gtest.h>

#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "base/random.h"

namespace mw {
namespace {

using Plain = std::map<JobId, std::string>;

void expect_same(const JobMap<std::string>& map, const Plain& plain) {
  ASSERT_EQ(map.size(), plain.size());
  ASSERT_EQ(map.empty(), plain.empty());
  auto at = map.begin();
  for (const auto& [id, value] : plain) {
    ASSERT_NE(at, map.end());
    ASSERT_EQ(at->first, id);
    ASSERT_EQ(at->second, value);
    ++at;
  }
  ASSERT_EQ(at, map.end());
  for (auto back = plain.rbegin(); back != plain.rend(); ++back)
    ASSERT_EQ((--at)->first, back->first);
  ASSERT_EQ(at, map.begin());
  if (!plain.empty()) { ASSERT_EQ(map.rbegin()->first, plain.rbegin()->first); }
}

/// As ids go: mostly near the newest, sometimes far away.
JobId any_id(Random& random, std::uint64_t newest) {
  if (random.chance(1, 10)) return JobId(random.next() >> random.below(64));
  return JobId(newest - std::min(newest, random.below(200)));
}

TEST(JobMap, DoesWhatAPlainMapDoes) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    JobMap<std::string> map;
    Plain plain;
    for (std::uint64_t i = 0; i < 600; ++i) {
      const JobId id = any_id(random, i);
      const std::string value = std::to_string(random.next());
      const auto known = plain.find(id);
      ASSERT_EQ(map.contains(id), known != plain.end());
      ASSERT_EQ(map.count(id), plain.count(id));
      ASSERT_EQ(map.find(id) == map.end(), known == plain.end());
      if (known == plain.end()) {
        EXPECT_EQ(map.get(id), nullptr);
        EXPECT_EQ(map.erase(id), 0U);
        EXPECT_TRUE(map.emplace(id, value).second);
        plain.emplace(id, value);
      } else if (random.chance(1, 2)) {
        EXPECT_EQ(map.at(id), known->second);
        EXPECT_EQ(map.find(id)->second, known->second);
        EXPECT_FALSE(map.emplace(id, "other").second);
        map.change(id) = value;
        known->second = value;
      } else {
        EXPECT_EQ(map.erase(id), 1U);
        plain.erase(known);
      }
      const JobId from = any_id(random, i);
      const auto lower = plain.lower_bound(from);
      const auto upper = plain.upper_bound(from);
      ASSERT_EQ(map.lower_bound(from) == map.end(), lower == plain.end());
      if (lower != plain.end()) { ASSERT_EQ(map.lower_bound(from)->first, lower->first); }
      ASSERT_EQ(map.upper_bound(from) == map.end(), upper == plain.end());
      if (upper != plain.end()) { ASSERT_EQ(map.upper_bound(from)->first, upper->first); }
    }
    expect_same(map, plain);
    JobMap<std::string> again;  // the same in another order is equal
    for (auto at = plain.rbegin(); at != plain.rend(); ++at) again.insert(at->first, at->second);
    EXPECT_EQ(again, map);
    if (!plain.empty()) {
      again.change(plain.begin()->first) += "x";
      EXPECT_FALSE(again == map);
      again.erase(again.begin());
      EXPECT_FALSE(again == map);
    }
    map.clear();
    EXPECT_TRUE(map.empty());
    EXPECT_EQ(map.begin(), map.end());
  }
}

TEST(JobMap, CopiesGoWaysOfTheirOwn) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    struct World {
      JobMap<std::string> map;
      Plain plain;
    };
    std::vector<World> worlds(1);
    for (std::uint64_t i = 0; i < 400; ++i) {
      World& world = worlds[random.below(worlds.size())];
      const JobId id(random.below(300));
      const std::string value = std::to_string(i);
      if (!world.plain.contains(id)) {
        world.map.insert(id, value);
        world.plain.emplace(id, value);
      } else if (random.chance(2, 3)) {
        world.map.change(id) = value;
        world.plain[id] = value;
      } else {
        world.map.erase(id);
        world.plain.erase(id);
      }
      if (i % 50 == 0) worlds.push_back(World(worlds[random.below(worlds.size())]));
      if (i % 90 == 0) worlds.erase(worlds.begin());
    }
    for (const World& world : worlds) expect_same(world.map, world.plain);
  }
}

TEST(JobMap, AValueStaysWhereItIsWhileOthersComeAndGo) {
  JobMap<std::string> map;
  map.insert(JobId(5), "five");
  const std::string* five = &map.at(JobId(5));
  for (std::uint64_t i = 6; i < 500; ++i) map.insert(JobId(i), "more");
  {
    const JobMap<std::string> copy = map;
    map.change(JobId(6)) = "six";  // beside it: the page is taken apart, its values are not
    EXPECT_EQ(&map.at(JobId(5)), five);
    EXPECT_EQ(copy.at(JobId(6)), "more");
    map.change(JobId(5)) = "changed";
    EXPECT_NE(&map.at(JobId(5)), five);
    EXPECT_EQ(copy.at(JobId(5)), "five");
  }
  const std::string* mine = &map.at(JobId(5));
  map.change(JobId(5)) = "again";  // alone: in place
  EXPECT_EQ(&map.at(JobId(5)), mine);
  const JobMap<std::string> moved = std::move(map);
  EXPECT_EQ(&moved.at(JobId(5)), mine);
}

}  // namespace
}  // namespace mw
