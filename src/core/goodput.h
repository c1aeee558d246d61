// What the fleet's time came to, told from its events alone: for each node, job and tenant what was
// work that is kept, what was lost and why, how often things break and how long they stay broken.
// It decides nothing and is no part of the state: whoever wants it folds the events, live, in the
// twin, or from a journal. Sums are exact integers, and agree with the ledger
// (core_property_test.cpp).
//
//   capacity = starting + productive + checkpointing + lost work + out of service + used by others
//              + idle
//
// Idle is what is left: free on nodes in service, held capacity and reservations among it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/boxed.h"
#include "base/fields.h"
#include "base/id.h"
#include "base/quantity.h"
#include "base/time.h"
#include "core/job_map.h"
#include "model/event.h"
#include "model/job.h"
#include "model/placement.h"

namespace mw {

/// Nodes or attempts integrated over time, in nanoseconds: of a large fleet more than 64 bits hold.
using NodeTime = Quantity<struct NodeTimeTag, Int128>;

/// Attempts that ended for one cause, and the work that it undid.
struct CauseTotals {
  EndCause cause = EndCause::kCompleted;
  std::uint64_t attempts = 0;
  AcceleratorTime lost_work;
  bool operator==(const CauseTotals&) const = default;
  MW_FIELDS(cause, attempts, lost_work)
};

struct GoodputTotals {
  AcceleratorTime capacity;  ///< of nodes; of jobs and tenants 0
  AcceleratorTime starting;
  AcceleratorTime productive;  ///< kept, or not yet known to be lost
  AcceleratorTime checkpointing;
  AcceleratorTime lost_work;
  AcceleratorTime out_of_service;   ///< free on nodes that take no new work; 0 of jobs and tenants
  AcceleratorTime used_by_others;   ///< than us
  AcceleratorTime waiting;          ///< of jobs that are to start again, for what they had
  std::uint64_t interruptions = 0;  ///< attempts that ended before they were to
  std::vector<CauseTotals> causes;  ///< of all ends, by cause
  // Of jobs and tenants alone: over all attempts, whatever their size.
  NodeTime running;   ///< from placements until ends
  NodeTime repaired;  ///< from interruptions until the job was placed again, and ran
  // Of nodes alone.
  std::uint64_t failures = 0;  ///< times that one was lost, or taken out by the fault policy
  std::uint64_t returns = 0;   ///< of them, those that were over
  NodeTime in_service;         ///< ready, and in contact
  NodeTime broken;             ///< of failures
  bool operator==(const GoodputTotals&) const = default;
  MW_FIELDS(capacity, starting, productive, checkpointing, lost_work, out_of_service,
            used_by_others, waiting, interruptions, causes, running, repaired, failures, returns,
            in_service, broken)

  GoodputTotals& operator+=(const GoodputTotals& other);
  /// What attempts had.
  [[nodiscard]] AcceleratorTime given() const {
    return starting + productive + checkpointing + lost_work;
  }
  [[nodiscard]] AcceleratorTime idle() const {
    return capacity - given() - out_of_service - used_by_others;
  }
};

/// How a job saves, as far as it tells of it.
struct SavingTotals {
  std::uint64_t saves = 0;      ///< of which the beginning was told, so that their time is known
  Duration saving;              ///< of those
  std::uint64_t stretches = 0;  ///< of work, between two checkpoints of one attempt
  Duration worked;              ///< in those
  std::uint64_t starts = 0;     ///< attempts that came to run
  Duration starting;            ///< of those, from placement on
  bool operator==(const SavingTotals&) const = default;
  MW_FIELDS(saves, saving, stretches, worked, starts, starting)
};

struct JobGoodput {
  std::string name;
  std::string tenant;
  std::uint32_t nodes = 0;  ///< of its last attempt
  GoodputTotals totals;
  SavingTotals saving;
};

/// An end that was neither asked for nor the work's own.
bool is_interruption(EndCause cause);

class Goodput {
 public:
  /// REQUIRES: all events from the first one on, in order.
  void note(const Event& event);

