// Everything the brain knows, as one value: copy it and you have a second world to try things in.
// Only apply() changes it, so the state is always exactly what the events say. Copies share what is
// large until one of them changes it; so a reference into a state is good until the next event that
// changes what it refers to (job_map.h, paged_vector.h).
// Primary fields are written to snapshots; indexes are derived from them by rebuild_indexes().
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "core/demand.h"
#include "core/device_room.h"
#include "core/health.h"
#include "core/job_classes.h"
#include "core/job_map.h"
#include "core/job_table.h"
#include "core/ledger.h"
#include "core/node.h"
#include "core/placement.h"
#include "core/resilience.h"
#include "core/room.h"
#include "core/tenants.h"
#include "core/topology.h"
#include "model/event.h"
#include "model/fleet.h"
#include "model/fleet_spec.h"
#include "model/job.h"
#include "model/policy.h"
#include "model/reason.h"
#include "model/reservation.h"

namespace mw {

/// What was submitted: shared by the elements of an array, alive while one of them is.
struct JobRecord {
  std::shared_ptr<const JobSpec> spec;
  std::string client_key;
  Instant submitted_at;
  std::uint32_t jobs_left = 0;     ///< elements still in the job table
  std::uint32_t unfinished = 0;    ///< elements that have not ended
  std::uint32_t unsuccessful = 0;  ///< of those that have, the ones that did not succeed
  std::vector<Dependency> awaits;  ///< what has not happened yet
  JobId never;                     ///< of them, one that cannot happen any more; 0: none
  bool eligible = false;           ///< nothing is awaited, and the earliest start has come
  Instant eligible_at;
  // Derived.
  TenantId tenant;
  ClassId job_class = kNoClass;
  ClassId boosted_class = kNoClass;  ///< of those that have waited too long; none: there are none
  friend bool operator==(const JobRecord& a, const JobRecord& b) {
    return *a.spec == *b.spec && a.client_key == b.client_key && a.submitted_at == b.submitted_at &&
           a.jobs_left == b.jobs_left && a.unfinished == b.unfinished &&
           a.unsuccessful == b.unsuccessful && a.awaits == b.awaits && a.never == b.never &&
           a.eligible == b.eligible && a.eligible_at == b.eligible_at && a.tenant == b.tenant;
  }
  MW_FIELDS(spec, client_key, submitted_at, jobs_left, unfinished, unsuccessful, awaits, never,
            eligible, eligible_at)
};

/// One job; an element of an array is one as well.
struct Job {
  JobId id;
  JobId record;  ///< id of its JobRecord; its array index is id - record
  JobState state = JobState::kPending;
  bool held = false;
  bool in_line = false;        ///< it may be placed now, or when its restart is due
  bool first_in_line = false;  ///< it starts again after a failure: goes before others
  bool boosted = false;        ///< it has waited too long: goes before others
  std::string held_by;
  std::uint32_t attempts = 0;         ///< made so far; the current one has this number
  std::uint32_t restarts = 0;         ///< of them, started again after a failure
  Instant not_before;                 ///< not placed earlier
  std::optional<Instant> started_at;  ///< first attempt's placement
  std::optional<Instant> finished_at;
  Checkpoint checkpoint;     ///< last saved
  Progress progress;         ///< last reported, by rank 0 or by whoever reports
  AcceleratorTime starting;  ///< of all ended attempts
  AcceleratorTime kept_work;
  AcceleratorTime lost_work;
  AcceleratorTime checkpointing;
  std::optional<EndCause> last_end;  ///< of the last ended attempt
  std::string last_detail;           ///< what that attempt's end said, for people
  bool operator==(const Job&) const = default;
  MW_FIELDS(id, record, state, held, in_line, first_in_line, boosted, held_by, attempts, restarts,
            not_before, started_at, finished_at, checkpoint, progress, starting, kept_work,
            lost_work, checkpointing, last_end, last_detail)
};

/// What a job asks for, from where it is kept as long as the job is: one look instead of three, for
/// searches that ask it of every attempt. Equal to any other, as jobs that are the same ask the
/// same.
class KeptSpec {
 public:
  void keep(const JobSpec& spec) { spec_ = &spec; }
  /// REQUIRES: note_rules() was called for the attempt.
  const JobSpec& operator*() const { return *spec_; }
  const JobSpec* operator->() const { return spec_; }
  bool operator==(const KeptSpec&) const { return true; }

