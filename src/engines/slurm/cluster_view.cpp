#include "engines/slurm/cluster_view.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <string_view>
#include <unordered_map>

#include "engines/slurm/slurm_command.h"

namespace mw::slurm {
namespace {

/// As who the core moves nodes when nobody told it to.
constexpr std::string_view kByFaultPolicy = "the fault policy";
constexpr std::string_view kReboot = "reboot ";

bool has(const SlurmNode& node, std::string_view state) {
  return std::ranges::find(node.states, state) != node.states.end();
}

bool has_any(const SlurmNode& node, std::initializer_list<std::string_view> states) {
  return std::ranges::any_of(states, [&](std::string_view state) { return has(node, state); });
}

constexpr std::uint32_t kLooksToTellAgain = 16;

/// Whatever else keeps work off it.
bool is_drained(const SlurmNode& node) { return has_any(node, {"DRAIN", "DRAINING", "DRAINED"}); }

std::string names_of(const std::vector<SlurmPartition>& partitions) {
  std::string names;
  for (const SlurmPartition& each : partitions) names += (names.empty() ? "" : ", ") + each.name;
  return names.empty() ? "none" : names;
}

}  // namespace

Result<void> ClusterView::take(std::vector<SlurmPartition> partitions) {
  for (const std::string& name : wanted_) {
    const bool there = std::ranges::any_of(
        partitions, [&](const SlurmPartition& each) { return each.name == name; });
    if (there) continue;
    return Error{ErrorCode::kNotFound,
                 fmt::format("--slurm-partition: the cluster has no partition {}; it has {}", name,
                             names_of(partitions))};
  }
  std::erase_if(partitions, [&](const SlurmPartition& each) {
    return !wanted_.empty() && std::ranges::find(wanted_, each.name) == wanted_.end();
  });
  std::ranges::stable_sort(partitions, [](const SlurmPartition& a, const SlurmPartition& b) {
    return a.is_default && !b.is_default;
  });
  partitions_.clear();
  usable_.clear();
  open_.clear();
  for (SlurmPartition& each : partitions) {
    usable_.insert(each.nodes.begin(), each.nodes.end());
    // One that is not up takes nothing new, and lets go on what it has.
    if (!each.up) continue;
    open_.insert(each.nodes.begin(), each.nodes.end());
    std::unordered_set<std::string> nodes(each.nodes.begin(), each.nodes.end());
    partitions_.push_back({std::move(each), std::move(nodes)});
  }
  return {};
}

/// What keeps a job of ours from starting there is down; what lets it go on, but takes nothing new,
/// drains. A cloud node that is powered down starts when a job is given to it: it is up.
ClusterView::Health ClusterView::health_of(const SlurmNode& node) {
  const bool cloud = has(node, "CLOUD");
  // A slurmctld that has just started has not heard from its nodes: that says nothing of them.
  if (has(node, "UNKNOWN")) return Health::kUnknown;
  if (has_any(node, {"DOWN", "DOWN*", "ERROR", "FUTURE", "INVALID", "INVALID_REG"})) {
    return Health::kDown;
  }
  if (!cloud && has_any(node, {"POWERED_DOWN", "POWERING_DOWN"})) return Health::kDown;
  if (has_any(node, {"DRAIN", "DRAINING", "DRAINED", "FAIL", "FAILING", "MAINT", "MAINTENANCE",
                     "RESERVED", "REBOOT_REQUESTED", "REBOOT_ISSUED", "REBOOT"})) {
    return Health::kDraining;
  }
  return Health::kUp;
}

NodeSpec ClusterView::spec_of(const SlurmNode& node) const {
  NodeSpec spec;
  spec.name = node.name;
  spec.site = site_;
  spec.accelerator_type = type_of(node);
  spec.accelerators = node.gpus.count > 0 ? node.gpus.count : static_cast<std::uint32_t>(node.cpus);
  spec.cpus = kWholeCpu * node.cpus;
  spec.memory = Bytes(node.memory_mib << 20);
  const auto stand = topology_.stands.find(node.name);
  if (stand != topology_.stands.end()) spec.fabric = stand->second;
  return spec;
}

void ClusterView::take(const std::vector<SlurmNode>& nodes, const ObservationSink& sink) {
  ++looks_;
  std::unordered_map<std::string_view, const SlurmNode*> by_name;
  by_name.reserve(nodes.size());
  for (const SlurmNode& node : nodes) {
    if (usable_.contains(node.name)) by_name.emplace(node.name, &node);
  }
  for (auto& [name, known] : nodes_) {
    if (by_name.contains(name) || known.health == Health::kDown) continue;
    known.health = Health::kDown;  // the cluster does not have it any more
    sink(NodeLost{name});
  }
  // Nodes are told of in the order of the fabric, so that neighbours get neighbouring numbers; and
  // all of them before what became of them, so that the core takes in together those that are new.
  std::unordered_set<std::string_view> told;
  told.reserve(nodes.size());
  std::vector<Known*> up;
  const auto tell_of = [&](std::string_view name) {
    const auto found = by_name.find(name);
    if (found == by_name.end() || !told.insert(name).second) return;
    Known& known = nodes_[found->second->name];
    if (tell(known, *found->second, sink)) up.push_back(&known);
  };
  for (const std::string& name : topology_.order) tell_of(name);
  for (const SlurmNode& node : nodes) tell_of(node.name);
  for (Known* known : up) tell_drain(*known, sink);
}

/// False: what became of it is not to be told, for it is down, or its state is not known.
bool ClusterView::tell(Known& known, const SlurmNode& now, const ObservationSink& sink) {
  const Health before = known.health;
  Health health = health_of(now);
  if (health == Health::kUp && !open_.contains(now.name)) health = Health::kDraining;
  if (health == Health::kUnknown && known.told) return false;
  known.health = health == Health::kUnknown ? Health::kUp : health;
  const bool differs = !known.told || known.node != now;
  const bool changed = !known.told || (differs && spec_of(known.node) != spec_of(now));
  if (differs) known.node = now;
  if (const auto decision = decisions_.extract(now.name); !decision.empty()) {
    known.decision = decision.mapped();
  }
  if (known.health == Health::kDown) {
    // One that was never up is not told of before it is.
    if (known.told && before != Health::kDown) sink(NodeLost{now.name});
    return false;
  }
  // What a busy node has become is taken in when it is free, and nobody tells us when that is: so
  // a change is told now and then.
  known.changed = known.changed || (known.told && changed);
  const bool again = known.changed && looks_ % kLooksToTellAgain == 0;
  if (changed || again || before == Health::kDown) sink(NodeSeen{spec_of(now)});
  known.told = true;
  return true;
}

bool ClusterView::drained_by_us(const SlurmNode& node) const {
  return is_drained(node) && node.reason.starts_with(drain_mark_);
}

std::string ClusterView::reboot_mark(Epoch remedy) const {
  return drain_mark_ + std::string(kReboot) + std::to_string(remedy.value());
}

bool ClusterView::is_drained_by_us(const std::string& name) const {
  return drained_by_us(nodes_.at(name).node);
}

bool ClusterView::is_stuck(const std::string& name) const { return nodes_.at(name).stuck; }

/// Its reason says for which remedy: that is not written over.
bool ClusterView::is_being_rebooted(const Known& known) const {
  return known.decision.phase == NodePhase::kRepairing &&
         known.node.reason.starts_with(drain_mark_ + std::string(kReboot));
}

std::string ClusterView::drain_reason(const NodeDecision& decision) const {
  // Of a node that is only watched others may have all they want.
  const bool in_service =
      decision.phase == NodePhase::kReady || decision.phase == NodePhase::kSuspect;
  if (in_service || decision.by == kBySlurm) return "";
  std::string text = drain_mark_ + std::string(name_of(decision.phase));
  if (!decision.by.empty()) text += " by " + decision.by;
  if (!decision.reason.empty()) text += ", " + decision.reason;
  return scontrol_value(text);
}

/// What others did to the node there: told here, once for each thing that was decided.
void ClusterView::tell_drain(Known& known, const ObservationSink& sink) {
  follow_drain(known, sink);
  if (known.asked) return;
  const bool ours = known.decision.phase == NodePhase::kReady;
  if (known.health == Health::kDraining && ours && (known.stuck || !drained_by_us(known.node))) {
    DrainNode drain;
    drain.node = known.node.name;
    const bool open = open_.contains(known.node.name);
    if (!known.node.reason.empty()) {
      drain.reason = known.node.reason;
      if (!known.node.reason_by.empty()) drain.reason += " (" + known.node.reason_by + ")";
    } else {
      drain.reason = open ? "drained in Slurm" : "no partition of it is up in Slurm";
    }
    drain.by = kBySlurm;
    sink(std::move(drain));
    known.asked = true;
  } else if (known.health == Health::kUp && known.decision.phase == NodePhase::kDraining &&
             known.decision.by == kBySlurm) {
    sink(ResumeNode{known.node.name, kBySlurm, std::nullopt});
    known.asked = true;
  }
}

/// Our own drains there. Whoever resumes in Slurm what was drained from here means the node. Not so
/// one that is quarantined, being proven or repaired, or that the fault policy took out: a
/// slurmctld that starts without its state has all nodes resumed, too. Such a one is drained there
/// again.
void ClusterView::follow_drain(Known& known, const ObservationSink& sink) {
  const std::string reason = drain_reason(known.decision);
  if (reason.empty()) return;
  const std::string& name = known.node.name;
  if (drained_by_us(known.node)) {
    carried_[name] = reason;
  } else if (is_carried(name, reason) && !known.asked && !is_drained(known.node)) {
    const NodeDecision& decision = known.decision;
    if (decision.phase != NodePhase::kDraining || decision.by == kByFaultPolicy) {
      carried_.erase(name);
      return;
    }
    sink(ResumeNode{known.node.name, kBySlurm, std::nullopt});
    known.asked = true;
  }
}

bool ClusterView::is_carried(const std::string& node, const std::string& reason) const {
  const auto found = carried_.find(node);
  return found != carried_.end() && found->second == reason;
}

std::vector<NodeOrder> ClusterView::orders() const {
  std::vector<NodeOrder> orders;
  for (const auto& [name, known] : nodes_) {
    // Of one that is down Slurm itself gives nothing away.
    if (!known.told || known.health == Health::kDown || is_being_rebooted(known)) continue;
    const std::string reason = drain_reason(known.decision);
    const bool ours = drained_by_us(known.node);
    if (reason.empty() && ours && known.decision.by != kBySlurm) {
      orders.push_back({name, false, ""});
    } else if (!reason.empty() && (ours ? known.node.reason != reason
                                        : !is_drained(known.node) && !is_carried(name, reason))) {
      orders.push_back({name, true, reason});
    }
  }
  return orders;
}

void ClusterView::cannot_change(const std::string& node) {
  const auto known = nodes_.find(node);
  if (known != nodes_.end()) known->second.stuck = true;
}

void ClusterView::decided(const NodeDecision& decision) {
  const auto known = nodes_.find(decision.node);
  if (known == nodes_.end()) {
    decisions_[decision.node] = decision;
    return;
  }
  const bool same = drain_reason(known->second.decision) == drain_reason(decision);
  if (!same) carried_.erase(decision.node);
  known->second.stuck = false;
  known->second.decision = decision;
  known->second.asked = false;
}

void ClusterView::take_use(const std::vector<SlurmJob>& jobs,
                           const std::function<bool(const SlurmJob&)>& ours,
                           const ObservationSink& sink) {
  std::map<std::string, OthersUse> use;
  for (const SlurmJob& job : jobs) {
    const bool holds = job.completing || job.state == "RUNNING" || job.state == "CONFIGURING" ||
                       job.state == "SUSPENDED" || job.state == "STAGE_OUT";
    if (!holds || ours(job)) continue;
    for (const SlurmAllocation& each : job.allocations) {
      OthersUse& of_node = use[each.node];
      const SlurmNode* at = node(each.node);
      for (const GpuCount& gpus : each.gpus) {
        // Those of another type than the one that the node counts with here are none of its own.
        const bool other = at != nullptr && gpus.type != "gpu" && gpus.type != at->gpus.type;
        if (!other || at->gpus.type == "gpu") of_node.accelerators += gpus.count;
      }
      const std::int64_t threads = at == nullptr ? 1 : at->threads_per_core;
      of_node.cpus += kWholeCpu * std::max(each.cpus, each.cores * threads);
      of_node.memory += Bytes(each.memory_mib << 20);
    }
  }
  for (auto& [name, known] : nodes_) {
    if (!known.told) continue;
    OthersUse now = use[name];
    if (known.node.gpus.count == 0) {  // its cores are its accelerators
      now.accelerators = static_cast<std::uint32_t>(now.cpus / kWholeCpu);
    }
    if (now == known.use) continue;
    known.use = now;
    sink(NodeUseReported{name, now});
  }
}

const SlurmNode* ClusterView::node(const std::string& name) const {
  const auto found = nodes_.find(name);
  return found == nodes_.end() ? nullptr : &found->second.node;
}

const SlurmPartition* ClusterView::partition(const std::string& name) const {
  const auto found = std::ranges::find_if(
      partitions_, [&](const Usable& each) { return each.partition.name == name; });
  return found == partitions_.end() ? nullptr : &found->partition;
}

std::string ClusterView::type_of(const SlurmNode& node) {
  return node.gpus.count > 0 ? node.gpus.type : "cpu";
}

bool ClusterView::has_several_machines() const {
  return std::ranges::any_of(nodes_, [&](const auto& each) {
    return each.second.node.address != nodes_.begin()->second.node.address;
  });
}

const SlurmPartition* ClusterView::partition_for(const std::vector<std::string>& nodes,
                                                 Duration length) const {
  const SlurmPartition* shorter = nullptr;
  for (const Usable& each : partitions_) {
    const auto has = [&](const std::string& name) { return each.nodes.contains(name); };
    if (!std::ranges::all_of(nodes, has)) continue;
    const auto& most = each.partition.minutes_max;
    if (!most || length <= minutes(*most)) return &each.partition;
    if (shorter == nullptr) shorter = &each.partition;
  }
  return shorter;
}

}  // namespace mw::slurm
