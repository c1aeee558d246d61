#include "core/wakes.h"

#include <algorithm>

#include "core/placement_search.h"

namespace mw {
namespace {

/// Room counts for the class task by task, so that what is missing can be counted down.
bool is_countable(const ClassKey& key) {
  return key.groups.empty() && key.gang.tasks_min == 0 && key.gang.segment <= 1 &&
         key.gang.spread_tasks == 0;
}

}  // namespace

Wakes::Sleeper* Wakes::sleeper(const State& state, ClassId id) {
  if (id.value() >= sleepers_.size()) return nullptr;
  Sleeper& found = sleepers_[id.value()];
  return found.generation == state.classes.at(id).generation ? &found : nullptr;
}

void Wakes::joined(const State& state, ClassId id) {
  if (sleeper(state, id) == nullptr) awake_.insert(id);
}

void Wakes::wake(ClassId id) {
  if (id.value() < sleepers_.size()) sleepers_[id.value()] = Sleeper();
  awake_.insert(id);
}

void Wakes::freed(const Placement& placement) {
  for (const NodeSlice& slice : placement) nodes_.insert(slice.node);
}
void Wakes::freed(const Claim& claim) {
  for (const ClaimedNode& each : claim.nodes) nodes_.insert(each.node);
}
void Wakes::freed(const State& state, TenantId tenant) {
  for (const TenantId each : state.tenants.at(tenant).path) tenants_.insert(each);
}

void Wakes::all(const State& state) {
  sleepers_.clear();
  nodes_.clear();
  tenants_.clear();
  awake_.clear();
  state.classes.for_each_line([&](ClassId id) { awake_.insert(id); });
}

void Wakes::sleep(const State& state, ClassId id, const NoPlace& why) {
  if (id.value() >= sleepers_.size()) sleepers_.resize(id.value() + 1);
  const JobClass& job_class = state.classes.at(id);
  sleepers_[id.value()] = {job_class.generation, why.shortage,
                           why.power || !is_countable(job_class.key), kNoTenant};
  awake_.erase(id);
}

void Wakes::sleep_for_quota(const State& state, ClassId id, TenantId tenant) {
  if (id.value() >= sleepers_.size()) sleepers_.resize(id.value() + 1);
  sleepers_[id.value()] = {state.classes.at(id).generation, 0, false, tenant};
  awake_.erase(id);
}

/// Nodes that came free, as kinds of equal room: most are equal.
void Wakes::wake_by_room(const State& state) {
  std::map<GroupKey, std::uint64_t> kinds;
  for (const NodeId node : nodes_) {
    const GroupKey key = present_key(*state.topology, state.nodes[node.value()]);
    if (slot_of(key).takes_work()) ++kinds[key];
  }
  state.classes.for_each_line([&](ClassId id) {
    Sleeper* found = sleeper(state, id);
    if (found == nullptr || found->tenant != kNoTenant) return;
    const ClassKey& wanted = state.classes.at(id).key;
    std::uint64_t room = 0;
    for (const auto& [key, count] : kinds) {
      if (found->any) break;
      if (!type_suits(state.topology->shape(ShapeId(key.shape)), wanted.gang)) continue;
      const DeviceRoom* parts = key.parts.size() > 0 ? &key.parts : nullptr;
      room += count * tasks_on(slot_of(key), parts, wanted.gang);
    }
    if (found->any || (room > 0 && room >= found->shortage)) {
      *found = Sleeper();
      awake_.insert(id);
    } else {
      found->shortage -= room;
    }
  });
}

std::vector<ClassId> Wakes::take(const State& state) {
  if (!nodes_.empty() || !tenants_.empty()) {
    // Where nobody stands in line, nobody counts down: whoever joins is tried at once.
    for (std::uint32_t i = 0; i < sleepers_.size(); ++i) {
      if (sleepers_[i].generation == 0) continue;
      const bool known = i < state.classes.slots();
      if (!known || state.classes.at(ClassId(i)).line.empty()) sleepers_[i] = Sleeper();
    }
  }
  if (!nodes_.empty()) wake_by_room(state);
  if (!tenants_.empty()) {
    state.classes.for_each_line([&](ClassId id) {
      Sleeper* found = sleeper(state, id);
      if (found == nullptr || !tenants_.contains(found->tenant)) return;
      *found = Sleeper();
      awake_.insert(id);
    });
  }
  nodes_.clear();
  tenants_.clear();
  std::vector<ClassId> taken;
  for (const ClassId id : awake_) {
    if (id.value() < state.classes.slots() && !state.classes.at(id).line.empty()) {
      taken.push_back(id);
    }
  }
  awake_.clear();
  return taken;
}

}  // namespace mw
