#include "scenario.h"

#include <algorithm>
#include <numeric>
#include <string>

namespace mw::vopr {
namespace {

constexpr const char* kTypes[] = {"a", "b", "c"};

NodeShape some_shape(Random& random, std::size_t index) {
  static constexpr std::int64_t kAccelerators[] = {1, 2, 4, 8};
  NodeShape shape;
  shape.name = "s" + std::to_string(index);
  shape.accelerator_type = kTypes[random.chance(1, 4) ? 0 : index];
  shape.accelerators = static_cast<std::uint32_t>(kAccelerators[random.below(4)]);
  shape.cpus = kWholeCpu * random.between(2, 16);
  shape.memory = Bytes(random.between(2, 32) << 30U);
  shape.idle = Watts(random.between(100, 2000) * 1000);
  shape.accelerator = Watts(random.between(200, 1000) * 1000);
  return shape;
}

/// A limit for `nodes` such nodes: often less than all of them draw, now and then less than one.
PowerLimits some_limits(Random& random, const NodeShape& shape, std::uint32_t nodes) {
  PowerLimits limits;
  if (random.chance(1, 3)) return limits;
  const std::int64_t work = shape.accelerator.count() * shape.accelerators * nodes;
  const std::int64_t least = random.chance(1, 12) ? -5 : 40;
  const Watts limit(shape.idle.count() * nodes + work / 100 * random.between(least, 120));
  if (limit.count() <= 0) return limits;
  (random.chance(1, 2) ? limits.power : limits.cooling) = limit;
  return limits;
}

BlockSpec some_block(Random& random, const FleetSpec& fleet, const std::string& name) {
  BlockSpec block;
  block.name = name;
  const NodeShape& shape = fleet.shapes[random.below(fleet.shapes.size())];
  block.shape = shape.name;
  block.count = random.chance(1, 4) ? 2 : 1;
  block.nodes = static_cast<std::uint32_t>(random.between(1, random.chance(1, 8) ? 16 : 8));
  const auto group = static_cast<std::uint32_t>(random.between(1, 4));
  if (random.chance(1, 2)) block.fabric.push_back({FabricLevel::kScaleUp, group});
  if (random.chance(1, 2)) block.fabric.push_back({FabricLevel::kLeaf, group * 2});
  if (random.chance(1, 4)) block.fabric.push_back({FabricLevel::kPod, group * 4});
  const auto rack = static_cast<std::uint32_t>(random.between(1, 4));
  if (random.chance(1, 2)) {
    block.power.push_back({PowerLevel::kRack, rack, some_limits(random, shape, rack)});
  }
  if (random.chance(1, 3)) {
    block.power.push_back({PowerLevel::kRow, rack * 2, some_limits(random, shape, rack * 2)});
  }
  return block;
}

FleetSpec some_fleet(Random& random) {
  FleetSpec fleet;
  fleet.name = "some";
  const std::uint64_t shapes = 1 + random.below(3);
  for (std::size_t i = 0; i < shapes; ++i) fleet.shapes.push_back(some_shape(random, i));
  const std::uint64_t sites = 1 + random.below(3);
  for (std::size_t s = 0; s < sites; ++s) {
    SiteSpec site;
    site.name = "site" + std::to_string(s);
    site.jurisdiction = s == 0 ? "US-TX" : "NO";
    const NodeShape& shape = fleet.shapes.front();
    site.limits = some_limits(random, shape, 12);
    if (random.chance(1, 3)) {
      site.power.push_back({"hall", PowerLevel::kHall, "", some_limits(random, shape, 6)});
    }
    if (random.chance(1, 3)) site.fabric.push_back({"spine", FabricLevel::kSpine, ""});
    const std::uint64_t blocks = 1 + random.below(2);
    for (std::size_t b = 0; b < blocks; ++b) {
      BlockSpec block = some_block(random, fleet, "b" + std::to_string(b));
      if (!site.power.empty() && random.chance(2, 3)) block.power_under = "hall";
      if (!site.fabric.empty() && random.chance(2, 3)) block.fabric_under = "spine";
      site.blocks.push_back(std::move(block));
    }
    fleet.sites.push_back(std::move(site));
  }
  return fleet;
}

MessageFaults some_messages(Random& random) {
  MessageFaults messages;
  if (random.chance(1, 4)) return messages;
  messages.lost_percent = static_cast<std::uint32_t>(random.below(random.chance(1, 4) ? 50 : 15));
  messages.doubled_percent = static_cast<std::uint32_t>(random.below(40));
  messages.delay_max = seconds(random.between(0, random.chance(1, 4) ? 180 : 20));
  return messages;
}

/// Whatever comes to mind.
GangShape wild_gang(Random& random) {
  static constexpr std::int64_t kShares[] = {1000, 1000, 1000, 2000, 4000, 500, 250, 0};
  GangShape gang;
  gang.tasks = static_cast<std::uint32_t>(random.between(1, random.chance(1, 4) ? 24 : 6));
  gang.task.accelerators = AcceleratorShare(kShares[random.below(std::size(kShares))]);
  gang.task.cpus = CpuShare(random.between(0, 4) * 500);
  gang.task.memory = Bytes(random.chance(1, 3) ? random.between(1, 4) << 29U : 0);
  if (random.chance(1, 3)) gang.task.accelerator_type = kTypes[random.below(3)];
  if (random.chance(1, 6)) gang.types = {{"b", 2000}, {"a", 1000}};
  if (random.chance(1, 4)) gang.require = static_cast<FabricLevel>(random.below(7));
  return gang;
}

/// What would fit if nothing else ran, but for power and for odd ends: on `nodes` such nodes.
GangShape possible_gang(Random& random, const NodeShape& shape, std::uint32_t nodes) {
  static constexpr std::int64_t kShares[] = {1000, 1000, 2000, 4000, 500, 250, 0};
  GangShape gang;
  gang.task.accelerators = AcceleratorShare(kShares[random.below(std::size(kShares))]);
  const AcceleratorShare all = kWholeAccelerator * shape.accelerators;
  if (gang.task.accelerators > all) gang.task.accelerators = kWholeAccelerator;
  const std::int64_t share = gang.task.accelerators.count();
  const std::int64_t there = share == 0 ? 4 : all.count() / share;
  // Many jobs of a few tasks, and now and then one that needs nearly all there is.
  const std::int64_t most = std::min<std::int64_t>(there * nodes, 24);
  gang.tasks = static_cast<std::uint32_t>(
      random.between(1, random.chance(1, 4) ? most : std::min<std::int64_t>(most, 4)));
  gang.task.cpus = CpuShare(random.between(0, shape.cpus.count() / there / 500) * 500);
  if (random.chance(1, 3)) gang.task.memory = Bytes(shape.memory.count() / there);
  if (random.chance(1, 4)) gang.task.accelerator_type = shape.accelerator_type;
  if (random.chance(1, 8)) gang.types = {{"b", 2000}, {shape.accelerator_type, 1000}};
  const bool on_one = gang.tasks <= there;
  if (on_one && random.chance(1, 6)) gang.require = static_cast<FabricLevel>(random.below(7));
  return gang;
}

GangShape some_gang(Random& random, const FleetSpec& fleet) {
  const SiteSpec& site = fleet.sites[random.below(fleet.sites.size())];
  const BlockSpec& block = site.blocks[random.below(site.blocks.size())];
  const auto shape = std::find_if(fleet.shapes.begin(), fleet.shapes.end(),
                                  [&](const NodeShape& each) { return each.name == block.shape; });
  const std::uint32_t nodes = block.nodes * block.count;
  GangShape gang = random.chance(1, 10) ? wild_gang(random) : possible_gang(random, *shape, nodes);
  if (random.chance(1, 5)) {
    const std::uint32_t each = gang.tasks % 2 == 0 && random.chance(1, 2) ? 2 : 1;
    if (gang.tasks / each <= nodes) gang.nodes = gang.tasks / each;
  }
  if (random.chance(1, 6)) gang.segment = gang.tasks % 2 == 0 ? 2 : 1;
  if (random.chance(1, 4)) gang.prefer = static_cast<FabricLevel>(random.below(6));
  if (random.chance(1, 10)) {
    gang.spread = static_cast<FabricLevel>(random.below(3));
    gang.spread_tasks = static_cast<std::uint32_t>(random.between(1, 3));
  }
  gang.exclusive = random.chance(1, 10);
  return gang;
}

/// Elastic, or of several groups: never both.
void add_structure(Random& random, JobSpec& spec, const FleetSpec& fleet) {
  GangShape& gang = spec.gang;
  if (random.chance(1, 8)) {
    GangShape group = some_gang(random, fleet);
    group.tasks = std::min(group.tasks, 2U);
    group.nodes = 0;
    group.segment = 0;
    group.require = FabricLevel::kFleet;
    spec.groups.push_back(group);
  } else if (random.chance(1, 3)) {
    const std::uint32_t each = gang.nodes > 0 ? gang.tasks / gang.nodes : 1;
    const std::uint32_t unit = std::lcm(each, std::max(gang.segment, 1U));
    if (unit <= gang.tasks) gang.tasks_min = unit;
  }
}

/// The job is of a reservation that exists, and may end in time.
void add_reservation(Random& random, JobSpec& spec, Instant now, const State& state) {
  auto at = state.reservations.begin();
  std::advance(at, random.below(state.reservations.size()));
  const Reservation& reservation = at->second;
  spec.reservation = at->first;
  spec.time_limit = Duration();
  spec.deadline = Instant();
  spec.where = Whereabouts();
  const Instant from = std::max(now, reservation.spec.start);
  const std::int64_t left = (reservation.spec.end() - from).count() / seconds(1).count();
  if (left > 60 && random.chance(1, 2)) spec.time_limit = seconds(random.between(30, left));
  if (random.chance(1, 2)) {
    spec.gang.tasks = std::min(spec.gang.tasks, 2U);
    spec.gang.tasks_min = spec.gang.nodes = spec.gang.segment = 0;
  }
}

void add_conditions(Random& random, JobSpec& spec, Instant now, const State& state) {
  static constexpr const char* kClasses[] = {"", "best-effort", "normal", "high", "none such"};
  const std::uint64_t sites = state.fleet.declared->sites.size();
  spec.priority_class = kClasses[random.below(random.chance(1, 20) ? 5 : 4)];
  spec.priority = static_cast<std::int32_t>(random.between(-1, 1));
  spec.hold = random.chance(1, 10);
  spec.array = random.chance(1, 6) ? static_cast<std::uint32_t>(random.between(2, 6)) : 1;
  if (random.chance(2, 5)) spec.time_limit = minutes(random.between(2, 60));
  if (random.chance(1, 8)) spec.not_before = now + minutes(random.between(0, 60));
  if (random.chance(1, 10)) spec.deadline = now + minutes(random.between(0, 240));
  if (random.chance(1, 20)) {
    spec.where.sites = {"site" + std::to_string(random.below(random.chance(1, 8) ? 4 : sites))};
  }
  if (random.chance(1, 20)) {
    spec.where.jurisdictions = {sites == 1 || random.chance(1, 2) ? "US" : "NO"};
  }
  while (state.next_job > JobId(1) && random.chance(1, 6)) {
    // Mostly one that has not ended yet.
    const std::uint64_t last = state.next_job.value() - 1;
    const std::uint64_t back = random.below(random.chance(1, 4) ? last + 1 : std::min(last, 6UL));
    spec.after.push_back(
        {random.chance(1, 2) ? DependencyKind::kAfterOk : DependencyKind::kAfterAny,
         JobId(last - back + (back == last ? 1 : 0))});
  }
  if (!state.reservations.empty() && random.chance(1, 4)) {
    add_reservation(random, spec, now, state);
  }
}

JobTruth some_truth(Random& random) {
  JobTruth truth;
  truth.work = seconds(random.between(0, random.chance(1, 4) ? 7200 : 900));
  if (random.chance(1, 2)) truth.checkpoint_interval = seconds(random.between(30, 600));
  if (random.chance(1, 2)) truth.checkpoint_cost = seconds(random.between(0, 30));
  if (random.chance(1, 6)) truth.outcome = JobOutcome::kFails;
  if (random.chance(1, 10)) truth.outcome = JobOutcome::kCancelled;
  if (random.chance(1, 3)) truth.start_up = seconds(random.between(0, 30));
  return truth;
}

/// One node, or all that stand below one vertex of one of the two trees.
std::vector<NodeId> some_nodes(Random& random, const Topology& topology) {
  const std::uint32_t size = topology.size();
  std::vector<NodeId> nodes;
  const NodeId one(static_cast<std::uint32_t>(random.below(size)));
  if (!random.chance(1, 4)) return {one};
  if (random.chance(1, 2)) {
    FabricId at = topology.fabric_of(one);
    if (random.chance(1, 6)) at = topology.fabric(at).parent;
    const FabricVertex& vertex = topology.fabric(at == kNoId<FabricId> ? Topology::kRoot : at);
    for (Position p = vertex.first; p < vertex.last; ++p) nodes.push_back(topology.at(p));
  } else {
    for (std::uint32_t i = 0; i < size; ++i) {
      if (topology.power_of(NodeId(i)) == topology.power_of(one)) nodes.emplace_back(i);
    }
  }
  return nodes;
}

/// What is kept for gangs that lose a node, now and for later.
void add_reserve(Policy& policy, Random random) {
  policy.keep_nodes_for = minutes(random.between(0, 60));
  if (!random.chance(1, 2)) return;
  static constexpr FabricLevel kLevels[] = {FabricLevel::kScaleUp, FabricLevel::kLeaf,
                                            FabricLevel::kPod, FabricLevel::kSite};
  policy.spares.emplace();
  for (std::uint64_t rules = 1 + random.below(2); rules > 0; --rules) {
    SpareRule rule;
    rule.level = kLevels[random.below(std::size(kLevels))];
    if (random.chance(1, 2)) rule.count = static_cast<std::uint32_t>(random.below(3));
    if (random.chance(1, 2)) rule.failures = static_cast<std::uint32_t>(random.below(100'000));
    rule.confidence_ppm = static_cast<std::uint32_t>(random.between(100'000, 999'000));
    policy.spares->push_back(rule);
  }
  const auto preemptible = std::find_if(policy.classes.begin(), policy.classes.end(),
                                        [](const PriorityClass& each) { return each.preemptible; });
  if (random.chance(1, 2) && preemptible != policy.classes.end()) {
    policy.lend_spares = preemptible->name;
  }
}

}  // namespace

Scenario some_scenario(Random& random) {
  Scenario scenario;
  scenario.fleet = some_fleet(random);
  scenario.policy = some_policy(random);
  scenario.messages = some_messages(random);
  scenario.physics.launch = seconds(random.between(0, 10));
  scenario.physics.start_up = seconds(random.between(0, 60));
  scenario.physics.stop = seconds(random.between(0, 20));
  scenario.physics.detection = seconds(random.between(0, 60));
  scenario.trouble = minutes(random.between(10, 240));
  return scenario;
}

Policy some_policy(Random& random) {
  Policy policy;
  policy.classes[1].preemptible = random.chance(1, 2);
  policy.preemption.by_priority = random.chance(3, 4);
  policy.preemption.reclaim = random.chance(2, 3);
  policy.preemption.runtime_min = seconds(random.between(0, 300));
  policy.consolidation.enabled = random.chance(1, 2);
  policy.consolidation.move_cost = seconds(random.between(0, 120));
  policy.elastic.grow = random.chance(3, 4);
  policy.elastic.grow_interval = seconds(random.between(1, 1800));
  policy.elastic.gain_percent = static_cast<std::uint32_t>(random.between(1, 100));
  policy.backfill.reservations = static_cast<std::uint32_t>(random.below(5));
  policy.starvation_after = minutes(random.between(0, 120));
  policy.fair_share.half_life = minutes(random.between(1, 600));
  const auto amount = [&] { return AcceleratorShare(random.between(0, 40) * 1000); };
  if (random.chance(1, 2)) policy.tenants.push_back({"above", "", amount(), std::nullopt, 1});
  const std::string parent = policy.tenants.empty() ? "" : "above";
  policy.tenants.push_back({"t", parent, amount(), std::nullopt, 2});
  if (random.chance(1, 2)) policy.tenants.push_back({"u", "", amount(), amount(), 1});
  for (TenantPolicy& each : policy.tenants) {
    if (random.chance(1, 3)) each.borrow_limit = amount();
  }
  if (random.chance(1, 20)) policy.others.reset();
  if (random.chance(1, 20)) policy.default_class = "none such";
  // By a stream of its own, so that a seed gives the same run in all else.
  add_reserve(policy, Random(static_cast<std::uint64_t>(policy.fair_share.half_life.count() +
                                                        policy.starvation_after.count())));
  return policy;
}

WorkloadJob some_workload_job(Random& random, Instant now, const State& state) {
  WorkloadJob job;
  JobSpec& spec = job.spec;
  spec.name = "job";
  spec.user = "someone";
  spec.command = {"true"};
  spec.tenant = random.chance(1, 2) ? "t" : "u";
  spec.gang = some_gang(random, *state.fleet.declared);
  spec.restart.limit = static_cast<std::uint32_t>(random.below(3));
  if (random.chance(1, 3)) spec.restart.in_place = true;
  spec.restart.delay = seconds(random.between(0, 40));
  spec.grace = seconds(random.between(0, 30));
  add_structure(random, spec, *state.fleet.declared);
  add_conditions(random, spec, now, state);
  job.at = now;
  job.truth = some_truth(random);
  return job;
}

std::string some_reservation_name(Random& random) { return "r" + std::to_string(random.below(6)); }

ReservationSpec some_reservation(Random& random, Instant now, const State& state) {
  ReservationSpec spec;
  spec.name = some_reservation_name(random);
  if (random.chance(2, 3)) spec.start = now + minutes(random.between(0, 60));
  spec.duration = minutes(random.between(1, 60));
  const auto nodes = static_cast<std::int64_t>(state.nodes.size());
  if (random.chance(2, 3)) {
    spec.nodes =
        static_cast<std::uint32_t>(random.between(1, std::max<std::int64_t>(nodes / 2, 1)));
    if (random.chance(1, 4)) spec.accelerator_type = kTypes[random.below(3)];
    if (random.chance(1, 4)) spec.site = "site" + std::to_string(random.below(3));
  } else {
    for (std::int64_t left = random.between(1, 3); left > 0; --left) {
      const NodeId node(static_cast<std::uint32_t>(random.below(state.nodes.size())));
      spec.node_list.push_back(state.topology->name(node));
    }
  }
  if (random.chance(1, 4)) spec.tenants = {random.chance(1, 2) ? "t" : "above"};
  if (random.chance(1, 8)) spec.users = {"someone"};
  spec.force = random.chance(1, 3);
  return spec;
}

std::vector<NodeFault> some_faults(Random& random, const Topology& topology, Duration trouble) {
  std::vector<NodeFault> faults(random.below(16));
  for (NodeFault& fault : faults) {
    fault.at = Instant() + Duration(random.between(0, trouble.count()));
    fault.nodes = some_nodes(random, topology);
    fault.effect = static_cast<FaultEffect>(random.below(3));
    fault.repair = seconds(random.between(0, random.chance(1, 3) ? 7200 : 300));
    fault.speed_milli = random.between(0, 900);
  }
  std::stable_sort(faults.begin(), faults.end(),
                   [](const NodeFault& a, const NodeFault& b) { return a.at < b.at; });
  return faults;
}

}  // namespace mw::vopr
