// Any bytes as a fleet file: they are refused with a message, or give a fleet that keeps the stated
// bounds, whose sums fit, whose groups nest, and that survives being written and read again. The
// first byte chooses whether the text may also name (and then is) a file of accelerators.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "codec/catalogue_file.h"
#include "codec/fleet_file.h"
#include "codec/fleet_stats.h"
#include "codec/yaml_tree.h"

namespace {

void check_blocks(const mw::FleetSpec& fleet) {
  for (const mw::SiteSpec& site : fleet.sites) {
    MW_CHECK(!site.name.empty() && !site.blocks.empty());
    for (const mw::BlockSpec& block : site.blocks) {
      MW_CHECK(block.count > 0 && block.nodes > 0);
      MW_CHECK(!mw::node_name(site, block, block.count - 1, block.nodes - 1).empty());
      for (std::size_t i = 0; i < block.fabric.size(); ++i) {
        MW_CHECK(block.fabric[i].nodes > 0 && block.fabric[i].nodes <= block.nodes);
        if (i == 0) continue;
        MW_CHECK(block.fabric[i].level > block.fabric[i - 1].level);
        MW_CHECK(block.fabric[i].nodes % block.fabric[i - 1].nodes == 0 ||
                 block.fabric[i].nodes == block.nodes);
      }
    }
  }
}

void check_stats(const mw::FleetFile& file) {
  const mw::FleetStats stats = mw::fleet_stats(file.fleet, file.catalogue);
  MW_CHECK(stats.total.nodes > 0 && stats.total.nodes <= mw::kFleetNodesMax);
  MW_CHECK(stats.total.accelerators >= 0 && stats.total.accelerators <= mw::kFleetAcceleratorsMax);
  MW_CHECK(stats.total.idle <= stats.total.busy && stats.total.busy <= mw::kFleetPowerMax);
  MW_CHECK(stats.total.accelerator_memory >= mw::Bytes(0));
  for (const mw::LevelSum& level : stats.levels) MW_CHECK(level.power_limit >= mw::Watts(0));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  mw::FleetFileContext context{.source_name = "fleet.yaml"};
  if ((data[0] & 1) != 0) {
    context.read_file = [&](const std::string&) -> mw::Result<std::string> {
      return std::string(text);
    };
    const auto types = mw::parse_catalogue_file(text, "types.yaml", mw::built_in_catalogue());
    if (types) {
      const auto again = mw::parse_catalogue_file(mw::write_catalogue_file(*types), "", {});
      MW_CHECK(again.ok());
      MW_CHECK(*again == *types);
    }
  }
  const auto file = mw::parse_fleet_file(text, context);
  if (!file) {
    MW_CHECK(!file.error().message.empty());
    MW_CHECK(mw::invalid_utf8_at(file.error().message) == std::string_view::npos);
    return 0;
  }
  check_blocks(file->fleet);
  check_stats(*file);
  const auto again =
      mw::parse_fleet_file(mw::write_fleet_file(file->fleet), {.catalogue = &file->catalogue});
  MW_CHECK(again.ok());
  MW_CHECK(again->fleet == file->fleet);
  return 0;
}
