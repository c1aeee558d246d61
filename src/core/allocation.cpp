#include "core/allocation.h"

#include "base/check.h"
#include "core/gang.h"

namespace mw {
namespace {

/// Adds `sign` x the slice to what the node has free.
void change_free(Node& node, const NodeShape& shape, const NodeSlice& slice, const GangShape& gang,
                 std::int64_t sign) {
  for (const DeviceShare& device : slice.devices) {
    node.devices.add(device.device, device.share * sign);
    node.accelerators_free += device.share * sign;
  }
  node.cpus_free += gang.task.cpus * (slice.tasks * sign);
  node.memory_free += gang.task.memory * (slice.tasks * sign);
  node.slices -= static_cast<std::uint32_t>(sign);
  if (gang.exclusive) node.exclusive = sign < 0;
  MW_CHECK(node.cpus_free.count() >= 0 && node.cpus_free <= shape.cpus);
  MW_CHECK(node.memory_free.count() >= 0 && node.memory_free <= shape.memory);
}

/// Adds `sign` x what others use to what the node has free.
void change_free(Node& node, const OthersShare& others, std::int64_t sign) {
  for (const DeviceShare& each : others.devices) {
    node.devices.add(each.device, each.share * sign);
    node.accelerators_free += each.share * sign;
  }
  node.cpus_free += others.cpus * sign;
  node.memory_free += others.memory * sign;
  node.slices -= static_cast<std::uint32_t>(sign);
}

AcceleratorShare accelerators_of(const NodeSlice& slice) { return slice.devices.sum(); }

/// As change_free() for all of a placement, with the index of what is free.
void change_capacity(State& state, const JobSpec& spec, const Placement& placement,
                     std::int64_t sign) {
  const Topology& topology = *state.topology;
  for (const NodeSlice& slice : placement) {
    Node& node = state.nodes.at(slice.node.value());
    change_free(node, topology.shape(node.id), slice, group_at(spec, slice.first_rank), sign);
    state.free.update(topology, node);
  }
}

/// Work has come to the placement's nodes, or has left them.
void note_work(State& state, const Placement& placement) {
  for (const NodeSlice& slice : placement) {
    Node& node = state.nodes.at(slice.node.value());
    if (node.slices == 0) node.empty_since = state.now;
    follow_checks(state, node);
  }
}

}  // namespace

LedgerCategory free_category(const State& state, const Node& node) {
  if (node.lost) return LedgerCategory::kLostContact;
  switch (node.phase) {
    case NodePhase::kSuspect:
    case NodePhase::kDraining:
      return LedgerCategory::kDraining;
    case NodePhase::kProvisioning:
    case NodePhase::kValidating:
      return LedgerCategory::kValidating;
    case NodePhase::kRepairing:
      return LedgerCategory::kRepairing;
    case NodePhase::kQuarantined:
    case NodePhase::kRetired:
      return LedgerCategory::kQuarantined;
    case NodePhase::kReady:
      break;
  }
  if (node.claim.job != JobId() || node.reserved || node.spare) return LedgerCategory::kHeld;
  if (node.checking) return LedgerCategory::kValidating;
  return state.idle_cause;
}

void take_capacity(State& state, JobId job, const Placement& placement, LedgerCategory category) {
  const JobRecord& record = record_of(state, job);
  for (const NodeSlice& slice : placement) {
    const Node& node = state.nodes.at(slice.node.value());
    state.ledger.shift(free_category(state, node), category, accelerators_of(slice));
  }
  change_capacity(state, *record.spec, placement, -1);
  note_work(state, placement);
  state.tenants.change_use(record.tenant, use_of(*record.spec, placement), state.policy, state.now);
}

void give_capacity(State& state, JobId job, const Placement& placement, LedgerCategory category) {
  const JobRecord& record = record_of(state, job);
  change_capacity(state, *record.spec, placement, 1);
  note_work(state, placement);
  for (const NodeSlice& slice : placement) {
    const Node& node = state.nodes.at(slice.node.value());
    state.ledger.shift(category, free_category(state, node), accelerators_of(slice));
  }
  state.tenants.change_use(record.tenant, -use_of(*record.spec, placement), state.policy,
                           state.now);
}

void occupy(State& state, JobId job, const Placement& placement) {
  const JobRecord& record = record_of(state, job);
  for (const NodeSlice& slice : placement) {
    Node& node = state.nodes.at(slice.node.value());
    change_free(node, state.topology->shape(node.id), slice,
                group_at(*record.spec, slice.first_rank), -1);
  }
  state.tenants.restore_use(record.tenant, use_of(*record.spec, placement));
}

std::optional<OthersShare> share_for_others(const State& state, const Node& node,
                                            const OthersUse& use) {
  if (use == OthersUse()) return std::nullopt;
  const NodeShape& shape = state.topology->shape(node.id);
  OthersShare share{use, {}, {}, {}};
  CpuShare cpus_free = node.cpus_free;
  Bytes memory_free = node.memory_free;
  std::vector<bool> theirs(shape.accelerators);
  if (node.others) {
    cpus_free += node.others->cpus;
    memory_free += node.others->memory;
    for (const DeviceShare& each : node.others->devices) theirs.at(each.device) = true;
  }
  std::vector<bool> taken(shape.accelerators);
  std::uint32_t left = use.accelerators;
  for (const bool kept : {true, false}) {
    for (std::uint32_t i = shape.accelerators; i-- > 0 && left > 0;) {
      const bool free = kept ? bool(theirs[i]) : node.devices[i] == kWholeAccelerator;
      if (!free || taken[i]) continue;
      taken[i] = true;
      --left;
    }
  }
  for (std::uint32_t i = 0; i < shape.accelerators; ++i) {
    if (taken[i]) share.devices.push_back({static_cast<std::uint16_t>(i), kWholeAccelerator});
  }
  share.cpus = std::min(use.cpus, cpus_free);
  share.memory = std::min(use.memory, memory_free);
  return share;
}

void set_others(State& state, Node& node, const std::optional<OthersShare>& others) {
  const LedgerCategory idle = free_category(state, node);
  if (node.others) {
    change_free(node, *node.others, 1);
    state.ledger.shift(LedgerCategory::kUsedByOthers, idle, node.others->devices.sum());
  }
  node.others = others;
  state.others_short.erase(node.id);
  if (others) {
    change_free(node, *others, -1);
    state.ledger.shift(idle, LedgerCategory::kUsedByOthers, others->devices.sum());
    if (!others->whole()) state.others_short.insert(node.id);
  }
  if (node.slices == 0) node.empty_since = state.now;
  follow_checks(state, node);
  state.free.update(*state.topology, node);
}

void occupy_others(State& state, Node& node) {
  if (!node.others) return;
  change_free(node, *node.others, -1);
  if (!node.others->whole()) state.others_short.insert(node.id);
}

Tentative::~Tentative() {
  for (auto taken = taken_.rbegin(); taken != taken_.rend(); ++taken) {
    change_capacity(state_, spec_, *taken, 1);
  }
}

void Tentative::take(Placement placement) {
  change_capacity(state_, spec_, placement, -1);
  taken_.push_back(std::move(placement));
}

Released::Released(State& state, const JobSpec& spec, Placement placement)
    : state_(state), spec_(spec), placement_(std::move(placement)) {
  change_capacity(state_, spec_, placement_, 1);
}
Released::~Released() { change_capacity(state_, spec_, placement_, -1); }

void reset_capacity(Node& node, const NodeShape& shape) {
  node.devices = DeviceRoom(shape.accelerators);
  node.accelerators_free = kWholeAccelerator * shape.accelerators;
  node.cpus_free = shape.cpus;
  node.memory_free = shape.memory;
  node.slices = 0;
  node.exclusive = false;
  node.claim = NodeClaim();
}

AcceleratorShare accelerators_of(const Placement& placement) {
  AcceleratorShare sum;
  for (const NodeSlice& slice : placement) sum += accelerators_of(slice);
  return sum;
}

}  // namespace mw
