// The people around a simulated fleet, as far as a fault policy needs them. Called by it, they come
// after a while (Physics::person): they look at what made a breaker trip and reset it, and they put
// nodes back that are out of service until a person decides, once nothing is wrong with them. When
// that is so is the fault's to say: whoever exchanges parts takes the time that its repair takes.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "core/state.h"
#include "model/event.h"
#include "model/input.h"
#include "twin/world.h"

namespace mw {

class People {
 public:
  /// `needed`: from being called until they are there.
  explicit People(Duration needed) : needed_(needed) {}

  void note(const std::vector<Event>& events, const State& state);
  /// When they do something next, as things are.
  [[nodiscard]] Instant next(const World& world) const;
  /// What they say to the control plane by now.
  void act(Instant now, const State& state, const World& world, std::vector<Input>& inputs);

  /// Decisions that the control plane waited for: breakers that were reset.
  [[nodiscard]] std::uint64_t breakers_reset() const { return breakers_reset_; }
  /// Nodes put back into service after somebody had them in hand.
  [[nodiscard]] std::uint64_t nodes_put_back() const { return nodes_put_back_; }

 private:
  Duration needed_;
  std::map<NodeId, Instant> out_;  ///< nodes that wait for somebody, and when somebody is there
  std::multimap<Instant, std::pair<BreakerLevel, std::string>> tripped_;
  std::uint64_t breakers_reset_ = 0;
  std::uint64_t nodes_put_back_ = 0;
};

}  // namespace mw