  [[nodiscard]] std::size_t nodes() const { return nodes_.size(); }
  /// That have run, as far as they are known.
  [[nodiscard]] std::size_t jobs() const { return jobs_.size(); }
  /// Up to `now`, running attempts included.  REQUIRES: `now` is not before the last event.
  [[nodiscard]] std::vector<GoodputTotals> by_node(Instant now) const;
  [[nodiscard]] std::map<std::string, GoodputTotals> by_tenant(Instant now) const;
  /// Unfinished jobs, and as many finished ones as the state keeps; none: not known (any more).
  [[nodiscard]] std::optional<JobGoodput> job(JobId job, Instant now) const;
  /// Those jobs in descending order of their ids, at most `limit`.
  [[nodiscard]] std::vector<std::pair<JobId, JobGoodput>> newest_jobs(Instant now,
                                                                      std::size_t limit) const;
  /// Of the whole fleet.  Cost: O(nodes + running attempts).
  [[nodiscard]] GoodputTotals fleet(Instant now) const;
  /// Failures and node-time in service of all nodes, for a rate.  Cost: O(1).
  struct FailureRate {
    std::uint64_t failures = 0;
    NodeTime in_service;
  };
  [[nodiscard]] FailureRate failure_rate(Instant now) const;

 private:
  struct NodeEntry {
    AcceleratorShare accelerators;
    AcceleratorShare used;
    AcceleratorShare others;  ///< used by others than us
    NodePhase phase = NodePhase::kReady;
    bool lost = false;
    bool failed = false;  ///< it is out of service, and nobody had asked for that
    Instant since;        ///< counted up to here
    GoodputTotals totals;
    [[nodiscard]] bool is_out() const { return lost || phase != NodePhase::kReady; }
  };
  struct Running {
    Placement placement;
    AcceleratorShare accelerators;
    LedgerCategory category = LedgerCategory::kStarting;
    Instant placed;
    Instant since;
    bool works = false;  ///< every task has run
    bool has_saved = false;
    Duration starting;
    Duration unsaved;
    Duration saved;
    Duration checkpointing;
    Duration this_save;  ///< of the checkpoint that is being saved
  };
  struct Submitted {
    Boxed<JobSpec> spec;
    std::uint32_t unfinished = 1;
  };
  struct JobEntry {
    Boxed<JobSpec> spec;
    std::size_t tenant = 0;  ///< in tenants_
    std::uint32_t nodes = 0;
    GoodputTotals totals;
    SavingTotals saving;
    std::optional<Running> running;
    /// Of attempts that are over, not saved, and ranks go on with it in the next: counted as
    /// productive until it is lost.
    std::map<NodeId, AcceleratorTime> carried;
    AcceleratorShare had;  ///< by its last attempt
    std::optional<Instant> waits_since;
    std::optional<Instant> broken_since;  ///< by an interruption; until it runs again
  };

  void add_node(NodeId node, std::uint32_t accelerators, NodePhase phase, Instant at);
  static void settle_node(NodeEntry& node, Instant at);
  static GoodputTotals settled(NodeEntry node, Instant at);
  void settle_service(Instant at);
  [[nodiscard]] NodeTime served(Instant at) const;
  void change_node(NodeId id, Instant at, std::optional<NodePhase> phase, std::optional<bool> lost,
                   bool asked);
  static void settle(Running& running, Instant at);
  static void change_category(Running& running, LedgerCategory category, Instant at);
  [[nodiscard]] Running& running_of(JobId job);
  void placed(const AttemptPlaced& event, Instant at);
  void runs(JobId job, Instant at);
  void kept(const CheckpointKept& event, Instant at);
  void ended(const AttemptEnded& event, Instant at);
  void finished(JobId job);
  void lose_carried(JobEntry& job, EndCause cause);
  JobEntry& entry(JobId job);
  [[nodiscard]] JobId record_of(JobId job) const;
  std::size_t tenant(const std::string& name);
  [[nodiscard]] static GoodputTotals open_time(Running running, AcceleratorShare share,
                                               Instant now);

  std::vector<NodeEntry> nodes_;
  JobMap<Submitted> submitted_;  ///< records with unfinished jobs, by their first job
  JobMap<JobEntry> jobs_;
  std::deque<JobId> finished_;          ///< of jobs_, in the order in which they ended
  std::vector<GoodputTotals> tenants_;  ///< without what runs
  std::map<std::string, std::size_t> tenant_by_name_;  ///< their places in tenants_
  std::uint64_t failures_ = 0;
  std::int64_t nodes_in_service_ = 0;
  NodeTime in_service_;  ///< up to in_service_at_
  Instant in_service_at_;
};

}  // namespace mw
