#include <gtest/gtest.h>

#include "model/catalogue.h"
#include "model/fleet_spec.h"

namespace mw {
namespace {

TEST(NodeName, CountsFromOneWithLeadingZeros) {
  SiteSpec site;
  site.name = "tx1";
  BlockSpec block;
  block.name = "pod";
  block.nodes = 127;
  EXPECT_EQ(node_name(site, block, 0, 0), "tx1-pod-001");
  EXPECT_EQ(node_name(site, block, 0, 126), "tx1-pod-127");
  block.count = 12;
  EXPECT_EQ(node_name(site, block, 0, 8), "tx1-pod01-009");
  EXPECT_EQ(node_name(site, block, 11, 99), "tx1-pod12-100");
  block.count = 9;
  block.nodes = 9;
  EXPECT_EQ(node_name(site, block, 8, 8), "tx1-pod9-9");
  EXPECT_EQ(block_name(site, block, 8), "tx1-pod9");
}

TEST(FindType, KnowsAliasesInAnyCase) {
  Catalogue catalogue;
  catalogue.types.resize(2);
  catalogue.types[0].name = "h100-sxm";
  catalogue.types[0].aliases = {"H100"};
  catalogue.types[1].name = "a100-sxm";
  ASSERT_NE(find_type(catalogue, "h100"), nullptr);
  EXPECT_EQ(find_type(catalogue, "h100")->name, "h100-sxm");
  EXPECT_EQ(find_type(catalogue, "A100-SXM")->name, "a100-sxm");
  EXPECT_EQ(find_type(catalogue, "h10"), nullptr);
  EXPECT_EQ(find_type(catalogue, ""), nullptr);
}

}  // namespace
}  // namespace mw
