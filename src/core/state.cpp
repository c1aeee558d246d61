#include "core/state.h"

#include "core/accounting.h"
#include "core/allocation.h"
#include "core/queueing.h"

namespace mw {

const JobSpec& spec_of(const State& state, JobId job) {
  return *state.records.at(state.jobs.at(job).record).spec;
}

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
  return topology;
}

void rebuild_indexes(State& state) {
  state.topology.replace(make_topology(state.fleet));
  state.job_by_key.clear();
  state.queue.clear();
  state.restarts.clear();
  state.deadlines.clear();
  for (Node& node : state.nodes) reset_capacity(node, state.topology->shape(node.id));
  for (const auto& [id, record] : state.records) {
    if (!record.client_key.empty()) state.job_by_key.emplace(record.client_key, id);
  }
  for (const auto& [id, attempt] : state.attempts) {
    occupy(state, attempt.placement, spec_of(state, id).gang);
    if (!attempt.stopping) watch_deadline(state, attempt);
  }
  for (const auto& [id, hold] : state.holds) {
    occupy(state, hold.placement, spec_of(state, id).gang);
  }
  state.free.rebuild(*state.topology, state.nodes);
  state.jobs.visit(JobId(), [&](const Job& job) {
    if (job.state == JobState::kPending && !job.held) enqueue(state, job);
    return true;
  });
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
  JobUsage usage;
  const auto totals = state.tenants.find(tenant);
  if (totals != state.tenants.end()) {
    const TenantTotals& t = totals->second;
    usage = {t.starting, t.kept_work, t.checkpointing, t.lost_work};
  }
  for (const auto& [id, attempt] : state.attempts) {
    if (spec_of(state, id).tenant == tenant) usage = usage + usage_of_attempt(attempt, now);
  }
  return usage;
}

}  // namespace mw