 private:
  const JobSpec* spec_ = nullptr;
};

/// The current attempt of a job that is starting, running or stopping.
struct Attempt {
  JobId job;
  AttemptNumber number;
  Epoch epoch;
  Placement placement;
  Checkpoint resumed_from;
  AcceleratorShare accelerators;  ///< in all
  Instant placed_at;
  std::optional<Instant> running_at;  ///< since every task runs
  std::optional<EndCause> stopping;   ///< set when the engine is to stop it
  Duration stop_grace;
  std::string stop_by;       ///< who asked for it
  std::vector<bool> exited;  ///< by rank
  std::uint32_t exited_count = 0;
  std::optional<TaskExit> first_failure;
  Rank first_failure_rank;
  LedgerCategory category = LedgerCategory::kStarting;
  Instant category_since;
  AcceleratorTime starting;  ///< time spent by category so far, up to category_since
  AcceleratorTime unsaved;   ///< productive since the last checkpoint
  AcceleratorTime saved;     ///< productive, and safe
  AcceleratorTime checkpointing;
  // Derived from the job and the policy: what a choice among all attempts looks at.
  KeptSpec spec;
  std::int32_t class_value = 0;
  bool preemptible = false;
  TenantId tenant;
  bool operator==(const Attempt&) const = default;
  MW_FIELDS(job, number, epoch, placement, resumed_from, accelerators, placed_at, running_at,
            stopping, stop_grace, stop_by, exited, exited_count, first_failure, first_failure_rank,
            category, category_since, starting, unsaved, saved, checkpointing)
};

/// Capacity kept free for a job that is about to start again, where it ran before.
struct HeldCapacity {
  JobId job;
  Placement placement;
  AcceleratorShare accelerators;
  bool operator==(const HeldCapacity&) const = default;
  MW_FIELDS(job, placement, accelerators)
};

/// A node that an engine described by itself: one that no fleet file declares, or declares
/// otherwise.
struct DescribedNode {
  NodeId node;
  NodeSpec spec;
  bool operator==(const DescribedNode&) const = default;
  MW_FIELDS(node, spec)
};

/// What the fleet is made of; the topology is a function of this.
struct FleetSource {
  std::optional<FleetSpec> declared;     ///< its nodes have the first ids
  std::vector<DescribedNode> described;  ///< by id
  bool operator==(const FleetSource&) const = default;
  MW_FIELDS(declared, described)
};
Topology make_topology(const FleetSource& source);

/// Shared by copies of a state, and changed in place while there is only one.
class SharedTopology {
 public:
  const Topology& operator*() const { return *topology_; }
  const Topology* operator->() const { return topology_.get(); }
  Topology& change() {
    if (topology_.use_count() > 1) topology_ = std::make_shared<Topology>(*topology_);
    return *topology_;
  }
  void replace(Topology topology) { topology_ = std::make_shared<Topology>(std::move(topology)); }
  /// Equal sources make equal topologies.
  bool operator==(const SharedTopology&) const { return true; }

 private:
  std::shared_ptr<Topology> topology_ = std::make_shared<Topology>();
};

/// For whom placement looks: which of the nodes that are set aside it sees (reservations.h). By
/// itself: for a job that names no reservation and that nothing ends, which sees none of them.
struct View {
  std::string reservation;           ///< sees the nodes of this one and no others; empty: of none
  Instant until = Instant::never();  ///< sees nodes that are set aside from then on, or later
  bool operator==(const View&) const = default;
};

struct State {
  // Primary.
  EventSeq last_seq;  ///< of the last event applied
  Instant now;        ///< of the last event applied
  JobId next_job{1};
  Epoch next_epoch{1};
  JobMap<JobRecord> records;
  JobTable<Job> jobs;
  JobMap<Attempt> attempts;  ///< of jobs that are starting, running or stopping
  std::map<JobId, HeldCapacity> holds;
  FleetSource fleet;
  std::vector<Node> nodes;  ///< index is the NodeId
  std::map<JobId, Claim> claims;
  std::map<std::string, Reservation> reservations;  ///< that are not over, by name
  Policy policy;
  TenantTable tenants;
  std::deque<JobId> finished;  ///< still in `jobs`, in the order in which they ended
  Ledger ledger;
  LedgerCategory idle_cause = LedgerCategory::kIdleNoDemand;
  /// The reason last told for each class that was tried and does not fit, by the job it was told
  /// of.
  std::map<JobId, PendingReason> blocked;
  Demand demand;  ///< what has been asked for so far
  Health health;
  FaultTable faults;
  Resilience resilience;

