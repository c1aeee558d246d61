#include "codec/fleet_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <span>

#include "codec/catalogue_file.h"

namespace mw {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// A file with everything in it; a test replaces one piece of text by another.
constexpr std::string_view kWhole = R"(name: f
shapes:
  gpu: {type: h100, accelerators: 8, cpus: 112, memory: 2TiB, idle: 2kW, accelerator: 1kW}
layouts:
  pod:
    shape: gpu
    nodes: 128
    fabric_groups: [{level: leaf, nodes: 32}, {level: pod, nodes: 128}]
    power_groups: [{level: rack, nodes: 4, power: 45kW}, {level: row, nodes: 32, cooling: 300kW}]
sites:
  - name: tx1
    jurisdiction: US-TX
    price: 0.0585
    carbon: 370
    pue: 1.25
    contract: 100MW
    cooling: 90MW
    power_places:
      - {name: sub, level: substation, power: 60MW}
      - {name: hall, level: hall, under: sub, power: 30MW, cooling: 29MW}
    fabric_places:
      - {name: top, level: spine}
    blocks:
      - {name: pod-, layout: pod, count: 12, fabric_under: top, power_under: hall}
      - {name: rest, layout: pod, nodes: 66, fabric_groups: [], power_groups: []}
)";

std::string with(std::string_view from, std::string_view to) {
  std::string text(kWhole);
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

Result<FleetFile> read(std::string_view text) {
  return parse_fleet_file(text, {.source_name = "f.yaml"});
}

TEST(FleetFile, EveryKeyIsRead) {
  const auto file = read(kWhole);
  ASSERT_TRUE(file.ok()) << file.error().message;
  FleetSpec want;
  want.name = "f";
  NodeShape gpu;
  gpu.name = "gpu";
  gpu.accelerator_type = "h100-sxm";
  gpu.accelerators = 8;
  gpu.cpus = CpuShare(112'000);
  gpu.memory = Bytes(std::int64_t{2} << 40);
  gpu.idle = Watts(2'000'000);
  gpu.accelerator = Watts(1'000'000);
  gpu.accelerator_memory = Bytes(80'000'000'000);
  gpu.export_class = "3A090.a";
  want.shapes = {gpu};
  SiteSpec site;
  site.name = "tx1";
  site.jurisdiction = "US-TX";
  site.price = 58'500;
  site.carbon = 370;
  site.pue = 1250;
  site.contract = Watts(100'000'000'000);
  site.limits = {Watts(80'000'000'000), Watts(90'000'000'000)};
  site.power = {{"sub", PowerLevel::kSubstation, "", {Watts(60'000'000'000), Watts(0)}},
                {"hall", PowerLevel::kHall, "sub", {Watts(30'000'000'000), Watts(29'000'000'000)}}};
  site.fabric = {{"top", FabricLevel::kSpine, ""}};
  BlockSpec pod;
  pod.name = "pod-";
  pod.count = 12;
  pod.shape = "gpu";
  pod.nodes = 128;
  pod.fabric = {{FabricLevel::kLeaf, 32}, {FabricLevel::kPod, 128}};
  pod.fabric_under = "top";
  pod.power = {{PowerLevel::kRack, 4, {Watts(45'000'000), Watts(0)}},
               {PowerLevel::kRow, 32, {Watts(0), Watts(300'000'000)}}};
  pod.power_under = "hall";
  BlockSpec rest;
  rest.name = "rest";
  rest.shape = "gpu";
  rest.nodes = 66;
  site.blocks = {pod, rest};
  want.sites = {site};
  EXPECT_EQ(file->fleet, want);
}

TEST(FleetFile, ReadsBackAsItWasWritten) {
  const auto file = read(kWhole);
  ASSERT_TRUE(file.ok()) << file.error().message;
  const auto again = read(write_fleet_file(file->fleet));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->fleet, file->fleet);
}

TEST(FleetFile, TheCatalogueFillsInWhatAShapeDoesNotSay) {
  const auto filled = read(with(", accelerator: 1kW", ""));
  ASSERT_TRUE(filled.ok()) << filled.error().message;
  EXPECT_EQ(filled->fleet.shapes[0].accelerator, Watts(700'000));
  const auto own =
      read(with("idle: 2kW", "idle: 2kW, accelerator_memory: 96GB, export_class: none"));
  ASSERT_TRUE(own.ok()) << own.error().message;
  EXPECT_EQ(own->fleet.shapes[0].accelerator_memory, Bytes(96'000'000'000));
  EXPECT_EQ(own->fleet.shapes[0].export_class, "");
  const auto again = read(write_fleet_file(own->fleet));
  ASSERT_TRUE(again.ok()) << again.error().message;
  EXPECT_EQ(again->fleet, own->fleet);
}

TEST(FleetFile, TypesCanComeFromAFileBesideIt) {
  const std::string text = with("name: f\n", "name: f\naccelerators: mine.yaml\n");
  FleetFileContext context{.source_name = "f.yaml"};
  std::string asked;
  context.read_file = [&](const std::string& name) -> Result<std::string> {
    asked = name;
    return std::string("accelerators: {h100-sxm: {vendor: me, aliases: [h100]}}\n");
  };
  const auto file = parse_fleet_file(text, context);
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(asked, "mine.yaml");
  EXPECT_EQ(file->fleet.shapes[0].accelerator_memory, Bytes(0));
  EXPECT_EQ(find_type(file->catalogue, "h100")->vendor, "me");

  context.read_file = [](const std::string&) -> Result<std::string> {
    return Error{ErrorCode::kNotFound, "cannot read mine.yaml: No such file or directory"};
  };
  EXPECT_EQ(parse_fleet_file(text, context).error().message,
            "f.yaml:2:15: accelerators: cannot read mine.yaml: No such file or directory");
  context.read_file = [](const std::string&) -> Result<std::string> {
    return std::string("accelerators: {x: {}}\n");
  };
  EXPECT_EQ(parse_fleet_file(text, context).error().message,
            "f.yaml:2:15: accelerators: \"mine.yaml\" is not right:\nmine.yaml:1:16: "
            "accelerators.x: vendor is missing; \"none\" stands for no vendor");
  EXPECT_EQ(read(text).error().message,
            "f.yaml:2:15: accelerators: cannot name a file here; only a fleet file on disk can");
}

struct FleetCase {
  const char* from;  ///< what of kWhole is replaced
  const char* to;
  const char* message;  ///< the first one
};

void expect_messages(std::span<const FleetCase> cases) {
  for (const auto& c : cases) {
    const auto file = read(with(c.from, c.to));
    ASSERT_FALSE(file.ok()) << c.to;
    EXPECT_EQ(file.error().code, ErrorCode::kInvalid) << c.to;
    const std::string first = file.error().message.substr(0, file.error().message.find('\n'));
    EXPECT_EQ(first, c.message) << c.to;
  }
}

TEST(FleetFile, WrongValuesAreToldWithTheirPlace) {
  const FleetCase cases[] = {
      {"name: f", "nmae: f",
       "f.yaml:1:1: unknown key \"nmae\"; did you mean \"name\"? Allowed: name, accelerators, "
       "shapes, layouts, sites"},
      {"name: f\n", "", "f.yaml:1:1: name: is missing; give a name, such as \"name: a1\""},
      {"type: h100", "type: h1000",
       "f.yaml:3:15: shapes.gpu.type: there is no type of accelerator \"h1000\"; did you mean "
       "\"h100\"? There is: h100-sxm, h200-sxm, b200-sxm, gb200, gb300, rubin, a100-sxm, "
       "v100-sxm, p100-sxm, t4, mi300x, mi355x, gaudi3, tpu-v5p, trainium2, cpu"},
      {"accelerators: 8", "accelerators: 1001",
       "f.yaml:3:35: shapes.gpu.accelerators: expected a whole number from 0 to 1000, found "
       "\"1001\""},
      {"cpus: 112, ", "", "f.yaml:3:8: shapes.gpu.cpus: is missing; give the node's cores"},
      {"idle: 2kW", "idle: 2KW",
       "f.yaml:3:69: shapes.gpu.idle: expected a power such as 700W, 10.2kW, 30MW or 1.6GW, at "
       "least 0.001W, at most 10MW, found \"2KW\""},
      {"jurisdiction: US-TX", "jurisdiction: Texas",
       "f.yaml:12:19: sites[0].jurisdiction: expected a code of ISO 3166-1 or 3166-2 in capital "
       "letters, such as NO or US-TX, found \"Texas\""},
      {"jurisdiction: US-TX", "jurisdiction: UK",
       "f.yaml:12:19: sites[0].jurisdiction: expected a code of ISO 3166-1 or 3166-2 in capital "
       "letters, such as NO or US-TX (the United Kingdom is GB), found \"UK\""},
      {"price: 0.0585", "price: $0.0585",
       "f.yaml:13:12: sites[0].price: expected a number from 0 to 100 with at most 6 decimals, "
       "found \"$0.0585\""},
      {"pue: 1.25", "pue: 0.9",
       "f.yaml:15:10: sites[0].pue: expected a number from 1 to 5 with at most 3 decimals, found "
       "\"0.9\""},
      {"contract: 100MW", "contract: 2TW",
       "f.yaml:16:15: sites[0].contract: expected a power such as 700W, 10.2kW, 30MW or 1.6GW, at "
       "least 0.001W, at most 1000GW, found \"2TW\""},
      {"level: rack", "level: shelf",
       "f.yaml:9:28: layouts.pod.power_groups[0].level: expected one of rack, row, hall, "
       "substation, found \"shelf\""},
      {"level: leaf", "level: node",
       "f.yaml:8:29: layouts.pod.fabric_groups[0].level: expected one of scale_up, leaf, pod, "
       "spine, found \"node\""},
      {"count: 12", "count: 0",
       "f.yaml:24:42: sites[0].blocks[0].count: expected a whole number from 1 to 10000000, found "
       "\"0\""},
      {"    nodes: 128\n", "",
       "f.yaml:23:9: sites[0].blocks[0].nodes: is missing; give how many nodes one such block has, "
       "here or in the layout"},
      {"sites:\n", "sites: []\nother:\n",
       "f.yaml:11:1: unknown key \"other\". Allowed: name, accelerators, shapes, layouts, sites"},
  };
  expect_messages(cases);
}

TEST(FleetFile, NamesThatDoNotExistOrClashAreTold) {
  const FleetCase cases[] = {
      {"shape: gpu", "shape: cpu",
       "f.yaml:6:12: layouts.pod.shape: there is no shape \"cpu\"; did you mean \"gpu\"? There is: "
       "gpu"},
      {"layout: pod, count", "layout: pd, count",
       "f.yaml:24:30: sites[0].blocks[0].layout: there is no layout \"pd\"; did you mean \"pod\"? "
       "There is: pod"},
      {"fabric_under: top", "fabric_under: tip",
       "f.yaml:24:60: sites[0].blocks[0].fabric_under: there is no fabric place \"tip\"; did you "
       "mean \"top\"? There is: top"},
      {"power_under: hall", "power_under: top",
       "f.yaml:24:78: sites[0].blocks[0].power_under: there is no power place \"top\". There is: "
       "sub, hall"},
      {"under: sub", "under: sib",
       "f.yaml:20:42: sites[0].power_places[1].under: there is no place \"sib\"; did you mean "
       "\"sub\"? There is: sub, hall"},
      {"{name: hall, level: hall, under: sub", "{name: hall, level: substation, under: sub",
       "f.yaml:20:48: sites[0].power_places[1].under: expected a place of a level above "
       "substation, "
       "found \"sub\", which is a substation"},
      {"{name: hall, ", "{name: sub, ",
       "f.yaml:20:16: sites[0].power_places[1].name: \"sub\" was given before, on line 19"},
      {"name: rest", "name: pod-",
       "f.yaml:25:16: sites[0].blocks[1].name: \"pod-\" was given before, on line 24"},
      {"name: rest", "name: pod-07",
       "f.yaml:25:9: sites[0].blocks[1].name: nodes would be called \"tx1-pod-07-...\" as those of "
       "sites[0].blocks[0] on line 24 are; change one of the names"},
  };
  expect_messages(cases);
}

TEST(FleetFile, NodesOfTwoSitesMayNotShareANameEither) {
  const char* shapes = "name: f\nshapes: {g: {type: cpu, accelerators: 1, cpus: 1, memory: 1GB}}\n";
  const auto clash = read(std::string(shapes) +
                          "sites:\n- {name: a-b, blocks: [{name: c, shape: g, nodes: 3}]}\n"
                          "- {name: a, blocks: [{name: b-c, shape: g, nodes: 200}]}\n");
  ASSERT_FALSE(clash.ok());
  EXPECT_THAT(clash.error().message,
              StartsWith("f.yaml:5:22: sites[1].blocks[0].name: nodes would be called "
                         "\"a-b-c-...\" as those of sites[0].blocks[0] on line 4 are"));
  // 1 to 9 have one digit, 07 has two: nothing is shared.
  const auto fine = read(std::string(shapes) +
                         "sites:\n- {name: a, blocks: [{name: b, count: 9, shape: g, nodes: 1}, "
                         "{name: b07, shape: g, nodes: 1}, {name: b1x, shape: g, nodes: 1}]}\n");
  EXPECT_TRUE(fine.ok()) << fine.error().message;
  const auto nested = read(std::string(shapes) +
                           "sites:\n- {name: a, blocks: [{name: b, count: 150, shape: g, nodes: 1},"
                           " {name: b1, count: 20, shape: g, nodes: 1}]}\n");
  ASSERT_FALSE(nested.ok());  // b101 to b120
  EXPECT_THAT(nested.error().message, HasSubstr("\"a-b101-...\""));
}

TEST(FleetFile, GroupsThatDoNotNestAreTold) {
  const FleetCase cases[] = {
      {"{level: pod, nodes: 128}", "{level: pod, nodes: 80}",
       "f.yaml:24:9: sites[0].blocks[0].fabric_groups: groups must nest: expected for pod a "
       "multiple of the 32 nodes of a leaf, or all 128 nodes of the block, found 80"},
      {"{level: pod, nodes: 128}", "{level: pod, nodes: 256}",
       "f.yaml:24:9: sites[0].blocks[0].fabric_groups: a pod of 256 nodes is more than the block "
       "has; expected at most 128"},
      {"{level: pod, nodes: 128}", "{level: scale_up, nodes: 128}",
       "f.yaml:24:9: sites[0].blocks[0].fabric_groups: expected levels from the nearest to the "
       "farthest, each once, found leaf before scale_up"},
      {"{level: pod, nodes: 128}", "{level: leaf, nodes: 128}",
       "f.yaml:24:9: sites[0].blocks[0].fabric_groups: expected levels from the nearest to the "
       "farthest, each once, found leaf before leaf"},
      {"{level: row, nodes: 32,", "{level: hall, nodes: 32,",
       "f.yaml:24:9: sites[0].blocks[0].power_groups: expected levels below \"hall\", which is a "
       "hall, found hall"},
      {"fabric_groups: []", "fabric_groups: [{level: leaf, nodes: 67}]",
       "f.yaml:25:61: sites[0].blocks[1].fabric_groups: a leaf of 67 nodes is more than the block "
       "has; expected at most 66"},
  };
  expect_messages(cases);
}

TEST(FleetFile, TheEndOfABlockMayCutGroupsOff) {
  // 127 of 128: one system's ports went to the fabric's manager. And two leaves of a block of 66.
  const auto pod =
      read(with("    nodes: 128\n    fabric_groups: [{level: leaf, nodes: 32}, "
                "{level: pod, nodes: 128}]",
                "    nodes: 127\n    fabric_groups: [{level: leaf, nodes: 32}, "
                "{level: pod, nodes: 127}]"));
  EXPECT_TRUE(pod.ok()) << pod.error().message;
  const auto rest = read(with("fabric_groups: []", "fabric_groups: [{level: leaf, nodes: 32}]"));
  EXPECT_TRUE(rest.ok()) << rest.error().message;
}

TEST(FleetFile, ALimitBelowWhatIsDrawnIdleIsAMistakeAndOversubscriptionIsNot) {
  const FleetCase cases[] = {
      {"power: 45kW", "power: 7kW",
       "f.yaml:24:9: sites[0].blocks[0]: expected for a rack of 4 nodes a limit of power of at "
       "least 8kW, which its nodes draw idle, found 7kW"},
      {"cooling: 300kW", "cooling: 63.9kW",
       "f.yaml:24:9: sites[0].blocks[0]: expected for a row of 32 nodes a limit of cooling of at "
       "least 64kW, which its nodes draw idle, found 63.9kW"},
      {"under: sub, power: 30MW", "under: sub, power: 3MW",
       "f.yaml:20:9: sites[0].power_places[1]: expected for \"hall\" a limit of power of at least "
       "3.072MW, which its nodes draw idle, found 3MW"},
      {"level: substation, power: 60MW", "level: substation, power: 3MW",
       "f.yaml:19:9: sites[0].power_places[0]: expected for \"sub\" a limit of power of at least "
       "3.072MW, which its nodes draw idle, found 3MW"},
      {"contract: 100MW", "contract: 4MW",
       "f.yaml:11:5: sites[0]: expected for the site a limit of power of at least 3.204MW, which "
       "its nodes draw idle, found 3.2MW"},
      {"contract: 100MW", "contract: 100MW\n    power: 81MW",
       "f.yaml:17:12: sites[0].power: expected at most 80MW, which is what a PUE of 1.25 leaves of "
       "the contract of 100MW, found 81MW"},
      {"idle: 2kW, ", "",
       "f.yaml:3:8: shapes.gpu.idle: is missing, and sites[0].blocks[0] puts such nodes under a "
       "limit of power or cooling; give what they draw, such as \"idle: 2kW\""},
      {"type: h100, accelerators: 8, cpus: 112, memory: 2TiB, idle: 2kW, accelerator: 1kW",
       "type: rubin, accelerators: 8, cpus: 112, memory: 2TiB, idle: 2kW",
       "f.yaml:3:8: shapes.gpu.accelerator: is missing, and sites[0].blocks[0] puts such nodes "
       "under "
       "a limit of power or cooling; give what they draw, such as \"accelerator: 1kW\""},
  };
  expect_messages(cases);
  // 32 racks of 45 kW below a row of 290 kW, and a substation below what its halls may draw.
  const auto over = read(with("cooling: 300kW", "power: 290kW"));
  EXPECT_TRUE(over.ok()) << over.error().message;
  const auto small = read(with("level: substation, power: 60MW", "level: substation, power: 20MW"));
  EXPECT_TRUE(small.ok()) << small.error().message;
}

TEST(FleetFile, AbsurdSizesAreRefused) {
  const auto nodes = read(with("count: 12", "count: 100000"));
  ASSERT_FALSE(nodes.ok());
  EXPECT_EQ(
      nodes.error().message,
      "f.yaml:24:9: sites[0].blocks[0]: expected a fleet of at most 10000000 nodes; with this "
      "block there are more");
  std::string many = with("accelerators: 8", "accelerators: 1000");
  many.replace(many.find("count: 12"), 9, "count: 600");
  const auto accelerators = read(many);
  ASSERT_FALSE(accelerators.ok());
  EXPECT_THAT(accelerators.error().message, HasSubstr("at most 64000000 accelerators"));
  std::string bytes = with("memory: 2TiB", "memory: 1PiB");
  bytes.replace(bytes.find("count: 12"), 9, "count: 200");
  EXPECT_THAT(read(bytes).error().message, HasSubstr("bytes of memory"));
  std::string power = with("accelerator: 1kW", "accelerator: 1MW");
  power.replace(power.find("count: 12"), 9, "count: 1200");
  EXPECT_THAT(read(power).error().message, HasSubstr("milliwatts"));
  std::string limits = with("power: 45kW", "power: 1000GW");
  limits.replace(limits.find("count: 12"), 9, "count: 1200");
  EXPECT_THAT(read(limits).error().message, HasSubstr("9.2 PW"));
  EXPECT_EQ(read(std::string(kFleetFileBytesMax + 1, '#')).error().code, ErrorCode::kTooLarge);
}

TEST(FleetFile, OtherKindsOfDocumentsAreRefused) {
  for (const char* text : {"", "[]", "x", "name: [f]", "name: f\nshapes: []\nsites: {}",
                           "name: f\nshapes: {a: 1}\nsites: [1]",
                           "name: f\nshapes: {a: {type: [x]}}\nsites: [{blocks: [x]}]",
                           "name: f\nlayouts: {a: 3}\nsites: [{power_places: [1], blocks: 7}]"}) {
    const auto file = read(text);
    ASSERT_FALSE(file.ok()) << text;
    EXPECT_THAT(file.error().message, StartsWith("f.yaml:")) << text;
  }
}

}  // namespace
}  // namespace mw
