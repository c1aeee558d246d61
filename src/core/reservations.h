// Nodes that are set aside by the calendar, as placement and the ledger see them.
//
// Whoever is placed has to be gone before the next reservation of a node begins, so which nodes a
// job may use depends on when it ends at the latest. State::view says for whom placement looks:
// nodes that are not for it are hidden, and everything that looks for a place sees none of them.
// Between two decisions all nodes that are set aside are hidden. A job that names a reservation
// sees the nodes of that one alone.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/state.h"

namespace mw {

/// The reservation of that name; null: there is none, or it is over.
const Reservation* find_reservation(const State& state, std::string_view name);
/// The one that the job names.  Null: it names none, or that is over.
const Reservation* reservation_of(const State& state, const JobSpec& spec);
bool has_node(const Reservation& reservation, NodeId node);
/// Jobs of that tenant and user may use it.
bool is_open_to(const State& state, const Reservation& reservation, const JobSpec& spec);
/// A job that starts then would be gone by the reservation's end, of itself or because it is
/// stopped for it: that is how a job without a time limit ends there.
bool ends_within(const Reservation& reservation, const JobSpec& spec, Instant start);
/// The job may stand in line: it names no reservation, or that has begun.
bool reservation_has_begun(const State& state, const JobSpec& spec);

/// What a job that starts at `now` may see; nothing when it may be placed nowhere then.
std::optional<View> view_of(const State& state, const JobSpec& spec, Instant now);
/// Lets placement see just that.
/// Cost: O(nodes that are set aside); O(nodes) to and from the view of a reservation's job.
void see(State& state, const View& view);

/// As see() for as long as this lives.
class Seeing {
 public:
  Seeing(State& state, const View& view) : state_(state), before_(state.view) { see(state, view); }
  Seeing(const Seeing&) = delete;
  Seeing& operator=(const Seeing&) = delete;
  ~Seeing() { see(state_, before_); }

 private:
  State& state_;
  View before_;
};

/// Nothing that is set aside is in the way of the job if it starts on these nodes at `start`.
bool keeps_clear(const State& state, const JobSpec& spec, const std::vector<ClaimedNode>& nodes,
                 Instant start);
/// What ran there may be kept for the job until it starts again at `start`.
bool may_be_held(const State& state, const JobSpec& spec, const Placement& placement,
                 Instant start);
/// None of the nodes is hidden.
bool is_seen(const State& state, const Placement& placement);

// --- what events do (apply.cpp) -----------------------------------------------------------------

void add_reservation(State& state, Reservation reservation);
void begin_reservation(State& state, const std::string& name);
void mend_reservation(State& state, const ReservationMended& event);
void end_reservation(State& state, const std::string& name);
/// The nodes' derived fields, before the index of what is free is made.
void restore_reservations(State& state);

}  // namespace mw
