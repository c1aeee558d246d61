#include "agent/outbox.h"

#include <algorithm>

#include "base/check.h"
#include "codec/json.h"
#include "codec/timestamp.h"

namespace mw::agent {
namespace {

constexpr std::uint64_t kCountMax = 1'000'000'000;  // of one report: see codec/fault_request.cpp

/// As POST /v1/faults wants it (docs/faults.md).
struct ReportBody {
  std::string code;
  std::string node;
  std::optional<std::uint32_t> device;
  std::uint64_t count = 1;
  std::string detail;
  std::string source;
  std::uint64_t sequence = 0;
  std::string at;
  bool cleared = false;
  MW_FIELDS(code, node, device, count, detail, source, sequence, at, cleared)
};
struct ReportsBody {
  std::vector<ReportBody> faults;
  MW_FIELDS(faults)
};

/// What is dropped first is the least.
int worth(const QueuedReport& report) {
  constexpr int kOverAllSeverities = 4;
  return report.cleared ? kOverAllSeverities : static_cast<int>(report.severity);
}

}  // namespace

std::uint64_t rise_of(AgentState& state, const std::string& counter, std::uint64_t reading) {
  const auto [entry, first] = state.counters.try_emplace(counter, reading);
  if (first) return 0;
  const std::uint64_t last = std::exchange(entry->second, reading);
  return reading >= last ? reading - last : reading;
}

std::optional<std::uint32_t> device_of(const AgentState& state, const std::string& pci) {
  const auto found = std::find(state.accelerators.begin(), state.accelerators.end(), pci);
  if (pci.empty() || found == state.accelerators.end()) return std::nullopt;
  return static_cast<std::uint32_t>(found - state.accelerators.begin());
}

Outbox::Outbox(AgentState& state, std::string node, std::size_t room)
    : state_(&state), node_(std::move(node)), room_(room), round_begin_(state.sequence_last) {
  MW_CHECK(room_ > 0 && room_ <= kQueueMost);
}

void Outbox::begin_round() { round_begin_ = state_->sequence_last; }

void Outbox::add(const Sighting& sighting, Instant now) {
  QueuedReport report;
  report.code = sighting.code;
  report.device = device_of(*state_, sighting.pci);
  report.cleared = sighting.kind == SightingKind::kEnds;
  // 0: a condition that still holds.
  const std::uint64_t least = sighting.kind == SightingKind::kBegins ? 0 : 1;
  report.count = std::clamp<std::uint64_t>(sighting.count, least, kCountMax);
  report.severity = sighting.severity;
  report.at = sighting.at == Instant() ? now : std::min(sighting.at, now);
  report.detail = sighting.detail;
  for (auto earlier = state_->queue.rbegin(); earlier != state_->queue.rend(); ++earlier) {
    if (earlier->sequence <= round_begin_) break;
    if (earlier->code != report.code || earlier->device != report.device) continue;
    // Only the latest of the same fault: between two of them it may have ended.
    if (earlier->cleared || report.cleared) break;
    earlier->count = std::min(earlier->count + report.count, kCountMax);
    return;
  }
  // Numbers follow the clock, so that they grow also when the state was lost.
  const auto by_clock = static_cast<std::uint64_t>(std::max<std::int64_t>(now.count(), 0));
  report.sequence = std::max(state_->sequence_last + 1, by_clock);
  state_->sequence_last = report.sequence;
  state_->queue.push_back(std::move(report));
  make_room();
}

void Outbox::make_room() {
  while (state_->queue.size() > room_) {
    const auto least = std::min_element(
        state_->queue.begin(), state_->queue.end(),
        [](const QueuedReport& a, const QueuedReport& b) { return worth(a) < worth(b); });
    state_->queue.erase(least);
    ++state_->dropped;
  }
}

std::string Outbox::body(std::size_t count) const {
  MW_CHECK(count <= state_->queue.size());
  ReportsBody body;
  for (std::size_t i = 0; i < count; ++i) {
    const QueuedReport& report = state_->queue[i];
    body.faults.push_back({.code = report.code,
                           .node = node_,
                           .device = report.device,
                           .count = report.count,
                           .detail = report.detail,
                           .source = source(),
                           .sequence = report.sequence,
                           .at = write_timestamp(report.at),
                           .cleared = report.cleared});
  }
  std::string text;
  append_json(text, body);
  return text;
}

void Outbox::acknowledge(std::size_t count) {
  MW_CHECK(count <= state_->queue.size());
  state_->queue.erase(state_->queue.begin(),
                      state_->queue.begin() + static_cast<std::ptrdiff_t>(count));
}

}  // namespace mw::agent
