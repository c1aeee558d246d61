#include "engines/slurm/reboots.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "codec/units.h"

namespace mw::slurm {
namespace {

using SteadyClock = std::chrono::steady_clock;

/// By then the list has it.
constexpr std::chrono::seconds kAskAgainAfter{5};
/// When Slurm did not answer: the others come first.
constexpr std::chrono::seconds kUnansweredAgainAfter{60};
/// Each is a program that is started; the rest waits for the next look.
constexpr std::size_t kAtOnce = 16;

bool has(const SlurmNode& node, std::string_view state) {
  return std::ranges::find(node.states, state) != node.states.end();
}

/// "... reboot 17" is not "... reboot 170".
bool begins_with(std::string_view reason, std::string_view mark) {
  if (!reason.starts_with(mark)) return false;
  const std::string_view rest = reason.substr(mark.size());
  return rest.empty() || rest.front() < '0' || rest.front() > '9';
}

}  // namespace

RebootStep reboot_step(const SlurmNode& node, std::string_view mark, bool drained) {
  if (!begins_with(node.reason, mark)) return drained ? RebootStep::kAsk : RebootStep::kDrainFirst;
  const auto is_on_its_way = [](const std::string& state) { return state.starts_with("REBOOT"); };
  const bool away = has(node, "DOWN") || has(node, "NOT_RESPONDING") || has(node, "NO_RESPOND");
  if (away || std::ranges::any_of(node.states, is_on_its_way)) return RebootStep::kWait;
  return node.booted_s > node.reason_s ? RebootStep::kDone : RebootStep::kWait;
}

void Reboots::want(DesiredRemedy desired, const ObservationSink& sink) {
  const auto known = wanted_.find(desired.node);
  if (known != wanted_.end()) {
    Wanted& wanted = known->second;
    if (desired.remedy < wanted.desired.remedy) return;  // it comes late
    if (desired.remedy == wanted.desired.remedy) {
      if (wanted.ended) sink(*wanted.ended);
      return;
    }
  }
  const std::string node = desired.node;
  wanted_.insert_or_assign(node, Wanted{std::move(desired), SteadyTime()});
}

void Reboots::forget(const std::string& node, Epoch remedy) {
  const auto known = wanted_.find(node);
  if (known != wanted_.end() && known->second.desired.remedy <= remedy) wanted_.erase(known);
}

bool Reboots::unsettled() const {
  return std::ranges::any_of(wanted_, [](const auto& each) { return !each.second.ended; });
}

void Reboots::end(Wanted& wanted, bool ok, std::string detail, const ObservationSink& sink) {
  wanted.ended =
      RemedyReported{wanted.desired.node, wanted.desired.remedy, ok, std::move(detail), {}};
  sink(*wanted.ended);
}

bool Reboots::ask(Wanted& wanted, const std::string& mark, SlurmClient& client,
                  const ObservationSink& sink) {
  const std::string& node = wanted.desired.node;
  const std::string& code = wanted.desired.code;
  const auto done = client.reboot(node, mark + (code.empty() ? "" : ", " + code));
  wanted.again_at = SteadyClock::now() + kAskAgainAfter;
  if (done) {
    spdlog::info("slurm engine: Slurm reboots node {}", node);
    return true;
  }
  spdlog::warn("slurm engine: node {} could not be rebooted by Slurm: {}", node,
               done.error().message);
  // Whether anything came of the others the next list says.
  const ErrorCode why = done.error().code;
  if (why == ErrorCode::kUnavailable || why == ErrorCode::kTimeout) {
    wanted.again_at = SteadyClock::now() + kUnansweredAgainAfter;
    return false;
  }
  end(wanted, false, done.error().message, sink);
  return true;
}

void Reboots::look(const ClusterView& cluster, SlurmClient& client, const ObservationSink& sink) {
  std::size_t calls_left = kAtOnce;
  for (auto& [name, wanted] : wanted_) {
    const SlurmNode* node = cluster.node(name);
    if (wanted.ended || node == nullptr) continue;
    const std::string mark = cluster.reboot_mark(wanted.desired.remedy);
    switch (reboot_step(*node, mark, cluster.is_drained_by_us(name))) {
      case RebootStep::kDrainFirst:
        if (cluster.is_stuck(name)) end(wanted, false, "Slurm does not let us drain it", sink);
        break;
      case RebootStep::kAsk:
        if (calls_left == 0 || SteadyClock::now() < wanted.again_at) break;
        --calls_left;
        // One that waits in vain is enough: it may take a minute.
        if (!ask(wanted, mark, client, sink)) calls_left = 0;
        break;
      case RebootStep::kWait:
        break;
      case RebootStep::kDone:
        end(wanted, true, fmt::format("it was booted at {}", node->booted_s), sink);
        break;
    }
  }
}

}  // namespace mw::slurm
