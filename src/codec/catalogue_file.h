// Files that describe types of accelerators, such as the catalogue that is built in
// (fleets/accelerators.yaml) and what users add to it or replace. A figure stands there with its
// source or not at all. docs/fleet.md describes the file.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/catalogue.h"

namespace mw {

/// Reads one file of types on top of `base`: a type of the same name replaces the whole of the old
/// one, others are added behind.
/// `source_name`: the file, for messages.
/// Errors: kTooLarge for more than kCatalogueFileBytesMax; kInvalid with one line a problem, each
///         `FILE:LINE:COLUMN: key: expected ..., found ...`.
Result<Catalogue> parse_catalogue_file(std::string_view text, std::string_view source_name,
                                       const Catalogue& base);

/// The catalogue of this program.
const Catalogue& built_in_catalogue();

/// The name or alias nearest to `name`, when it is near enough to be what was meant; else empty.
std::string_view closest_type(const Catalogue& catalogue, std::string_view name);

/// The file (JSON) that gives `catalogue` back when it is read on top of nothing.
std::string write_catalogue_file(const Catalogue& catalogue);

inline constexpr std::size_t kCatalogueFileBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kCatalogueTypesMax = 10'000;
inline constexpr Bytes kAcceleratorMemoryMax{std::int64_t{1} << 50};
inline constexpr Watts kAcceleratorPowerMax{1'000'000'000};         ///< 1 MW: a rack is less
inline constexpr std::int64_t kAcceleratorRateMax = 1'000'000'000;  ///< 1 EFLOP/s in 10^9
inline constexpr std::int64_t kScaleUpSizeMax = 1'000'000;

}  // namespace mw
