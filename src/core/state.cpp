#include "core/state.h"

#include "core/accounting.h"
#include "core/allocation.h"
#include "core/claims.h"
#include "core/gang.h"
#include "core/queueing.h"
#include "core/reservations.h"

namespace mw {

const JobRecord& record_of(const State& state, JobId job) {
  return state.records.at(state.jobs.at(job).record);
}
const JobSpec& spec_of(const State& state, JobId job) { return *record_of(state, job).spec; }

Topology make_topology(const FleetSource& source) {
  Topology topology;
  if (source.declared) topology.declare(*source.declared);
  for (const DescribedNode& each : source.described) {
    if (each.node.value() < topology.size()) {
      topology.change(each.node, each.spec);
    } else {
      topology.add(each.spec);
    }
  }
  topology.arrange();
  return topology;
}

void rebuild_indexes(State& state) {
  state.topology.replace(make_topology(state.fleet));
  state.job_by_key.clear();
  state.deadlines.clear();
  state.stopping.clear();
  state.may_grow.clear();
  state.preemptible.clear();
  state.capacity = ResourceAmounts();
  for (Node& node : state.nodes) {
    const NodeShape& shape = state.topology->shape(node.id);
    reset_capacity(node, shape);
    state.capacity += {kWholeAccelerator * shape.accelerators, shape.cpus, shape.memory};
  }
  for (const auto& [id, record] : state.records) {
    if (!record.client_key.empty()) state.job_by_key.emplace(record.client_key, id);
  }
  state.tenants.rebuild(state.policy);
  rebuild_queue(state);
  std::vector<JobId> placed;
  for (const auto& [id, attempt] : state.attempts) placed.push_back(id);
  for (const JobId id : placed) {
    Attempt& attempt = state.attempts.change(id);
    note_rules(state, attempt);
    occupy(state, id, attempt.placement);
    if (may_grow(spec_of(state, id), attempt.placement)) state.may_grow.insert(id);
    if (attempt.stopping) {
      state.stopping.insert(id);
    } else {
      watch_deadline(state, attempt);
      count_preemptible(state, attempt, 1);
    }
  }
  for (const auto& [id, hold] : state.holds) occupy(state, id, hold.placement);
  state.others_short.clear();
  for (Node& node : state.nodes) occupy_others(state, node);
  restore_reservations(state);
  restore_spares(state);
  state.free.rebuild(*state.topology, state.nodes);
  for (const auto& [id, claim] : state.claims) restore_claim(state, claim);
  rebuild_health(state);
}

ByCategory<AcceleratorTime> ledger_totals(const State& state, Instant now) {
  Ledger ledger = state.ledger;
  ledger.advance(now);
  return ledger.totals();
}

namespace {

JobUsage operator+(const JobUsage& a, const JobUsage& b) {
  return {a.starting + b.starting, a.productive + b.productive, a.checkpointing + b.checkpointing,
          a.lost_work + b.lost_work};
}

}  // namespace

JobUsage usage_of(const State& state, JobId id, Instant now) {
  const Job& job = state.jobs.at(id);
  const JobUsage ended = {job.starting, job.kept_work, job.checkpointing, job.lost_work};
  const auto attempt = state.attempts.find(id);
  if (attempt == state.attempts.end()) return ended;
  return ended + usage_of_attempt(attempt->second, now);
}

JobUsage usage_of_tenant(const State& state, const std::string& tenant, Instant now) {
  const auto id = state.tenants.find(tenant);
  if (!id) return {};
  const TenantTotals& t = state.tenants.at(*id).totals;
  JobUsage usage = {t.starting, t.kept_work, t.checkpointing, t.lost_work};
  for (const auto& [job, attempt] : state.attempts) {
    if (record_of(state, job).tenant == *id) usage = usage + usage_of_attempt(attempt, now);
  }
  return usage;
}

}  // namespace mw
