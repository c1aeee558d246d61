#include <fmt/format.h>

#include <filesystem>

#include "sim_hooks.h"
#include "twin/compare.h"
#include "twin/report_html.h"
#include "twin/run_output.h"

namespace mw {
namespace {

Result<std::string> compare(const SimCompareRequest& request) {
  std::vector<RunGroup> groups;
  for (const std::string& path : request.runs) {
    auto group = read_run_group(path);
    if (!group) return group.error();
    groups.push_back(std::move(*group));
  }
  const auto comparison = compare_runs(groups);
  if (!comparison) return comparison.error();
  if (!request.out.empty()) {
    if (auto made = make_output_folder(request.out); !made) return made.error();
    const auto written = replace_own_file(std::filesystem::path(request.out) / "compare.html",
                                          kPageBegin, compare_html(*comparison));
    if (!written) return written.error();
  }
  return write_comparison(*comparison);
}

}  // namespace

void add_sim_compare_hooks(CliHooks& hooks) { hooks.sim.compare = compare; }

}  // namespace mw
