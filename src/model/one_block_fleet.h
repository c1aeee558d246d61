// The plainest fleet there is: for measurements, and for tests that need no more.
#pragma once

#include <string>
#include <utility>

#include "model/fleet_spec.h"

namespace mw {

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
