// A journal with a long past, made by the core itself on an engine that is instant.
#pragma once

#include <cstdint>
#include <filesystem>

namespace mw::bench {

/// Writes the history of `jobs` one-node jobs, submitted, run and ended, with snapshots at the
/// interval that the control plane uses. Returns the number of events.
std::uint64_t write_history(const std::filesystem::path& journal, std::uint64_t jobs);

}  // namespace mw::bench
