// The sources of conditions, which hold or do not: temperatures, disks, accelerators, the clock.
#include <fmt/format.h>
#include <sys/statvfs.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <sstream>

#include "agent/accelerator_devices.h"
#include "agent/kernel_line.h"
#include "agent/sources.h"

namespace mw::agent {
namespace {

constexpr std::int64_t kCoolerMilli = 5'000;  // degrees below critical at which it is over
constexpr std::uint32_t kFullMilli = 20;      // free: less than 2 % is full,
constexpr std::uint32_t kRoomMilli = 50;      // and until 5 % are free again it stays so
// A date has whole seconds, and an answer takes time: less cannot be told from no skew at all.
constexpr Duration kSkewMax = seconds(5);
constexpr Duration kSkewOver = seconds(3);

/// Which code a sensor's driver stands for.
std::string code_of_sensor(std::string_view driver) {
  if (driver == "amdgpu") return "amd.thermal";
  if (driver == "nvme" || driver == "drivetemp") return "host.disk.hot";
  const bool processor = driver == "coretemp" || driver == "k10temp" || driver == "zenpower" ||
                         driver == "x86_pkg_temp" || driver.starts_with("cpu");
  return processor ? "thermal.cpu" : "thermal.board";
}

void judge_temperature(const AgentState& state, const std::string& driver, const std::string& name,
                       std::optional<std::int64_t> now, std::optional<std::int64_t> most,
                       std::vector<Sighting>& seen) {
  // Sensors that are not there say 0, or less than the coldest hall, or more than any iron bears.
  constexpr std::int64_t kBelievedMilli = 200'000;
  if (!now || !most || *most <= 0 || *now <= 0 || *now > kBelievedMilli) return;
  Sighting hot = condition(code_of_sensor(driver), true, FaultSeverity::kError, name, "");
  const std::int64_t limit = held(state, hot) ? *most - kCoolerMilli : *most;
  if (*now < limit) hot.kind = SightingKind::kEnds;
  hot.detail = clean_detail(
      fmt::format("{} {} is at {} degrees of {}", driver, name, *now / 1000, *most / 1000));
  seen.push_back(std::move(hot));
}

struct Mount {
  std::string device;
  std::string place;
  std::string type;
  std::string options;
};

/// "\040" of /proc/self/mounts is a blank.
std::string unescaped(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    int code = 0;
    const bool octal =
        text[i] == '\\' && i + 3 < text.size() &&
        std::from_chars(&text[i + 1], &text[i + 1] + 3, code, 8).ptr == &text[i + 1] + 3;
    plain.push_back(octal ? static_cast<char>(code) : text[i]);
    if (octal) i += 3;
  }
  return plain;
}

bool has_option(const std::string& options, std::string_view option) {
  std::istringstream all(options);
  for (std::string one; std::getline(all, one, ',');) {
    if (one == option) return true;
  }
  return false;
}

std::vector<Mount> disk_mounts(const Folder& root) {
  std::vector<Mount> mounts;
  std::set<std::string> devices;
  std::istringstream lines(root.read("/proc/self/mounts", std::size_t{1} << 20).value_or(""));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    Mount mount;
    words >> mount.device >> mount.place >> mount.type >> mount.options;
    constexpr std::array<std::string_view, 5> kTypes = {"ext4", "ext3", "xfs", "btrfs", "f2fs"};
    const bool disk = mount.device.starts_with("/dev/") &&
                      std::find(kTypes.begin(), kTypes.end(), mount.type) != kTypes.end();
    // A device that is mounted many times (containers do) is looked at once.
    if (!disk || !devices.insert(mount.device).second) continue;
    mount.place = unescaped(mount.place);
    mounts.push_back(std::move(mount));
  }
  return mounts;
}

const char* missing_code(Vendor vendor) {
  if (vendor == Vendor::kAmd) return "amd.gpu.missing";
  return vendor == Vendor::kHabana ? "habana.accelerator.missing" : "nvidia.gpu.missing";
}

}  // namespace

