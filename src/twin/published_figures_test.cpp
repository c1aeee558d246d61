// The packing experiment against what its paper published (traces/openb): if the baselines drift,
// nothing else that it says can be trusted.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "codec/csv.h"
#include "twin/packing_experiment.h"

namespace mw {
namespace {

const std::string kTraces = MW_TRACES;

CsvTable read(const std::string& name) {
  auto table = CsvTable::read(kTraces + "/" + name);
  EXPECT_TRUE(table.ok()) << (table.ok() ? "" : table.error().message);
  return table.ok() ? std::move(*table) : CsvTable();
}

TEST(PublishedFigures, FgdAndBestFitOnOpenb) {
  const auto nodes = trace_nodes(read("openb/openb_node_list_gpu_node.csv"));
  const auto pods = trace_pods(read("openb/openb_pod_list_default.csv"));
  ASSERT_TRUE(nodes.ok() && pods.ok());
  const auto the_case = packing_case(*nodes, *pods);
  ASSERT_TRUE(the_case.ok());
  EXPECT_EQ(the_case->capacity / kWholeAccelerator, 6212);
  std::map<std::string, PackingResult> results;
  const auto arrivals = packing_arrivals(*the_case, 44);
  for (const std::string name : {"bestfit", "fgd", "millwright"}) {
    const auto place = name == "millwright"
                           ? place_by_scheduler(*the_case)
                           : place_by_ranking(*the_case, *enum_from_name<RankingKind>(name), 44);
    results[name] = run_packing(*the_case, arrivals, place);
  }
  const CsvTable published = read("openb/published_allocation.csv");
  for (std::size_t row = 0; row < published.size(); ++row) {
    const std::string policy = *published.text(row, "policy");
    const bool fgd = policy == "06-FGD";
    if (*published.text(row, "workload") != "openb_pod_list_default") continue;
    if (!fgd && policy != "05-BestFit") continue;
    const auto arrived = std::stoll(*published.text(row, "arrived_pct"));
    // One seed: half a point, and three published deviations.
    const double allowed = 0.5 + 3 * std::stod(*published.text(row, "alloc_pct_std10"));
    EXPECT_NEAR(results[fgd ? "fgd" : "bestfit"].allocated.at(arrived),
                std::stod(*published.text(row, "alloc_pct_mean10")), allowed)
        << policy << " at " << arrived;
  }
  for (const std::int64_t arrived : {80, 90, 100, 110}) {
    EXPECT_GE(results["millwright"].allocated.at(arrived),
              results["fgd"].allocated.at(arrived) - 0.1);
  }
  EXPECT_GT(results["millwright"].allocated.at(130), results["fgd"].allocated.at(130));
  EXPECT_GE(results["millwright"].placed_by_devices.at(8), results["fgd"].placed_by_devices.at(8));
}

}  // namespace
}  // namespace mw
