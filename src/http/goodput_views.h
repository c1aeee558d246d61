// Goodput and incidents as JSON. Sums are the exact integers as text, beside numbers for people.
#pragma once

#include <boost/json/object.hpp>
#include <string>

#include "core/goodput.h"
#include "core/incidents.h"
#include "core/state.h"

namespace mw::http {

/// One row: a node, a tenant, ... `of_nodes`: MTTF and MTTR are of nodes, else of attempts.
enum class FailuresOf : std::uint8_t { kNodes, kAttempts };
boost::json::object goodput_row(const std::string& name, const GoodputTotals& totals,
                                FailuresOf failures);

/// Sites or racks, summed over their nodes, by name; nodes without a rack are left out.
enum class NodeGroup : std::uint8_t { kSite, kRack };
std::map<std::string, GoodputTotals> grouped(const std::vector<GoodputTotals>& nodes,
                                             const State& state, NodeGroup group);

boost::json::object incident_view(const Incident& incident, const State& state);

}  // namespace mw::http
