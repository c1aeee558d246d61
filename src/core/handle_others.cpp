// What others than us use of a node: it is taken out of the node's room as soon as it is told. The
// engine gave it away, so it is gone whatever we had in mind for it.
#include "core/allocation.h"
#include "core/stepper.h"

namespace mw {

void Core::Stepper::operator()(const NodeUseReported& input) {
  const auto node = state_.topology->find(input.node);
  if (node) use_for_others(*node, input.use);
}

void Core::Stepper::use_for_others(NodeId node, const OthersUse& use) {
  const Node& at = state_.nodes[node.value()];
  auto share = share_for_others(state_, at, use);
  if (share != at.others) emit(NodeUseChanged{node, std::move(share)});
}

/// Where they use more than could be taken for them: something may have come free since.
void Core::Stepper::make_up_for_others() {
  const std::vector<NodeId> nodes(state_.others_short.begin(), state_.others_short.end());
  for (const NodeId node : nodes) {
    const OthersUse use = state_.nodes[node.value()].others->reported;
    use_for_others(node, use);
  }
}

}  // namespace mw
