// apply() of what becomes of nodes, faults and repairs. Nothing is decided here.
#include <algorithm>

#include "base/check.h"
#include "core/health.h"
#include "core/node_lifecycle.h"
#include "core/state.h"

namespace mw {
namespace {

/// When something comes with time for the node; each of it is a primary field.
std::vector<Instant> moments_of(const State& state, NodeId id) {
  std::vector<Instant> moments;
  const Node& node = state.nodes[id.value()];
  if (node.drain && node.drain->deadline) moments.push_back(*node.drain->deadline);
  const auto watched = state.health.watched.find(id);
  if (watched != state.health.watched.end()) moments.push_back(watched->second);
  const auto remedy = state.health.remedies.find(id);
  if (remedy != state.health.remedies.end() && remedy->second.deadline) {
    moments.push_back(*remedy->second.deadline);
  }
  const auto check = state.health.checks.running.find(id);
  if (check != state.health.checks.running.end()) moments.push_back(check->second.deadline);
  return moments;
}

/// Changes what is known of a node, with its timers.
template <class Change>
void change_node(State& state, NodeId id, Change change) {
  for (const Instant at : moments_of(state, id)) state.health.timers.erase({at, id});
  change();
  for (const Instant at : moments_of(state, id)) state.health.timers.insert({at, id});
}

bool goes_before(const FaultRecord& a, std::string_view code, std::optional<std::uint32_t> device) {
  return a.code != code ? a.code < code : a.device < device;
}

/// What is forgotten first: what is over, then what matters least, then the oldest.
bool is_less(const FaultRecord& a, const FaultRecord& b) {
  if (a.active != b.active) return !a.active;
  if (a.severity != b.severity) return a.severity < b.severity;
  return a.last_at < b.last_at;
}

FaultRecord& record_for(State& state, const FaultPlace& place, const FaultReport& report) {
  PlaceFaults& faults = state.faults[place];
  auto& records = faults.records;
  auto at = std::lower_bound(records.begin(), records.end(), report,
                             [](const FaultRecord& record, const FaultReport& wanted) {
                               return goes_before(record, wanted.code, wanted.device);
                             });
  if (at != records.end() && at->code == report.code && at->device == report.device) return *at;
  const auto position = at - records.begin();
  FaultRecord record;
  record.code = report.code;
  record.device = report.device;
  record.scope = report.scope;
  record.first_at = report.at;
  if (records.size() < kFaultsPerPlace) {
    return *records.insert(records.begin() + position, std::move(record));
  }
  const auto least = std::min_element(records.begin(), records.end(), is_less);
  faults.fence = std::max(faults.fence, least->last_at);
  const auto gap = least - records.begin();
  records.erase(least);
  return *records.insert(records.begin() + position - (gap < position ? 1 : 0), std::move(record));
}

void note_mark(FaultRecord& record, const FaultReport& report) {
  for (FaultMark& mark : record.marks) {
    if (mark.source != report.source) continue;
    mark.sequence = std::max(mark.sequence, report.sequence);
    mark.at = std::max(mark.at, report.at);
    return;
  }
  if (record.marks.size() == kSourcesKept) {
    const auto oldest =
        std::min_element(record.marks.begin(), record.marks.end(),
                         [](const FaultMark& a, const FaultMark& b) { return a.at < b.at; });
    record.marks.erase(oldest);
  }
  record.marks.push_back({report.source, report.sequence, report.at});
}

/// The two that are nearest in time become one, so that little is lost of when they were.
void make_room(std::vector<Occurrence>& recent) {
  std::size_t nearest = 0;
  for (std::size_t i = 1; i + 1 < recent.size(); ++i) {
    if (recent[i + 1].at - recent[i].at < recent[nearest + 1].at - recent[nearest].at) nearest = i;
  }
  recent[nearest + 1].count += recent[nearest].count;
  recent.erase(recent.begin() + static_cast<std::ptrdiff_t>(nearest));
}

void note_occurrence(FaultRecord& record, const FaultReport& report) {
  auto& recent = record.recent;
  const auto at =
      std::upper_bound(recent.begin(), recent.end(), report.at,
                       [](Instant moment, const Occurrence& each) { return moment < each.at; });
  recent.insert(at, {report.at, report.count});
  if (recent.size() > kOccurrencesKept) make_room(recent);
}

FaultPlace known_place(const State& state, const FaultReport& report) {
  const auto place = place_of(state, report);
  MW_CHECK(place.has_value());
  return *place;
}

void settle_record(FaultRecord& record, bool forget_past) {
  record.active = false;
  record.acted = FaultAction::kIgnore;
  record.withheld = FaultAction::kIgnore;
  if (forget_past) record.recent.clear();
}

/// The node is as good as new: what happened up to `until` is over.
void forgive(State& state, NodeId node, Instant until) {
  const auto found = state.faults.find(place_of(node));
  if (found == state.faults.end()) return;
  for (FaultRecord& record : found->second.records) {
    if (record.last_at <= until) {
      settle_record(record, false);
    } else {
      record.acted = FaultAction::kIgnore;  // what was done is over: it may be done again
    }
  }
}

/// `nodes`: sorted.
void note_taken(State& state, const BreakerPlace& place, std::span<const NodeId> nodes) {
  const Instant since = state.now - breaker_rule(*state.health.policy, place.level)->window;
  auto& taken = state.health.breakers[place].taken;
  std::erase_if(taken, [&](const TakenNode& each) {
    return each.at <= since || std::binary_search(nodes.begin(), nodes.end(), each.node);
  });
  for (const NodeId node : nodes) taken.push_back({state.now, node});
}

/// Jobs there start again: for breakers that is as if the nodes under them were taken.
void note_restarts(State& state, const FaultPlace& place) {
  std::map<BreakerPlace, std::vector<NodeId>> taken;  // in order
  for (const NodeId node : nodes_at(state, place)) {
    if (state.nodes[node.value()].slices == 0) continue;
    for (BreakerPlace& each : breaker_places(state, node)) taken[std::move(each)].push_back(node);
  }
  for (auto& [each, nodes] : taken) {
    std::sort(nodes.begin(), nodes.end());
    note_taken(state, each, nodes);
  }
}

void watch_silence(State& state, JobId job, int sign) {
  Health& health = state.health;
  const auto heard = health.heard.find(job);
  if (heard == health.heard.end() || health.policy->silence.count() == 0) return;
  const Instant due = hung_at(state, job, heard->second);
  if (due == Instant::never()) return;
  const std::pair<Instant, JobId> entry{due, job};
  if (sign > 0) {
    health.silence.insert(entry);
  } else {
    health.silence.erase(entry);
  }
}

}  // namespace

void apply_health(State& state, const NodeMoved& event, NodePhase before) {
  Node& node = state.nodes.at(event.node.value());
  change_node(state, event.node, [&] {
    node.drain = event.phase == NodePhase::kDraining ? event.drain : std::nullopt;
    if (event.phase != NodePhase::kSuspect) state.health.watched.erase(event.node);
  });
  node.phase_mover = event.mover.value_or(Mover::kOperator);
  if (event.mover) MW_CHECK(may_move(before, event.phase, *event.mover));
  follow_checks(state, node);
  const bool asks = node.drain && node.drain->mode == DrainMode::kCheckpoint;
  if (asks) {
    state.health.asking.insert(event.node);
  } else {
    state.health.asking.erase(event.node);
  }
  const bool served = before == NodePhase::kReady || before == NodePhase::kSuspect;
  if (event.mover == Mover::kFaultPolicy && served && event.phase != NodePhase::kReady) {
    for (const BreakerPlace& place : breaker_places(state, event.node)) {
      note_taken(state, place, {&event.node, 1});
    }
  }
  if (event.mover == Mover::kFaultPolicy && event.phase == NodePhase::kDraining) {
    note_incident(state, event.node);
  }
  if (event.phase == NodePhase::kReady) state.resilience.node_crashes.erase(event.node);
  // A person who puts it back into service has looked at what was wrong with it.
  if (event.phase != NodePhase::kReady || event.mover == Mover::kFaultPolicy) return;
  const auto found = state.faults.find(place_of(event.node));
  if (found == state.faults.end()) return;
  for (FaultRecord& record : found->second.records) {
    if (event.mover != Mover::kRemedy) settle_record(record, true);
  }
}

void apply_health(State& state, const FaultNoted& event) {
  const FaultReport& report = event.fault;
  FaultRecord& record = record_for(state, known_place(state, report), report);
  record.component = report.component.value_or(FaultyPart::kUnknown);
  record.severity = report.severity.value_or(FaultSeverity::kWarning);
  record.detail = report.detail;
  record.rank = report.rank;
  record.first_at = std::min(record.first_at, report.at);
  record.last_at = std::max(record.last_at, report.at);
  record.occurrences += report.count;
  record.active = true;
  if (report.count > 0) note_occurrence(record, report);
  note_mark(record, report);
  // It is told once, until the job says something again.
  if (report.code == kHungCode) stop_listening(state, report.job);
}

void apply_health(State& state, const FaultGone& event) {
  const FaultReport& report = event.fault;
  FaultRecord& record = record_for(state, known_place(state, report), report);
  settle_record(record, false);
  record.last_at = std::max(record.last_at, report.at);
  // Whatever anybody said of it before is of before.
  for (FaultMark& mark : record.marks) {
    if (!event.by.empty()) mark.at = std::max(mark.at, report.at);
  }
  note_mark(record, report);
}

void apply_health(State& state, const FaultJudged& event) {
  FaultReport named;
  named.scope = event.scope;
  named.place = event.place;
  named.job = event.job;
  const auto found = state.faults.find(known_place(state, named));
  MW_CHECK(found != state.faults.end());
  for (FaultRecord& record : found->second.records) {
    if (record.code != event.code || record.device != event.device) continue;
    FaultAction& field = event.withheld.empty() ? record.acted : record.withheld;
    field = std::max(field, event.action);
    const bool restarts = event.withheld.empty() && event.action == FaultAction::kRestartJob;
    if (restarts) note_restarts(state, found->first);
    return;
  }
  MW_CHECK(!"what is judged is known");
}

void apply_health(State& state, const NodeWatched& event) {
  change_node(state, event.node, [&] { state.health.watched[event.node] = event.until; });
}

void apply_health(State& state, const RemedyPlanned& event) {
  state.next_epoch = event.remedy.next();
  Remedy remedy;
  remedy.id = event.remedy;
  remedy.action = event.action;
  remedy.code = event.code;
  remedy.device = event.device;
  remedy.planned_at = state.now;
  MW_CHECK(state.health.remedies.emplace(event.node, std::move(remedy)).second);
}

namespace {

Remedy& remedy_at(State& state, NodeId node, Epoch id) {
  Remedy& remedy = state.health.remedies.at(node);
  MW_CHECK(remedy.id == id);
  return remedy;
}

}  // namespace

void apply_health(State& state, const RemedyBegun& event) {
  Remedy& remedy = remedy_at(state, event.node, event.remedy);
  MW_CHECK(!remedy.begun_at && !has_work(state.nodes.at(event.node.value())));
  change_node(state, event.node, [&] {
    remedy.begun_at = state.now;
    remedy.deadline = event.deadline;
  });
}

void apply_health(State& state, const RemedyCancelled& event) {
  MW_CHECK(!remedy_at(state, event.node, event.remedy).begun_at);
  change_node(state, event.node, [&] { state.health.remedies.erase(event.node); });
  // Whatever asked for it, or was content with it, may ask again.
  const auto found = state.faults.find(place_of(event.node));
  if (found == state.faults.end()) return;
  for (FaultRecord& record : found->second.records) {
    if (record.acted >= FaultAction::kDrain) record.acted = FaultAction::kIgnore;
  }
}

void apply_health(State& state, const RemedyEnded& event) {
  const Remedy remedy = remedy_at(state, event.node, event.remedy);
  change_node(state, event.node, [&] { state.health.remedies.erase(event.node); });
  const bool mends = needs_hook(remedy.action) && remedy.action != FaultAction::kReturnToVendor;
  if (event.ok && mends && remedy.begun_at) forgive(state, event.node, *remedy.begun_at);
}

void apply_health(State& state, const BreakerTripped& event) {
  state.health.breakers[{event.level, event.place}].tripped_at = state.now;
}

void apply_health(State& state, const BreakerWasReset& event) {
  state.health.breakers.erase({event.level, event.place});
  // What was not done for it may be done now.
  for (auto& [place, faults] : state.faults) {
    for (FaultRecord& record : faults.records) record.withheld = FaultAction::kIgnore;
  }
}

void apply_health(State& state, const FaultPolicyChanged& event) {
  state.health.policy = event.policy.pointer();
  std::erase_if(state.health.breakers, [&](const auto& each) {
    return breaker_rule(*event.policy, each.first.level) == nullptr;
  });
  for (auto& [place, faults] : state.faults) {
    for (FaultRecord& record : faults.records) record.withheld = FaultAction::kIgnore;
  }
  if (event.policy->silence.count() == 0) {
    state.health.heard.clear();
    state.resilience.pulses.clear();
  }
  if (!event.policy->stragglers) state.resilience.paces.clear();
  rebuild_health(state);
}

void note_heard(State& state, JobId job) {
  if (state.health.policy->silence.count() == 0) return;
  watch_silence(state, job, -1);
  const auto heard = state.health.heard.emplace(job, state.now).first;
  Pulse& pulse = state.resilience.pulses[job];
  pulse.intervals += state.now - heard->second;
  pulse.longest = std::max(pulse.longest, state.now - heard->second);
  ++pulse.reports;
  pulse.saving = state.attempts.at(job).category == LedgerCategory::kCheckpointing;
  heard->second = state.now;
  watch_silence(state, job, 1);
}

/// While no control plane was there nobody could be heard.
void hear_anew(State& state) {
  for (auto& [job, at] : state.health.heard) {
    watch_silence(state, job, -1);
    at = state.now;
    watch_silence(state, job, 1);
  }
}

void stop_listening(State& state, JobId job) {
  watch_silence(state, job, -1);
  state.health.heard.erase(job);
  state.resilience.pulses.erase(job);
}

void forget_job_faults(State& state, JobId job) {
  stop_listening(state, job);
  state.faults.erase(place_of(job));
}

void rebuild_health(State& state) {
  Health& health = state.health;
  health.timers.clear();
  health.silence.clear();
  health.asking.clear();
  for (const Node& node : state.nodes) {
    for (const Instant at : moments_of(state, node.id)) health.timers.insert({at, node.id});
    if (node.drain && node.drain->mode == DrainMode::kCheckpoint) health.asking.insert(node.id);
  }
  for (const auto& [job, at] : health.heard) watch_silence(state, job, 1);
  rebuild_checks(state);
}

}  // namespace mw
