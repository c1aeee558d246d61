// How the interface shows things: from the state (and the journal) to JSON. What is shown is first
// copied out of the state, so that the lock is held for the copy and not for the writing.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "codec/text.h"
#include "core/state.h"
#include "loop/journal.h"

namespace mw {
class ControlLoop;
}

namespace mw::http {

/// How closely to ask why a job is pending.
enum class Why : std::uint8_t {
  kAsLastTold,  ///< what the last pass said about its shape; costs nothing
  kTryAgain,    ///< place it now, and say what comes in the way; O(nodes)
};

/// All that a JobView needs.
struct JobSnapshot {
  Job job;
  std::shared_ptr<const JobSpec> spec;
  Instant submitted_at;
  Instant seen_at;  ///< what lengths of time are counted to
  std::optional<Attempt> attempt;
  std::vector<std::string> node_names;  ///< one a slice of the attempt's placement
  JobUsage usage;
  std::optional<PendingReason> pending;
  std::optional<CrashLoopFound> crash_loop{};  ///< for which it was given up
  std::map<NodeId, std::string> crash_nodes{};
  std::optional<RanksCompared> ranks{};  ///< of the running attempt, when last compared
};
/// REQUIRES: `job` is in `state`; now >= state.now.
JobSnapshot snapshot_of(const State& state, const Job& job, Instant now, Why why);
JobSnapshot snapshot_of(const EndedJob& ended, Instant now);

boost::json::object job_view(const JobSnapshot& snapshot);
/// {"job":..,"state":..,"reason":{..}|null,"text":".."}
boost::json::object why_view(const JobSnapshot& snapshot);

/// Up to `limit` nodes from the id `first` on, sorted by id.
boost::json::array node_views(const State& state, NodeId first, std::size_t limit);

/// All tenants, each before those below it, siblings by name.
boost::json::array tenant_views(const State& state, Instant now);

/// All reservations by start, or the one of that name.
boost::json::array reservation_views(const State& state, const std::optional<std::string>& name);

boost::json::object ledger_view(const State& state, Instant now);

/// `body_with_kind` as the codec writes it, with its place in history and a sentence.
boost::json::object event_view(EventSeq seq, const Event& event, const NodeNamer& names);

/// Names of nodes for texts. Nodes are never renamed and never leave, so a name once read stays.
class NodeNames {
 public:
  explicit NodeNames(const ControlLoop& loop) : loop_(loop) {}
  std::string name(NodeId node);
  NodeNamer namer() {
    return [this](NodeId node) { return name(node); };
  }

 private:
  const ControlLoop& loop_;
  std::mutex mutex_;
  std::vector<std::string> names_;
};

}  // namespace mw::http
