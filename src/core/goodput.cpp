#include "core/goodput.h"

#include <algorithm>
#include <iterator>
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
    JobEntry* const job = jobs_.change_if(progress->job);
    if (job == nullptr || !job->running) return;
    if (job->running->category == LedgerCategory::kCheckpointing) {
      change_category(*job->running, LedgerCategory::kProductive, at);
    }
  } else if (const auto* begun = std::get_if<CheckpointStarted>(&event.body)) {
    change_category(running_of(begun->job), LedgerCategory::kCheckpointing, at);
  } else if (const auto* saved = std::get_if<CheckpointKept>(&event.body)) {
    kept(*saved, at);
  } else if (const auto* given = std::get_if<AttemptPlaced>(&event.body)) {
    placed(*given, at);
  } else if (const auto* running = std::get_if<AttemptRunning>(&event.body)) {
    runs(running->job, at);
  } else if (const auto* over = std::get_if<AttemptEnded>(&event.body)) {
    ended(*over, at);
  } else if (const auto* done = std::get_if<JobFinished>(&event.body)) {
    finished(done->job);
  } else if (const auto* held = std::get_if<JobHeld>(&event.body)) {
    if (JobEntry* const job = jobs_.change_if(held->job)) job->waits_since.reset();
  } else if (const auto* submitted = std::get_if<JobSubmitted>(&event.body)) {
    submitted_.insert(submitted->job, {submitted->spec, submitted->spec->array});
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
  if (JobEntry* const known = jobs_.change_if(job)) return *known;
  JobEntry made;
  made.spec = submitted_.at(record_of(job)).spec;
  made.tenant = tenant(made.spec->tenant);
  return jobs_.insert(job, std::move(made));
}

/// The job's first element, under which its record is known.
JobId Goodput::record_of(JobId job) const {
  if (submitted_.contains(job)) return job;
  const auto after = submitted_.upper_bound(job);
  MW_CHECK(after != submitted_.begin());
  const auto& [first, record] = *std::prev(after);
  MW_CHECK(job.value() < first.value() + record.spec->array);
  return first;
}

std::size_t Goodput::tenant(const std::string& name) {
  const auto [known, is_new] = tenant_by_name_.emplace(name, tenants_.size());
  if (is_new) tenants_.emplace_back();
  return known->second;
}

