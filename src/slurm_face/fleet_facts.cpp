#include "slurm_face/fleet_facts.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/home.h"
#include "cli/text_source.h"
#include "codec/json.h"

namespace mw::face {
namespace {

constexpr std::size_t kPartitionsBytesMax = std::size_t{1} << 20;
constexpr std::string_view kNodesAtOnce = "10000";

/// The file's outermost level.
struct PartitionFile {
  std::vector<Partition> partitions;
  MW_FIELDS(partitions)
};

Result<std::vector<Partition>> read_partition_file(const std::string& path) {
  const auto text = read_text_file(path, kPartitionsBytesMax);
  if (!text) return text.error();
  const auto tree = parse_json(*text);
  if (!tree) return Error{tree.error().code, fmt::format("{}: {}", path, tree.error().message)};
  auto file = from_json<PartitionFile>(*tree);
  if (!file) return Error{file.error().code, fmt::format("{}: {}", path, file.error().message)};
  if (file->partitions.empty()) {
    return Error{ErrorCode::kInvalid, fmt::format("{}: expected at least one partition", path)};
  }
  return std::move(file->partitions);
}

std::vector<Partition> default_partitions(const std::vector<NodeGroup>& groups) {
  std::vector<Partition> partitions = {{"all", {}, {}, true}};
  std::set<std::string> types;
  std::set<std::string> sites;
  for (const NodeGroup& group : groups) {
    types.insert(group.accelerator_type);
    sites.insert(group.site);
  }
  for (const std::string& type : types) partitions.push_back({type, {type}, {}, false});
  for (const std::string& site : sites) {
    if (!types.contains(site)) partitions.push_back({site, {}, {site}, false});
  }
  return partitions;
}

}  // namespace

bool holds(const Partition& partition, const NodeGroup& group) {
  const auto among = [](const std::vector<std::string>& list, const std::string& one) {
    return list.empty() || std::ranges::find(list, one) != list.end();
  };
  return among(partition.accelerator_types, group.accelerator_type) &&
         among(partition.sites, group.site);
}

const Partition* FleetFacts::find_partition(std::string_view name) const {
  const auto found = std::ranges::find(partitions, name, &Partition::name);
  return found == partitions.end() ? nullptr : &*found;
}

const Partition& FleetFacts::default_partition() const {
  const auto found = std::ranges::find(partitions, true, &Partition::is_default);
  return found == partitions.end() ? partitions.front() : *found;
}

std::vector<std::string> FleetFacts::types_of(const Partition& partition) const {
  std::set<std::string> types;
  for (const NodeGroup& group : groups) {
    if (holds(partition, group)) types.insert(group.accelerator_type);
  }
  return {types.begin(), types.end()};
}

Result<boost::json::array> read_all_nodes(Api& api) {
  boost::json::array nodes;
  std::string from = "0";
  while (true) {
    const auto page = api.get("/v1/nodes", {{"from", from}, {"limit", std::string(kNodesAtOnce)}});
    if (!page) return page.error();
    for (const auto& node : page->view()["nodes"].list()) nodes.push_back(node);
    const JsonView next = page->view()["next"];
    if (!next.present()) return nodes;
    from = std::to_string(next.integer());
  }
}

Result<FleetFacts> read_fleet_facts(Api& api, const std::filesystem::path& home) {
  const auto nodes = read_all_nodes(api);
  if (!nodes) return nodes.error();
  std::set<NodeGroup> groups;
  for (const auto& node : *nodes) {
    const JsonView view(node);
    groups.insert({view["site"].text(), view["accelerator_type"].text()});
  }
  FleetFacts facts{{groups.begin(), groups.end()}, {}};
  std::string file = read_environment("MILLWRIGHT_PARTITIONS");
  std::error_code failure;
  if (file.empty() && std::filesystem::exists(home / "partitions.json", failure)) {
    file = (home / "partitions.json").string();
  }
  if (file.empty()) {
    facts.partitions = default_partitions(facts.groups);
    return facts;
  }
  auto partitions = read_partition_file(file);
  if (!partitions) return partitions.error();
  facts.partitions = std::move(*partitions);
  return facts;
}

}  // namespace mw::face
