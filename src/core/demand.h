// What has been asked for so far and how scarce that makes things here: the outlook of
// demand_outlook.h for this very fleet. Part of the state: it changes with events alone, and grows
// no further than its limits, whatever is submitted.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "core/demand_outlook.h"
#include "core/room.h"
#include "core/topology.h"
#include "model/job.h"
#include "model/policy.h"

namespace mw {

/// Types of accelerators that are told apart: those that jobs have insisted on, the first so many.
/// A job that insists on another counts as one that takes any.
inline constexpr std::uint32_t kDemandTypesMax = 62;
/// The index of all types of the fleet that nobody has insisted on.
inline constexpr std::uint32_t kOtherType = 63;

struct Demand {
  DemandOutlook outlook;
  std::vector<std::string> types;  ///< by index
  std::uint64_t reprice_in = 0;    ///< so many jobs later the prices are looked at again
  bool operator==(const Demand&) const = default;
  MW_FIELDS(outlook, types, reprice_in)
};

std::uint32_t type_index(const Demand& demand, std::string_view type);

/// What a group's nodes have room for, in the terms of ranking.
NodeRoom room_of(const Demand& demand, const Topology& topology, const GroupKey& key);

/// A job was submitted. A gang counts as what it takes of each node.
/// Cost: a search among at most kOutlookNeedsMax needs; now and then a new sample, and prices from
///       all groups, so seldom that it comes to less than 1 microsecond a job.
void note_demand(Demand& demand, const JobSpec& spec, const Topology& topology,
                 const NodeGroups& groups, const RankingRules& rules);
/// The fleet or the rules are others than before: what was remembered is wrong, and the prices too.
void reconsider(Demand& demand);

}  // namespace mw
