// The store and the machines as the control plane meets them here: a journal that fails and a
// process that dies at a chosen point of the turn. Both watch what passes through them: the journal
// keeps a state of its own, event by event, so that it is known what was stored when; and whatever
// the engine is told has to follow from that.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/core.h"
#include "loop/engine.h"
#include "loop/memory_journal.h"
#include "twin/world.h"

namespace mw::vopr {

inline std::string name_of_job(JobId job) { return "job " + std::to_string(job.value()); }

/// A promise that was not kept: the end of the run.
struct Broken : std::runtime_error {
  using std::runtime_error::runtime_error;
};
/// The control plane is gone, in the midst of what it did.
struct ControlPlaneDied {};

class WatchedJournal final : public Journal {
 public:
  /// `steps_along`: every batch is stepped by a core that is never gone, and has to give the same.
  WatchedJournal(World& world, bool steps_along) : world_(world), steps_along_(steps_along) {}

  enum class Fate : std::uint8_t { kStored, kDiesBefore, kDiesAfter };
  /// Of the next append alone.
  void set_fate(Fate fate) { fate_ = fate; }
  /// Until it is called with false, nothing can be stored.
  void set_full(bool full);
  /// What the submission of that request really is.
  void foresee(RequestId request, const JobTruth& truth) { truths_[request] = truth; }

  /// The state that the stored events make, one after the other.
  [[nodiscard]] const State& stored() const { return stored_; }
  /// The core that stepped all that is stored and was never gone.
  [[nodiscard]] const Core& continuing() const { return continuing_; }
  [[nodiscard]] std::uint64_t jobs() const { return jobs_; }
  [[nodiscard]] std::uint64_t placements() const { return placements_; }
  [[nodiscard]] std::uint64_t preemptions() const { return preemptions_; }

  /// Faults that were news; nodes that the fault policy took; what was begun to be done to nodes;
  /// breakers that tripped.
  [[nodiscard]] std::uint64_t faults() const { return faults_; }
  [[nodiscard]] std::uint64_t taken() const { return taken_; }
  [[nodiscard]] std::uint64_t remedies() const { return remedies_; }
  [[nodiscard]] std::uint64_t trips() const { return trips_; }
  [[nodiscard]] std::uint64_t checks() const { return checks_; }
  [[nodiscard]] std::uint64_t checks_stopped() const { return checks_stopped_; }
  [[nodiscard]] std::uint64_t grown() const { return grown_; }
  /// Attempts that took over ranks of the one before; placements on spares that stayed so; nodes
  /// kept for a gang that went to another job.
  [[nodiscard]] std::uint64_t in_place() const { return in_place_; }
  [[nodiscard]] std::uint64_t lent() const { return lent_; }
  [[nodiscard]] std::uint64_t kept_taken() const { return kept_taken_; }
  [[nodiscard]] std::uint64_t reservations() const { return reservations_; }
  [[nodiscard]] std::uint64_t reserved_placements() const { return reserved_placements_; }

  Result<void> append(const Batch& batch) override;
  Result<void> probe() override { return store_.probe(); }
  Result<std::optional<State>> latest_snapshot() override { return store_.latest_snapshot(); }
  Result<void> save_snapshot(const State& state) override;
  Result<void> visit_events(EventSeq after,
                            const std::function<bool(const StoredEvent&)>& visitor) override {
    return store_.visit_events(after, visitor);
  }
  Result<void> visit_batches(const std::function<bool(const StoredBatch&)>& visitor) override {
    return store_.visit_batches(visitor);
  }
  Result<std::vector<StoredEvent>> events(const EventQuery& query) override {
    return store_.events(query);
  }
  Result<EventSeq> last_event() override { return store_.last_event(); }
  Result<std::vector<EndedJob>> ended_jobs(JobId before, std::size_t limit) override {
    return store_.ended_jobs(before, limit);
  }
  Result<std::optional<EndedJob>> ended_job(JobId job) override { return store_.ended_job(job); }

 private:
  void step_along(const Batch& batch);
  void check(const Event& event);
  void check_stopping(const AttemptStopping& stopping) const;
  void check_taken(Instant at, const NodeMoved& moved);
  void check_placed(const Event& event, const AttemptPlaced& placed);
  void note_going_on(const Attempt& attempt, const Leaving& leaving);
  void check_kept(const AttemptPlaced& placed);
  void check_reserved(const Event& event, const AttemptPlaced& placed) const;
  void check_promised(const std::string& reservation, const std::vector<NodeId>& nodes,
                      Instant start) const;
  void note(const Event& event);

  World& world_;
  const bool steps_along_;
  Core continuing_;
  MemoryJournal store_;
  Fate fate_ = Fate::kStored;
  State stored_;
  std::map<RequestId, JobTruth> truths_;
  std::set<std::string> keys_;
  Epoch newest_;
  std::uint64_t jobs_ = 0;
  std::uint64_t placements_ = 0;
  std::uint64_t preemptions_ = 0;
  std::uint64_t faults_ = 0;
  std::uint64_t taken_ = 0;
  std::uint64_t remedies_ = 0;
  std::uint64_t trips_ = 0;
  std::uint64_t checks_ = 0;
  std::uint64_t checks_stopped_ = 0;
  std::uint64_t grown_ = 0;
  std::uint64_t reservations_ = 0;
  std::uint64_t reserved_placements_ = 0;
  std::uint64_t in_place_ = 0;
  std::uint64_t lent_ = 0;
  std::uint64_t kept_taken_ = 0;
  std::map<JobId, std::vector<NodeSlice>> going_on_;  ///< ranks that go on, within a batch
};

/// Commands pass through it on their way to the world.
class WatchedEngine final : public Engine {
 public:
  WatchedEngine(World& world, const WatchedJournal& journal) : world_(world), journal_(journal) {}

  /// The process dies instead of giving the command number `commands`, from 0; negative: it lives.
  void die_at(int commands) { die_at_ = commands; }

  Result<void> start(ObservationSink sink, std::vector<DesiredAttempt> desired) override;
  void set(DesiredAttempt desired) override;
  void forget(JobId job, Epoch epoch) override;
  [[nodiscard]] bool replaces_ranks() const override { return world_.replaces_ranks(); }
  void remedy(DesiredRemedy desired) override;
  void forget_remedy(const std::string& node, Epoch remedy) override;
  void detach() override { world_.detach(); }
  Result<LogChunk> read_log(const LogQuery& query) override { return world_.read_log(query); }
  std::string containment() const override { return world_.containment(); }

 private:
  void check(const DesiredAttempt& desired) const;
  void pass();

  World& world_;
  const WatchedJournal& journal_;
  int die_at_ = -1;
};

}  // namespace mw::vopr
