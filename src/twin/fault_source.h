// What breaks in a simulated fleet, and when. A source hands out faults in the order in which they
// become known, be they replayed from a trace or drawn from rates. What it hands out depends on
// nothing that the control plane does: two runs that differ in policy see the very same faults.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "model/scenario.h"

namespace mw {

struct NodeFault {
  Instant at;
  std::vector<NodeId> nodes;  ///< more than one: a rack, a leaf, a power path, a site
  FaultEffect effect = FaultEffect::kDown;
  Duration repair;  ///< until it is over
  std::int64_t speed_milli = 1000;
  std::string component;  ///< what broke, for the report
  bool planned = false;   ///< maintenance: the nodes are drained before, and resumed after
  Duration notice{};      ///< how long before; 0 unless it is planned
  std::string code{};     ///< as what it is told to the control plane; empty: nobody tells
  std::optional<FaultAction> mended_by{};  ///< the least that mends it before its repair
  /// When anybody can know of it.
  [[nodiscard]] Instant known_at() const { return at - notice; }
  bool operator==(const NodeFault&) const = default;
  MW_FIELDS(at, nodes, effect, repair, speed_milli, component, planned, notice, code, mended_by)
};

class FaultSource {
 public:
  virtual ~FaultSource() = default;
  /// The next one by known_at(), of equal ones in a fixed order; nothing once there are no more.
  virtual std::optional<NodeFault> next() = 0;
};

/// Hands out what it was given, which is in that order.
class ListedFaults final : public FaultSource {
 public:
  explicit ListedFaults(std::vector<NodeFault> faults) : faults_(std::move(faults)) {}
  std::optional<NodeFault> next() override {
    if (next_ == faults_.size()) return std::nullopt;
    return faults_[next_++];
  }

 private:
  std::vector<NodeFault> faults_;
  std::size_t next_ = 0;
};

}  // namespace mw
