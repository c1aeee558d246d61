// What is known of faults, and what is being done about them: a part of the state. Bounded by the
// fleet: a place has no more than kFaultsPerPlace records, a record no more than kOccurrencesKept
// occurrences and kSourcesKept sources, a node one remedy.
// Always: a node with a remedy is draining, or being repaired or validated; a remedy that has begun
// is on a node where nothing runs.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "core/checks.h"
#include "model/event.h"
#include "model/fault.h"
#include "model/fault_policy.h"

namespace mw {

struct Attempt;
struct State;
class Topology;

inline constexpr std::size_t kFaultsPerPlace = 16;
inline constexpr std::size_t kOccurrencesKept = 64;
inline constexpr std::size_t kSourcesKept = 4;
/// The core's own word for a job that has fallen silent.
inline constexpr std::string_view kHungCode = "job.hung";
inline constexpr std::string_view kNodeLostCode = "engine.node_lost";

/// Where a fault is: a node with its accelerators, a job, or something with a name above nodes.
struct FaultPlace {
  FaultReach scope = FaultReach::kNode;  ///< never kAccelerator
  std::uint64_t id = 0;                  ///< of the node or the job
  std::string name;                      ///< of what is above nodes
  auto operator<=>(const FaultPlace&) const = default;
  MW_FIELDS(scope, id, name)
};

/// The last that a source said of a fault.
struct FaultMark {
  std::string source;
  std::uint64_t sequence = 0;
  Instant at;
  bool operator==(const FaultMark&) const = default;
  MW_FIELDS(source, sequence, at)
};
struct Occurrence {
  Instant at;
  std::uint64_t count = 1;
  bool operator==(const Occurrence&) const = default;
  MW_FIELDS(at, count)
};

struct FaultRecord {
  std::string code;
  std::optional<std::uint32_t> device;
  FaultReach scope = FaultReach::kNode;
  FaultyPart component = FaultyPart::kUnknown;
  FaultSeverity severity = FaultSeverity::kWarning;
  std::string detail;
  std::optional<Rank> rank;
  Instant first_at;
  Instant last_at;
  std::uint64_t occurrences = 0;
  std::vector<Occurrence> recent;  ///< by time
  std::vector<FaultMark> marks;
  bool active = false;
  FaultAction acted = FaultAction::kIgnore;     ///< the most that was done since it is active
  FaultAction withheld = FaultAction::kIgnore;  ///< the most that would have been done
  bool operator==(const FaultRecord&) const = default;
  MW_FIELDS(code, device, scope, component, severity, detail, rank, first_at, last_at, occurrences,
            recent, marks, active, acted, withheld)
};

struct PlaceFaults {
  std::vector<FaultRecord> records;  ///< by code, then device
  Instant fence;                     ///< what happened until then may have been forgotten
  bool operator==(const PlaceFaults&) const = default;
  MW_FIELDS(records, fence)
};

/// What is to be done to a node, or is being done.
struct Remedy {
  Epoch id;
  FaultAction action = FaultAction::kReboot;
  std::string code;
  std::optional<std::uint32_t> device;
  Instant planned_at;
  std::optional<Instant> begun_at;
  std::optional<Instant> deadline;
  bool operator==(const Remedy&) const = default;
  MW_FIELDS(id, action, code, device, planned_at, begun_at, deadline)
};

/// What a breaker watches over, by name.
struct BreakerPlace {
  BreakerLevel level = BreakerLevel::kSite;
  std::string name;
  auto operator<=>(const BreakerPlace&) const = default;
  MW_FIELDS(level, name)
};
struct TakenNode {
  Instant at;
  NodeId node;
  bool operator==(const TakenNode&) const = default;
  MW_FIELDS(at, node)
};
struct Breaker {
  std::vector<TakenNode> taken;  ///< within the window, by time; each node once
  std::optional<Instant> tripped_at;
  bool operator==(const Breaker&) const = default;
  MW_FIELDS(taken, tripped_at)
};

struct Health {
  std::shared_ptr<const FaultPolicy> policy = std::make_shared<const FaultPolicy>();
  std::map<NodeId, Remedy> remedies;
  std::map<NodeId, Instant> watched;  ///< suspect nodes, until when
  std::map<BreakerPlace, Breaker> breakers;
  std::map<JobId, Instant> heard;  ///< when running jobs last said something of themselves
  Checks checks;
  // Derived.
  std::set<std::pair<Instant, NodeId>> timers;  ///< of nodes with something that comes with time
  std::set<std::pair<Instant, JobId>> silence;  ///< when a job counts as hung
  std::set<NodeId> asking;  ///< nodes that drain, and whose jobs are asked to save
  friend bool operator==(const Health& a, const Health& b) {
    return (a.policy == b.policy || *a.policy == *b.policy) && a.remedies == b.remedies &&
           a.watched == b.watched && a.breakers == b.breakers && a.heard == b.heard &&
           a.checks == b.checks && a.timers == b.timers && a.silence == b.silence &&
           a.asking == b.asking;
  }
  MW_FIELDS(policy, remedies, watched, breakers, heard, checks)
};

using FaultTable = std::map<FaultPlace, PlaceFaults>;

// --- what events do (health_apply.cpp) ----------------------------------------------------------

void apply_health(State& state, const NodeMoved& event, NodePhase before);
void apply_health(State& state, const FaultNoted& event);
void apply_health(State& state, const FaultGone& event);
void apply_health(State& state, const FaultJudged& event);
void apply_health(State& state, const NodeWatched& event);
void apply_health(State& state, const RemedyPlanned& event);
void apply_health(State& state, const RemedyBegun& event);
void apply_health(State& state, const RemedyCancelled& event);
void apply_health(State& state, const RemedyEnded& event);
void apply_health(State& state, const BreakerTripped& event);
void apply_health(State& state, const BreakerWasReset& event);
void apply_health(State& state, const FaultPolicyChanged& event);
/// The job's attempt has said something of itself, as of `state.now`.
void note_heard(State& state, JobId job);
/// A control plane took over: silence counts from now on.
void hear_anew(State& state);
/// Its attempt is over, or being stopped: nobody listens for it any more.
void stop_listening(State& state, JobId job);
/// Its attempt is over: what it said of its own faults is forgotten.
void forget_job_faults(State& state, JobId job);
/// Fills the derived fields.
void rebuild_health(State& state);

// --- looking (health.cpp) -----------------------------------------------------------------------

/// Where a report says that the fault is; none: there is no such place.
std::optional<FaultPlace> place_of(const State& state, const FaultReport& report);
const FaultRecord* find_fault(const State& state, const FaultPlace& place, std::string_view code,
                              std::optional<std::uint32_t> device);
/// The nodes at a place that is not a job.
std::vector<NodeId> nodes_at(const State& state, const FaultPlace& place);
/// How often it happened after `since`.
std::uint64_t occurrences_since(const FaultRecord& record, Instant since);
/// The most that the rule asks for by now, and by which of its steps; none: nothing.
const FaultStep* reached_step(const FaultRule& rule, const FaultRecord& record, Instant now);
/// The places that breakers watch over, around a node; only those that the policy has rules for.
std::vector<BreakerPlace> breaker_places(const State& state, NodeId node);
std::uint32_t nodes_of(const State& state, const BreakerPlace& place);
const BreakerRule* breaker_rule(const FaultPolicy& policy, BreakerLevel level);
std::uint32_t breaker_limit(const BreakerRule& rule, std::uint32_t nodes);
/// The place of a fault about this node or job.
FaultPlace place_of(NodeId node);
FaultPlace place_of(JobId job);

/// The attempt is on a node that it is to leave once it has saved.
bool is_asked_to_save(const State& state, const Attempt& attempt);
/// When what is left of it there is stopped; none: it is not asked, or may take its time.
std::optional<Instant> save_deadline(const State& state, const Attempt& attempt);

}  // namespace mw
