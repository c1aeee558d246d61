// How the nodes of a large cluster are, in a few lines of `sinfo`: nodes that are alike share one,
// so that to look at 31,250 of them takes tenths of a second where the whole list takes several.
// What nodes are made of is not in it; the list says that now and then.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "engines/slurm/slurm_types.h"

namespace mw::slurm {

/// What sinfo is asked for, for read_node_states().
std::vector<std::string> node_states_command();

/// The state that these nodes share.
struct NodeStates {
  std::vector<std::string> nodes;
  std::vector<std::string> states;  ///< as SlurmNode has them
  std::string reason;
  bool operator==(const NodeStates&) const = default;
};

/// Errors: kInvalid, with the line that is none.
Result<std::vector<NodeStates>> read_node_states(std::string_view text);

/// Gives each node the state that it has now. False, and nothing is changed: the list is to be
/// asked for anew. Then they are not the nodes that `states` is of; or one has another reason, or
/// is back from having been away, and since when only the list says.
bool update_states(std::vector<SlurmNode>& nodes, const std::vector<NodeStates>& states);

}  // namespace mw::slurm
