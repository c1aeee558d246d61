// Files of fleets/, policies/, workloads/ and scenarios/ as text inside of the program, so that
// nothing has to be found when it runs. cmake/MwEmbed.cmake writes the definitions while building.
#pragma once

#include <span>
#include <string_view>

namespace mw {

struct EmbeddedFile {
  std::string_view name;  ///< without folder and ending
  std::string_view text;
};

/// The one of that name; null: there is none.
inline const EmbeddedFile* find_embedded(std::span<const EmbeddedFile> files,
                                         std::string_view name) {
  for (const EmbeddedFile& each : files) {
    if (each.name == name) return &each;
  }
  return nullptr;
}

/// fleets/accelerators.yaml.
extern const std::string_view kEmbeddedAccelerators;
/// Every other file of fleets/, by name.
extern const std::span<const EmbeddedFile> kEmbeddedFleets;
/// Every file of policies/, by name.
extern const std::span<const EmbeddedFile> kEmbeddedPolicies;
/// Every file of workloads/, by name.
extern const std::span<const EmbeddedFile> kEmbeddedWorkloads;
/// Every file of scenarios/, by name.
extern const std::span<const EmbeddedFile> kEmbeddedScenarios;
/// Every file of faults/, by name.
extern const std::span<const EmbeddedFile> kEmbeddedFaultPolicies;

}  // namespace mw
