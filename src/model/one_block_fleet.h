// The plainest fleet there is: for measurements, and for tests that need no more.
#pragma once

#include <cstdint>
#include <string>
#include <utility>

#include "model/fleet_spec.h"

namespace mw {

/// Nodes with 100 cores and 1 TiB.
inline NodeShape plain_shape(std::string name, std::string type, std::uint32_t accelerators) {
  NodeShape shape;
  shape.name = std::move(name);
  shape.accelerator_type = std::move(type);
  shape.accelerators = accelerators;
  shape.cpus = CpuShare(100'000);
  shape.memory = Bytes(std::int64_t{1} << 40);
  return shape;
}

/// One site, "here", with one block of nodes of that shape.
inline FleetSpec one_block_fleet(std::string name, NodeShape shape, BlockSpec block) {
  FleetSpec fleet;
  fleet.name = std::move(name);
  block.shape = shape.name;
  fleet.shapes.push_back(std::move(shape));
  SiteSpec site;
  site.name = "here";
  site.blocks.push_back(std::move(block));
  fleet.sites.push_back(std::move(site));
  return fleet;
}

}  // namespace mw
