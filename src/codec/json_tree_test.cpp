// The quick way to read JSON against the YAML parser: the same tree, to the last position, or
// nothing. (Behind a character that is written as two escapes the YAML parser counts columns of
// what was put in its place; there the quick one is right, and nothing stands there in these
// texts.)
#include "codec/json_tree.h"

#include <gtest/gtest.h>

#include "base/random.h"
#include "codec/yaml_tree.h"

namespace mw {
namespace {

std::string shown(const YamlNode& node) {
  std::string out = std::to_string(static_cast<int>(node.kind)) + "@" +
                    std::to_string(node.position.line) + ":" +
                    std::to_string(node.position.column) + "<" + node.text + ">(";
  for (std::size_t i = 0; i < node.children.size(); ++i) {
    if (i < node.keys.size()) {
      out += node.keys[i] + "@" + std::to_string(node.key_positions[i].line) + ":" +
             std::to_string(node.key_positions[i].column) + "=";
    }
    out += shown(node.children[i]) + ",";
  }
  return out + ")";
}

YamlLimits slowly() {
  YamlLimits limits;
  limits.json_at_once = false;
  return limits;
}

void expect_same(const std::string& text) {
  const auto quick = parse_json_tree(text, {});
  ASSERT_TRUE(quick.has_value()) << text;
  const auto slow = parse_yaml(text, "", slowly());
  ASSERT_TRUE(slow.ok()) << text << "\n" << slow.error().message;
  EXPECT_EQ(shown(*quick), shown(*slow)) << text;
}

TEST(JsonTreeTest, ReadsWhatTheYamlParserReads) {
  for (const char* text :
       {"{}", "[]", " \n {\"a\":1}", R"({"a":{"b":[1,-2.5e+3,true,null,""]},"c":"d"})",
        R"({"a":null})", R"({"a": "\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00"})",
        "{\n  \"name\": \"a\",\n  \"list\": [\n    1,\n    {\"x\": \"y\"}\n  ]\n}\n",
        R"(["null","true","1"])", R"({"é":"ü","z":1})"}) {
    expect_same(text);
  }
}

TEST(JsonTreeTest, LeavesTheRestToYaml) {
  for (const char* text : {"",
                           "a: 1",
                           "{a: 1}",
                           "{\"a\":1,}",
                           "[1 2]",
                           "{\"a\":1} x",
                           "{\"a\":1,\"a\":2}",
                           "[01]",
                           "[1.]",
                           "[.5]",
                           "[+1]",
                           "[\"\\u0000\"]",
                           "[\"\\ud83d\"]",
                           "[\"\\x41\"]",
                           "[\"a\nb\"]",
                           "[\"a",
                           "[1",
                           "{\"a\":",
                           "[tru]",
                           "[\t1]",
                           "\"a\"",
                           "1"}) {
    EXPECT_FALSE(parse_json_tree(text, {}).has_value()) << text;
  }
  YamlLimits limits;
  limits.depth_max = 2;
  EXPECT_TRUE(parse_json_tree("[[1]]", limits).has_value());
  EXPECT_FALSE(parse_json_tree("[[[1]]]", limits).has_value());
  limits.nodes_max = 3;
  EXPECT_TRUE(parse_json_tree("[1,2]", limits).has_value());
  EXPECT_FALSE(parse_json_tree("[1,2,3]", limits).has_value());
}

/// A random JSON text, laid out at random.
class JsonWriter {
 public:
  explicit JsonWriter(std::uint64_t seed) : random_(seed) {}
  std::string text() {
    out_.clear();
    container(0);
    return out_;
  }

 private:
  void space() {
    for (std::uint64_t i = random_.below(3); i > 0; --i) out_ += random_.chance(1, 3) ? '\n' : ' ';
  }
  void string() {
    constexpr const char* kPieces[] = {"a",  "B",  "7", " ", "\\n", "\\\"", "\\u00e9", "é", "#",
                                       "- ", ": ", "'", "{", "]",   ",",    "&",       "*", "!"};
    out_ += '"';
    for (std::uint64_t i = random_.below(6); i > 0; --i)
      out_ += kPieces[random_.below(std::size(kPieces))];
    out_ += '"';
  }
  void value(int depth) {
    constexpr const char* kWords[] = {"0", "-1", "12", "1.5", "1e9", "true", "false", "null"};
    if (depth < 4 && random_.chance(1, 3)) return container(depth);
    if (random_.chance(1, 2)) return string();
    out_ += kWords[random_.below(std::size(kWords))];
  }
  void container(int depth) {
    const bool map = random_.chance(1, 2);
    out_ += map ? '{' : '[';
    space();
    const std::uint64_t size = random_.below(5);
    for (std::uint64_t i = 0; i < size; ++i) {
      if (i > 0) {
        out_ += ',';
        space();
      }
      if (map) {
        out_ += "\"k" + std::to_string(i) + "\"";
        space_without_lines();
        out_ += ": ";
      }
      value(depth + 1);
      space();
    }
    out_ += map ? '}' : ']';
  }
  void space_without_lines() {
    if (random_.chance(1, 4)) out_ += ' ';
  }

  Random random_;
  std::string out_;
};

TEST(JsonTreeTest, AgreesWithTheYamlParserOnRandomTexts) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    expect_same(JsonWriter(seed).text());
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace mw
