#include "core/wakes.h"

#include <algorithm>
#include <tuple>

#include "core/placement_search.h"

namespace mw {
namespace {

/// Room counts for the class task by task, so that what is missing can be counted down.
bool is_countable(const ClassKey& key) {
  return key.groups.empty() && key.gang.tasks_min == 0 && key.gang.segment <= 1 &&
         key.gang.spread_tasks == 0;
}

/// What the tasks that a node takes at once draw at least, on whatever they may run.
Watts unit_draw(const Topology& topology, const GangShape& gang) {
  std::vector<bool> shapes;
  for (const NodeShape& shape : topology.shapes()) shapes.push_back(type_suits(shape, gang));
  return least_draw(topology, shapes, gang.task.accelerators) * tasks_at_once(gang);
}

}  // namespace

Wakes::Sleeper* Wakes::sleeper(const State& state, ClassId id) {
  if (id.value() >= sleepers_.size()) return nullptr;
  Sleeper& found = sleepers_[id.value()];
  return found.generation == state.classes.at(id).generation ? &found : nullptr;
}

void Wakes::forget(ClassId id) {
  if (id.value() < sleepers_.size()) sleepers_[id.value()] = Sleeper();
  asleep_.erase(id);
}

void Wakes::joined(const State& state, ClassId id) {
  if (sleeper(state, id) == nullptr) awake_.insert(id);
}

void Wakes::wake(ClassId id) {
  forget(id);
  awake_.insert(id);
}

void Wakes::freed(const Placement& placement) {
  for (const NodeSlice& slice : placement) nodes_[slice.node] += slice.devices.sum();
}
void Wakes::freed(const State& state, const Claim& claim) {
  for (const ClaimedNode& each : claim.nodes) {
    const std::uint32_t all = state.topology->shape(each.node).accelerators;
    nodes_[each.node] += kWholeAccelerator * (all - std::min(each.whole_left, all));
  }
}
void Wakes::freed(const State& state, NodeId node) {
  nodes_[node] += kWholeAccelerator * state.topology->shape(node).accelerators;
}
void Wakes::freed(const State& state, TenantId tenant) {
  for (const TenantId each : state.tenants.at(tenant).path) tenants_.insert(each);
}

void Wakes::all(const State& state) {
  sleepers_.clear();
  asleep_.clear();
  nodes_.clear();
  tenants_.clear();
  awake_.clear();
  state.classes.for_each_line([&](ClassId id) { awake_.insert(id); });
}

void Wakes::sleep(const State& state, ClassId id, const NoPlace& why) {
  if (id.value() >= sleepers_.size()) sleepers_.resize(id.value() + 1);
  asleep_.insert(id);
  const JobClass& job_class = state.classes.at(id);
  Sleeper& sleeper = sleepers_[id.value()];
  sleeper = {job_class.generation,         why.shortage, why.shortage_at,
             !is_countable(job_class.key), Watts(),      kNoTenant};
  if (why.power && !sleeper.any) {
    sleeper.power = unit_draw(*state.topology, job_class.key.gang);
    sleeper.any = sleeper.power.count() == 0;
  }
  awake_.erase(id);
}

void Wakes::sleep_for_quota(const State& state, ClassId id, TenantId tenant) {
  if (id.value() >= sleepers_.size()) sleepers_.resize(id.value() + 1);
  asleep_.insert(id);
  sleepers_[id.value()] = {state.classes.at(id).generation, 0, {}, false, Watts(), tenant};
  awake_.erase(id);
}

std::map<ClassKey, Wakes::Sleeper> Wakes::asleep(const State& state) const {
  std::map<ClassKey, Sleeper> all;
  state.classes.for_each_line([&](ClassId id) {
    const JobClass& of = state.classes.at(id);
    if (id.value() >= sleepers_.size()) return;
    if (sleepers_[id.value()].generation == of.generation) all[of.key] = sleepers_[id.value()];
  });
  return all;
}

std::set<ClassKey> Wakes::awake(const State& state) const {
  std::set<ClassKey> all;
  for (const ClassId id : awake_) {
    if (id.value() >= state.classes.slots() || state.classes.at(id).line.empty()) continue;
    all.insert(state.classes.at(id).key);
  }
  return all;
}

bool Wakes::is_like(const State& state, const Wakes& other, const State& theirs) const {
  const auto mine = asleep(state);
  const auto others = other.asleep(theirs);
  return nodes_ == other.nodes_ && tenants_ == other.tenants_ &&
         awake(state) == other.awake(theirs) &&
         std::equal(mine.begin(), mine.end(), others.begin(), others.end(),
                    [](const auto& a, const auto& b) {
                      return a.first == b.first && a.second.is_like(b.second);
                    });
}

/// Nodes where something came free, as kinds of equal room and draw at one site: most are equal.
/// One of them makes room for as many more tasks as it holds, or as its watts are enough for, if
/// that is more: along its power path each vertex allows at most so many more.
void Wakes::wake_by_room(const State& state) {
  struct Kind {
    SiteId site;
    Slot slot;
    const DeviceRoom* parts;
    Watts draw;
    std::uint64_t nodes;
  };
  const Topology& topology = *state.topology;
  std::map<std::tuple<SiteId, GroupKey, AcceleratorShare>, std::uint64_t> counts;
  for (const auto& [node, share] : nodes_) {
    ++counts[{topology.site_of(node), present_key(topology, state.nodes[node.value()]), share}];
  }
  std::vector<Kind> kinds;
  for (const auto& [kind, nodes] : counts) {
    const auto& [site, key, share] = kind;
    const DeviceRoom* parts = key.parts.size() > 0 ? &key.parts : nullptr;
    kinds.push_back(
        {site, slot_of(key), parts, draw_of(topology.shape(ShapeId(key.shape)), share), nodes});
  }
  state.classes.for_each_line([&](ClassId id) {
    Sleeper* found = sleeper(state, id);
    if (found == nullptr || found->tenant != kNoTenant) return;
    const ClassKey& wanted = state.classes.at(id).key;
    bool enough = found->any;
    for (const Kind& kind : kinds) {
      if (enough) break;
      std::uint64_t tasks = 0;
      if (type_suits(topology.shape(ShapeId(kind.slot.shape)), wanted.gang)) {
        tasks = tasks_on(kind.slot, kind.parts, wanted.gang);
      }
      if (found->power.count() > 0) {
        const auto units =
            static_cast<std::uint64_t>((kind.draw + found->power - Watts(1)) / found->power);
        tasks = std::max(tasks, units * tasks_at_once(wanted.gang));
      }
      const std::uint64_t room = kind.nodes * tasks;
      std::uint64_t& shortage = kind.site.value() < found->shortage_at.size()
                                    ? found->shortage_at[kind.site.value()]
                                    : found->shortage;
      enough = room > 0 && room >= shortage;
      if (!enough) shortage -= room;
    }
    if (!enough) return;
    forget(id);
    awake_.insert(id);
  });
}

std::vector<ClassId> Wakes::take(const State& state) {
  if (!nodes_.empty() || !tenants_.empty()) {
    // Where nobody stands in line, nobody counts down: whoever joins is tried at once.
    std::vector<ClassId> gone;
    for (const ClassId id : asleep_) {
      const bool known = id.value() < state.classes.slots();
      if (!known || state.classes.at(id).line.empty()) gone.push_back(id);
    }
    for (const ClassId id : gone) forget(id);
  }
  if (!nodes_.empty()) wake_by_room(state);
  if (!tenants_.empty()) {
    state.classes.for_each_line([&](ClassId id) {
      Sleeper* found = sleeper(state, id);
      if (found == nullptr || !tenants_.contains(found->tenant)) return;
      forget(id);
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
