// Nodes that are kept free for gangs that lose one: how many there are to be, and which.
#include <algorithm>
#include <vector>

#include "core/lending.h"
#include "core/resilience.h"
#include "core/stepper.h"

namespace mw {
namespace {

__extension__ using Wide = unsigned __int128;
constexpr std::uint64_t kMillion = 1'000'000;
constexpr Duration kDay = hours(24);
/// Over which failures are measured; shorter while the fleet is younger.
constexpr Duration kMeasured = hours(24 * 28);

/// Nodes of one shape at one vertex, by position.
struct Pool {
  std::vector<NodeId> nodes;
  std::uint32_t wanted = 0;
};

/// Spares on which something runs that they are not lent to, by the policy in force now.
std::set<NodeId> spares_in_use(const State& state) {
  std::set<NodeId> used;
  const bool any = std::any_of(state.resilience.spares.begin(), state.resilience.spares.end(),
                               [&](NodeId node) { return state.nodes[node.value()].slices > 0; });
  if (!any) return used;
  for (const auto& [job, attempt] : state.attempts) {
    if (may_borrow(state, spec_of(state, job))) continue;
    for (const NodeSlice& slice : attempt.placement) {
      if (state.nodes[slice.node.value()].spare) used.insert(slice.node);
    }
  }
  return used;
}

bool may_be_spare(const State& state, NodeId id) {
  const Node& node = state.nodes[id.value()];
  return is_open(node) && node.slices == 0;
}

std::vector<Pool> pools_of(const State& state, const SpareRule& rule, Instant now) {
  const Topology& topology = *state.topology;
  const std::uint64_t failures = rule.count      ? 0
                                 : rule.failures ? *rule.failures
                                                 : measured_failures(state, now);
  std::vector<Pool> pools;
  for (const FabricId vertex : topology.at_level(rule.level)) {
    std::vector<Pool> by_shape(topology.shapes().size());
    for (Position p = topology.fabric(vertex).first; p < topology.fabric(vertex).last; ++p) {
      const NodeId node = topology.at(p);
      by_shape[topology.shape_of(node).value()].nodes.push_back(node);
    }
    for (Pool& pool : by_shape) {
      const auto nodes = static_cast<std::uint32_t>(pool.nodes.size());
      // Never more than a half: a reserve that leaves no work to be saved is none.
      pool.wanted =
          std::min(rule.count ? *rule.count : spares_for(rule, nodes, failures), nodes / 2);
      if (pool.wanted > 0) pools.push_back(std::move(pool));
    }
  }
  return pools;
}

}  // namespace

std::uint32_t spares_for(const SpareRule& rule, std::uint32_t nodes, std::uint64_t failures) {
  // The odds of a node being out of use, in 2^-40.
  const Wide odds = (static_cast<Wide>(failures) * static_cast<Wide>(rule.repair.count()) << 40U) /
                    (static_cast<Wide>(kMillion) * static_cast<Wide>(kDay.count()));
  if (odds == 0 || nodes == 0) return 0;
  // The distribution from its mode on to both sides, in parts of the mode; then its sums.
  const Wide one = Wide{1} << 40U;
  const auto mode = static_cast<std::uint32_t>(
      std::min<Wide>(static_cast<Wide>(nodes + 1) * odds / (one + odds), nodes));
  std::vector<std::uint64_t> terms(nodes + 1);
  terms[mode] = std::uint64_t{1} << 50U;
  for (std::uint32_t i = mode; i < nodes && terms[i] > 0; ++i) {
    terms[i + 1] = static_cast<std::uint64_t>(
        (static_cast<Wide>(terms[i]) * (nodes - i) * odds / (i + 1)) >> 40U);
  }
  for (std::uint32_t i = mode; i > 0 && terms[i] > 0; --i) {
    terms[i - 1] = static_cast<std::uint64_t>((static_cast<Wide>(terms[i]) * i << 40U) /
                                              ((nodes - i + 1) * odds));
  }
  Wide all = 0;
  for (const std::uint64_t term : terms) all += term;
  Wide sum = 0;
  for (std::uint32_t n = 0; n <= nodes; ++n) {
    sum += terms[n];
    if (sum * kMillion >= all * rule.confidence_ppm) return n;
  }
  return nodes;
}

std::uint64_t measured_failures(const State& state, Instant now) {
  const std::int64_t capacity = state.ledger.capacity().count();
  if (capacity == 0 || state.nodes.empty()) return 0;
  // The mean age of the fleet's accelerators.
  const auto age = static_cast<std::int64_t>(state.ledger.capacity_time().count() / capacity);
  const Duration over = std::min(kMeasured, Duration(age));
  if (over < kDay) return 0;  // too short to say anything
  std::uint64_t incidents = 0;
  for (const auto& [node, all] : state.resilience.incidents) {
    incidents += static_cast<std::uint64_t>(
        std::count_if(all.begin(), all.end(), [&](Instant at) { return at > now - over; }));
  }
  return static_cast<std::uint64_t>(
      static_cast<Wide>(incidents) * kMillion * static_cast<Wide>(kDay.count()) /
      (static_cast<Wide>(state.nodes.size()) * static_cast<Wide>(over.count())));
}

/// The finest places first: what is in reserve in a rack is in reserve in its pod as well.
void Core::Stepper::turn_spares() {
  const auto& wanted = state_.policy.spares;
  if (!std::exchange(spares_due_, false) || (!wanted && state_.resilience.spares.empty())) return;
  std::vector<SpareRule> rules = wanted.value_or(std::vector<SpareRule>());
  std::stable_sort(rules.begin(), rules.end(),
                   [](const SpareRule& a, const SpareRule& b) { return a.level < b.level; });
  const std::set<NodeId> in_use = spares_in_use(state_);
  std::set<NodeId> chosen;
  spares_short_ = false;
  for (const SpareRule& rule : rules) {
    for (const Pool& pool : pools_of(state_, rule, now_)) {
      auto missing = static_cast<std::int64_t>(pool.wanted) -
                     std::count_if(pool.nodes.begin(), pool.nodes.end(),
                                   [&](NodeId node) { return chosen.contains(node); });
      // Those that are spares already, then others, the last ones first.
      for (const bool known : {true, false}) {
        for (auto at = pool.nodes.rbegin(); at != pool.nodes.rend() && missing > 0; ++at) {
          if (in_use.contains(*at)) continue;
          const bool is_spare = state_.resilience.spares.contains(*at);
          if (is_spare != known || !(is_spare || may_be_spare(state_, *at))) continue;
          missing -= chosen.insert(*at).second ? 1 : 0;
        }
      }
      spares_short_ = spares_short_ || missing > 0;
    }
  }
  SparesChanged change;
  const std::set<NodeId>& now = state_.resilience.spares;
  std::set_difference(chosen.begin(), chosen.end(), now.begin(), now.end(),
                      std::back_inserter(change.come));
  std::set_difference(now.begin(), now.end(), chosen.begin(), chosen.end(),
                      std::back_inserter(change.go));
  if (!change.come.empty() || !change.go.empty()) emit(std::move(change));
}

/// Before the event is applied: whether other nodes may have to be in reserve after it.
void Core::Stepper::note_spares(const EventBody& body) {
  if (!state_.policy.spares && state_.resilience.spares.empty() &&
      !std::holds_alternative<PolicyChanged>(body)) {
    return;
  }
  if (const auto* placed = std::get_if<AttemptPlaced>(&body)) {
    const std::set<NodeId>& spares = state_.resilience.spares;
    spares_due_ =
        spares_due_ ||
        (!spares.empty() &&
         std::any_of(placed->placement.begin(), placed->placement.end(),
                     [&](const NodeSlice& slice) { return spares.contains(slice.node); }));
    return;
  }
  const bool frees =
      std::holds_alternative<AttemptEnded>(body) || std::holds_alternative<ClaimDropped>(body) ||
      std::holds_alternative<CapacityLetGo>(body) || std::holds_alternative<JobFinished>(body) ||
      std::holds_alternative<JobHeld>(body);
  const bool turns =
      std::holds_alternative<FleetDeclared>(body) || std::holds_alternative<NodeJoined>(body) ||
      std::holds_alternative<NodeChanged>(body) || std::holds_alternative<NodeContact>(body) ||
      std::holds_alternative<NodeMoved>(body) || std::holds_alternative<NodeUseChanged>(body) ||
      std::holds_alternative<PolicyChanged>(body) ||
      std::holds_alternative<ReservationMade>(body) ||
      std::holds_alternative<ReservationMended>(body) ||
      std::holds_alternative<ReservationEnded>(body) ||
      std::holds_alternative<ControllerTookOver>(body);
  spares_due_ = spares_due_ || turns || (frees && spares_short_);
}

}  // namespace mw
