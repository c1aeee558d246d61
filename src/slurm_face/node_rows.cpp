#include "slurm_face/node_rows.h"

#include <fmt/format.h>

#include <map>

#include "slurm_face/fleet_facts.h"

namespace mw::face {
namespace {

constexpr std::int64_t kMilli = 1000;
constexpr std::int64_t kMiB = 1 << 20;

std::string state_of(const JsonView& view, const NodeRow& row) {
  const std::string phase = view["phase"].text();
  const bool has_jobs = !view["jobs"].list().empty();
  if (phase == "retired") return "down";
  if (phase == "draining") return has_jobs ? "draining" : "drained";
  if (phase == "quarantined") return "drained";
  if (phase == "repairing" || phase == "validating" || phase == "provisioning") return "maint";
  if (view["lost"].flag()) return "down";
  const bool used = row.cpus_free < row.cpus || row.accelerators_used > 0;
  if (!used && !has_jobs) return "idle";
  const bool full =
      row.cpus_free <= 0 || (row.accelerators > 0 && row.accelerators_used >= row.accelerators);
  return full ? "allocated" : "mixed";
}

std::string gres_text(const NodeRow& row, std::int64_t count) {
  if (row.accelerators == 0 || row.accelerator_type == kCoreType) return "(null)";
  return fmt::format("gpu:{}:{}", row.accelerator_type, count);
}

}  // namespace

std::string NodeRow::state_short() const {
  static const std::map<std::string_view, std::string_view> brief = {
      {"allocated", "alloc"}, {"mixed", "mix"}, {"draining", "drng"}, {"drained", "drain"}};
  const auto found = brief.find(state);
  return (found == brief.end() ? state : std::string(found->second)) + (lost ? "*" : "");
}
std::string NodeRow::state_long() const { return state + (lost ? "*" : ""); }
std::string NodeRow::gres() const { return gres_text(*this, accelerators); }
std::string NodeRow::gres_used() const { return gres_text(*this, accelerators_used); }
std::string NodeRow::features() const { return fmt::format("{},{}", site, accelerator_type); }

NodeRow node_row(const JsonView& view) {
  NodeRow row;
  row.number = static_cast<std::uint64_t>(view["id"].integer());
  row.name = view["name"].text();
  row.site = view["site"].text();
  row.accelerator_type = view["accelerator_type"].text();
  row.lost = view["lost"].flag();
  row.reason = view["reason"].text();
  row.by = view["by"].text();
  row.since = view["phase_since_ns"].instant();
  row.accelerators = view["accelerators"].integer();
  row.accelerators_used =
      row.accelerators - (view["accelerators_free_milli"].integer() + kMilli - 1) / kMilli;
  row.cpus = view["cpus_milli"].integer() / kMilli;
  row.cpus_free = view["cpus_free_milli"].integer() / kMilli;
  row.memory_mib = view["memory_bytes"].integer() / kMiB;
  row.memory_free_mib = view["memory_free_bytes"].integer() / kMiB;
  row.state = state_of(view, row);
  return row;
}

Result<std::vector<NodeRow>> list_nodes(Api& api) {
  const auto nodes = read_all_nodes(api);
  if (!nodes) return nodes.error();
  std::vector<NodeRow> rows;
  for (const auto& node : *nodes) rows.push_back(node_row(JsonView(node)));
  return rows;
}

}  // namespace mw::face
