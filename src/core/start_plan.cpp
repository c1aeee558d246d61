#include "core/start_plan.h"

#include <algorithm>
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

/// What ends, in that order. Only what is known to.
std::vector<End> ends_of(const State& state) {
  std::vector<End> ends;
  const auto add = [&](JobId job) {
    const Attempt& attempt = state.attempts.at(job);
    const Instant at = expected_end(state, attempt);
    if (at != Instant::never()) ends.push_back({at, &attempt});
  };
  for (const JobId job : state.stopping) add(job);
  for (const auto& [deadline, job] : state.deadlines) add(job);
  std::stable_sort(ends.begin(), ends.end(),
                   [](const End& a, const End& b) { return a.at < b.at; });
  return ends;
}

Claim claim_of(const State& state, JobId job, Instant at, PlannedRoom& room,
               const PlannedGroups& groups) {
  return {job, ClaimPurpose::kBackfill, at, claimed_nodes(room, spec_of(state, job), groups), {}};
}

}  // namespace

std::optional<Claim> plan_start(const State& state, JobId job, Placer& placer) {
  const JobSpec& spec = spec_of(state, job);
  const std::vector<End> ends = ends_of(state);
  std::size_t too_few = 0;  // with these gone, it does not fit
  {
    // Not even with all of them gone is the commonest case.
    const GangShape gang = least_gang(spec);
    FreedRoom freed(state, gang, spec.where);
    std::size_t released = 0;
    for (; !freed.may_hold(); ++released) {
      if (released == ends.size()) return std::nullopt;
      freed.release(*ends[released].attempt);
    }
    if (released > 0) too_few = released - 1;
  }
  PlannedRoom room(state);
  std::size_t gone = 0;  // so many of them are gone from the room
  // To let attempts go is most of the work, and to copy the room comes next: so there is one room,
  // that goes back and forth in time.
  const auto go_to = [&](std::size_t end) {
    for (; gone < end; ++gone) room.release(*ends[gone].attempt);
    for (; gone > end; --gone) room.retain(*ends[gone - 1].attempt);
  };
  std::optional<PlannedGroups> groups;
  for (std::size_t step = 1; !groups; step *= 2) {
    if (too_few == ends.size()) return std::nullopt;
    go_to(std::min(too_few + step, ends.size()));
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
