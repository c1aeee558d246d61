// What an agent looks at from time to time: one small class for each. A source that finds nothing
// of its own on this machine says nothing. Counters tell by how much they rose since the last look
// (rise_of); conditions say at every look whether they hold, and the agent tells of the changes.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "agent/agent_state.h"
#include "agent/folder.h"

namespace mw::agent {

class Source {
 public:
  Source() = default;
  Source(const Source&) = delete;
  Source& operator=(const Source&) = delete;
  virtual ~Source() = default;
  /// Adds what is wrong now to `seen`, and its readings to `state`.
  virtual void look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) = 0;
};

/// Memory errors as EDAC counts them. Source: Documentation/ABI/testing/sysfs-devices-edac.
class MemoryErrors final : public Source {
 public:
  void look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) override;
};

/// Ports of InfiniBand and RoCE adapters: errors, links that went down, ports that are down and
/// were up. Source: Documentation/ABI/stable/sysfs-class-infiniband.
class NetworkPorts final : public Source {
 public:
  void look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) override;

 private:
  void look_at_port(const Folder& root, const std::string& port, const std::string& name,
                    AgentState& state, std::vector<Sighting>& seen);
};

/// Sensors that are at or over what their driver calls critical. Source:
/// Documentation/hwmon/sysfs-interface.rst and Documentation/driver-api/thermal/sysfs-api.rst.
class Temperatures final : public Source {
 public:
  void look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) override;
};

/// Errors that AMD's driver counts by block ("ue: 0\nce: 2"). Source: Linux,
/// Documentation/gpu/amdgpu/ras.rst, "RAS Error Count sysfs Interface".
class AmdErrors final : public Source {
 public:
  void look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) override;
};

/// Accelerators by PCI: fewer than there were, or than there should be; none has its driver.
/// Numbers follow the order of addresses, as NVML's and ROCm's do, and stay while one is missing.
class Accelerators final : public Source {
 public:
  /// `expected`: how many there should be; none: as many as there once were.
  explicit Accelerators(std::optional<std::uint32_t> expected) : expected_(expected) {}
  void look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) override;

 private:
  std::optional<std::uint32_t> expected_;
};

/// File systems on disks: nearly full, or read-only though they were writable. Source: proc(5),
/// /proc/self/mounts; statvfs(3).
class Disks final : public Source {
 public:
  /// Thousandths of the space that programs may have which are free; none: cannot be said.
  using FreeSpace = std::function<std::optional<std::uint32_t>(const std::filesystem::path& place)>;
  static std::optional<std::uint32_t> free_space(const std::filesystem::path& place);
  explicit Disks(FreeSpace free = free_space) : free_(std::move(free)) {}
  void look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) override;

 private:
  FreeSpace free_;
};

/// A condition of a sighting, that holds or does not; to be told of only when that changes.
Sighting condition(std::string code, bool holds, FaultSeverity severity, std::string part,
                   std::string detail);
/// True when it held at the last look.
bool held(const AgentState& state, const Sighting& condition);
std::string condition_key(const Sighting& condition);

/// Seconds since 1970 of an HTTP date, "Sun, 06 Nov 1994 08:49:37 GMT"; none for anything else.
/// Source: RFC 9110, 5.6.7 (IMF-fixdate, the only form that may be sent).
std::optional<std::int64_t> parse_http_date(std::string_view text);
/// The clock against the control plane's, whose date is of a second between `sent` and `received`.
Sighting clock_skew(const AgentState& state, std::int64_t date_s, Instant sent, Instant received);

std::vector<std::unique_ptr<Source>> all_sources(std::optional<std::uint32_t> accelerators);

}  // namespace mw::agent
