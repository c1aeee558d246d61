// What breaks in a simulated fleet, and when. A source hands out faults in the order of their
// beginning, be they replayed from a trace or drawn from rates.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"

namespace mw {

enum class FaultEffect : std::uint8_t {
  kDown,  ///< the nodes do nothing until they are repaired; what ran there is gone
  kSlow,  ///< a silent one: what runs there runs at `speed_milli`, and nobody is told
  kTask,  ///< a task on the node fails, as a software fault would; the node stays
};
template <>
struct EnumNames<FaultEffect> {
  static constexpr std::array<std::string_view, 3> value = {"down", "slow", "task"};
};

struct NodeFault {
  Instant at;
  std::vector<NodeId> nodes;  ///< more than one: a rack, a leaf, a power path, a site
  FaultEffect effect = FaultEffect::kDown;
  Duration repair;  ///< until it is over
  std::int64_t speed_milli = 1000;
  std::string component;  ///< what broke, for the report
  bool planned = false;   ///< maintenance: the nodes are drained before
  bool operator==(const NodeFault&) const = default;
  MW_FIELDS(at, nodes, effect, repair, speed_milli, component, planned)
};

class FaultSource {
 public:
  virtual ~FaultSource() = default;
  virtual std::optional<NodeFault> next() = 0;
};

}  // namespace mw
