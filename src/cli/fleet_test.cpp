// mw fleet and mw accelerators, run whole. They need no control plane.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <filesystem>
#include <fstream>

#include "cli/cli_test_support.h"
#include "cli/fleet_view.h"
#include "cli/json_view.h"
#include "codec/fleet_file.h"

namespace mw {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

/// A folder for files, gone at the end.
class Folder {
 public:
  Folder() {
    char pattern[] = "/tmp/mw-fleet-test-XXXXXX";
    path_ = ::mkdtemp(pattern);
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string write(const std::string& name, std::string_view text) const {
    std::ofstream(path_ / name) << text;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

constexpr std::string_view kFleet = R"(name: f
shapes: {g: {type: h100, accelerators: 8, cpus: 8, memory: 1TiB, idle: 2kW, accelerator: 1kW}}
sites:
  - name: s
    jurisdiction: NO
    pue: 1.5
    contract: 400kW
    power_places: [{name: hall, level: hall, cooling: 250kW}]
    fabric_places: [{name: top, level: spine}]
    blocks:
      - {name: a-p, count: 2, shape: g, nodes: 10, fabric_under: top, power_under: hall,
         fabric_groups: [{level: leaf, nodes: 4}], power_groups: [{level: rack, nodes: 4, power: 30kW}]}
      - {name: b, shape: g, nodes: 5}
)";

TEST(FleetVerbs, ValidateSaysWhatItIsOrWhatIsWrong) {
  const Folder folder;
  const Ran good = run_mw({"fleet", "validate", folder.write("f.yaml", kFleet)});
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_EQ(good.out, "Fleet f is valid: 1 site, 25 nodes, 200 accelerators.\n");
  const std::string bad = folder.write("bad.yaml", "name: f\nshapes: {}\nsites: [{name: a b}]\n");
  const Ran wrong = run_mw({"fleet", "validate", bad});
  EXPECT_EQ(wrong.code, 2);
  EXPECT_THAT(wrong.err, HasSubstr(bad + ":3:16: sites[0].name: expected 1 to 64 of the"));
  EXPECT_THAT(wrong.err, HasSubstr("sites[0].blocks: is missing"));
  const Ran none = run_mw({"fleet", "validate", "dgx-pd"});
  EXPECT_EQ(none.code, 3);
  EXPECT_THAT(none.err, HasSubstr("did you mean \"dgx-pod\"? Built in: ai-cloud-2025, dgx-pod"));
  const Ran absent = run_mw({"fleet", "validate", "/nonexistent/f.yaml"});
  EXPECT_EQ(absent.code, 3);
  EXPECT_THAT(absent.err, HasSubstr("cannot read /nonexistent/f.yaml: No such file"));
}

TEST(FleetVerbs, ShowDrawsTheTwoTrees) {
  const Folder folder;
  const Ran ran = run_mw({"fleet", "show", folder.write("f.yaml", kFleet)});
  EXPECT_EQ(ran.out, R"(Fleet f
  g  8 x h100-sxm, 8 cores, 1 TiB, 2.00 kW idle to 10.0 kW

Site s in NO, contract 400 kW, IT 267 kW, PUE 1.5
  fabric
    top (spine)
      2 x 10 nodes of g: s-a-p[1-2]-[01-10]
        3 x leaf of 4 nodes (the last 2)
    5 nodes of g: s-b-[1-5]
  power
    hall (hall), cooling 250 kW
      2 x 10 nodes of g: s-a-p[1-2]-[01-10]
        3 x rack of 4 nodes (the last 2), 30.0 kW each
    5 nodes of g: s-b-[1-5]
)");
}

TEST(FleetVerbs, WhatShowPrintsAsJsonIsAFleetFile) {
  const Folder folder;
  const Ran first = run_mw({"fleet", "show", folder.write("f.yaml", kFleet), "--json"});
  const Ran again = run_mw({"fleet", "show", folder.write("g.json", first.out), "--json"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(again.out, first.out);
  EXPECT_THAT(run_mw({"fleet", "show", "laptop", "--source"}).out,
              StartsWith("# The smallest fleet"));
}

TEST(FleetVerbs, StatsAddUp) {
  const Folder folder;
  const std::string file = folder.write("f.yaml", kFleet);
  const Ran text = run_mw({"fleet", "stats", file});
  EXPECT_EQ(text.code, 0) << text.err;
  for (const char* part :
       {"accelerators  200 (nvidia 200)", "bf16, dense   198 PFLOP/s", "50.0 kW idle, 250 kW all",
        "hall                         0       -        -         -         -   250 kW         80%",
        "contract, at the meter          400 kW             375 kW       94%"}) {
    EXPECT_THAT(text.out, HasSubstr(part)) << text.out;
  }
  const auto json = boost::json::parse(run_mw({"fleet", "stats", file, "--json"}).out);
  const JsonView view(json);
  EXPECT_EQ(view["total"]["accelerators"].integer(), 200);
  EXPECT_EQ(view["total"]["busy_mw"].integer(), 250'000'000);
  EXPECT_EQ(view["total"]["bf16_gflops"].integer(), 200 * 989'000);
  EXPECT_EQ(JsonView(view["sites"].list()[0])["contract_mw"].integer(), 400'000'000);
  EXPECT_EQ(view["levels"].list().size(), 3U);
}

TEST(FleetVerbs, ListsTheBuiltInFleets) {
  const auto json = boost::json::parse(run_mw({"fleet", "list", "--json"}).out);
  std::vector<std::string> names;
  for (const auto& row : JsonView(json)["fleets"].list())
    names.push_back(JsonView(row)["fleet"].text());
  EXPECT_THAT(names, testing::ElementsAre("ai-cloud-2025", "dgx-pod", "gigawatts-2030", "laptop",
                                          "nvl72-hall"));
  EXPECT_THAT(run_mw({"fleet", "list"}).out, HasSubstr("4000000"));
}

TEST(FleetVerbs, TablesFitTheTerminal) {
  const auto file = parse_fleet_file(kFleet, {});
  ASSERT_TRUE(file.ok());
  const std::string text =
      render_fleet_stats(fleet_stats(file->fleet, file->catalogue), {.unicode = true, .width = 60});
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) EXPECT_LE(display_width(line), 60U) << line;
}

TEST(AcceleratorVerbs, TheListSaysWhatIsKnownAndNothingElse) {
  const Ran ran = run_mw({"accelerators"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("h100-sxm"));
  EXPECT_THAT(ran.out, HasSubstr("288 GB*"));
  EXPECT_THAT(ran.out, HasSubstr("* announced by the maker"));
  const auto json = boost::json::parse(run_mw({"accelerators", "--json"}).out);
  EXPECT_EQ(JsonView(json)["accelerators"]["h100-sxm"]["power"]["value"].text(), "700W");
  EXPECT_FALSE(JsonView(json)["accelerators"]["cpu"]["power"].present());
}

TEST(AcceleratorVerbs, OneIsShownWithItsSources) {
  const Ran ran = run_mw({"accelerators", "show", "H100"});
  EXPECT_THAT(ran.out, StartsWith("h100-sxm (nvidia), also called h100"));
  EXPECT_THAT(ran.out, HasSubstr("https://www.nvidia.com/en-us/data-center/h100/"));
  EXPECT_THAT(ran.out, HasSubstr("idle power          -            unknown"));
  const Ran none = run_mw({"accelerators", "show", "h1000"});
  EXPECT_EQ(none.code, 3);
  EXPECT_THAT(none.err, HasSubstr("there is no type of accelerator \"h1000\"; did you mean "
                                  "\"h100\"?"));
}

TEST(AcceleratorVerbs, AFileAddsTypes) {
  const Folder folder;
  const std::string types = folder.write(
      "t.yaml", "accelerators: {x1: {vendor: me, power: {value: 1kW, source: Sheet 1}}}\n");
  const Ran show = run_mw({"accelerators", "show", "x1", "--accelerators", types});
  EXPECT_THAT(show.out, HasSubstr("Sheet 1")) << show.err;
  EXPECT_THAT(run_mw({"accelerators", "--accelerators", types}).out, HasSubstr("\nx1 "));
  // Named by the option, or by the fleet file and then beside it.
  const std::string use_it =
      "shapes: {g: {type: x1, accelerators: 1, cpus: 1, memory: 1GB}}\n"
      "sites: [{name: s, blocks: [{name: b, shape: g, nodes: 1}]}]\n";
  const std::string fleet = folder.write("f.yaml", "name: f\n" + use_it);
  EXPECT_EQ(run_mw({"fleet", "validate", fleet}).code, 2);
  EXPECT_EQ(run_mw({"fleet", "validate", fleet, "--accelerators", types}).code, 0);
  const std::string named = folder.write("g.yaml", "name: f\naccelerators: t.yaml\n" + use_it);
  EXPECT_EQ(run_mw({"fleet", "validate", named}).code, 0);
  EXPECT_THAT(run_mw({"fleet", "validate", "laptop", "--accelerators", "/nonexistent"}).err,
              HasSubstr("cannot read /nonexistent"));
}

}  // namespace
}  // namespace mw
