// What one node would have free with some of its attempts gone.
#pragma once

#include <cstdint>

#include "core/fit.h"
#include "core/gang.h"
#include "core/state.h"

namespace mw {

class NodeRelease {
 public:
  NodeRelease(const State& state, NodeId node)
      : state_(state), node_(state.nodes[node.value()]), devices_(node_.devices) {
    usable_ = is_open(node_);
    slot_.cpus = static_cast<std::int32_t>(node_.cpus_free.count());
    slot_.memory = node_.memory_free.count();
    slices_ = node_.slices;
    exclusive_ = node_.exclusive;
  }
  void release(const Attempt& attempt) {
    const JobSpec& spec = *attempt.spec;
    for (const NodeSlice& slice : attempt.placement) {
      if (slice.node != node_.id) continue;
      const GangShape& gang = group_at(spec, slice.first_rank);
      for (const DeviceShare& each : slice.devices) devices_.add(each.device, each.share);
      slot_.cpus += static_cast<std::int32_t>((gang.task.cpus * slice.tasks).count());
      slot_.memory += (gang.task.memory * slice.tasks).count();
      if (gang.exclusive) exclusive_ = false;
      --slices_;
    }
  }
  [[nodiscard]] std::uint32_t tasks(const GangShape& gang) {
    if (!usable_ || exclusive_) return 0;
    slot_.whole = static_cast<std::uint16_t>(devices_.whole());
    slot_.busy = slices_ > 0 ? 1 : 0;
    return tasks_on(slot_, devices_.has_parts() ? &devices_ : nullptr, gang);
  }

 private:
  const State& state_;
  const Node& node_;
  DeviceRoom devices_;
  Slot slot_;
  std::uint32_t slices_ = 0;
  bool usable_ = false;
  bool exclusive_ = false;
};

}  // namespace mw
