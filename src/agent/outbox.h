// The queue of what is to be told: in order, numbered, bounded. A report keeps its number however
// often it is sent, and the control plane knows a number that it has had: sending twice is
// harmless.
#pragma once

#include <cstddef>
#include <string>

#include "agent/agent_state.h"

namespace mw::agent {

inline constexpr std::size_t kQueueMost = 10'000;
/// At most so many in one request; the control plane takes 1,000.
inline constexpr std::size_t kSendMost = 200;

class Outbox {
 public:
  /// REQUIRES: 0 < room <= kQueueMost.
  Outbox(AgentState& state, std::string node, std::size_t room);

  /// Begins a look around: what is seen of one fault within it is one report with a count, so that
  /// a storm of lines does not fill the queue. What was queued before is never changed.
  void begin_round();
  /// Queues a report. When there is no room, the oldest of the least severe is dropped and counted;
  /// the ends of conditions go last of all, for a fault whose end is never told never ends.
  void add(const Sighting& sighting, Instant now);

  [[nodiscard]] bool empty() const { return state_->queue.empty(); }
  /// The oldest `count` as the body of POST /v1/faults. Shape: count <= queue's length.
  [[nodiscard]] std::string body(std::size_t count) const;
  /// The oldest `count` are known to the control plane.
  void acknowledge(std::size_t count);
  [[nodiscard]] std::string source() const { return "agent:" + node_; }

 private:
  void make_room();

  AgentState* state_;
  std::string node_;
  std::size_t room_;
  std::uint64_t round_begin_ = 0;  ///< reports with larger numbers are of this round
};

}  // namespace mw::agent
