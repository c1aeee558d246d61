// Which lines of the kernel's log are faults. Every pattern begins where the message begins, after
// the header that printk, dmesg, syslog or the journal put before it: a program that logs the words
// "NVRM: Xid" in a line of its own is not believed. Whatever the bytes are, the answer is a clean
// Sighting or none.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "agent/sighting.h"

namespace mw::agent {

/// Longer lines are looked at up to here; printk's own limit is about 1,000 bytes.
inline constexpr std::size_t kKernelLineBytesMax = 4096;

struct KernelLine {
  bool from_kernel = true;  ///< false: a program wrote it, through syslog or into /dev/kmsg
  std::optional<std::uint64_t> sequence{};     ///< of a record of /dev/kmsg
  std::optional<std::int64_t> monotonic_us{};  ///< of a record of /dev/kmsg, since the boot
  std::optional<Instant> at{};                 ///< where the header has a date with a zone
  std::string_view message{};
};

/// Takes the header off. Source: Documentation/ABI/testing/dev-kmsg; RFC 3164 and 5424 as rsyslog
/// and journalctl write them; dmesg(1).
KernelLine split_kernel_line(std::string_view line);

/// What a message of the kernel's means; none for what is no fault. `at` is not set.
std::optional<Sighting> read_kernel_message(std::string_view message);

/// "PCI:0000:3b:00", "3b:00.0", "00000000:3B:00.0" as "0000:3b:00.0"; none for anything else.
std::optional<std::string> pci_address(std::string_view text);

}  // namespace mw::agent
