// What a source saw on this node, before it has a sequence number and a place in the queue. Plain
// values, so that what a line or a counter means can be tested without an agent.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"
#include "model/fault.h"

namespace mw::agent {

/// Things that happen are told each time; conditions are told when they begin and when they end.
enum class SightingKind : std::uint8_t { kHappened, kBegins, kEnds };

struct Sighting {
  std::string code;
  SightingKind kind = SightingKind::kHappened;
  /// How much it matters to a queue that is full; the policy has its own opinion.
  FaultSeverity severity = FaultSeverity::kError;
  std::string pci{};   ///< the accelerator it is about, "0000:3b:00.0"; empty: the node
  std::string part{};  ///< what a condition is about: "mlx5_0/1", "/scratch"
  std::uint64_t count = 1;
  Instant at{};  ///< when it happened; 0: now
  std::string detail{};
};

/// Longest detail that is told, in bytes.
inline constexpr std::size_t kDetailBytesMax = 300;

/// One line of printable ASCII of bounded length: kernel logs hold what devices and programs wrote.
std::string clean_detail(std::string_view text);

}  // namespace mw::agent
