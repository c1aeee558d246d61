#include "codec/yaml_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace mw {
namespace {

YamlNode tree(std::string_view text) {
  auto root = parse_yaml(text, "a.yaml", {});
  EXPECT_TRUE(root.ok());
  return std::move(root).value();
}

TEST(YamlReader, GathersProblemsWithTheirPlaces) {
  const YamlNode root = tree("size: big\nitems: 3\nsub: [1]\nnaem: x\n");
  YamlReader reader("a.yaml");
  constexpr std::array<std::string_view, 4> kKeys = {"name", "size", "items", "sub"};
  reader.check_keys(root, "", kKeys);
  std::int64_t size = 7;
  EXPECT_TRUE(reader.read_whole(root, "", "size", size, 1, 9));
  EXPECT_FALSE(reader.read_whole(root, "", "name", size, 1, 9));
  EXPECT_TRUE(reader.list(root, "top", "items", "[1, 2]").empty());
  EXPECT_EQ(reader.group(root, "sub", "\"a: 1\""), nullptr);
  EXPECT_EQ(size, 7);
  ASSERT_FALSE(reader.good());
  EXPECT_EQ(reader.failure().code, ErrorCode::kInvalid);
  EXPECT_EQ(reader.failure().message,
            "a.yaml:4:1: unknown key \"naem\"; did you mean \"name\"? Allowed: name, size, items, "
            "sub\n"
            "a.yaml:1:7: size: expected a whole number from 1 to 9, found \"big\"\n"
            "a.yaml:2:8: top.items: expected a list such as [1, 2], found \"3\"\n"
            "a.yaml:3:6: sub: expected keys and values such as \"a: 1\", found a list");
}

TEST(YamlReader, SaysNothingOfWhatIsAbsent) {
  const YamlNode root = tree("items: [a, b]\n");
  YamlReader reader("");
  EXPECT_EQ(reader.list(root, "", "items", "[a]").size(), 2U);
  EXPECT_TRUE(reader.list(root, "", "other", "[a]").empty());
  EXPECT_EQ(reader.group(root, "other", "\"a: 1\""), nullptr);
  EXPECT_TRUE(reader.good());
}

TEST(YamlReader, StopsAtTwentyProblems) {
  YamlReader reader("");
  for (std::size_t i = 1; i <= 30; ++i) reader.problem(TextPosition{i, 1}, "", "wrong");
  EXPECT_THAT(reader.failure().message, testing::EndsWith("20:1: wrong"));
}

}  // namespace
}  // namespace mw
