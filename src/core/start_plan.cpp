#include "core/start_plan.h"

#include <algorithm>
#include <vector>

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
  PlannedRoom before(state);  // with the first `done` of them gone, it does not fit
  {
    // What does not fit with all of them gone is the commonest case, and one look tells.
    PlannedRoom room = before;
    for (const End& end : ends) room.release(*end.attempt);
    if (!room.place(placer, spec)) return std::nullopt;
  }
  std::size_t done = 0;
  for (std::size_t step = 1; done < ends.size(); step *= 2) {
    PlannedRoom room = before;
    const std::size_t end = std::min(done + step, ends.size());
    for (std::size_t i = done; i < end; ++i) room.release(*ends[i].attempt);
    auto groups = room.place(placer, spec);
    if (!groups) {
      before = std::move(room);
      done = end;
      continue;
    }
    // Somewhere in (done, fits].
    std::size_t fits = end;
    while (fits - done > 1) {
      const std::size_t middle = done + (fits - done) / 2;
      PlannedRoom half = before;
      for (std::size_t i = done; i < middle; ++i) half.release(*ends[i].attempt);
      if (auto sooner = half.place(placer, spec)) {
        fits = middle;
        groups = std::move(sooner);
        room = std::move(half);
      } else {
        before = std::move(half);
        done = middle;
      }
    }
    return claim_of(state, job, ends[fits - 1].at, room, *groups);
  }
  return std::nullopt;
}

std::optional<Claim> plan_anyway(const State& state, JobId job, Placer& placer) {
  PlannedRoom room(state);
  for (const auto& [id, attempt] : state.attempts) room.release(attempt);
  const auto groups = room.place(placer, spec_of(state, job));
  if (!groups) return std::nullopt;
  return claim_of(state, job, state.now, room, *groups);
}

}  // namespace mw
