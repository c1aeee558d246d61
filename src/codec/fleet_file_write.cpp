// The other way round: a fleet file from a FleetSpec. What is written here reads back as the same
// value.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "codec/fleet_file.h"
#include "codec/fleet_file_values.h"
#include "codec/units.h"

namespace mw {
namespace {

using boost::json::array;
using boost::json::object;

void add_limits(const PowerLimits& limits, object& out) {
  if (limits.power != Watts(0)) out["power"] = write_watts(limits.power);
  if (limits.cooling != Watts(0)) out["cooling"] = write_watts(limits.cooling);
}

object write_shape(const NodeShape& shape) {
  object out{{"type", shape.accelerator_type},
             {"accelerators", shape.accelerators},
             {"cpus", write_thousandths(shape.cpus.count())},
             {"memory", write_bytes(shape.memory)}};
  if (shape.idle != Watts(0)) out["idle"] = write_watts(shape.idle);
  if (shape.accelerator != Watts(0)) out["accelerator"] = write_watts(shape.accelerator);
  if (shape.accelerator_memory != Bytes(0))
    out["accelerator_memory"] = write_bytes(shape.accelerator_memory);
  out["export_class"] =
      shape.export_class.empty() ? kNoExportClass : std::string_view(shape.export_class);
  return out;
}

object write_block(const BlockSpec& block) {
  object out{
      {"name", block.name}, {"count", block.count}, {"shape", block.shape}, {"nodes", block.nodes}};
  array fabric;
  for (const FabricGrouping& group : block.fabric)
    fabric.push_back(object{{"level", name_of(group.level)}, {"nodes", group.nodes}});
  if (!fabric.empty()) out["fabric_groups"] = std::move(fabric);
  if (!block.fabric_under.empty()) out["fabric_under"] = block.fabric_under;
  array power;
  for (const PowerGrouping& group : block.power) {
    object one{{"level", name_of(group.level)}, {"nodes", group.nodes}};
    add_limits(group.limits, one);
    power.push_back(std::move(one));
  }
  if (!power.empty()) out["power_groups"] = std::move(power);
  if (!block.power_under.empty()) out["power_under"] = block.power_under;
  return out;
}

template <class Place>
object write_place(const Place& place) {
  object out{{"name", place.name}, {"level", name_of(place.level)}};
  if (!place.under.empty()) out["under"] = place.under;
  return out;
}

object write_site(const SiteSpec& site) {
  object out{{"name", site.name}};
  if (!site.jurisdiction.empty()) out["jurisdiction"] = site.jurisdiction;
  if (site.price != 0) out["price"] = write_decimal(site.price, 6);
  if (site.carbon != 0) out["carbon"] = site.carbon;
  out["pue"] = write_thousandths(site.pue);
  if (site.contract != Watts(0)) out["contract"] = write_watts(site.contract);
  add_limits(site.limits, out);
  array power;
  for (const PowerPlace& place : site.power) {
    object one = write_place(place);
    add_limits(place.limits, one);
    power.push_back(std::move(one));
  }
  if (!power.empty()) out["power_places"] = std::move(power);
  array fabric;
  for (const FabricPlace& place : site.fabric) fabric.push_back(write_place(place));
  if (!fabric.empty()) out["fabric_places"] = std::move(fabric);
  array blocks;
  for (const BlockSpec& block : site.blocks) blocks.push_back(write_block(block));
  out["blocks"] = std::move(blocks);
  return out;
}

}  // namespace

std::string write_fleet_file(const FleetSpec& fleet) {
  object shapes;
  for (const NodeShape& shape : fleet.shapes) shapes[shape.name] = write_shape(shape);
  array sites;
  for (const SiteSpec& site : fleet.sites) sites.push_back(write_site(site));
  return boost::json::serialize(
      object{{"name", fleet.name}, {"shapes", std::move(shapes)}, {"sites", std::move(sites)}});
}

}  // namespace mw