Sighting condition(std::string code, bool holds, FaultSeverity severity, std::string part,
                   std::string detail) {
  return {.code = std::move(code),
          .kind = holds ? SightingKind::kBegins : SightingKind::kEnds,
          .severity = severity,
          .part = clean_detail(part),
          .detail = clean_detail(detail)};
}

std::string condition_key(const Sighting& condition) {
  return condition.code + " " + condition.pci + " " + condition.part;
}

bool held(const AgentState& state, const Sighting& condition) {
  return state.conditions.contains(condition_key(condition));
}

void Temperatures::look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) {
  const std::string sensors = "/sys/class/hwmon";
  for (const std::string& name : root.names(sensors)) {
    const std::string place = sensors + "/" + name;
    const std::string driver = root.read(place + "/name").value_or("");
    for (const std::string& file : root.names(place)) {
      if (!file.starts_with("temp") || !file.ends_with("_input")) continue;
      const std::string stem = file.substr(0, file.size() - 6);
      judge_temperature(state, driver, name + "/" + stem, root.number(place + "/" + file),
                        root.number(place + "/" + stem + "_crit"), seen);
    }
  }
  const std::string zones = "/sys/class/thermal";
  for (const std::string& name : root.names(zones)) {
    const std::string place = zones + "/" + name;
    for (int trip = 0; trip < 16; ++trip) {
      const std::string point = fmt::format("{}/trip_point_{}_", place, trip);
      const auto kind = root.read(point + "type");
      if (!kind) break;
      if (*kind != "critical" && *kind != "hot") continue;
      judge_temperature(state, root.read(place + "/type").value_or(""), name,
                        root.number(place + "/temp"), root.number(point + "temp"), seen);
      break;
    }
  }
}

std::optional<std::uint32_t> Disks::free_space(const std::filesystem::path& place) {
  struct statvfs status {};
  if (::statvfs(place.c_str(), &status) != 0 || status.f_blocks == 0) return std::nullopt;
  // What is kept for root counts as used: programs cannot have it.
  const auto used = status.f_blocks - status.f_bfree;
  const auto of = used + status.f_bavail;
  return of == 0 ? 0U : static_cast<std::uint32_t>(status.f_bavail * 1000 / of);
}

void Disks::look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) {
  for (const Mount& mount : disk_mounts(root)) {
    const bool read_only = has_option(mount.options, "ro");
    const std::string was_writable = "mount" + mount.place + " writable";
    if (!read_only) state.counters[was_writable] = 1;
    // One that was always read-only is meant to be.
    const bool broken = has_option(mount.options, "emergency_ro") ||
                        has_option(mount.options, "shutdown") ||
                        (read_only && state.counters.contains(was_writable));
    seen.push_back(condition("host.disk.readonly", broken, FaultSeverity::kCritical, mount.place,
                             fmt::format("{} on {} is {}", mount.device, mount.place,
                                         broken ? "read-only now" : "writable")));
    const auto free = free_(root.at(mount.place));
    if (!free || read_only) continue;
    Sighting full =
        condition("host.disk.full", true, FaultSeverity::kError, mount.place,
                  fmt::format("{} has {}.{} % free", mount.place, *free / 10, *free % 10));
    if (*free >= (held(state, full) ? kRoomMilli : kFullMilli)) full.kind = SightingKind::kEnds;
    seen.push_back(std::move(full));
  }
}

