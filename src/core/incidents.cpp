#include "core/incidents.h"

#include <algorithm>
#include <utility>

#include "core/breaker_text.h"
#include "core/goodput.h"
#include "core/health.h"

namespace mw {
namespace {

/// Reports of one node or job that may turn out to be the beginning of an incident.
constexpr std::size_t kToldKept = 4;

}  // namespace

void Incidents::until(Instant now) {
  if (now <= now_) return;
  now_ = now;
  if (fresh_.empty()) return;
  for (const EventSeq id : std::exchange(fresh_, {})) close_if_over(id, now);
}

/// What was not done for want of a person is, or is not any more, to be done; which of them is told
/// at the same instant.
void Incidents::release(EventSeq id, EventSeq seq) {
  Incident& incident = all_.at(id);
  if (incident.withheld) add(incident, seq);
  incident.withheld = false;
  fresh_.insert(id);
}

void Incidents::note(EventSeq seq, const Event& event) {
  const Instant at = event.at;
  until(at);
  const auto on_node = [&](NodeId node) {
    if (Incident* incident = of_node(node)) add(*incident, seq);
  };
  if (const auto* placed = std::get_if<AttemptPlaced>(&event.body)) {
    running_.insert(placed->job, {placed->attempt, placed->placement});
    if (Incident* incident = waits_in(placed->job)) add(*incident, seq);
  } else if (const auto* runs = std::get_if<AttemptRunning>(&event.body)) {
    job_over(runs->job, seq, at, true);
  } else if (const auto* finished = std::get_if<JobFinished>(&event.body)) {
    job_over(finished->job, seq, at, false);
    told_of_jobs_.erase(finished->job);
  } else if (const auto* stopping = std::get_if<AttemptStopping>(&event.body)) {
    stopped(stopping->job, stopping->cause, seq, at);
  } else if (const auto* leaving = std::get_if<RanksLeaving>(&event.body)) {
    for (const LostSlice& each : leaving->lost) on_node(each.node);
  } else if (const auto* over = std::get_if<AttemptEnded>(&event.body)) {
    ended(*over, seq, at);
  } else if (const auto* noted = std::get_if<FaultNoted>(&event.body)) {
    fault_noted(*noted, seq);
  } else if (const auto* verdict = std::get_if<FaultJudged>(&event.body)) {
    judged(*verdict, seq, at);
  } else if (const auto* watched = std::get_if<NodeWatched>(&event.body)) {
    add(open_on(watched->node, watched->code, seq, at), seq);
  } else if (const auto* planned = std::get_if<RemedyPlanned>(&event.body)) {
    // One without a code was asked for by a person: that is no incident.
    if (planned->code.empty()) return on_node(planned->node);
    Incident& incident = open_on(planned->node, planned->code, seq, at);
    incident.action = std::max(incident.action, planned->action);
    add(incident, seq);
  } else if (const auto* begun = std::get_if<RemedyBegun>(&event.body)) {
    on_node(begun->node);
  } else if (const auto* cancelled = std::get_if<RemedyCancelled>(&event.body)) {
    on_node(cancelled->node);
  } else if (const auto* done = std::get_if<RemedyEnded>(&event.body)) {
    on_node(done->node);
  } else if (const auto* tripped = std::get_if<BreakerTripped>(&event.body)) {
    tripped_[tripped_text(tripped->level, tripped->place)] = seq;
  } else if (std::holds_alternative<BreakerWasReset>(event.body) ||
             std::holds_alternative<FaultPolicyChanged>(event.body)) {
    for (const auto& [node, id] : open_nodes_) release(id, seq);
    for (const auto& [job, id] : open_jobs_) release(id, seq);
    for (const auto& [place, id] : open_places_) release(id, seq);
  } else if (const auto* gone = std::get_if<FaultGone>(&event.body)) {
    Incident* incident = gone->node ? of_node(*gone->node) : nullptr;
    if (!gone->node) {
      const auto open = open_places_.find({gone->fault.scope, gone->fault.place});
      if (open != open_places_.end()) incident = &all_.at(open->second);
    }
    if (incident == nullptr) return;
    add(*incident, seq);
    incident->withheld = false;
    close_if_over(incident->id, at);
  } else if (const auto* contact = std::get_if<NodeContact>(&event.body)) {
    NodeStatus status = status_[contact->node];
    status.lost = contact->lost;
    if (contact->lost) open_on(contact->node, kNodeLostCode, seq, at);
    status_changed(contact->node, status, seq, at);
  } else if (const auto* moved = std::get_if<NodeMoved>(&event.body)) {
    NodeStatus status = status_[moved->node];
    status.phase = moved->phase;
    status_changed(moved->node, status, seq, at);
  }
}

// --- nodes --------------------------------------------------------------------------------------

Incident* Incidents::of_node(NodeId node) {
  const auto open = open_nodes_.find(node);
  return open == open_nodes_.end() ? nullptr : &all_.at(open->second);
}

Incident& Incidents::open_with(const std::vector<Told>* told, std::string_view code, EventSeq seq,
                               Instant at) {
  Incident incident;
  incident.id = seq;
  incident.code = code;
  incident.begun_at = at;
  incident.happened_at = at;
  if (told != nullptr) {
    for (const Told& each : *told) {
      if (each.code != code) continue;
      incident.events.push_back(each.seq);
      incident.happened_at = each.at;
      // The latest that was told of it, and not what was over before.
      if (incident.events.size() > 1) incident.events.erase(incident.events.begin());
    }
  }
  if (!incident.events.empty()) incident.id = incident.events.front();
  // Two may begin with one event: a fault of a rack is one of each of its nodes.
  while (all_.contains(incident.id)) incident.id = incident.id.next();
  ++count_;
  fresh_.insert(incident.id);
  return all_.emplace(incident.id, std::move(incident)).first->second;
}

Incident& Incidents::open_on(NodeId node, std::string_view code, EventSeq seq, Instant at) {
  if (Incident* known = of_node(node)) return *known;
  const auto told = told_.find(node);
  Incident& incident = open_with(told == told_.end() ? nullptr : &told->second, code, seq, at);
  incident.node = node;
  open_nodes_.emplace(node, incident.id);
  return incident;
}

Incident& Incidents::open_on(JobId job, std::string_view code, EventSeq seq, Instant at) {
  const auto known = open_jobs_.find(job);
  if (known != open_jobs_.end()) return all_.at(known->second);
  const auto told = told_of_jobs_.find(job);
  Incident& incident =
      open_with(told == told_of_jobs_.end() ? nullptr : &told->second, code, seq, at);
  incident.job = job;
  open_jobs_.emplace(job, incident.id);
  return incident;
}

void Incidents::add(Incident& incident, EventSeq seq) {
  if (!incident.events.empty() && incident.events.back() == seq) return;
  if (incident.events.size() < kIncidentEventsKept) {
    incident.events.push_back(seq);
  } else {
    ++incident.events_left_out;
  }
}

void Incidents::remember(std::vector<Told>& told, const FaultNoted& event, EventSeq seq) {
  std::erase_if(told, [&](const Told& each) { return each.code == event.fault.code; });
  if (told.size() == kToldKept) told.erase(told.begin());
  told.push_back({event.fault.code, seq, event.fault.at});
}

void Incidents::fault_noted(const FaultNoted& event, EventSeq seq) {
  if (event.node) {
    remember(told_[*event.node], event, seq);
    if (Incident* incident = of_node(*event.node)) add(*incident, seq);
  } else if (event.job != JobId()) {
    remember(told_of_jobs_[event.job], event, seq);
    const auto open = open_jobs_.find(event.job);
    if (open != open_jobs_.end()) add(all_.at(open->second), seq);
  }
}

void Incidents::judged(const FaultJudged& event, EventSeq seq, Instant at) {
  if (event.action == FaultAction::kIgnore) return;
  if (!event.node && event.job == JobId()) return judged_of_place(event, seq, at);
  Incident& incident = event.node ? open_on(*event.node, event.code, seq, at)
                                  : open_on(event.job, event.code, seq, at);
  // Of two told at once the last gave it its name, and this one stopped the job.
  if (!event.node && incident.begun_at == at) incident.code = event.code;
  const auto trip = trip_behind(event);
  if (trip) add_trip(incident, *trip);
  add(incident, seq);
  incident.withheld = trip.has_value();
  if (event.withheld.empty()) incident.action = std::max(incident.action, event.action);
}

/// The trip of the breaker that keeps something from being done; none: something else does.
std::optional<EventSeq> Incidents::trip_behind(const FaultJudged& event) const {
  for (const auto& [text, seq] : tripped_) {
    if (event.withheld.starts_with(text)) return seq;
  }
  return std::nullopt;
}

/// Where it can be told in order.
void Incidents::add_trip(Incident& incident, EventSeq trip) {
  if (incident.events.empty() || incident.events.back() < trip) add(incident, trip);
}

void Incidents::judged_of_place(const FaultJudged& event, EventSeq seq, Instant at) {
  const Place place{event.scope, event.place};
  const auto trip = trip_behind(event);
  auto open = open_places_.find(place);
  if (open == open_places_.end()) {
    if (!trip) return;  // told of each of the nodes that it takes
    Incident& begun = open_with(nullptr, event.code, seq, at);
    begun.scope = event.scope;
    begun.place = event.place;
    open = open_places_.emplace(place, begun.id).first;
  }
  Incident& incident = all_.at(open->second);
  if (trip) add_trip(incident, *trip);
  add(incident, seq);
  incident.withheld = trip.has_value();
  if (incident.withheld) return;
  if (event.withheld.empty()) {
    incident.action = std::max(incident.action, event.action);
    incident.acted_at = at;
  }
  fresh_.erase(incident.id);
  close_if_over(incident.id, at);
}

void Incidents::status_changed(NodeId node, const NodeStatus& status, EventSeq seq, Instant at) {
  const bool in_service = status.phase == NodePhase::kReady && !status.lost;
  if (in_service) {
    status_.erase(node);
    told_.erase(node);
  } else {
    status_[node] = status;
  }
  Incident* incident = of_node(node);
  if (incident == nullptr) return;
  add(*incident, seq);
  incident->withheld = false;
  if (in_service) {
    incident->back_at = at;
    close_if_over(incident->id, at);
  } else {
    incident->back_at.reset();
    if (!incident->acted_at) incident->acted_at = at;
    if (status.phase == NodePhase::kRetired) close_if_over(incident->id, at);
  }
}

// --- jobs ---------------------------------------------------------------------------------------

Incident* Incidents::waits_in(JobId job) {
  const auto waiting = waiting_.find(job);
  return waiting == waiting_.end() ? nullptr : &all_.at(waiting->second);
}

/// Null when it is one of too many to be kept.
IncidentJob* Incidents::last_of(Incident& incident, JobId job) {
  for (auto each = incident.jobs.rbegin(); each != incident.jobs.rend(); ++each) {
    if (each->job == job && !each->over) return &*each;
  }
  return nullptr;
}

void Incidents::waits_no_more(Incident& incident, JobId job) {
  if (IncidentJob* hit = last_of(incident, job)) hit->over = true;
  waiting_.erase(job);
  const auto count = waiting_of_.find(incident.id);
  if (--count->second == 0) waiting_of_.erase(count);
}

/// The attempt is being stopped, or has ended by itself.
void Incidents::stopped(JobId job, EndCause cause, EventSeq seq, Instant at) {
  const bool interrupted = is_interruption(cause);
  if (!interrupted && cause != EndCause::kDrained) return;
  Running* const running = running_.change_if(job);
  if (running == nullptr) return;
  Incident* incident = nullptr;
  if (!open_nodes_.empty()) {
    for (const NodeSlice& slice : running->placement) {
      if ((incident = of_node(slice.node)) != nullptr) break;
    }
  }
  if (incident == nullptr) {
    if (!interrupted) return;  // somebody wanted it
    // It is stopped for the fault that was just told of it, before that is said to be judged.
    const auto told = told_of_jobs_.find(job);
    const bool by_fault = cause == EndCause::kJobFault && told != told_of_jobs_.end();
    const std::string code(by_fault ? told->second.back().code : name_of(cause));
    incident = &open_on(job, code, seq, at);
  }
  running->stopped = true;
  // It had not come to run since it was hit before: by the same, or by something else.
  if (Incident* before = waits_in(job)) {
    waits_no_more(*before, job);
    if (before != incident) close_if_over(before->id, at);
  }
  add(*incident, seq);
  if (!incident->acted_at) incident->acted_at = at;
  ++incident->jobs_hit;
  if (incident->jobs.size() < kIncidentJobsKept) {
    IncidentJob hit;
    hit.job = job;
    hit.attempt = running->attempt;
    hit.cause = cause;
    hit.stopped_at = at;
    incident->jobs.push_back(hit);
  }
  waiting_[job] = incident->id;
  ++waiting_of_[incident->id];
}

void Incidents::ended(const AttemptEnded& event, EventSeq seq, Instant at) {
  const Running* const running = running_.get(event.job);
  if (running == nullptr) return;
  if (!running->stopped) stopped(event.job, event.cause, seq, at);
  const bool hit_by_one = running->stopped;
  // What it said of itself is forgotten with it.
  const auto own = open_jobs_.find(event.job);
  if (own != open_jobs_.end()) release(own->second, seq);
  running_.erase(event.job);
  Incident* incident = waits_in(event.job);
  if (!hit_by_one || incident == nullptr) return;
  add(*incident, seq);
  incident->lost_work += event.lost_work;
  if (IncidentJob* hit = last_of(*incident, event.job)) {
    hit->ended_at = at;
    hit->lost_work = event.lost_work;
  }
}

/// The job runs again, or never will.
void Incidents::job_over(JobId job, EventSeq seq, Instant at, bool runs) {
  Incident* incident = waits_in(job);
  if (incident == nullptr) return;
  add(*incident, seq);
  IncidentJob* hit = last_of(*incident, job);
  if (hit != nullptr && runs) hit->running_at = at;
  waits_no_more(*incident, job);
  close_if_over(incident->id, at);
}

void Incidents::close_if_over(EventSeq id, Instant at) {
  const auto found = all_.find(id);
  if (found == all_.end() || found->second.ended_at) return;
  Incident& incident = found->second;
  if (waiting_of_.contains(id) || incident.withheld || fresh_.contains(id)) return;
  if (incident.node) {
    const auto status = status_.find(*incident.node);
    if (status != status_.end() && status->second.phase != NodePhase::kRetired) return;
    open_nodes_.erase(*incident.node);
  } else if (!incident.place.empty()) {
    open_places_.erase({incident.scope, incident.place});
  } else {
    open_jobs_.erase(incident.job);
  }
  incident.ended_at = at;
  closed_.push_back(id);
  if (closed_.size() <= kIncidentsRemembered) return;
  all_.erase(closed_.front());
  closed_.pop_front();
}

}  // namespace mw
