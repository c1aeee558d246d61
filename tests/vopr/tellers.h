// Who tells of faults: agents with a count of their own, alerts by their time, and people. What
// they say is repeated, late and out of order, and lost when nobody listens; some of it is taken
// back. And who uses nodes besides us: an engine tells how much, whenever it looks.
#pragma once

#include <deque>
#include <vector>

#include "base/random.h"
#include "core/state.h"
#include "model/input.h"

namespace mw::vopr {

/// The policy that a run judges faults by.
FaultPolicy some_fault_policy(Random& random);

class Tellers {
 public:
  explicit Tellers(std::uint64_t seed) : random_(seed), others_(seed ^ 0x07E25U) {}

  [[nodiscard]] Instant next() const { return next_; }
  void stop() { next_ = Instant::never(); }
  /// Appends what is said by `now`. `state`: what there is to talk about.
  void tell(Instant now, const State& state, std::vector<Input>& inputs);
  [[nodiscard]] std::uint64_t told() const { return told_; }

 private:
  struct Late {
    Instant at;
    InputBody body;
  };
  InputBody some_step(const State& state);
  InputBody some_news(Instant now, const State& state);
  void lift(FaultReport& report, const State& state, NodeId node);
  void blame_job(FaultReport& report, const State& state);
  InputBody some_use(const State& state);

  Random random_;
  Random others_;  ///< by itself, so that faults are the same whatever others do
  Instant next_;
  std::uint64_t sequence_ = 1;
  std::uint64_t told_ = 0;
  std::vector<InputBody> said_;
  std::deque<Late> late_;
};

}  // namespace mw::vopr
