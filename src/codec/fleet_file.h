// Fleet files: YAML (and so JSON) with repeat counts in, a validated FleetSpec out. This is the
// only place where a fleet file is judged: whatever comes out can be unfolded into nodes and two
// trees, its groups nest, its names are unique, and its sums fit 64 bits. docs/fleet.md describes
// each key.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/catalogue.h"
#include "model/fleet_spec.h"

namespace mw {

struct FleetFileContext {
  std::string source_name{};  ///< for messages: the file's name; empty: only line and column
  const Catalogue* catalogue = nullptr;  ///< null: the one that is built in
  /// Reads the file that the key `accelerators` names; empty: the key is refused.
  std::function<Result<std::string>(const std::string& name)> read_file{};
};

struct FleetFile {
  FleetSpec fleet;
  Catalogue catalogue;  ///< the context's, with the types that the file adds
};

/// Reads one fleet file.
/// Errors: kTooLarge for more than kFleetFileBytesMax; kInvalid with one line a problem, each
///         `FILE:LINE:COLUMN: key: expected ..., found ...`.
/// Cost:   O(size of the file), however many nodes it stands for.
Result<FleetFile> parse_fleet_file(std::string_view text, const FleetFileContext& context);

/// The fleet file (JSON) that gives `fleet` back, read with the same catalogue.
std::string write_fleet_file(const FleetSpec& fleet);

// Bounds of what a file may describe; the messages and docs/fleet.md name them.
inline constexpr std::size_t kFleetFileBytesMax = std::size_t{4} << 20;
inline constexpr std::size_t kFleetValuesMax = 400'000;
inline constexpr std::int64_t kFleetNodesMax = 10'000'000;
inline constexpr std::int64_t kFleetAcceleratorsMax = 64'000'000;
inline constexpr std::int64_t kAcceleratorsPerNodeMax = 1'000;
inline constexpr std::int64_t kCpusPerNodeMax = 100'000;
inline constexpr Bytes kMemoryPerNodeMax{std::int64_t{1} << 50};
inline constexpr Watts kNodePowerMax{10'000'000'000};  ///< 10 MW
inline constexpr Watts kFleetPowerMax{
    1'000'000'000'000'000};                             ///< 1 TW, of a limit and of all nodes
inline constexpr std::int64_t kPriceMax = 100'000'000;  ///< 100 US dollars a kWh
inline constexpr std::int64_t kCarbonMax = 5'000;       ///< g/kWh; burning peat gives 1,200
inline constexpr std::int64_t kPueMax = 5'000;          ///< 5

}  // namespace mw
