// sinfo: partitions, and in what state their nodes are.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cctype>
#include <map>
#include <set>

#include "cli/format.h"
#include "cli/home.h"
#include "codec/hostlist.h"
#include "codec/units.h"
#include "slurm_face/columns.h"
#include "slurm_face/face.h"
#include "slurm_face/fleet_facts.h"
#include "slurm_face/help.h"
#include "slurm_face/job_filter.h"
#include "slurm_face/node_rows.h"

namespace mw::face {
namespace {

constexpr std::string_view kLost = "(lost)";    // among the states that are asked for
constexpr std::string_view kNever = "(never)";  // no node is so

constexpr std::string_view kFormat = "%9P %.5a %.10l %.6D %.6t %N";
constexpr std::string_view kNodeFormat = "%N %.6D %.9P %6t";
constexpr std::string_view kLongFormat = "%9P %.5a %.10l %.6D %.6t %8c %8m %20G %N";
constexpr std::string_view kLongNodeFormat = "%N %.6D %.9P %.11T %8c %8m %20G %30f %20E";
constexpr std::string_view kSummary = "%9P %.5a %.10l %.16F %N";
constexpr std::string_view kReasons = "%20E %9u %19H %N";
constexpr std::string_view kLongReasons = "%20E %12u %19H %6t %N";

/// A state as people name it, and those of a node that it means here; none: no node is ever so.
struct KnownState {
  std::string_view word;
  std::vector<std::string_view> means;
};

Result<std::vector<std::string>> read_states(const std::string& text) {
  static const std::vector<KnownState> known = {{"all", {}},
                                                {"alloc", {"allocated"}},
                                                {"allocated", {"allocated"}},
                                                {"comp", {}},
                                                {"completing", {}},
                                                {"down", {"down"}},
                                                {"drain", {"draining", "drained"}},
                                                {"drained", {"drained"}},
                                                {"draining", {"draining"}},
                                                {"drng", {"draining"}},
                                                {"fail", {}},
                                                {"future", {}},
                                                {"idle", {"idle"}},
                                                {"maint", {"maint"}},
                                                {"mix", {"mixed"}},
                                                {"mixed", {"mixed"}},
                                                {"no_respond", {kLost}},
                                                {"planned", {}},
                                                {"power_down", {}},
                                                {"powered_down", {}},
                                                {"powering_down", {}},
                                                {"powering_up", {}},
                                                {"reboot_issued", {}},
                                                {"reboot_requested", {}},
                                                {"reserved", {}},
                                                {"resv", {}},
                                                {"unk", {}},
                                                {"unknown", {}}};
  std::vector<std::string> states;
  for (std::string word : words_of(text)) {
    std::ranges::transform(word, word.begin(), [](unsigned char c) { return std::tolower(c); });
    const auto found = std::ranges::find(known, word, &KnownState::word);
    if (found == known.end()) {
      std::vector<std::string_view> all;
      for (const KnownState& each : known) all.push_back(each.word);
      return Error{ErrorCode::kInvalid,
                   fmt::format("invalid node state specified: {}; valid are {}", in_quotes(word),
                               fmt::join(all, ", "))};
    }
    if (word == "all") return std::vector<std::string>();
    states.insert(states.end(), found->means.begin(), found->means.end());
    if (found->means.empty()) states.emplace_back(kNever);
  }
  return states;
}

/// Nodes of a partition that are shown in one line.
struct SinfoRow {
  std::string partition;
  bool is_default = false;
  std::vector<NodeRow> nodes;
};

std::string names_of(const SinfoRow& row) {
  std::vector<std::string> names;
  for (const NodeRow& node : row.nodes) names.push_back(node.name);
  return slurm::compress_hostlist(names);
}

/// "1/2/0/3": allocated, idle, other, all.
std::string counts_of(const SinfoRow& row) {
  std::size_t allocated = 0;
  std::size_t idle = 0;
  for (const NodeRow& node : row.nodes) {
    allocated += node.state == "allocated" || node.state == "mixed" ? 1 : 0;
    idle += node.state == "idle" ? 1 : 0;
  }
  return fmt::format("{}/{}/{}/{}", allocated, idle, row.nodes.size() - allocated - idle,
                     row.nodes.size());
}

/// Of one kind in all nodes, or with "+" behind the least.
std::string common(const SinfoRow& row, std::int64_t NodeRow::*member) {
  std::int64_t low = row.nodes.empty() ? 0 : row.nodes[0].*member;
  bool same = true;
  for (const NodeRow& node : row.nodes) {
    same = same && node.*member == row.nodes[0].*member;
    low = std::min(low, node.*member);
  }
  return fmt::format("{}{}", low, same ? "" : "+");
}

std::string cpus_of(const SinfoRow& row) {
  std::int64_t used = 0;
  std::int64_t idle = 0;
  std::int64_t all = 0;
  for (const NodeRow& node : row.nodes) {
    const bool serves = node.state == "idle" || node.state == "mixed" || node.state == "allocated";
    used += node.cpus - node.cpus_free;
    idle += serves ? node.cpus_free : 0;
    all += node.cpus;
  }
  return fmt::format("{}/{}/{}/{}", used, idle, all - used - idle, all);
}

const NodeRow& first(const SinfoRow& row) { return row.nodes.front(); }

const std::vector<Column<SinfoRow>>& columns() {
  using Row = SinfoRow;
  static const std::vector<Column<Row>> all = {
      {'P', "partition", "PARTITION", "", 0,
       [](const Row& r, Instant) { return r.partition + (r.is_default ? "*" : ""); }},
      {'R', "partitionname", "PARTITION", "", 0, [](const Row& r, Instant) { return r.partition; }},
      {'a', "available", "AVAIL", "", 0, [](const Row&, Instant) { return std::string("up"); }},
      {'l', "time", "TIMELIMIT", "", 0,
       [](const Row&, Instant) { return std::string("infinite"); }},
      {'D', "nodes", "NODES", "", 0,
       [](const Row& r, Instant) { return fmt::format("{}", r.nodes.size()); }},
      {'t', "statecompact", "STATE", "", 0,
       [](const Row& r, Instant) { return first(r).state_short(); }},
      {'T', "statelong", "STATE", "", 0,
       [](const Row& r, Instant) { return first(r).state_long(); }},
      {'N', "nodelist", "NODELIST", "", 0, [](const Row& r, Instant) { return names_of(r); }},
      {'n', "nodehost", "HOSTNAMES", "", 0, [](const Row& r, Instant) { return first(r).name; }},
      {'o', "nodeaddr", "NODE_ADDR", "", 0, [](const Row& r, Instant) { return first(r).name; }},
      {'F', "nodeaiot", "NODES(A/I/O/T)", "", 0,
       [](const Row& r, Instant) { return counts_of(r); }},
      {'C', "cpusstate", "CPUS(A/I/O/T)", "", 0, [](const Row& r, Instant) { return cpus_of(r); }},
      {'c', "cpus", "CPUS", "", 0, [](const Row& r, Instant) { return common(r, &NodeRow::cpus); }},
      {'m', "memory", "MEMORY", "", 0,
       [](const Row& r, Instant) { return common(r, &NodeRow::memory_mib); }},
      {'e', "freemem", "FREE_MEM", "", 0,
       [](const Row& r, Instant) { return common(r, &NodeRow::memory_free_mib); }},
      {'G', "gres", "GRES", "", 0, [](const Row& r, Instant) { return first(r).gres(); }},
      {0, "gresused", "GRES_USED", "", 0,
       [](const Row& r, Instant) { return first(r).gres_used(); }},
      {'f', "features", "AVAIL_FEATURES", "", 0,
       [](const Row& r, Instant) { return first(r).features(); }},
      {'b', "features_act", "ACTIVE_FEATURES", "", 0,
       [](const Row& r, Instant) { return first(r).features(); }},
      {'E', "reason", "REASON", "", 0,
       [](const Row& r, Instant) { return first(r).reason.empty() ? "none" : first(r).reason; }},
      {'u', "user", "USER", "", 0,
       [](const Row& r, Instant) { return first(r).by.empty() ? "Unknown" : first(r).by; }},
      {'H', "timestamp", "TIMESTAMP", "", 0,
       [](const Row& r, Instant) { return slurm_time(first(r).since); }},
  };
  return all;
}

struct SinfoRequest {
  bool by_node = false;
  bool all_states = false;  ///< one line a partition
  bool only_reasons = false;
  bool exact = false;  ///< nodes of one line are alike
  bool only_lost = false;
  bool only_responding = false;
  std::vector<std::string> partitions;
  std::vector<std::string> states;
  std::vector<std::string> nodes;
};

bool takes(const SinfoRequest& request, const NodeRow& node) {
  const auto among = [](const std::vector<std::string>& list, const std::string& one) {
    return list.empty() || std::ranges::find(list, one) != list.end();
  };
  const bool state =
      among(request.states, node.state) || (node.lost && among(request.states, std::string(kLost)));
  return state && among(request.nodes, node.name) &&
         (!request.only_reasons || !node.reason.empty()) && (!request.only_lost || node.lost) &&
         (!request.only_responding || !node.lost);
}

std::vector<SinfoRow> rows_of(const SinfoRequest& request, const FleetFacts& fleet,
                              const std::vector<NodeRow>& nodes) {
  std::vector<SinfoRow> rows;
  const Partition* const default_partition = &fleet.default_partition();
  for (const Partition& partition : fleet.partitions) {
    if (!request.partitions.empty() &&
        std::ranges::find(request.partitions, partition.name) == request.partitions.end()) {
      continue;
    }
    std::map<std::string, SinfoRow> groups;
    for (const NodeRow& node : nodes) {
      if (!holds(partition, {node.site, node.accelerator_type}) || !takes(request, node)) continue;
      std::string key = request.by_node      ? node.name
                        : request.all_states ? ""
                                             : node.state + node.gres();
      if (request.exact)
        key += fmt::format(" {} {} {}", node.cpus, node.memory_mib, node.features());
      if (request.only_reasons) key = node.reason + node.name;
      SinfoRow& row = groups[key];
      row.partition = partition.name;
      row.is_default = &partition == default_partition;
      row.nodes.push_back(node);
    }
    for (auto& [key, row] : groups) rows.push_back(std::move(row));
  }
  if (request.by_node) {
    std::ranges::stable_sort(rows, {},
                             [](const SinfoRow& row) { return row.nodes.front().number; });
  }
  return rows;
}

boost::json::array json_of(const std::vector<NodeRow>& nodes) {
  boost::json::array all;
  for (const NodeRow& node : nodes) {
    all.push_back({{"name", node.name},
                   {"state", node.state},
                   {"reason", node.reason},
                   {"cpus", node.cpus},
                   {"alloc_cpus", node.cpus - node.cpus_free},
                   {"real_memory", node.memory_mib},
                   {"free_memory", node.memory_free_mib},
                   {"gres", node.gres()},
                   {"gres_used", node.gres_used()},
                   {"features", node.features()}});
  }
  return all;
}

}  // namespace

int run_sinfo(const Call& call) {
  const auto flags = read_flags(flags_of("sinfo"), call.arguments);
  if (!flags) return call.fail(flags.error());
  if (flags->has("help") || flags->has("usage") || flags->has("version")) {
    return show_listing_help(call, flags->has("version"));
  }
  SinfoRequest request;
  request.by_node = flags->has("node") || flags->has("Node");
  request.all_states = flags->has("summarize");
  request.only_reasons = flags->has("list-reasons");
  request.only_lost = flags->has("dead");
  request.only_responding = flags->has("responding");
  request.partitions = words_of(flags->value("partition"));
  request.exact = flags->has("exact");
  auto states = read_states(flags->value("states"));
  if (!states) return call.fail(states.error());
  request.states = std::move(*states);
  auto names = slurm::expand_hostlist(flags->value("nodes"));
  if (!names) return call.fail(names.error());
  request.nodes = std::move(*names);
  std::string format = flags->value("format");
  if (format.empty() && !request.by_node && !request.only_reasons) {
    format = read_environment("SINFO_FORMAT");
  }
  if (format.empty()) {
    const bool is_long = flags->has("long");
    format = request.only_reasons ? is_long ? kLongReasons : kReasons
             : request.by_node    ? is_long ? kLongNodeFormat : kNodeFormat
             : request.all_states ? kSummary
             : is_long            ? kLongFormat
                                  : kFormat;
  }
  const auto chosen = flags->has("Format")
                          ? choose_by_names(columns(), flags->value("Format"), NameStyle::kLong)
                          : choose_by_letters(columns(), format);
  if (!chosen) return call.fail(chosen.error());
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  const auto fleet = read_fleet_facts(connection->api, connection->home);
  if (!fleet) return call.fail(fleet.error());
  const auto nodes = list_nodes(connection->api);
  if (!nodes) return call.fail(nodes.error());
  if (flags->has("json")) {
    std::vector<NodeRow> shown;
    std::set<std::string> seen;  // a node is in several partitions
    for (const SinfoRow& row : rows_of(request, *fleet, *nodes)) {
      for (const NodeRow& node : row.nodes) {
        if (seen.insert(node.name).second) shown.push_back(node);
      }
    }
    std::ranges::sort(shown, {}, &NodeRow::number);
    call.console.out(
        pretty_json(boost::json::serialize(boost::json::object{{"nodes", json_of(shown)}})));
    return 0;
  }
  call.console.out(
      table_text(*chosen, rows_of(request, *fleet, *nodes), wall_clock(), !flags->has("noheader")));
  return 0;
}

}  // namespace mw::face
