// Reservations of nodes: making them, their start and end, and what they mean for jobs that name
// them. What placement sees of them is in reservations.cpp.
#include <algorithm>

#include "core/claims.h"
#include "core/queueing.h"
#include "core/reservation_nodes.h"
#include "core/reservations.h"
#include "core/stepper.h"

namespace mw {
namespace {

Refusal refusal(ErrorCode code, RefusalKind kind, const std::string& name) {
  Refusal refusal;
  refusal.code = code;
  refusal.kind = kind;
  refusal.wanted = name;
  return refusal;
}

bool is_out_of_use(const Node& node) { return node.phase != NodePhase::kReady || node.lost; }

/// By it a node may have come free that a reservation lacks, or gone that one had: also of what was
/// kept for a job, or in reserve, and is not any more.
bool concerns_nodes(const EventBody& body) {
  return std::holds_alternative<NodeMoved>(body) || std::holds_alternative<NodeContact>(body) ||
         std::holds_alternative<NodeJoined>(body) || std::holds_alternative<NodeChanged>(body) ||
         std::holds_alternative<NodeUseChanged>(body) ||
         std::holds_alternative<AttemptEnded>(body) || std::holds_alternative<ClaimDropped>(body) ||
         std::holds_alternative<JobFinished>(body) || std::holds_alternative<JobHeld>(body) ||
         std::holds_alternative<AttemptPlaced>(body) ||
         std::holds_alternative<CapacityLetGo>(body) ||
         std::holds_alternative<SparesChanged>(body) ||
         std::holds_alternative<ReservationEnded>(body) ||
         std::holds_alternative<ControllerTookOver>(body);
}

}  // namespace

void Core::Stepper::operator()(const ReserveNodes& input) {
  ReservationSpec spec = input.reservation;
  if (find_reservation(state_, spec.name) != nullptr) {
    return refuse(refusal(ErrorCode::kConflict, RefusalKind::kReservationExists, spec.name));
  }
  const auto user = state_.of_reservations.lower_bound({spec.name, JobId()});
  if (user != state_.of_reservations.end() && user->first == spec.name) {
    Refusal fault = refusal(ErrorCode::kConflict, RefusalKind::kReservationInUse, spec.name);
    fault.job = user->second;
    return refuse(std::move(fault));
  }
  const Instant end = spec.start == Instant() ? now_ + spec.duration : spec.end();
  if (end <= now_ || spec.duration.count() <= 0) {
    return refuse(refusal(ErrorCode::kInvalid, RefusalKind::kReservationPast, spec.name));
  }
  spec.start = std::max(spec.start, now_);
  spec.duration = end - spec.start;
  for (const std::string& name : spec.node_list) {
    if (state_.topology->find(name)) continue;
    Refusal fault = refusal(ErrorCode::kNotFound, RefusalKind::kNoSuchNode, spec.name);
    fault.node = name;
    return refuse(std::move(fault));
  }
  auto nodes = spec.nodes > 0 ? choose_nodes(state_, spec, spec.start, spec.nodes)
                              : listed_nodes(state_, spec, spec.start);
  if (const auto* figures = std::get_if<NodesShort>(&nodes)) {
    Refusal fault = refusal(ErrorCode::kConflict, RefusalKind::kTooFewNodes, spec.name);
    fault.nodes_short = *figures;
    return refuse(std::move(fault));
  }
  emit(ReservationMade{std::move(spec), std::get<std::vector<NodeId>>(std::move(nodes)), input.by});
}

void Core::Stepper::operator()(const ReleaseReservation& input) {
  if (find_reservation(state_, input.reservation) == nullptr) {
    return refuse(
        refusal(ErrorCode::kNotFound, RefusalKind::kNoSuchReservation, input.reservation));
  }
  end_reservation(input.reservation, input.by);
}

/// What is refused of a submission because of the reservation that it names.
std::optional<Refusal> Core::Stepper::reservation_fault_of(const JobSpec& spec) const {
  if (!spec.reservation) return std::nullopt;
  const Reservation* found = find_reservation(state_, *spec.reservation);
  if (found == nullptr) {
    return refusal(ErrorCode::kInvalid, RefusalKind::kNoSuchReservation, *spec.reservation);
  }
  if (!is_open_to(state_, *found, spec)) {
    return refusal(ErrorCode::kForbidden, RefusalKind::kReservationForbidden, *spec.reservation);
  }
  const Instant start = std::max({now_, found->spec.start, spec.not_before});
  if (!ends_within(*found, spec, start)) {
    return refusal(ErrorCode::kInvalid, RefusalKind::kReservationTooShort, *spec.reservation);
  }
  return std::nullopt;
}

/// What the calendar says, and then whether all have their nodes.
void Core::Stepper::turn_reservations() {
  std::vector<std::string> over;
  std::vector<std::string> due;
  for (const auto& [name, each] : state_.reservations) {
    if (each.spec.end() <= now_) {
      over.push_back(name);
    } else if (each.spec.start <= now_ && !each.begun) {
      due.push_back(name);
    }
  }
  for (const std::string& name : over) end_reservation(name, "");
  mend_reservations();
  for (const std::string& name : due) {
    emit(ReservationBegun{name});
    std::vector<JobId> records;
    for (auto at = state_.of_reservations.lower_bound({name, JobId()});
         at != state_.of_reservations.end() && at->first == name; ++at) {
      records.push_back(at->second);
    }
    for (const JobId record : records) settle_record(record);
  }
}

/// Jobs of it that run go on to their own ends; those that wait would do so for ever.
void Core::Stepper::end_reservation(const std::string& name, const std::string& by) {
  // Nobody knows any longer when they had to be gone by once it is no more, and a step may come
  // late, with both their time and its end in the past.
  end_overdue();
  std::vector<JobId> records;
  for (auto at = state_.of_reservations.lower_bound({name, JobId()});
       at != state_.of_reservations.end() && at->first == name; ++at) {
    records.push_back(at->second);
  }
  emit(ReservationEnded{name, by});
  for (const JobId record : records) {
    if (by.empty()) {
      give_up_pending(record, JobState::kTimedOut, "the end of reservation " + name);
    } else {
      give_up_pending(record, JobState::kCancelled, by + ", who deleted reservation " + name);
    }
  }
}

/// Nodes out of use are replaced, where the reservation only says how many it wants.
void Core::Stepper::mend_reservations() {
  if (state_.reservations.empty()) return;
  const auto since = events_.begin() + static_cast<std::ptrdiff_t>(mended_);
  const bool news = std::any_of(since, events_.end(),
                                [](const Event& event) { return concerns_nodes(event.body); });
  mended_ = events_.size();
  if (!news) return;
  std::vector<ReservationMended> wanted;
  for (const auto& [name, each] : state_.reservations) {
    if (each.spec.nodes == 0) continue;
    ReservationMended mended{name, {}, {}};
    for (const NodeId node : each.nodes) {
      if (is_out_of_use(state_.nodes[node.value()])) mended.gone.push_back(node);
    }
    if (!mended.gone.empty()) wanted.push_back(std::move(mended));
  }
  for (ReservationMended& mended : wanted) {
    ReservationSpec spec = state_.reservations.at(mended.reservation).spec;
    spec.force = false;
    const Instant from = std::max(now_, spec.start);
    const auto enough = static_cast<std::uint32_t>(mended.gone.size());
    auto nodes = choose_nodes(state_, spec, from, enough);
    if (const auto* figures = std::get_if<NodesShort>(&nodes)) {
      if (figures->available == 0) continue;
      mended.gone.resize(figures->available);
      nodes = choose_nodes(state_, spec, from, figures->available);
    }
    mended.come = std::get<std::vector<NodeId>>(std::move(nodes));
    emit(std::move(mended));
  }
}

/// Placement sees from now on what the job may use; false when that is nothing.
bool Core::Stepper::see_as(JobId job) {
  const auto view = view_of(state_, spec_of(state_, job), now_);
  if (view) see(state_, *view);
  return view.has_value();
}

/// What is kept for a job that would no longer be gone before a reservation begins, or before its
/// own ends, is kept in vain.
void Core::Stepper::drop_overtaken_claims() {
  if (state_.reservations.empty()) return;
  std::vector<JobId> overtaken;
  for (const auto& [job, claim] : state_.claims) {
    if (!keeps_clear(state_, spec_of(state_, job), claim.nodes, std::max(now_, claim.at))) {
      overtaken.push_back(job);
    }
  }
  for (const JobId job : overtaken) {
    emit(ClaimDropped{job});
    const Job& waiting = state_.jobs.at(job);
    if (!waiting.first_in_line) wakes_.wake(class_of(state_, waiting));
  }
}

}  // namespace mw
