// The packing experiment of FGD (ATC'23) on lists of nodes and pods such as openb's: pods arrive
// in random order and never leave; how much of the accelerators is allocated when so much has
// arrived? Which node a pod gets is asked through one function, so that what is measured can be
// one of the published policies, our ranking alone, or the whole scheduler.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/trace_files.h"
#include "core/ranked_nodes.h"
#include "model/placement.h"

namespace mw {

/// The lists, in the terms of ranking and as they are. Nodes and pods are sorted by name.
struct PackingCase {
  std::vector<TraceNode> trace_nodes;
  std::vector<TracePod> trace_pods;
  std::vector<NodeKind> kinds;
  std::vector<std::uint32_t> node_kinds;  ///< of each node
  std::vector<std::string> types;         ///< names, by index
  std::vector<TaskNeed> pods;
  AcceleratorShare capacity;
};

/// Errors: kInvalid: no nodes, no pods that ask for an accelerator, or more than kTypesMax types.
Result<PackingCase> packing_case(std::vector<TraceNode> nodes, std::vector<TracePod> pods);

/// Indexes of the pods in the order of their arrival: all of them shuffled, then more drawn
/// uniformly with repetition until one would bring the sum over `load_percent` of the capacity.
std::vector<std::uint32_t> packing_arrivals(const PackingCase& the_case, std::uint64_t seed,
                                            std::uint32_t load_percent = 130);

struct PackingResult {
  /// Allocated, in percent of the capacity, by whole percent arrived: the mean over the arrivals
  /// at which what has arrived rounds to that.
  std::map<std::int64_t, double> allocated;
  std::uint64_t placed = 0;
  std::uint64_t refused = 0;
  std::map<std::int64_t, std::uint64_t> placed_by_devices;  ///< whole devices of a pod -> pods
};

/// Places the pod with that index, or says that there is no room for it.
using PlacePod = std::function<bool(std::uint32_t)>;

/// Offers every arrival to `place`, once.
PackingResult run_packing(const PackingCase& the_case, const std::vector<std::uint32_t>& arrivals,
                          const PlacePod& place);

/// A PlacePod by one of the rankings alone. FGD is given all of the pods to know what is typical,
/// as published; ours learns from what it is offered.
PlacePod place_by_ranking(const PackingCase& the_case, RankingKind kind, std::uint64_t seed);

/// A PlacePod by the scheduler itself: a Core that is told of the nodes, then of each pod as a job
/// in a step of its own. A pod that has not started at the end of its step is cancelled.
/// Tells `placed` where each pod began that did.
using PodPlaced = std::function<void(std::uint32_t, const Placement&)>;
PlacePod place_by_scheduler(const PackingCase& the_case, const PodPlaced& placed = {});

}  // namespace mw
