// The first half of a search for victims: who may go, what each costs, and what that makes room
// for, node by node. Among 20,000 attempts this is most of the search, so it goes over them once.
#include <algorithm>
#include <utility>
#include <vector>

#include "base/read_ahead.h"
#include "core/node_release.h"
#include "core/placement_search.h"
#include "core/preemption_rights.h"
#include "core/victim_search.h"

namespace mw {
namespace {

/// So many nodes are always looked at closely.
constexpr std::size_t kNodesMin = 512;
constexpr std::uint32_t kEndOfList = 0xFFFFFFFFU;
/// So many attempts ahead what is needed of them is read: about what memory takes to answer.
constexpr std::size_t kReadAhead = 16;

}  // namespace

void VictimSearch::find_candidates() {
  const Rights rights(state_, job_, stopping_);
  auto& attempts = memory_.attempts;
  attempts.clear();
  for (const auto& [id, attempt] : state_.attempts) attempts.push_back(&attempt);
  for (std::size_t i = 0; i < attempts.size(); ++i) {
    if (i + kReadAhead < attempts.size()) read_ahead(*attempts[i + kReadAhead]);
    const Attempt& attempt = *attempts[i];
    const Right right = rights.over(attempt);
    if (right == Right::kNone) continue;
    const AcceleratorTime cost = stopping_ == Stopping::kExplain
                                     ? AcceleratorTime(kCostOfOne)
                                     : cost_of_stopping(state_, attempt);
    candidates_.push_back({&attempt,
                           cost,
                           right == Right::kReclaim,
                           attempt.accelerators,
                           {attempt.placement.begin(), attempt.placement.size()}});
  }
}

/// By accelerators and then by job, in one go over each: there are few sizes and many attempts.
/// In an order in which the largest is taken back last, the most may be taken back.
void VictimSearch::sort_candidates() {
  auto& sizes = memory_.sizes;
  auto& whole = memory_.whole_sizes;
  sizes.clear();
  whole.fill(0);
  // Most are of some whole accelerators: these are counted without a search for their place.
  const auto is_few = [](AcceleratorShare size) {
    return size == kWholeAccelerator * (size / kWholeAccelerator) &&
           size < kWholeAccelerator * static_cast<std::int64_t>(kWholeSizes);
  };
  const auto count_of = [&](AcceleratorShare size) -> std::size_t& {
    if (is_few(size)) return whole[static_cast<std::size_t>(size / kWholeAccelerator)];
    return sizes[size];
  };
  for (const Candidate& each : candidates_) ++count_of(each.accelerators);
  std::size_t begin = 0;
  const auto next = [&](std::size_t& count) { begin += std::exchange(count, begin); };
  auto other = sizes.begin();
  for (std::size_t i = 0; i < whole.size(); ++i) {
    const AcceleratorShare size = kWholeAccelerator * static_cast<std::int64_t>(i);
    for (; other != sizes.end() && other->first < size; ++other) next(other->second);
    next(whole[i]);
  }
  for (; other != sizes.end(); ++other) next(other->second);
  memory_.sorted.resize(candidates_.size());
  for (const Candidate& each : candidates_) {
    memory_.sorted[count_of(each.accelerators)++] = each;
  }
  candidates_.swap(memory_.sorted);
}

void VictimSearch::find_suitable_shapes() {
  for (const NodeShape& shape : state_.topology->shapes()) {
    shapes_.push_back(type_suits(shape, gang_));
  }
}

bool VictimSearch::suits(NodeId node) const {
  const Topology& topology = *state_.topology;
  return shapes_[topology.shape_of(node).value()] && sites_[topology.site_of(node).value()];
}

void VictimSearch::link_candidates() {
  const Topology& topology = *state_.topology;
  memory_.heads.assign(topology.size(), kEndOfList);
  memory_.costs.resize(topology.size());
  memory_.links.clear();
  memory_.nodes.clear();
  // From the last to the first, so that each node's list is in order.
  for (std::size_t i = candidates_.size(); i-- > 0;) {
    // What is read next is on its way meanwhile.
    if (i >= kReadAhead) __builtin_prefetch(candidates_[i - kReadAhead].slices.data());
    const std::span<const NodeSlice> slices = candidates_[i].slices;
    Int128 each = candidates_[i].cost.count();
    if (slices.size() > 1) each /= static_cast<std::int64_t>(slices.size());
    for (const NodeSlice& slice : slices) {
      if (!suits(slice.node)) continue;
      const Position position = topology.position(slice.node);
      std::uint32_t& head = memory_.heads[position];
      if (head == kEndOfList) {
        memory_.nodes.push_back({position, 0});
        memory_.costs[position] = 0;
      }
      memory_.costs[position] += each;
      if (head != kEndOfList && memory_.links[head].candidate == i) continue;
      memory_.links.push_back({static_cast<std::uint32_t>(i), head});
      head = static_cast<std::uint32_t>(memory_.links.size() - 1);
    }
  }
}

void VictimSearch::find_bundles() {
  link_candidates();
  auto& nodes = memory_.nodes;
  using OnNode = VictimMemory::OnNode;
  // Of very many, only nodes that cost little are looked at closely.
  const std::size_t enough = std::max<std::size_t>(kNodesMin, gang_.tasks / unit_ * 4);
  for (OnNode& each : nodes) each.cost = memory_.costs[each.position];
  if (nodes.size() > enough && regions_may_be_large()) {
    std::nth_element(nodes.begin(), nodes.begin() + static_cast<std::ptrdiff_t>(enough),
                     nodes.end(), [](const OnNode& a, const OnNode& b) {
                       return a.cost != b.cost ? a.cost < b.cost : a.position < b.position;
                     });
    nodes.resize(enough);
  }
  std::vector<std::size_t> on_node;
  for (const OnNode& each : nodes) {
    on_node.clear();
    for (std::uint32_t at = memory_.heads[each.position]; at != kEndOfList;
         at = memory_.links[at].next) {
      on_node.push_back(memory_.links[at].candidate);
    }
    bundle_node(state_.topology->at(each.position), on_node);
  }
}

/// The node's victims from the cheapest on, cut into bundles that each make room for a unit.
void VictimSearch::bundle_node(NodeId node, const std::vector<std::size_t>& on_node) {
  struct Local {
    std::size_t victim;
    std::int64_t share;
    Int128 cost;
    Int128 whole_cost;
  };
  std::vector<Local> order;
  for (const std::size_t victim : on_node) {
    const Candidate& candidate = candidates_[victim];
    std::int64_t share = 0;
    for (const NodeSlice& slice : candidate.slices) {
      if (slice.node != node) continue;
      for (const DeviceShare& each : slice.devices) share += each.share.count();
    }
    const std::int64_t all = candidate.accelerators.count();
    const Int128 cost = all > 0 ? candidate.cost.count() / all * share : Int128{0};
    order.push_back({victim, std::max<std::int64_t>(share, 1), cost, candidate.cost.count()});
  }
  std::sort(order.begin(), order.end(), [](const Local& a, const Local& b) {
    const Int128 left = a.cost * b.share;
    const Int128 right = b.cost * a.share;
    return left != right ? left < right : a.victim < b.victim;
  });
  NodeRelease room(state_, node);
  std::uint32_t fits = room.tasks(gang_);
  Bundle bundle{.node = node, .victims = {}};
  for (const Local& each : order) {
    room.release(*candidates_[each.victim].attempt);
    bundle.victims.push_back(each.victim);
    bundle.cost += each.cost;
    bundle.whole_cost += each.whole_cost;
    const std::uint32_t after = room.tasks(gang_);
    if (after < std::min(fits + unit_, gang_.tasks)) continue;
    bundle.gain = after - fits;
    fits = after;
    bundles_.push_back(std::move(bundle));
    bundle = Bundle{.node = node, .victims = {}};
    if (fits >= gang_.tasks) return;
  }
}

void VictimSearch::sort_bundles(Charge charge) {
  auto& order = memory_.order;
  order.clear();
  for (std::uint32_t i = 0; i < bundles_.size(); ++i) {
    const Bundle& bundle = bundles_[i];
    order.push_back({charge == Charge::kShare ? bundle.cost : bundle.whole_cost, bundle.gain, i});
  }
  using Value = VictimMemory::Value;
  std::sort(order.begin(), order.end(), [&](const Value& a, const Value& b) {
    if (a.gain == b.gain) {
      if (a.cost != b.cost) return a.cost < b.cost;
    } else {
      const Int128 left = a.cost * b.gain;
      const Int128 right = b.cost * a.gain;
      if (left != right) return left < right;
    }
    const Bundle& first = bundles_[a.bundle];
    const Bundle& second = bundles_[b.bundle];
    return first.node != second.node ? first.node < second.node : first.victims < second.victims;
  });
}

}  // namespace mw
