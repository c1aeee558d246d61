#include "model/fleet_spec.h"

namespace mw {
namespace {

/// Counting from 1 to `last`, `number` + 1 with as many digits as `last` has.
std::string padded(std::uint32_t number, std::uint32_t last) {
  const std::string text = std::to_string(std::uint64_t{number} + 1);
  const std::size_t width = std::to_string(last).size();
  return std::string(width - text.size(), '0') + text;
}

}  // namespace

std::string block_name(const SiteSpec& site, const BlockSpec& block, std::uint32_t copy) {
  return site.name + "-" + block.name + (block.count > 1 ? padded(copy, block.count) : "");
}

std::string node_name(const SiteSpec& site, const BlockSpec& block, std::uint32_t copy,
                      std::uint32_t index) {
  return block_name(site, block, copy) + "-" + padded(index, block.nodes);
}

}  // namespace mw
