// The rules of deciding: who may use how much, who goes first, what may be stopped for whom, and
// every weight that a decision uses. One YAML file; docs/policy.md says what each value is for.
// Changing it while jobs run is an input like any other.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fields.h"
#include "base/quantity.h"
#include "base/time.h"
#include "model/resilience.h"

namespace mw {

/// A rank that a job may name. Nothing of a lower class starts before it where both would fit.
struct PriorityClass {
  std::string name;
  std::int32_t value = 0;    ///< larger goes first
  bool preempts = false;     ///< may have preemptible jobs of lower classes stopped
  bool preemptible = false;  ///< its jobs may be stopped for others
  bool operator==(const PriorityClass&) const = default;
  MW_FIELDS(name, value, preempts, preemptible)
};

/// One tenant: a team, a project, a customer. Tenants form a tree; what a tenant uses counts for
/// all above it. A tenant that no policy names hangs at the root, with these defaults.
struct TenantPolicy {
  std::string name;
  std::string parent;  ///< named earlier in the list; empty: the root
  /// Nominal accelerators: what it has a right to. 0: none; it lives on what others leave.
  AcceleratorShare quota;
  /// How much more it may use of what is free; none: as much as there is.
  std::optional<AcceleratorShare> borrow_limit;
  std::uint32_t weight = 1;  ///< of its fair share among its siblings
  bool operator==(const TenantPolicy&) const = default;
  MW_FIELDS(name, parent, quota, borrow_limit, weight)
};

/// A tenant's share is the largest of its shares of accelerators, CPUs and memory (dominant
/// share), divided by its weight: of what it uses now, plus of what it used before.
struct FairShareRules {
  Duration half_life = hours(24 * 7);   ///< past use counts half after this
  std::uint32_t history_percent = 100;  ///< weight of past use beside present use; 0: none
  bool operator==(const FairShareRules&) const = default;
  MW_FIELDS(half_life, history_percent)
};

struct BackfillRules {
  /// How many of the first jobs that cannot start have their start planned, so that nothing which
  /// starts meanwhile delays them. 0: none, and large gangs may wait for ever.
  std::uint32_t reservations = 8;
  bool operator==(const BackfillRules&) const = default;
  MW_FIELDS(reservations)
};

struct PreemptionRules {
  bool by_priority = true;  ///< classes that preempt may do so
  /// A tenant within its quota may have jobs stopped of tenants that use more than theirs.
  bool reclaim = true;
  Duration runtime_min = minutes(5);  ///< attempts that run for less are left alone
  /// What stopping and starting costs each accelerator beside the work that is lost.
  Duration restart_cost = minutes(2);
  bool operator==(const PreemptionRules&) const = default;
  MW_FIELDS(by_priority, reclaim, runtime_min, restart_cost)
};

/// Elastic jobs are given more when there is more, by stopping at a checkpoint and starting again.
struct ElasticRules {
  bool grow = true;
  Duration grow_interval = minutes(30);  ///< not more often than this for one job
  std::uint32_t gain_percent = 25;       ///< not for less than so much more
  bool operator==(const ElasticRules&) const = default;
  MW_FIELDS(grow, grow_interval, gain_percent)
};

/// Small jobs may be moved together when that lets a large one start that waits.
struct ConsolidationRules {
  bool enabled = false;
  /// What moving costs each accelerator that is moved, beside the work that is lost.
  Duration move_cost = minutes(2);
  /// Over which the waiting job's gain is counted: its accelerators x this much sooner.
  Duration horizon = minutes(30);
  bool operator==(const ConsolidationRules&) const = default;
  MW_FIELDS(enabled, move_cost, horizon)
};

/// What weighs how much when a node is chosen for tasks that fit on one. With all at 0 the best fit
/// decides: the least left over.
struct RankingRules {
  /// What the placement takes from what the demand seen so far could use of the node.
  std::uint32_t fragmentation_percent = 100;
  /// Room for several whole accelerators on one node, as far as the demand makes it scarce.
  std::uint32_t whole_percent = 100;
  /// Accelerators of a type that others insist on, as far as it is scarce.
  std::uint32_t type_percent = 100;
  /// Nodes that are entirely free, for what has not been asked for yet.
  std::uint32_t empty_percent = 100;
  bool operator==(const RankingRules&) const = default;
  MW_FIELDS(fragmentation_percent, whole_percent, type_percent, empty_percent)
};

struct Policy {
  std::string name = "default";
  std::vector<PriorityClass> classes = {
      {"best-effort", -100, false, true}, {"normal", 0, true, false}, {"high", 100, true, false}};
  std::string default_class = "normal";
  std::vector<TenantPolicy> tenants;  ///< parents before their children
  /// Of tenants that are not named above; none: jobs of such tenants are refused.
  std::optional<TenantPolicy> others = TenantPolicy();
  FairShareRules fair_share;
  BackfillRules backfill;
  PreemptionRules preemption;
  ElasticRules elastic;
  ConsolidationRules consolidation;
  RankingRules ranking;
  /// A job that has waited so long goes before all others, in order of age. 0: never.
  Duration starvation_after = hours(24);
  /// For so long the good nodes of a gang that lost one are kept for it; 0 or none: not at all.
  std::optional<Duration> keep_nodes_for = minutes(30);
  std::optional<std::vector<SpareRule>> spares{};
  /// Jobs of this class, and of lower ones, that may be stopped for others run on spares until a
  /// gang needs them; none: spares stay empty.
  std::optional<std::string> lend_spares{};
  bool operator==(const Policy&) const = default;
  MW_FIELDS(name, classes, default_class, tenants, others, fair_share, backfill, preemption,
            elastic, consolidation, ranking, starvation_after, keep_nodes_for, spares, lend_spares)
};

/// The class of that name, or the default one when `name` is empty; null when there is none.
const PriorityClass* find_class(const Policy& policy, const std::string& name);

/// What keeps the policy from being used, as a sentence; empty: nothing does. For what comes from
/// a journal or a program; a file is judged with better words by src/codec/policy_file.
std::string fault_of(const Policy& policy);

}  // namespace mw
