// What is known of each type of accelerator, with the source of each figure. A figure that nobody
// has published is absent, never guessed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "base/quantity.h"

namespace mw {

/// A figure and where it is from.
struct Sourced {
  std::int64_t value = 0;
  std::string source;      ///< a document's name or address
  bool announced = false;  ///< stated by its maker before it could be bought
  bool operator==(const Sourced&) const = default;
  MW_FIELDS(value, source, announced)
};

/// One type. Every figure is for one device as its maker counts them for sale, dense, at bf16.
struct AcceleratorType {
  std::string name;    ///< e.g. "h100-sxm"; what jobs ask for
  std::string vendor;  ///< "nvidia", "amd", "intel", "google", "aws", "none"
  std::vector<std::string> aliases;
  std::optional<Sourced> memory;              ///< bytes
  std::optional<Sourced> memory_bandwidth;    ///< bytes/s
  std::optional<Sourced> bf16;                ///< FLOP/s in 10^9, dense
  std::optional<Sourced> power;               ///< milliwatts at most, of the device alone
  std::optional<Sourced> idle_power;          ///< milliwatts
  std::optional<Sourced> scale_up_size;       ///< devices in one scale-up domain
  std::optional<Sourced> scale_up_bandwidth;  ///< bytes/s a device, both directions
  std::string export_class;                   ///< empty: unknown or none
  std::string export_source;                  ///< where the class, or the rule it follows, is from
  bool operator==(const AcceleratorType&) const = default;
  MW_FIELDS(name, vendor, aliases, memory, memory_bandwidth, bf16, power, idle_power, scale_up_size,
            scale_up_bandwidth, export_class, export_source)
};

struct Catalogue {
  std::vector<AcceleratorType> types;  ///< names and aliases are all different, in any case
  bool operator==(const Catalogue&) const = default;
  MW_FIELDS(types)
};

/// The type that is called, or also called, `name`, in any case; null when there is none.
const AcceleratorType* find_type(const Catalogue& catalogue, std::string_view name);

}  // namespace mw
