// How faults, breakers and rules are shown.
#pragma once

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <optional>
#include <string>

#include "core/state.h"

namespace mw::http {

/// Which faults to show.
struct FaultFilter {
  std::optional<std::string> node;
  bool active_only = true;
  std::size_t limit = 1000;
};
/// {"faults": [...], "count": ..}: by place, then code.
boost::json::object fault_list(const State& state, const FaultFilter& filter);
/// {"places": [...], "count": ..}: what is above nodes and can have a fault, by kind, then in the
/// fleet's order. `scope`: only of this kind; `limit`: so many at most.
boost::json::object fault_places(const State& state, std::optional<FaultReach> scope,
                                 std::size_t limit);
/// Breakers that have tripped, or watch over nodes that were taken out of service lately.
boost::json::array breaker_views(const State& state);
/// The rule for a code, and what it means here: with hooks, or without.
boost::json::object explain_fault(const FaultPolicy& policy, const std::string& code);

}  // namespace mw::http
