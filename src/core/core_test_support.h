// What tests of the core share: short ways to say jobs and nodes, and a core that checks every
// invariant after every step and keeps the events, as a journal would.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "core/core.h"
#include "core/invariants.h"

namespace mw::testing {

inline NodeSpec node_spec(const std::string& name, std::uint32_t accelerators) {
  NodeSpec spec;
  spec.name = name;
  spec.site = "here";
  spec.accelerator_type = "cpu";
  spec.accelerators = accelerators;
  spec.cpus = kWholeCpu * accelerators;
  spec.memory = Bytes(1 << 30);
  return spec;
}

inline JobSpec job_spec(std::uint32_t tasks, std::int64_t accelerators_milli = 1000) {
  JobSpec spec;
  spec.name = "job";
  spec.user = "someone";
  spec.command = {"true"};
  spec.gang.tasks = tasks;
  spec.gang.task.accelerators = AcceleratorShare(accelerators_milli);
  spec.gang.task.cpus = CpuShare(0);
  return spec;
}

/// MW_SEED repeats one; MW_SEEDS says how many to try.
inline std::uint64_t number_from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

/// A core under observation.
class CheckedCore {
 public:
  std::vector<Event> step(Instant now, std::vector<Input> inputs) {
    // While somebody has a copy, every change takes apart what the two share. So whatever is read
    // through a reference from before a change is old here, and shows.
    const State before = core_.state();
    std::vector<Event> events = core_.step(now, inputs);
    expect_ready(before, events);
    journal_.insert(journal_.end(), events.begin(), events.end());
    for (const std::string& broken : broken_invariants(core_.state())) ADD_FAILURE() << broken;
    return events;
  }
  std::vector<Event> step(Instant now, InputBody body) {
    return step(now, std::vector<Input>{{RequestId(7), std::move(body)}});
  }
  std::vector<Event> tick(Instant now) { return step(now, std::vector<Input>{}); }

  /// What recovery gives: apply over all events so far.
  [[nodiscard]] State replayed() const {
    State state;
    for (const Event& event : journal_) apply(state, event);
    return state;
  }
  /// The process died; another took over from the journal.
  void crash() { core_ = Core(replayed()); }

  [[nodiscard]] const State& state() const { return core_.state(); }
  [[nodiscard]] const Core& core() const { return core_; }
  [[nodiscard]] const std::vector<Event>& journal() const { return journal_; }
  [[nodiscard]] const Job& job(std::uint64_t id) const { return state().jobs.at(JobId(id)); }
  [[nodiscard]] Epoch epoch(std::uint64_t id) const { return state().attempts.at(JobId(id)).epoch; }

 private:
  /// Whatever is placed is placed on nodes that are ready at that moment, and not lost.
  static void expect_ready(State at, const std::vector<Event>& events) {
    for (const Event& event : events) {
      if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
        for (const NodeSlice& slice : placed->placement) {
          const Node& node = at.nodes.at(slice.node.value());
          EXPECT_EQ(node.phase, NodePhase::kReady) << "placed on a node that is not ready";
          EXPECT_FALSE(node.lost) << "placed on a node that is lost";
        }
      }
      apply(at, event);
    }
  }

  Core core_;
  std::vector<Event> journal_;
};

/// The first event of type T, or null.
template <class T>
const T* find(const std::vector<Event>& events) {
  for (const Event& event : events) {
    if (const T* body = std::get_if<T>(&event.body)) return body;
  }
  return nullptr;
}

}  // namespace mw::testing
