#include "http/views.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <set>

#include "codec/event_json.h"
#include "codec/json.h"
#include "core/accounting.h"
#include "core/core.h"
#include "loop/control_loop.h"
#include "model/gang.h"

namespace mw::http {
namespace {

namespace json = boost::json;

json::string text_value(std::string_view text) { return json::string(text.data(), text.size()); }

json::value optional_time(const std::optional<Instant>& time) {
  return time ? json::value(time->count()) : json::value(nullptr);
}

template <class T>
json::value optional_value(const std::optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

/// Milli-accelerator-nanoseconds to accelerator-seconds, for people: a double.
double accelerator_seconds(AcceleratorTime time) {
  return static_cast<double>(time.count()) / 1e12;
}

json::object usage_view(const JobUsage& usage) {
  return {{"starting_accelerator_s", accelerator_seconds(usage.starting)},
          {"productive_accelerator_s", accelerator_seconds(usage.productive)},
          {"checkpointing_accelerator_s", accelerator_seconds(usage.checkpointing)},
          {"lost_work_accelerator_s", accelerator_seconds(usage.lost_work)}};
}

json::value attempt_view(const JobSnapshot& snapshot) {
  if (!snapshot.attempt) return nullptr;
  const Attempt& attempt = *snapshot.attempt;
  json::array nodes;
  for (std::size_t i = 0; i < attempt.placement.size(); ++i) {
    const NodeSlice& slice = attempt.placement[i];
    std::set<std::uint16_t> numbers;
    for (const DeviceShare& share : slice.devices) numbers.insert(share.device);
    nodes.push_back({{"name", snapshot.node_names[i]},
                     {"first_rank", slice.first_rank},
                     {"tasks", slice.tasks},
                     {"devices", json::array(numbers.begin(), numbers.end())}});
  }
  return {{"number", attempt.number.value()},
          {"placed_at_ns", attempt.placed_at.count()},
          {"running_at_ns", optional_time(attempt.running_at)},
          {"nodes", std::move(nodes)}};
}

/// Of a time that is 0 where there is none.
json::value moment_value(Instant at) {
  return at == Instant() ? json::value(nullptr) : json::value(at.count());
}

json::value progress_view(const Progress& progress) {
  if (progress == Progress()) return nullptr;
  return {{"step", optional_value(progress.step)},
          {"steps_total", optional_value(progress.steps_total)},
          {"samples", optional_value(progress.samples)},
          {"loss", optional_value(progress.loss)},
          {"rate", optional_value(progress.rate)},
          {"unit", optional_value(progress.unit)}};
}

double seconds_of(Duration length) { return static_cast<double>(length.count()) / 1e9; }

json::value ranks_view(const std::optional<RanksCompared>& ranks) {
  if (!ranks) return nullptr;
  json::array outliers;
  for (const Rank rank : ranks->outliers) outliers.push_back(rank.value());
  return {{"compared", ranks->ranks},
          {"step_median_s", seconds_of(ranks->median)},
          {"step_deviation_s", seconds_of(ranks->deviation)},
          {"slowest", ranks->slowest.value()},
          {"slowest_step_s", seconds_of(ranks->slowest_step)},
          {"outliers", std::move(outliers)}};
}

PendingReason reason_as_last_told(const State& state, const Job& job, const JobSpec& spec,
                                  Instant now) {
  if (job.held) return IsHeld{job.held_by};
  const JobRecord& record = state.records.at(job.record);
  if (!record.eligible) return explain(state, job.id, now);
  if (job.not_before > now) return WaitsToRestart{job.not_before, job.restarts, spec.restart.limit};
  const ClassId in_class = job.boosted ? record.boosted_class : record.job_class;
  const JobId told = job.first_in_line ? job.id : state.classes.at(in_class).told;
  const auto blocked = state.blocked.find(told);
  if (blocked != state.blocked.end()) return blocked->second;
  return NotYetConsidered{};
}

}  // namespace

JobSnapshot snapshot_of(const State& state, const Job& job, Instant now, Why why) {
  const JobRecord& record = state.records.at(job.record);
  JobSnapshot snapshot{job, record.spec, record.submitted_at,          now,
                       {},  {},          usage_of(state, job.id, now), {}};
  if (const auto attempt = state.attempts.find(job.id); attempt != state.attempts.end()) {
    snapshot.attempt = attempt->second;
    for (const NodeSlice& slice : attempt->second.placement) {
      snapshot.node_names.push_back(state.topology->name(slice.node));
    }
  }
  const Resilience& memory = state.resilience;
  const auto crashes = memory.crashes.find(job.id);
  if (crashes != memory.crashes.end() && crashes->second.looped) {
    const CrashHistory& history = crashes->second;
    snapshot.crash_loop = CrashLoopFound{job.id, history.failures, history.exit, history.nodes};
    for (const NodeId node : history.nodes) {
      snapshot.crash_nodes.emplace(node, state.topology->name(node));
    }
  }
  const auto pace = memory.paces.find(job.id);
  if (pace != memory.paces.end()) snapshot.ranks = pace->second.last;
  if (job.state == JobState::kPending) {
    snapshot.pending = why == Why::kTryAgain ? explain(state, job.id, now)
                                             : reason_as_last_told(state, job, *record.spec, now);
  }
  return snapshot;
}

JobSnapshot snapshot_of(const EndedJob& ended, Instant now) {
  const Job& job = ended.job;
  return {job,
          std::make_shared<const JobSpec>(ended.spec),
          ended.submitted_at,
          now,
          {},
          {},
          JobUsage{job.starting, job.kept_work, job.checkpointing, job.lost_work},
          {}};
}

json::object job_view(const JobSnapshot& snapshot) {
  const Job& job = snapshot.job;
  const JobSpec& spec = *snapshot.spec;
  const GangShape& gang = spec.gang;
  json::object view;
  view["id"] = job.id.value();
  view["name"] = spec.name;
  view["record"] = job.record.value();
  view["array_index"] = job.id.value() - job.record.value();
  view["array_count"] = spec.array;
  view["tenant"] = spec.tenant;
  view["user"] = spec.user;
  view["state"] = text_value(name_of(job.state));
  view["held"] = job.held;
  view["priority_class"] = spec.priority_class;
  view["priority"] = spec.priority;
  std::uint64_t tasks = 0;
  for_each_group(spec, [&](const GangShape& group, std::uint32_t) { tasks += group.tasks; });
  view["tasks"] = tasks;
  view["tasks_min"] = gang.tasks_min;
  view["groups"] = 1 + spec.groups.size();
  view["nodes_wanted"] = gang.nodes;
  view["accelerators_milli"] = accelerators_of(spec).count();
  view["accelerator_type"] = gang.task.accelerator_type;
  view["command"] = json::array(spec.command.begin(), spec.command.end());
  view["workdir"] = spec.workdir;
  view["attempts"] = job.attempts;
  view["restarts"] = job.restarts;
  view["restart_limit"] = spec.restart.limit;
  view["time_limit_ns"] = spec.time_limit.count();
  view["submitted_at_ns"] = snapshot.submitted_at.count();
  view["started_at_ns"] = optional_time(job.started_at);
  view["finished_at_ns"] = optional_time(job.finished_at);
  view["not_before_ns"] = moment_value(std::max(job.not_before, spec.not_before));
  view["deadline_ns"] = moment_value(spec.deadline);
  view["reservation"] = spec.reservation ? json::value(*spec.reservation) : json::value(nullptr);
  view["attempt"] = attempt_view(snapshot);
  view["checkpoint"] = job.checkpoint == Checkpoint() ? json::value(nullptr)
                                                      : json::value{{"step", job.checkpoint.step},
                                                                    {"path", job.checkpoint.path}};
  view["progress"] = progress_view(job.progress);
  view["ranks"] = ranks_view(snapshot.ranks);
  view["usage"] = usage_view(snapshot.usage);
  view["last_end"] =
      job.last_end ? json::value(text_value(name_of(*job.last_end))) : json::value(nullptr);
  view["last_detail"] = job.last_detail;
  view["pending_text"] = snapshot.pending ? json::value(text(*snapshot.pending, snapshot.seen_at))
                                          : json::value(nullptr);
  return view;
}

json::object why_view(const JobSnapshot& snapshot) {
  const Job& job = snapshot.job;
  json::object view{{"job", job.id.value()}, {"state", text_value(name_of(job.state))}};
  if (snapshot.pending) {
    view["reason"] = to_json(*snapshot.pending);
    view["text"] = text(*snapshot.pending, snapshot.seen_at);
    return view;
  }
  if (const auto& loop = snapshot.crash_loop) {
    view["reason"] = {{"kind", text_value(CrashLoopFound::kKind)}, {"failures", loop->failures}};
    view["text"] = text(*loop, [&](NodeId node) { return snapshot.crash_nodes.at(node); });
    return view;
  }
  view["reason"] = nullptr;
  std::string sentence = "Job " + std::to_string(job.id.value()) +
                         (is_final(job.state) ? " has ended: it is " : " is not waiting: it is ") +
                         std::string(name_of(job.state)) + ".";
  if (!job.last_detail.empty()) {
    sentence += " Its last ended attempt said: " + job.last_detail;
    if (!sentence.ends_with('.')) sentence += '.';
  }
  view["text"] = sentence;
  return view;
}

namespace {

json::value remedy_view(const State& state, NodeId node) {
  const auto found = state.health.remedies.find(node);
  if (found == state.health.remedies.end()) return nullptr;
  const Remedy& remedy = found->second;
  return {{"remedy", remedy.id.value()},
          {"action", text_value(name_of(remedy.action))},
          {"code", remedy.code},
          {"device", remedy.device ? json::value(*remedy.device) : json::value(nullptr)},
          {"begun", remedy.begun_at.has_value()}};
}

std::uint64_t active_faults(const State& state, NodeId node) {
  const auto found = state.faults.find(place_of(node));
  if (found == state.faults.end()) return 0;
  std::uint64_t active = 0;
  for (const FaultRecord& each : found->second.records) active += each.active ? 1 : 0;
  return active;
}

}  // namespace

json::array node_views(const State& state, NodeId first, std::size_t limit) {
  std::vector<const Node*> nodes;
  for (std::size_t i = first.value(); i < state.nodes.size() && nodes.size() < limit; ++i) {
    nodes.push_back(&state.nodes.at(i));
  }
  std::map<NodeId, json::array> jobs;
  if (!nodes.empty()) {
    const NodeId last = nodes.back()->id;
    for (const auto& [job, attempt] : state.attempts) {
      for (const NodeSlice& slice : attempt.placement) {
        if (slice.node >= first && slice.node <= last) jobs[slice.node].push_back(job.value());
      }
    }
  }
  json::array views;
  for (const Node* node : nodes) {
    json::object view;
    const NodeSpec spec = state.topology->spec(node->id);
    view["id"] = node->id.value();
    view["name"] = spec.name;
    view["site"] = spec.site;
    view["phase"] = text_value(name_of(node->phase));
    view["lost"] = node->lost;
    view["spare"] = node->spare;
    view["reason"] = node->phase_reason;
    view["by"] = node->phase_by;
    view["phase_since_ns"] = node->phase_since.count();
    view["drain"] = node->drain ? to_json(*node->drain) : json::value(nullptr);
    view["remedy"] = remedy_view(state, node->id);
    view["faults"] = active_faults(state, node->id);
    view["accelerator_type"] = spec.accelerator_type;
    view["accelerators"] = spec.accelerators;
    view["accelerators_free_milli"] = node->accelerators_free.count();
    view["cpus_milli"] = spec.cpus.count();
    view["cpus_free_milli"] = node->cpus_free.count();
    view["memory_bytes"] = spec.memory.count();
    view["memory_free_bytes"] = node->memory_free.count();
    view["jobs"] = std::move(jobs[node->id]);
    view["used_by_others"] = node->others ? to_json(node->others->reported) : json::value(nullptr);
    views.push_back(std::move(view));
  }
  return views;
}

json::object ledger_view(const State& state, Instant now) {
  Ledger ledger = state.ledger;
  ledger.advance(now);
  const AcceleratorTime whole = ledger.capacity_time();
  json::array categories;
  for (std::size_t i = 0; i < kLedgerCategories; ++i) {
    const auto category = static_cast<LedgerCategory>(i);
    const AcceleratorTime time = ledger.totals()[category];
    categories.push_back(
        {{"category", text_value(name_of(category))},
         {"now_milli", ledger.rates()[category].count()},
         {"time", to_json(time)},
         {"accelerator_s", accelerator_seconds(time)},
         {"percent", whole.count() == 0 ? 0.0
                                        : 100.0 * static_cast<double>(time.count()) /
                                              static_cast<double>(whole.count())}});
  }

  std::map<std::string, JobUsage> usage;
  for (const Tenant& tenant : state.tenants.all()) {
    const TenantTotals& t = tenant.totals;
    usage[tenant.name] = {t.starting, t.kept_work, t.checkpointing, t.lost_work};
  }
  for (const auto& [job, attempt] : state.attempts) {
    JobUsage& sum = usage[spec_of(state, job).tenant];
    const JobUsage part = usage_of_attempt(attempt, now);
    sum.starting += part.starting;
    sum.productive += part.productive;
    sum.checkpointing += part.checkpointing;
    sum.lost_work += part.lost_work;
  }
  json::array tenants;
  for (const auto& [tenant, sum] : usage) {
    const TenantTotals& totals = state.tenants.at(*state.tenants.find(tenant)).totals;
    tenants.push_back({{"tenant", tenant},
                       {"jobs_submitted", totals.jobs_submitted},
                       {"jobs_finished", totals.jobs_finished},
                       {"usage", usage_view(sum)}});
  }
  return {{"at_ns", now.count()},
          {"capacity_milli", ledger.capacity().count()},
          {"capacity_time", to_json(whole)},
          {"capacity_accelerator_s", accelerator_seconds(whole)},
          {"balanced", ledger.balanced()},
          {"categories", std::move(categories)},
          {"tenants", std::move(tenants)}};
}

json::object event_view(EventSeq seq, const Event& event, const NodeNamer& names) {
  json::object view{{"seq", seq.value()}, {"at_ns", event.at.count()}};
  json::value body = event_body_json(event.body);
  view["kind"] = body.as_object()["kind"];
  view["text"] = text(event.body, names);
  for (auto& field : body.as_object()) {
    if (field.key() != "kind") view[field.key()] = std::move(field.value());
  }
  return view;
}

std::string NodeNames::name(NodeId node) {
  const std::lock_guard lock(mutex_);
  if (node.value() >= names_.size()) {
    loop_.read([this](const State& state) {
      for (std::size_t i = names_.size(); i < state.nodes.size(); ++i)
        names_.push_back(state.topology->name(NodeId(static_cast<std::uint32_t>(i))));
    });
  }
  return node.value() < names_.size() ? names_[node.value()]
                                      : "node " + std::to_string(node.value());
}

}  // namespace mw::http
