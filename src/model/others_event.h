// That others than us began to use a node, or ended: a part of model/event.h.
#pragma once

#include <optional>
#include <string_view>

#include "base/fields.h"
#include "base/id.h"
#include "model/others.h"

namespace mw {

/// So much of the node is used by others than us; none: nothing.
struct NodeUseChanged {
  static constexpr std::string_view kKind = "node_use_changed";
  NodeId node;
  std::optional<OthersShare> others;
  bool operator==(const NodeUseChanged&) const = default;
  MW_FIELDS(node, others)
};

}  // namespace mw
