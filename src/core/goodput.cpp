#include "core/goodput.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "core/state.h"
#include "core/topology.h"

namespace mw {
namespace {

void add_cause(std::vector<CauseTotals>& causes, EndCause cause, std::uint64_t attempts,
               AcceleratorTime lost) {
  const auto at = std::lower_bound(
      causes.begin(), causes.end(), cause,
      [](const CauseTotals& each, EndCause wanted) { return each.cause < wanted; });
  if (at != causes.end() && at->cause == cause) {
    at->attempts += attempts;
    at->lost_work += lost;
  } else {
    causes.insert(at, {cause, attempts, lost});
  }
}

NodeTime node_time(Duration length) { return NodeTime(length.count()); }

/// The job's first element, under which its record is known.
template <class Map>
auto record_of_element(Map& records, JobId job) {
  auto at = records.upper_bound(job);
  if (at == records.begin()) return records.end();
  --at;
  return job.value() < at->first.value() + at->second.count ? at : records.end();
}

}  // namespace

GoodputTotals& GoodputTotals::operator+=(const GoodputTotals& other) {
  capacity += other.capacity;
  starting += other.starting;
  productive += other.productive;
  checkpointing += other.checkpointing;
  lost_work += other.lost_work;
  out_of_service += other.out_of_service;
  used_by_others += other.used_by_others;
  waiting += other.waiting;
  interruptions += other.interruptions;
  for (const CauseTotals& each : other.causes) {
    add_cause(causes, each.cause, each.attempts, each.lost_work);
  }
  running += other.running;
  repaired += other.repaired;
  failures += other.failures;
  returns += other.returns;
  in_service += other.in_service;
  broken += other.broken;
  return *this;
}

bool is_interruption(EndCause cause) {
  switch (cause) {
    case EndCause::kTaskFailed:
    case EndCause::kStartFailed:
    case EndCause::kEngineLost:
    case EndCause::kNodeLost:
    case EndCause::kFaulty:
    case EndCause::kJobFault:
      return true;
    default:
      return false;
  }
}

void Goodput::note(const Event& event) {
  const Instant at = event.at;
  if (const auto* progress = std::get_if<ProgressNoted>(&event.body)) {
    const auto running = running_.find(progress->job);
    if (running == running_.end()) return;
    if (running->second.category == LedgerCategory::kCheckpointing) {
      change_category(progress->job, LedgerCategory::kProductive, at);
    }
  } else if (const auto* begun = std::get_if<CheckpointStarted>(&event.body)) {
    change_category(begun->job, LedgerCategory::kCheckpointing, at);
  } else if (const auto* saved = std::get_if<CheckpointKept>(&event.body)) {
    kept(*saved, at);
  } else if (const auto* given = std::get_if<AttemptPlaced>(&event.body)) {
    placed(*given, at);
  } else if (const auto* runs = std::get_if<AttemptRunning>(&event.body)) {
    change_category(runs->job, LedgerCategory::kProductive, at);
    Running& running = running_.change(runs->job);
    running.works = true;
    JobEntry& job = entry(runs->job);
    ++job.job.saving.starts;
    job.job.saving.starting += running.starting;
    if (!job.broken_since) return;
    const NodeTime repaired = node_time(at - *std::exchange(job.broken_since, std::nullopt));
    job.job.totals.repaired += repaired;
    tenants_[job.job.tenant].repaired += repaired;
  } else if (const auto* over = std::get_if<AttemptEnded>(&event.body)) {
    ended(*over, at);
  } else if (const auto* done = std::get_if<JobFinished>(&event.body)) {
    finished(done->job, at);
  } else if (const auto* held = std::get_if<JobHeld>(&event.body)) {
    if (jobs_.contains(held->job)) jobs_.change(held->job).waits_since.reset();
  } else if (const auto* submitted = std::get_if<JobSubmitted>(&event.body)) {
    const JobSpec& spec = submitted->spec;
    submitted_.emplace(submitted->job, Submitted{spec.name, spec.tenant, spec.array, spec.array});
  } else if (const auto* declared = std::get_if<FleetDeclared>(&event.body)) {
    Topology topology;
    topology.declare(declared->fleet);
    for (std::uint32_t i = 0; i < topology.size(); ++i) {
      add_node(NodeId(i), topology.shape(NodeId(i)).accelerators,
               declared->phase.value_or(NodePhase::kReady), at);
    }
  } else if (const auto* joined = std::get_if<NodeJoined>(&event.body)) {
    add_node(joined->node, joined->spec.accelerators, joined->phase.value_or(NodePhase::kReady),
             at);
  } else if (const auto* changed = std::get_if<NodeChanged>(&event.body)) {
    NodeEntry& node = nodes_.at(changed->node.value());
    settle_node(node, at);
    node.accelerators = kWholeAccelerator * changed->spec.accelerators;
  } else if (const auto* use = std::get_if<NodeUseChanged>(&event.body)) {
    NodeEntry& node = nodes_.at(use->node.value());
    settle_node(node, at);
    node.others = use->others ? use->others->devices.sum() : AcceleratorShare();
  } else if (const auto* contact = std::get_if<NodeContact>(&event.body)) {
    change_node(contact->node, at, std::nullopt, contact->lost, false);
  } else if (const auto* moved = std::get_if<NodeMoved>(&event.body)) {
    const bool asked = moved->mover.value_or(Mover::kOperator) == Mover::kOperator;
    change_node(moved->node, at, moved->phase, std::nullopt, asked);
  }
}

// --- nodes --------------------------------------------------------------------------------------

/// A new one that is yet to be proven has not failed.
void Goodput::add_node(NodeId id, std::uint32_t accelerators, NodePhase phase, Instant at) {
  MW_CHECK(id.value() == nodes_.size());
  NodeEntry node;
  node.phase = phase;
  node.accelerators = kWholeAccelerator * accelerators;
  node.since = at;
  settle_service(at);
  if (!node.is_out()) ++nodes_in_service_;
  nodes_.push_back(std::move(node));
}

NodeTime Goodput::served(Instant at) const {
  return in_service_ + NodeTime(Int128{(at - in_service_at_).count()} * nodes_in_service_);
}

void Goodput::settle_service(Instant at) {
  in_service_ = served(at);
  in_service_at_ = at;
}

void Goodput::settle_node(NodeEntry& node, Instant at) {
  const Duration length = at - node.since;
  node.since = at;
  node.totals.capacity += node.accelerators * length;
  node.totals.used_by_others += node.others * length;
  if (!node.is_out()) {
    node.totals.in_service += node_time(length);
    return;
  }
  node.totals.out_of_service += (node.accelerators - node.used - node.others) * length;
  if (node.failed) node.totals.broken += node_time(length);
}

GoodputTotals Goodput::settled(NodeEntry node, Instant at) {
  settle_node(node, at);
  return std::move(node.totals);
}

/// `asked`: somebody took it out, or nobody can have: it was not its own failure.
void Goodput::change_node(NodeId id, Instant at, std::optional<NodePhase> phase,
                          std::optional<bool> lost, bool asked) {
  NodeEntry& node = nodes_.at(id.value());
  settle_node(node, at);
  settle_service(at);
  const bool was_out = node.is_out();
  if (phase) node.phase = *phase;
  if (lost) node.lost = *lost;
  const bool is_out = node.is_out();
  if (was_out == is_out) return;
  nodes_in_service_ += is_out ? -1 : 1;
  if (is_out) {
    node.failed = !asked;
    if (!node.failed) return;
    ++node.totals.failures;
    ++failures_;
  } else {
    if (node.failed) ++node.totals.returns;
    node.failed = false;
  }
}

// --- jobs ---------------------------------------------------------------------------------------

Goodput::JobEntry& Goodput::entry(JobId job) {
  if (jobs_.contains(job)) return jobs_.change(job);
  JobEntry made;
  const auto record = record_of_element(submitted_, job);
  MW_CHECK(record != submitted_.end());
  made.job.name = record->second.name;
  made.job.tenant = record->second.tenant;
  return jobs_.insert(job, std::move(made));
}

void Goodput::settle(Running& running, Instant at) {
  const Duration length = at - running.since;
  running.since = at;
  switch (running.category) {
    case LedgerCategory::kStarting:
      running.starting += length;
      return;
    case LedgerCategory::kProductive:
      running.unsaved += length;
      return;
    default:
      running.checkpointing += length;
      running.this_save += length;
  }
}

void Goodput::change_category(JobId job, LedgerCategory category, Instant at) {
  Running& running = running_.change(job);
  settle(running, at);
  if (category == LedgerCategory::kCheckpointing && running.category != category) {
    running.this_save = Duration();
  }
  running.category = category;
}

void Goodput::placed(const AttemptPlaced& event, Instant at) {
  Running running;
  running.placed = running.since = at;
  for (const NodeSlice& slice : event.placement) {
    NodeEntry& node = nodes_.at(slice.node.value());
    if (node.is_out()) settle_node(node, at);
    const AcceleratorShare share = slice.devices.sum();
    node.used += share;
    running.accelerators += share;
    running.slices.push_back({slice.node, share});
  }
  JobEntry& job = entry(event.job);
  job.job.nodes = static_cast<std::uint32_t>(event.placement.size());
  if (job.waits_since) {
    const AcceleratorTime waited = job.had * (at - *job.waits_since);
    job.job.totals.waiting += waited;
    tenants_[job.job.tenant].waiting += waited;
  }
  job.waits_since.reset();
  job.had = running.accelerators;
  MW_CHECK(running_.emplace(event.job, std::move(running)).second);
}

void Goodput::kept(const CheckpointKept& event, Instant at) {
  Running& running = running_.change(event.job);
  settle(running, at);
  SavingTotals& saving = entry(event.job).job.saving;
  if (running.category == LedgerCategory::kCheckpointing) {
    ++saving.saves;
    saving.saving += running.this_save;
  }
  // What came before the first one of an attempt is not a whole stretch, if it came from a
  // checkpoint; after it, each is.
  if (running.has_saved) {
    ++saving.stretches;
    saving.worked += running.unsaved;
  }
  running.has_saved = true;
  running.saved += running.unsaved;
  running.unsaved = Duration();
  running.category = running.works ? LedgerCategory::kProductive : LedgerCategory::kStarting;
}

void Goodput::ended(const AttemptEnded& event, Instant at) {
  Running& running = running_.change(event.job);
  settle(running, at);
  const bool is_lost = event.lost_work.count() > 0;
  const Duration lost = is_lost ? running.unsaved : Duration();
  const Duration kept = running.saved + (is_lost ? Duration() : running.unsaved);
  const auto add = [&](GoodputTotals& totals, AcceleratorShare share) {
    totals.starting += share * running.starting;
    totals.productive += share * kept;
    totals.checkpointing += share * running.checkpointing;
    totals.lost_work += share * lost;
    totals.interruptions += is_interruption(event.cause) ? 1 : 0;
    add_cause(totals.causes, event.cause, 1, share * lost);
  };
  for (const Slice& slice : running.slices) {
    NodeEntry& node = nodes_[slice.node.value()];
    if (node.is_out()) settle_node(node, at);
    node.used -= slice.accelerators;
    add(node.totals, slice.accelerators);
  }
  JobEntry& job = entry(event.job);
  add(job.job.totals, running.accelerators);
  GoodputTotals& tenant = tenants_[job.job.tenant];
  add(tenant, running.accelerators);
  for (GoodputTotals* totals : {&tenant, &job.job.totals}) {
    totals->running += node_time(at - running.placed);
  }
  job.waits_since = at;
  if (is_interruption(event.cause) && !job.broken_since) job.broken_since = at;
  running_.erase(event.job);
}

void Goodput::finished(JobId id, Instant /*at*/) {
  JobEntry& job = entry(id);  // also of one that never ran
  job.waits_since.reset();
  job.broken_since.reset();
  const JobId record = record_of_element(submitted_, id)->first;
  if (--submitted_.change(record).unfinished == 0) submitted_.erase(record);
  finished_.push_back(id);
  if (finished_.size() <= kFinishedJobsKept) return;
  jobs_.erase(finished_.front());
  finished_.pop_front();
}

// --- looking ------------------------------------------------------------------------------------

GoodputTotals Goodput::open_time(Running running, AcceleratorShare share, Instant now) {
  const Duration length = now - running.since;
  if (running.category == LedgerCategory::kStarting) {
    running.starting += length;
  } else if (running.category == LedgerCategory::kProductive) {
    running.unsaved += length;
  } else {
    running.checkpointing += length;
  }
  GoodputTotals totals;
  totals.starting = share * running.starting;
  totals.productive = share * (running.saved + running.unsaved);
  totals.checkpointing = share * running.checkpointing;
  return totals;
}

std::vector<GoodputTotals> Goodput::by_node(Instant now) const {
  std::vector<GoodputTotals> all;
  all.reserve(nodes_.size());
  for (const NodeEntry& node : nodes_) all.push_back(settled(node, now));
  for (const auto& [job, running] : running_) {
    for (const Slice& slice : running.slices) {
      all[slice.node.value()] += open_time(running, slice.accelerators, now);
    }
  }
  return all;
}

std::map<std::string, GoodputTotals> Goodput::by_tenant(Instant now) const {
  std::map<std::string, GoodputTotals> all = tenants_;
  for (const auto& [job, running] : running_) {
    GoodputTotals& totals = all[jobs_.at(job).job.tenant];
    totals += open_time(running, running.accelerators, now);
    totals.running += node_time(now - running.placed);
  }
  for (const auto& [id, job] : jobs_) {
    if (job.waits_since) all[job.job.tenant].waiting += job.had * (now - *job.waits_since);
  }
  return all;
}

std::optional<JobGoodput> Goodput::job(JobId id, Instant now) const {
  const auto known = jobs_.find(id);
  if (known == jobs_.end()) return std::nullopt;
  JobGoodput job = known->second.job;
  if (known->second.waits_since) {
    job.totals.waiting += known->second.had * (now - *known->second.waits_since);
  }
  const auto running = running_.find(id);
  if (running != running_.end()) {
    job.totals += open_time(running->second, running->second.accelerators, now);
    job.totals.running += node_time(now - running->second.placed);
  }
  return job;
}

std::vector<std::pair<JobId, JobGoodput>> Goodput::newest_jobs(Instant now,
                                                               std::size_t limit) const {
  std::vector<std::pair<JobId, JobGoodput>> all;
  for (auto at = jobs_.rbegin(); at != jobs_.rend() && all.size() < limit; ++at) {
    all.emplace_back(at->first, *job(at->first, now));
  }
  return all;
}

GoodputTotals Goodput::fleet(Instant now) const {
  GoodputTotals fleet;
  for (const NodeEntry& each : nodes_) {
    const GoodputTotals node = settled(each, now);
    fleet.capacity += node.capacity;
    fleet.out_of_service += node.out_of_service;
    fleet.used_by_others += node.used_by_others;
    fleet.in_service += node.in_service;
    fleet.broken += node.broken;
    fleet.failures += node.failures;
    fleet.returns += node.returns;
  }
  // Attempts are counted once, and not once for each of their nodes.
  for (const auto& [name, totals] : by_tenant(now)) fleet += totals;
  return fleet;
}

Goodput::FailureRate Goodput::failure_rate(Instant now) const { return {failures_, served(now)}; }

}  // namespace mw