void Accelerators::look(const Folder& root, AgentState& state, std::vector<Sighting>& seen) {
  std::vector<std::string> present;
  std::map<Vendor, std::uint32_t> vendors;
  std::size_t without_driver = 0;
  for (const PciAccelerator& each : pci_accelerators(root)) {
    present.push_back(each.address);
    ++vendors[each.vendor];
    if (!each.has_driver) ++without_driver;
  }
  // As many as before, or more: they are the accelerators now. Fewer: the numbers stay as they
  // were.
  if (present.size() >= state.accelerators.size()) state.accelerators = present;
  for (const auto& [vendor, number] : vendors) {
    state.counters[fmt::format("accelerators/{}", static_cast<int>(vendor))] = number;
  }
  Vendor vendor = Vendor::kNvidia;
  for (const Vendor one : {Vendor::kHabana, Vendor::kAmd}) {
    if (state.counters.contains(fmt::format("accelerators/{}", static_cast<int>(one))))
      vendor = one;
  }
  const std::size_t wanted =
      expected_.value_or(static_cast<std::uint32_t>(state.accelerators.size()));
  const bool fewer = present.size() < wanted;
  std::string gone;
  for (const std::string& address : state.accelerators) {
    if (std::find(present.begin(), present.end(), address) == present.end()) gone += " " + address;
  }
  seen.push_back(condition(missing_code(vendor), fewer, FaultSeverity::kCritical, "pci",
                           fmt::format("{} of {} accelerators answer on PCI{}{}", present.size(),
                                       wanted, gone.empty() ? "" : "; gone:", gone)));
  // Only where somebody counts on them: a machine may leave its accelerators alone.
  if (!expected_) return;
  seen.push_back(condition("host.driver.missing", without_driver > 0, FaultSeverity::kError, "pci",
                           fmt::format("{} accelerators have no driver", without_driver)));
}

std::optional<std::int64_t> parse_http_date(std::string_view text) {
  constexpr std::size_t kLength = 29;
  constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  if (text.size() != kLength || text.substr(3, 2) != ", " || text.substr(25) != " GMT") return {};
  const auto number = [&](std::size_t at, std::size_t length) {
    int value = -1;
    const char* begin = text.data() + at;
    const auto [end, failure] = std::from_chars(begin, begin + length, value);
    return failure == std::errc() && end == begin + length ? value : -1;
  };
  const std::size_t month = kMonths.find(text.substr(8, 3));
  std::tm parts{};
  parts.tm_mday = number(5, 2);
  parts.tm_mon = static_cast<int>(month / 3);
  parts.tm_year = number(12, 4) - 1900;
  parts.tm_hour = number(17, 2);
  parts.tm_min = number(20, 2);
  parts.tm_sec = number(23, 2);
  const bool fine = month != std::string_view::npos && month % 3 == 0 && parts.tm_mday >= 1 &&
                    parts.tm_mday <= 31 && parts.tm_year >= 70 && parts.tm_hour >= 0 &&
                    parts.tm_hour < 24 && parts.tm_min >= 0 && parts.tm_min < 60 &&
                    parts.tm_sec >= 0 && parts.tm_sec <= 60 && text[19] == ':' && text[22] == ':';
  if (!fine) return {};
  return static_cast<std::int64_t>(::timegm(&parts));
}

Sighting clock_skew(const AgentState& state, std::int64_t date_s, Instant sent, Instant received) {
  // Theirs was between date and date + 1 s when it was written, ours between sent and received.
  const Instant low = Instant(date_s * 1'000'000'000);
  const Instant high = low + seconds(1);
  Duration skew;
  if (sent > high) skew = sent - high;
  if (received < low) skew = received - low;
  const Duration size = skew < Duration() ? -skew : skew;
  Sighting off =
      condition("host.clock.skew", true, FaultSeverity::kWarning, "clock",
                fmt::format("the clock is {} s {} the control plane's",
                            size.count() / 1'000'000'000, skew < Duration() ? "behind" : "before"));
  if (size < (held(state, off) ? kSkewOver : kSkewMax)) off.kind = SightingKind::kEnds;
  return off;
}

std::vector<std::unique_ptr<Source>> all_sources(std::optional<std::uint32_t> accelerators) {
  std::vector<std::unique_ptr<Source>> sources;
  sources.push_back(std::make_unique<Accelerators>(accelerators));  // first: it numbers the rest
  sources.push_back(std::make_unique<MemoryErrors>());
  sources.push_back(std::make_unique<AmdErrors>());
  sources.push_back(std::make_unique<NetworkPorts>());
  sources.push_back(std::make_unique<Temperatures>());
  sources.push_back(std::make_unique<Disks>());
  return sources;
}

}  // namespace mw::agent
