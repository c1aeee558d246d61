#include "core/start_plan.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include "core/freed_room.h"
#include "core/gang.h"
#include "core/planned_room.h"

namespace mw {
namespace {

struct End {
  Instant at;
  const Attempt* attempt;
};

/// What ends, in that order; only what is known to. Looked up as far as somebody asks: most plans
/// need the next few of thousands.
class Ends {
 public:
  explicit Ends(const State& state) : state_(state), deadline_(state.deadlines.begin()) {
    for (const JobId job : state.stopping) {
      const Attempt& attempt = state.attempts.at(job);
      const Instant at = expected_end(state, attempt);
      if (at != Instant::never()) add(at, attempt);
    }
  }
  /// There are more than so many.
  [[nodiscard]] bool has(std::size_t index) {
    while (in_order_.size() <= index) {
      if (deadline_ == state_.deadlines.end()) {
        if (waiting_.empty()) return false;
      } else if (waiting_.empty() || waiting_.front().at >= deadline_->first) {
        // Its tasks are given some time to stop, so it is gone at its deadline or later.
        const auto& [deadline, job] = *deadline_++;
        const Attempt& attempt = state_.attempts.at(job);
        add(std::max(deadline + attempt.spec->grace, state_.now), attempt);
        continue;
      }
      std::pop_heap(waiting_.begin(), waiting_.end(), later);
      in_order_.push_back(waiting_.back());
      waiting_.pop_back();
    }
    return true;
  }
  /// REQUIRES: has(index).
  const End& operator[](std::size_t index) const { return in_order_[index]; }

 private:
  static bool later(const End& a, const End& b) {
    return a.at != b.at ? a.at > b.at : a.attempt->job > b.attempt->job;
  }
  void add(Instant at, const Attempt& attempt) {
    waiting_.push_back({at, &attempt});
    std::push_heap(waiting_.begin(), waiting_.end(), later);
  }

  const State& state_;
  std::set<std::pair<Instant, JobId>>::const_iterator deadline_;
  std::vector<End> waiting_;  ///< a heap: whoever may end before the next one is seen
  std::vector<End> in_order_;
};

Claim claim_of(const State& state, JobId job, Instant at, PlannedRoom& room,
               const PlannedGroups& groups) {
  return {job, ClaimPurpose::kBackfill, at, claimed_nodes(room, spec_of(state, job), groups), {}};
}

}  // namespace

std::optional<Claim> plan_start(const State& state, JobId job, Placer& placer) {
  const JobSpec& spec = spec_of(state, job);
  Ends ends(state);
  std::size_t too_few = 0;  // with these gone, it does not fit
  {
    // Not even with all of them gone is the commonest case.
    const GangShape gang = least_gang(spec);
    FreedRoom freed(state, gang, spec.where);
    std::size_t released = 0;
    for (; !freed.may_hold(); ++released) {
      if (!ends.has(released)) return std::nullopt;
      freed.release(*ends[released].attempt);
    }
    if (released > 0) too_few = released - 1;
  }
  PlannedRoom room(state);
  std::size_t gone = 0;  // so many of them are gone from the room
  // To let attempts go is most of the work, and to copy the room comes next: so there is one room,
  // that goes back and forth in time.
  const auto go_to = [&](std::size_t end) {
    for (; gone < end && ends.has(gone); ++gone) room.release(*ends[gone].attempt);
    for (; gone > end; --gone) room.retain(*ends[gone - 1].attempt);
  };
  std::optional<PlannedGroups> groups;
  for (std::size_t step = 1; !groups; step *= 2) {
    if (!ends.has(too_few)) return std::nullopt;
    go_to(too_few + step);
    groups = room.place(placer, spec);
    if (!groups) too_few = gone;
  }
  std::size_t enough = gone;
  while (enough - too_few > 1) {
    go_to(too_few + (enough - too_few) / 2);
    if (auto sooner = room.place(placer, spec)) {
      enough = gone;
      groups = std::move(sooner);
    } else {
      too_few = gone;
    }
  }
  go_to(enough);
  return claim_of(state, job, ends[enough - 1].at, room, *groups);
}

std::optional<Claim> plan_anyway(const State& state, JobId job, Placer& placer) {
  const JobSpec& spec = spec_of(state, job);
  const GangShape gang = least_gang(spec);
  FreedRoom freed(state, gang, spec.where);
  for (const auto& [id, attempt] : state.attempts) freed.release(attempt);
  if (!freed.may_hold()) return std::nullopt;
  PlannedRoom room(state);
  for (const auto& [id, attempt] : state.attempts) room.release(attempt);
  const auto groups = room.place(placer, spec);
  if (!groups) return std::nullopt;
  return claim_of(state, job, state.now, room, *groups);
}

}  // namespace mw