  // Derived.
  SharedTopology topology;
  FreeIndex free;
  std::map<std::string, JobId> job_by_key;
  JobClasses classes;                         ///< jobs that may be placed now
  ResourceAmounts capacity;                   ///< of the whole fleet
  std::set<JobId> stopping;                   ///< attempts that are
  std::set<std::pair<JobId, JobId>> awaited;  ///< (record, a record that awaits it)
  /// Records with something that comes with time: the earliest start, the last possible one.
  std::set<std::pair<Instant, JobId>> calendar;
  std::set<NodeId> others_short;  ///< nodes where others use more than could be taken for them
  std::set<JobId> may_grow;       ///< attempts of elastic jobs with fewer tasks than asked for
  /// Running attempts' accelerators that may be stopped for others, by value of their class.
  std::map<std::int32_t, AcceleratorShare> preemptible;
  /// Jobs that start again, by when they may: ahead of the queue.
  std::set<std::pair<Instant, JobId>> restarts;
  std::set<std::pair<Instant, JobId>> deadlines;  ///< of attempts with a time limit
  View view;  ///< while something is decided; else for everybody
  /// Records with unfinished jobs that name a reservation, by its name.
  std::set<std::pair<std::string, JobId>> of_reservations;

  bool operator==(const State&) const = default;
  MW_FIELDS(last_seq, now, next_job, next_epoch, records, jobs, attempts, holds, claims,
            reservations, policy, fleet, nodes, tenants, finished, ledger, idle_cause, blocked,
            demand, health, faults, resilience)
};

/// Ended jobs stay in the state (for `show`, dependencies and repeated submits) until this many
/// have ended after them; older ones are read from the journal.
inline constexpr std::size_t kFinishedJobsKept = 10'000;
/// The oldest are long out of the caches when they are let go of: so many ahead they are fetched.
inline constexpr std::size_t kFinishedReadAhead = 4;

/// The only code that changes a State. Recovery is this, over the journal.
/// REQUIRES: `event` was made by a Core on this very state. event.at >= state.now.
void apply(State& state, const Event& event);
/// One after the other; but of nodes that join one after the other, what there is of the whole
/// fleet is put in order once.
void apply_all(State& state, std::span<const Event> events);

/// Fills the derived fields from the primary ones, after a snapshot was read.
void rebuild_indexes(State& state);

/// The present, for placement.
inline Surroundings surroundings(const State& state) {
  return {*state.topology, state.free, state.nodes, &state.demand, &state.policy.ranking};
}

/// The specification of a job that exists.  REQUIRES: state.jobs has `job`.
const JobSpec& spec_of(const State& state, JobId job);
const JobRecord& record_of(const State& state, JobId job);
/// When the attempt will have let go at the latest; never() when nothing says so.
Instant expected_end(const State& state, const Attempt& attempt);
/// The same of an attempt that would be placed at `placed_at`.
Instant expected_end(const JobSpec& spec, Instant placed_at);

/// Accelerator-time by category at `now` (not before state.now), running attempts included.
ByCategory<AcceleratorTime> ledger_totals(const State& state, Instant now);

/// Accelerator-time of one job up to `now`, over all its attempts.
struct JobUsage {
  AcceleratorTime starting;
  AcceleratorTime productive;  ///< kept, or not yet known to be lost
  AcceleratorTime checkpointing;
  AcceleratorTime lost_work;
  bool operator==(const JobUsage&) const = default;
  MW_FIELDS(starting, productive, checkpointing, lost_work)
};
JobUsage usage_of(const State& state, JobId job, Instant now);
/// The same summed over a tenant's jobs.
JobUsage usage_of_tenant(const State& state, const std::string& tenant, Instant now);

}  // namespace mw
