// How checks of nodes are shown: what runs now and how the last ones ended from the state, what
// they found over time from events.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <vector>

#include "core/state.h"
#include "model/event.h"

namespace mw::http {

/// What is so now: {"running": [...], "nodes": [...], "count": .., "never": .., "programs": [...]}.
/// Of nodes up to `limit` from the id `first` on.
boost::json::object check_list(const State& state, NodeId first, std::size_t limit);
/// What is so of one node: {"node", "running", "due_at_ns", "last"}.
boost::json::object node_check_view(const State& state, NodeId node);
/// A check that has ended, with what it measured.
boost::json::object check_view(const Event& event, const CheckEnded& ended);
/// The measures of a check that passed beside those of the node's pool.
boost::json::array pool_views(const State& state, NodeId node,
                              const std::vector<Measure>& measures);

}  // namespace mw::http