Goodput::Running& Goodput::running_of(JobId job) {
  JobEntry& known = jobs_.change(job);
  MW_CHECK(known.running.has_value());
  return *known.running;
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

void Goodput::change_category(Running& running, LedgerCategory category, Instant at) {
  settle(running, at);
  if (category == LedgerCategory::kCheckpointing && running.category != category) {
    running.this_save = Duration();
  }
  running.category = category;
}

void Goodput::placed(const AttemptPlaced& event, Instant at) {
  JobEntry& job = entry(event.job);
  MW_CHECK(!job.running.has_value());
  Running& running = job.running.emplace();
  running.placement = event.placement;
  running.placed = running.since = at;
  for (const NodeSlice& slice : event.placement) {
    NodeEntry& node = nodes_.at(slice.node.value());
    if (node.is_out()) settle_node(node, at);
    const AcceleratorShare share = slice.devices.sum();
    node.used += share;
    running.accelerators += share;
  }
  job.nodes = static_cast<std::uint32_t>(event.placement.size());
  if (job.waits_since) {
    const AcceleratorTime waited = job.had * (at - *job.waits_since);
    job.totals.waiting += waited;
    tenants_[job.tenant].waiting += waited;
  }
  job.waits_since.reset();
  job.had = running.accelerators;
}

void Goodput::runs(JobId id, Instant at) {
  JobEntry& job = jobs_.change(id);
  MW_CHECK(job.running.has_value());
  Running& running = *job.running;
  change_category(running, LedgerCategory::kProductive, at);
  running.works = true;
  ++job.saving.starts;
  job.saving.starting += running.starting;
  if (!job.broken_since) return;
  const NodeTime repaired = node_time(at - *std::exchange(job.broken_since, std::nullopt));
  job.totals.repaired += repaired;
  tenants_[job.tenant].repaired += repaired;
}

void Goodput::kept(const CheckpointKept& event, Instant at) {
  JobEntry& job = jobs_.change(event.job);
  MW_CHECK(job.running.has_value());
  Running& running = *job.running;
  settle(running, at);
  SavingTotals& saving = job.saving;
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
  job.carried.clear();
  running.saved += running.unsaved;
  running.unsaved = Duration();
  running.category = running.works ? LedgerCategory::kProductive : LedgerCategory::kStarting;
}

void Goodput::ended(const AttemptEnded& event, Instant at) {
  JobEntry& job = jobs_.change(event.job);
  MW_CHECK(job.running.has_value());
  Running& running = *job.running;
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
  for (const NodeSlice& slice : running.placement) {
    NodeEntry& node = nodes_[slice.node.value()];
    if (node.is_out()) settle_node(node, at);
    const AcceleratorShare share = slice.devices.sum();
    node.used -= share;
    add(node.totals, share);
  }
  for (GoodputTotals* totals : {&tenants_[job.tenant], &job.totals}) {
    add(*totals, running.accelerators);
    totals->running += node_time(at - running.placed);
  }
  if (event.carried_work) {
    for (const NodeSlice& slice : running.placement) {
      job.carried[slice.node] += slice.devices.sum() * running.unsaved;
    }
  } else {
    if (is_lost) lose_carried(job, event.cause);
    job.carried.clear();
  }
  job.waits_since = at;
  if (is_interruption(event.cause) && !job.broken_since) job.broken_since = at;
  job.running.reset();
}

/// What was done before ranks were replaced in place, where it was done.
void Goodput::lose_carried(JobEntry& job, EndCause cause) {
  AcceleratorTime sum;
  const auto lose = [&](GoodputTotals& totals, AcceleratorTime work) {
    totals.productive -= work;
    totals.lost_work += work;
    add_cause(totals.causes, cause, 0, work);
  };
  for (const auto& [node, work] : job.carried) {
    lose(nodes_[node.value()].totals, work);
    sum += work;
  }
  if (sum.count() == 0) return;
  lose(tenants_[job.tenant], sum);
  lose(job.totals, sum);
}

void Goodput::finished(JobId id) {
  JobEntry& job = entry(id);  // also of one that never ran
  job.waits_since.reset();
  job.broken_since.reset();
  const JobId record = record_of(id);
  if (--submitted_.change(record).unfinished == 0) submitted_.erase(record);
  finished_.push_back(id);
  if (finished_.size() <= kFinishedJobsKept) return;
  jobs_.read_ahead(finished_[kFinishedReadAhead]);
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
  for (const auto& [id, job] : jobs_) {
    if (!job.running) continue;
    for (const NodeSlice& slice : job.running->placement) {
      all[slice.node.value()] += open_time(*job.running, slice.devices.sum(), now);
    }
  }
  return all;
}

std::map<std::string, GoodputTotals> Goodput::by_tenant(Instant now) const {
  std::vector<GoodputTotals> sums = tenants_;
  for (const auto& [id, job] : jobs_) {
    GoodputTotals& totals = sums[job.tenant];
    if (job.running) {
      totals += open_time(*job.running, job.running->accelerators, now);
      totals.running += node_time(now - job.running->placed);
    }
    if (job.waits_since) totals.waiting += job.had * (now - *job.waits_since);
  }
  std::map<std::string, GoodputTotals> all;
  for (const auto& [name, place] : tenant_by_name_) all.emplace(name, std::move(sums[place]));
  return all;
}

std::optional<JobGoodput> Goodput::job(JobId id, Instant now) const {
  const JobEntry* const known = jobs_.get(id);
  if (known == nullptr) return std::nullopt;
  JobGoodput job{known->spec->name, known->spec->tenant, known->nodes, known->totals,
                 known->saving};
  if (known->waits_since) job.totals.waiting += known->had * (now - *known->waits_since);
  if (known->running) {
    job.totals += open_time(*known->running, known->running->accelerators, now);
    job.totals.running += node_time(now - known->running->placed);
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
