#include "twin/replay_history.h"

#include <algorithm>
#include <set>

#include "codec/timestamp.h"
#include "twin/journal_workload.h"
#include "twin/what_if.h"

namespace mw {
namespace {

constexpr double kNsPerHour = 3.6e12;

/// What a person (or a script) asks, and not what an engine or a job reports.
bool is_asked(const InputBody& body) {
  return std::holds_alternative<SubmitJob>(body) || std::holds_alternative<CancelJob>(body) ||
         std::holds_alternative<HoldJob>(body) || std::holds_alternative<ReleaseJob>(body) ||
         std::holds_alternative<RequeueJob>(body) || std::holds_alternative<DrainNode>(body) ||
         std::holds_alternative<ResumeNode>(body) || std::holds_alternative<SetPolicy>(body) ||
         std::holds_alternative<ReserveNodes>(body) ||
         std::holds_alternative<ReleaseReservation>(body);
}

class Reader {
 public:
  Reader(std::optional<Instant> from, std::optional<Instant> to) : from_(from), to_(to) {}

  bool take(const StoredBatch& batch) {
    if (!from_) from_ = batch.now;
    if (to_ && batch.now > *to_) return false;
    const bool is_first = batch.now > *from_ || !has_any_;
    has_any_ = true;
    if (!begun_ && is_first && batch.now >= *from_) begin();
    last_ = batch.now;
    if (begun_) {
      for (const Input& input : batch.inputs) asked(batch, input);
    }
    for (const Event& event : batch.events) {
      if (begun_) happened(event);
      note_launch(event);
    }
    apply_all(state_, batch.events);
    return true;
  }

  Result<ReplayHistory> history() {
    if (!begun_ || last_ <= *from_) {
      return Error{ErrorCode::kInvalid,
                   !has_any_ ? "The journal is empty: there is nothing to replay."
                             : "Nothing happened between " + write_timestamp(*from_) + " and " +
                                   write_timestamp(to_.value_or(last_)) +
                                   "; the journal's last entry before then is of " +
                                   write_timestamp(last_) + "."};
    }
    history_.from = *from_;
    history_.to = to_ ? std::min(*to_, last_) : last_;
    history_.end = state_;
    end_faults();
    if (auto joined = join_new_nodes(); !joined) return joined.error();
    if (!launches_.empty()) {
      std::sort(launches_.begin(), launches_.end());
      history_.launch = launches_[launches_.size() / 2];
    }
    return std::move(history_);
  }

 private:
  void begin() {
    begun_ = true;
    state_.now = std::max(state_.now, *from_);
    history_.begin = state_;
    history_.waits_at_begin.emplace(state_);
    history_.waits.emplace(state_);
  }

  void asked(const StoredBatch& batch, const Input& input) {
    if (const auto* seen = std::get_if<NodeSeen>(&input.body)) return node_seen(batch.now, *seen);
    if (const auto* lost = std::get_if<NodeLost>(&input.body)) return node_lost(batch.now, *lost);
    if (const auto* fleet = std::get_if<DeclareFleet>(&input.body)) {
      new_nodes_.emplace_back(*fleet);
      return;
    }
    if (!is_asked(input.body)) return;
    HistoricInput one{batch.now, input.body, {}};
    for (const Event& event : batch.events) {
      if (input.request == RequestId() || event.request != input.request) continue;
      if (std::holds_alternative<Refused>(event.body)) return;
      if (const auto* submitted = std::get_if<JobSubmitted>(&event.body)) one.job = submitted->job;
    }
    // Handed in again with the same key, it made nothing new.
    if (std::holds_alternative<SubmitJob>(input.body) && !one.job) return;
    history_.inputs.push_back(std::move(one));
  }

  void node_seen(Instant now, const NodeSeen& seen) {
    const auto down = down_.find(seen.spec.name);
    if (down != down_.end()) {
      history_.faults[down->second].repair = now - history_.faults[down->second].at;
      down_.erase(down);
      return;
    }
    if (!history_.begin.topology->find(seen.spec.name) && joined_.insert(seen.spec.name).second)
      new_nodes_.emplace_back(seen);
  }

  void node_lost(Instant now, const NodeLost& lost) {
    const auto node = history_.begin.topology->find(lost.node);
    if (!node || history_.begin.nodes[node->value()].lost || down_.contains(lost.node)) return;
    NodeFault fault;
    fault.at = now;
    fault.nodes = {*node};
    fault.effect = FaultEffect::kDown;
    fault.component = "node";
    down_.emplace(lost.node, history_.faults.size());
    history_.faults.push_back(std::move(fault));
  }

  /// What was not back by the end stays down.
  void end_faults() {
    for (const auto& [name, index] : down_)
      history_.faults[index].repair = history_.to - history_.faults[index].at + hours(1);
  }

  /// Nodes that came later are there from the beginning: the twin's fleet does not grow.
  Result<void> join_new_nodes() {
    if (new_nodes_.empty()) return {};
    auto grown = after_inputs(history_.begin, new_nodes_);
    if (!grown) return grown.error();
    const std::size_t before = history_.begin.nodes.size();
    history_.begin = std::move(*grown);
    const std::size_t more = history_.begin.nodes.size() - before;
    if (more > 0) {
      history_.notes.push_back(std::to_string(more) +
                               " nodes that joined in between are there from the beginning in the "
                               "twin.");
    }
    return {};
  }

  void happened(const Event& event) {
    history_.waits->take(event.at, event.body);
    if (const auto* ended = std::get_if<AttemptEnded>(&event.body))
      history_.real_lost_hours += static_cast<double>(ended->lost_work.count()) / 1000 / kNsPerHour;
  }

  void note_launch(const Event& event) {
    if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
      placed_[placed->job] = event.at;
    } else if (const auto* running = std::get_if<AttemptRunning>(&event.body)) {
      const auto at = placed_.find(running->job);
      if (at != placed_.end()) launches_.push_back(event.at - at->second);
    }
  }

  std::optional<Instant> from_;
  std::optional<Instant> to_;
  bool has_any_ = false;
  bool begun_ = false;
  Instant last_;
  State state_;
  ReplayHistory history_;
  std::map<std::string, std::size_t> down_;  ///< by name, index of the fault
  std::set<std::string> joined_;
  std::vector<InputBody> new_nodes_;
  std::map<JobId, Instant> placed_;
  std::vector<Duration> launches_;
};

}  // namespace

Result<ReplayHistory> read_history(Journal& journal, std::optional<Instant> from,
                                   std::optional<Instant> to) {
  Reader reader(from, to);
  const auto visited =
      journal.visit_batches([&](const StoredBatch& batch) { return reader.take(batch); });
  if (!visited) return visited.error();
  auto history = reader.history();
  if (!history) return history;
  // Of the whole journal: what ended after `to` has run for as long as it did.
  const auto jobs = journal_jobs(journal);
  if (!jobs) return jobs.error();
  for (std::size_t i = 0; i < jobs->jobs.size(); ++i)
    history->truths.emplace(jobs->ids[i], jobs->jobs[i].truth);
  // What still runs has not ended by `to`, so it must not in the replay.
  for (const std::size_t i : jobs->unfinished) {
    history->truths.at(jobs->ids[i]).work += history->to - history->from + seconds(1);
  }
  return history;
}

}  // namespace mw
