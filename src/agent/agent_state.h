// All that an agent remembers over its restarts, in one value: the queue, the sequence, how far the
// kernel's log was read, the last reading of each counter, which conditions hold. It is stored
// whole and at once, so that what was read and what is queued never disagree.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/sighting.h"
#include "base/fields.h"

namespace mw::agent {

/// A sighting with its number, as it waits to be told.
struct QueuedReport {
  std::uint64_t sequence = 0;
  Instant at;
  std::string code;
  std::optional<std::uint32_t> device{};
  std::uint64_t count = 1;
  FaultSeverity severity = FaultSeverity::kError;
  bool cleared = false;
  std::string detail{};
  bool operator==(const QueuedReport&) const = default;
  MW_FIELDS(sequence, at, code, device, count, severity, cleared, detail)
};

/// How far the kernel's log was read. A file is known by its number, not its name, for it is
/// rotated; a record of /dev/kmsg by the boot and its sequence.
struct LogPosition {
  std::uint64_t file_system = 0;
  std::uint64_t inode = 0;  ///< 0: not read yet
  std::uint64_t offset = 0;
  std::string boot{};
  std::uint64_t record_next = 0;
  bool operator==(const LogPosition&) const = default;
  MW_FIELDS(file_system, inode, offset, boot, record_next)
};

struct AgentState {
  std::uint64_t sequence_last = 0;
  LogPosition log{};
  std::map<std::string, std::uint64_t> counters{};  ///< last readings
  std::map<std::string, bool> conditions{};         ///< those that hold: true
  std::vector<std::string> accelerators{};          ///< PCI addresses in order: number by place
  std::uint64_t dropped = 0;                        ///< reports that the queue had no room for
  std::vector<QueuedReport> queue{};                ///< oldest first
  bool operator==(const AgentState&) const = default;
  MW_FIELDS(sequence_last, log, counters, conditions, accelerators, dropped, queue)
};

/// How much a counter has risen since it was read last. The first reading is the base; one that is
/// below the last began anew, and what it shows has happened since.
std::uint64_t rise_of(AgentState& state, const std::string& counter, std::uint64_t reading);

/// The accelerator's number on its node; none for an address that is not known.
std::optional<std::uint32_t> device_of(const AgentState& state, const std::string& pci);

}  // namespace mw::agent
