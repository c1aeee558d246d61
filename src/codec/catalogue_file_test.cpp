#include "codec/catalogue_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "codec/embedded_files.h"

namespace mw {
namespace {

using ::testing::HasSubstr;

TEST(CatalogueFile, TheBuiltInOneIsRightAndHasWhatWePromise) {
  const auto read = parse_catalogue_file(kEmbeddedAccelerators, "accelerators.yaml", {});
  ASSERT_TRUE(read.ok()) << read.error().message;
  for (const char* name :
       {"h100-sxm", "h200-sxm", "b200-sxm", "gb200", "gb300", "rubin", "a100-sxm", "v100-sxm",
        "p100-sxm", "t4", "mi300x", "mi355x", "gaudi3", "tpu-v5p", "trainium2", "cpu"}) {
    ASSERT_NE(find_type(*read, name), nullptr) << name;
    EXPECT_EQ(find_type(*read, name)->name, name);
  }
  EXPECT_EQ(*read, built_in_catalogue());
}

TEST(CatalogueFile, FiguresOfTheBuiltInOneAreInTheirUnits) {
  const AcceleratorType& h100 = *find_type(built_in_catalogue(), "NVIDIA H100 80GB HBM3");
  EXPECT_EQ(h100.name, "h100-sxm");
  EXPECT_EQ(h100.memory->value, 80'000'000'000);
  EXPECT_EQ(h100.memory_bandwidth->value, 3'350'000'000'000);
  EXPECT_EQ(h100.bf16->value, 989'000);
  EXPECT_EQ(h100.power->value, 700'000);
  EXPECT_THAT(h100.power->source, HasSubstr("nvidia.com"));
  EXPECT_FALSE(h100.power->announced);
  const AcceleratorType& rubin = *find_type(built_in_catalogue(), "rubin");
  EXPECT_TRUE(rubin.memory->announced);
  EXPECT_FALSE(rubin.bf16.has_value());  // no two statements of it agree
  EXPECT_FALSE(find_type(built_in_catalogue(), "cpu")->power.has_value());
}

TEST(CatalogueFile, NoFigureStandsWithoutASourceAndNoClassWithoutOne) {
  for (const AcceleratorType& type : built_in_catalogue().types) {
    for (const auto* figure : {&type.memory, &type.memory_bandwidth, &type.bf16, &type.power,
                               &type.idle_power, &type.scale_up_size, &type.scale_up_bandwidth}) {
      if (figure->has_value()) { EXPECT_GT((*figure)->source.size(), 20U) << type.name; }
    }
    EXPECT_EQ(type.export_class.empty(), type.export_source.empty()) << type.name;
    // What the comment in the file says of its rule.
    if (type.bf16) {
      EXPECT_EQ(type.export_class == "3A090.a", type.bf16->value * 16 / 1000 >= 4800) << type.name;
    }
  }
}

TEST(CatalogueFile, AddsAndReplacesTypes) {
  const auto read = parse_catalogue_file(R"(
sources: {sheet: "My data sheet, page 3"}
accelerators:
  h100-sxm: {vendor: nvidia, power: {value: 500W, source: sheet}}
  mine:
    vendor: me
    aliases: [My Chip]
    memory: {value: 64GiB, source: "https://example.org/chip", announced: true}
    export_class: {value: 5A992.c, source: sheet}
)",
                                         "mine.yaml", built_in_catalogue());
  ASSERT_TRUE(read.ok()) << read.error().message;
  EXPECT_EQ(read->types.size(), built_in_catalogue().types.size() + 1);
  const AcceleratorType& h100 = *find_type(*read, "h100-sxm");
  EXPECT_EQ(h100.power->value, 500'000);
  EXPECT_EQ(h100.power->source, "My data sheet, page 3");
  EXPECT_FALSE(h100.memory.has_value());  // the whole type is replaced
  const AcceleratorType& mine = *find_type(*read, "my chip");
  EXPECT_EQ(mine.memory->value, std::int64_t{64} << 30);
  EXPECT_TRUE(mine.memory->announced);
  EXPECT_EQ(mine.export_class, "5A992.c");
}

TEST(CatalogueFile, ReadsBackAsItWasWritten) {
  const auto again =
      parse_catalogue_file(write_catalogue_file(built_in_catalogue()), "again.json", {});
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(*again, built_in_catalogue());
}

struct CatalogueCase {
  const char* text;
  const char* message;
};
TEST(CatalogueFile, EveryMistakeIsToldWithItsPlace) {
  const CatalogueCase cases[] = {
      {"",
       "c.yaml:1:1: expected keys and values such as \"accelerators: {my-chip: {vendor: me}}\", "
       "found nothing"},
      {"sources: {}\n",
       "c.yaml:1:1: accelerators: is missing; give at least one type, such as \"my-chip: {vendor: "
       "me}\""},
      {"acelerators: {}\n",
       "c.yaml:1:1: unknown key \"acelerators\"; did you mean \"accelerators\"? Allowed: sources, "
       "accelerators"},
      {"accelerators: {a: {}}\n",
       "c.yaml:1:16: accelerators.a: vendor is missing; \"none\" stands for no vendor"},
      {"accelerators: {a: {vendor: NVIDIA}}\n",
       "c.yaml:1:28: accelerators.a.vendor: expected a vendor in small letters, such as nvidia, "
       "amd "
       "or intel, found \"NVIDIA\""},
      {"accelerators: {a b: {vendor: x}}\n",
       "c.yaml:1:16: accelerators: expected 1 to 64 of the characters A-Z a-z 0-9 . _ -, found \"a "
       "b\""},
      {"accelerators: {a: {vendor: x, power: 700W}}\n",
       "c.yaml:1:38: accelerators.a.power: expected keys and values such as \"{value: ..., source: "
       "...}\", found \"700W\""},
      {"accelerators: {a: {vendor: x, power: {value: 700W}}}\n",
       "c.yaml:1:38: accelerators.a.power: source is missing; a figure stands with the document "
       "that states it, or not at all"},
      {"accelerators: {a: {vendor: x, power: {source: \"A sheet\"}}}\n",
       "c.yaml:1:38: accelerators.a.power: value is missing; what is unknown is left out as a "
       "whole"},
      {"accelerators: {a: {vendor: x, power: {value: 700, source: \"A sheet\"}}}\n",
       "c.yaml:1:46: accelerators.a.power.value: expected a power such as 700W, 10.2kW, 30MW or "
       "1.6GW, at least 0.001W, at most 1MW, found \"700\""},
      {"accelerators: {a: {vendor: x, memory: {value: 80G, source: \"A sheet\"}}}\n",
       "c.yaml:1:47: accelerators.a.memory.value: expected a size with a whole unit, GiB (powers "
       "of "
       "1024) or GB (of 1000), found \"80G\""},
      {"sources: {sheet: A sheet}\naccelerators: {a: {vendor: x, power: {value: 1W, source: "
       "shet}}}\n",
       "c.yaml:2:58: accelerators.a.power.source: expected a document's title or address, or a key "
       "of sources, found \"shet\"; did you mean \"sheet\"?"},
      {"accelerators: {a: {vendor: x, aliases: [B]}, b: {vendor: x}}\n",
       "c.yaml:1:46: accelerators: \"b\" would be both a and b; names and aliases must differ, "
       "also "
       "in more than capital letters"},
      {"accelerators: {a: {vendor: x, aliases: [h100]}}\n",
       "c.yaml:1:16: accelerators: \"h100\" would be both h100-sxm and a; names and aliases must "
       "differ, also in more than capital letters"},
      {"accelerators: {a: {vendor: x, aliases: [[b]]}}\n",
       "c.yaml:1:41: accelerators.a.aliases: expected at most 128 printable ASCII characters, "
       "found "
       "a list"},
  };
  for (const auto& c : cases) {
    const auto read = parse_catalogue_file(c.text, "c.yaml", built_in_catalogue());
    ASSERT_FALSE(read.ok()) << c.text;
    EXPECT_EQ(read.error().code, ErrorCode::kInvalid) << c.text;
    const std::string first = read.error().message.substr(0, read.error().message.find('\n'));
    EXPECT_EQ(first, c.message) << c.text;
  }
}

}  // namespace
}  // namespace mw
