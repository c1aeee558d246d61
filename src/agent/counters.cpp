// The sources that read counters of the kernel's: memory, network ports, AMD accelerators.
#include <fmt/format.h>

#include <charconv>

#include "agent/sources.h"

namespace mw::agent {
namespace {

/// Tells of a counter that has risen.
void count(AgentState& state, const std::string& counter, std::optional<std::int64_t> reading,
           Sighting sighting, std::vector<Sighting>& seen) {
  if (!reading || *reading < 0) return;
  const std::uint64_t rise = rise_of(state, counter, static_cast<std::uint64_t>(*reading));
  if (rise == 0) return;
  sighting.count = rise;
  sighting.detail = clean_detail(fmt::format("{} rose by {} to {}", counter, rise, *reading));
  seen.push_back(std::move(sighting));
}

/// The number behind "ue: " in "ue: 0\nce: 2".
std::optional<std::int64_t> number_behind(std::string_view text, std::string_view word) {
  const std::size_t at = text.find(word);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + word.size());
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  return failure == std::errc() ? std::optional(number) : std::nullopt;
}

}  // namespace

void MemoryErrors::look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) {
  const std::string folder = "/sys/devices/system/edac/mc";
  for (const std::string& name : root.names(folder)) {
    if (!name.starts_with("mc")) continue;
    const std::string place = folder + "/" + name;
    count(state, "edac/" + name + "/ue_count", root.number(place + "/ue_count"),
          {.code = "host.memory.uncorrectable", .severity = FaultSeverity::kCritical}, seen);
    count(state, "edac/" + name + "/ce_count", root.number(place + "/ce_count"),
          {.code = "host.memory.correctable", .severity = FaultSeverity::kInfo}, seen);
  }
}

void NetworkPorts::look_at_port(const Folder& root, const std::string& port,
                                const std::string& name, AgentState& state,
                                std::vector<Sighting>& seen) {
  const bool ethernet = root.read(port + "/link_layer").value_or("") == "Ethernet";
  const auto counter = [&](const char* file, const char* code, FaultSeverity severity) {
    count(state, "infiniband/" + name + "/" + file, root.number(port + "/counters/" + file),
          {.code = code, .severity = severity}, seen);
  };
  counter("link_downed", ethernet ? "net.roce.flap" : "net.ib.flap", FaultSeverity::kWarning);
  if (ethernet) {
    // Of RoCE those of InfiniBand are always 0; mlx5 counts what is damaged or lost of it by
    // itself.
    for (const char* file : {"rx_icrc_encapsulated", "local_ack_timeout_err"}) {
      count(state, "infiniband/" + name + "/" + file, root.number(port + "/hw_counters/" + file),
            {.code = "net.roce.errors", .severity = FaultSeverity::kInfo}, seen);
    }
  } else {
    for (const char* file : {"symbol_error", "link_error_recovery", "local_link_integrity_errors",
                             "excessive_buffer_overrun_errors"}) {
      counter(file, "net.ib.errors", FaultSeverity::kInfo);
    }
  }
  // "4: ACTIVE". A port that was never up is not used; one that only comes up is neither.
  const std::string text = root.read(port + "/state").value_or("");
  const bool up = text.starts_with("4:");
  const bool down = text.starts_with("1:");
  if (up) state.counters["infiniband/" + name + "/was_up"] = 1;
  if (!up && !(down && state.counters.contains("infiniband/" + name + "/was_up"))) return;
  seen.push_back(condition(ethernet ? "net.roce.down" : "net.ib.down", down, FaultSeverity::kError,
                           name, fmt::format("port {} is {}", name, text)));
}

void NetworkPorts::look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) {
  const std::string folder = "/sys/class/infiniband";
  for (const std::string& adapter : root.names(folder)) {
    const std::string ports = folder + "/" + adapter + "/ports";
    for (const std::string& port : root.names(ports)) {
      look_at_port(root, ports + "/" + port, adapter + "/" + port, state, seen);
    }
  }
}

void AmdErrors::look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) {
  const std::string folder = "/sys/bus/pci/devices";
  for (const std::string& address : root.names(folder)) {
    const std::string place = folder + "/" + address + "/ras";
    for (const std::string& file : root.names(place)) {
      if (!file.ends_with("_err_count")) continue;
      const auto text = root.read(place + "/" + file, 4096);
      if (!text) continue;
      const std::string counter = "amdgpu/" + address + "/" + file;
      count(state, counter + "/ue", number_behind(*text, "ue: "),
            {.code = "amd.ras.uncorrectable", .severity = FaultSeverity::kCritical, .pci = address},
            seen);
      count(state, counter + "/ce", number_behind(*text, "ce: "),
            {.code = "amd.ras.correctable", .severity = FaultSeverity::kInfo, .pci = address},
            seen);
    }
  }
}

}  // namespace mw::agent
