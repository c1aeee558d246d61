#include "codec/yaml_tree.h"

#include <gtest/gtest.h>

namespace mw {
namespace {

using Kind = YamlNode::Kind;

TEST(YamlTree, EveryValueKnowsItsPlace) {
  const auto read = parse_yaml("a: 1\nb:\n  - x\n  - {c: y}\nd:\n", "f", {});
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->kind, Kind::kMap);
  EXPECT_EQ(read->keys, (std::vector<std::string>{"a", "b", "d"}));
  EXPECT_EQ(read->find("a")->text, "1");
  EXPECT_EQ(read->find("a")->position, (TextPosition{1, 4}));
  const YamlNode& list = *read->find("b");
  ASSERT_EQ(list.children.size(), 2U);
  EXPECT_EQ(list.children[1].find("c")->position, (TextPosition{4, 9}));
  EXPECT_EQ(read->find("d")->kind, Kind::kNull);
  EXPECT_EQ(read->find("d")->position, (TextPosition{5, 1}));
  EXPECT_EQ(read->find("e"), nullptr);
}

TEST(YamlTree, NothingIsANull) {
  for (const char* text : {"", "\n\n", "# only a remark\n", "---\n"}) {
    const auto read = parse_yaml(text, "f", {});
    ASSERT_TRUE(read.ok()) << read.error().message;
    EXPECT_EQ(read->kind, Kind::kNull);
  }
}

TEST(YamlTree, ReadsJson) {
  const auto read = parse_yaml(
      "{\n\t\"a\": [\"x\\/y\", null, true],\r\n\t\"b\":{\"c\":\"\\ud83d\\ude00 "
      "\\\\ud83d\\\\ude00\"}}",
      "f", {});
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->find("a")->children[0].text, "x/y");
  EXPECT_EQ(read->find("a")->children[1].kind, Kind::kNull);
  EXPECT_EQ(read->find("a")->children[2].text, "true");
  EXPECT_EQ(read->find("b")->find("c")->text, "\xF0\x9F\x98\x80 \\ud83d\\ude00");
}

TEST(YamlTree, SurrogatesStayTextWhereTheyAreText) {
  const auto read = parse_yaml("a: '\\ud83d\\ude00'\n", "f", {});
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(read->find("a")->text, "\\ud83d\\ude00");
}

struct Refusal {
  std::string text;
  std::string message;
};
TEST(YamlTree, RefusesWhatCouldExhaustOrMislead) {
  const Refusal cases[] = {
      {"a: &x 1\n", "f:1:4: anchors (&name) are not supported; write the value again"},
      {"a: 1\nb: *x\n", "f:2:4: the referenced anchor is not defined"},
      {"a: !!str 5\n", "f:1:4: tags are not supported; quote the value when it is to be text"},
      {"a: !include x\n", "f:1:4: tags are not supported; quote the value when it is to be text"},
      {"a: 1\nb: 2\na: 3\n", "f:3:1: the key \"a\" was given before, on line 1"},
      {"{a: 1, b: {c: 1, c: 2}}", "f:1:18: the key \"c\" was given before, on line 1"},
      {"a: 1\n---\nb: 2\n", "f:2:1: a second document begins here; a file holds exactly one"},
      {"? [1]\n: 2\n", "f:1:3: a key must be text, not a list or a map"},
      {"~: 2\n", "f:1:1: a key must be text"},
      {"a: \"\\x00\"\n", "f:1:4: a NUL character is not allowed in a value"},
      {std::string("a: 1\nb\0: 2\n", 11), "f:2:2: a NUL byte; this is no text file"},
      {"a: \xff\n", "f:1:4: not valid UTF-8; save the file as UTF-8"},
      {"a: 1\nb: [1, 2\n", "f:2:4: the [ that opens here is never closed"},
      {"a: {b: 1\n", "f:1:4: the { that opens here is never closed"},
      {"a: 1\n  b: 2\n", "f:2:4: illegal map value"},
      {"a: \"x\n", "f:2:1: the file ends inside of a quoted value"},
      {"[a, b]", ""},
  };
  for (const auto& c : cases) {
    const auto read = parse_yaml(c.text, "f", {});
    if (c.message.empty()) {
      EXPECT_TRUE(read.ok());
      continue;
    }
    ASSERT_FALSE(read.ok()) << c.text;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalid);
    EXPECT_EQ(read.error().message, c.message) << c.text;
  }
}

TEST(YamlTree, StopsAtItsLimits) {
  const auto nested = [](int depth) { return std::string(depth, '[') + std::string(depth, ']'); };
  EXPECT_TRUE(parse_yaml(nested(32), "f", {}).ok());
  EXPECT_EQ(parse_yaml(nested(33), "f", {}).error().message,
            "f:1:33: nested deeper than 32 levels");
  EXPECT_FALSE(parse_yaml(std::string(1'000'000, '['), "f", {}).ok());
  std::string blocks;
  for (int i = 0; i < 100; ++i) blocks += "- ";
  EXPECT_EQ(parse_yaml(blocks + "x", "f", {}).error().message,
            "f:1:65: nested deeper than 32 levels");

  EXPECT_EQ(parse_yaml("[1, 2, 3]", "f", {.nodes_max = 2}).error().message,
            "f:1:8: more than 2 values");
  const auto large = parse_yaml("a: 12345", "f", {.bytes_max = 7});
  EXPECT_EQ(large.error().code, ErrorCode::kTooLarge);
  EXPECT_EQ(large.error().message, "f: 8 bytes are too many; at most 7 are read");
}

TEST(YamlTree, FindsTheFirstByteThatIsNotUtf8) {
  struct Case {
    std::string text;
    std::size_t at;
  };
  const Case cases[] = {{"", std::string::npos},
                        {"plain", std::string::npos},
                        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", std::string::npos},
                        {"ab\x80", 2},
                        {"\xc0\xaf", 0},          // overlong
                        {"x\xe0\x80\xaf", 1},     // overlong
                        {"\xed\xa0\x80", 0},      // a surrogate
                        {"\xf4\x90\x80\x80", 0},  // past U+10FFFF
                        {"\xe2\x82", 0},          // cut
                        {"\xf5\x80\x80\x80", 0}};
  for (const auto& c : cases) EXPECT_EQ(invalid_utf8_at(c.text), c.at);
}

}  // namespace
}  // namespace mw
