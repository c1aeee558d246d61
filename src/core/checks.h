// Checks of nodes as the brain keeps them: which run on idle nodes, who comes next, and what the
// nodes of a pool have measured lately. A part of the state (health.h).
// Always: a node is checked in service only while it is ready, heard of and empty; so a check never
// stands in a job's way: the decision that places the job ends it first.
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "core/topology.h"
#include "model/check.h"
#include "model/check_event.h"

namespace mw {

struct Node;
struct State;

/// Of each pool and measure the values of so many nodes are kept, the latest: enough to compare
/// with, whatever the size of the pool, and soon those of a new driver alone.
inline constexpr std::size_t kPoolSamplesKept = 256;
/// So many pools times measures; what comes beyond them is not compared.
inline constexpr std::size_t kPoolsKept = 10'000;

// The core's own words for what checks find.
inline constexpr std::string_view kCheckFailedCode = "check.failed";
inline constexpr std::string_view kCheckSlowCode = "check.slow";
inline constexpr std::string_view kCheckUnableCode = "check.unable";

/// A check of an idle node.
struct RunningCheck {
  Epoch id;
  Instant begun_at;
  Instant deadline;
  bool operator==(const RunningCheck&) const = default;
  MW_FIELDS(id, begun_at, deadline)
};

/// Nodes that may be compared: of one shape at one site; by what they measure.
struct PoolKey {
  std::string site;
  std::string shape;
  std::string measure;
  auto operator<=>(const PoolKey&) const = default;
  MW_FIELDS(site, shape, measure)
};
struct PoolSample {
  NodeId node;
  std::int64_t value = 0;
  bool operator==(const PoolSample&) const = default;
  MW_FIELDS(node, value)
};

/// Whom checks wait for at one site. Derived.
struct CheckSite {
  std::set<std::pair<Instant, NodeId>> due;  ///< idle nodes, by when they may be checked
  std::set<NodeId> waiting;                  ///< new nodes that are to be proven
  std::set<NodeId> proving;                  ///< of those, the ones that are being proven
  std::uint32_t checking = 0;                ///< idle nodes that are being checked
  bool operator==(const CheckSite&) const = default;
  [[nodiscard]] bool empty() const {
    return due.empty() && waiting.empty() && proving.empty() && checking == 0;
  }
};

struct Checks {
  std::map<NodeId, RunningCheck> running;
  std::map<PoolKey, std::vector<PoolSample>> pools;  ///< by age, each node once
  // Derived.
  std::map<SiteId, CheckSite> sites;
  bool operator==(const Checks&) const = default;
  MW_FIELDS(running, pools)
};

void apply_health(State& state, const CheckBegun& event);
void apply_health(State& state, const CheckEnded& event);
/// Something has changed of which it depends when the node is checked: its phase, contact, work.
void follow_checks(State& state, Node& node);
/// Fills the derived fields.
void rebuild_checks(State& state);

/// The pool of a node for one of its measures.
PoolKey pool_of(const State& state, NodeId node, const std::string& measure);

/// What others of a pool say of a node's value.
struct PoolView {
  std::size_t others = 0;
  std::int64_t median = 0;
  std::int64_t deviation = 0;  ///< median absolute deviation
  std::int64_t behind = 0;     ///< by how much the value is worse than the median; negative: better
  bool slow = false;
  bool operator==(const PoolView&) const = default;
  MW_FIELDS(others, median, deviation, behind, slow)
};

/// Compares with the others' values, robustly: the distance from their median, in units of
/// their median absolute deviation. Slow: further behind than one healthy node in 10,000 would be
/// when noise is normal, for that number of others, and by `slow_percent` of the median at least.
/// REQUIRES: others is not empty; better is not kNeither.
/// Cost: O(others).  Source: Iglewicz & Hoaglin, How to Detect and Handle Outliers (1993), for the
/// statistic; the limits for few others are from simulation (docs/checks.md).
PoolView compare_with(std::int64_t value, BetterValue better, std::vector<std::int64_t> others,
                      const CheckRules& rules);
/// As that, with what is known of the node's pool; none: nobody else has measured it.
std::optional<PoolView> compare_with_pool(const State& state, NodeId node, const Measure& measure);

}  // namespace mw
