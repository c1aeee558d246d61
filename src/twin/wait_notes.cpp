#include "twin/wait_notes.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace mw {

WaitNotes::WaitNotes(const State& beginning) {
  beginning.jobs.visit(JobId(), [&](const Job& job) {
    if (!is_final(job.state) && !job.started_at)
      submitted_.emplace(job.id, record_of(beginning, job.id).submitted_at);
    return true;
  });
}

void WaitNotes::take(Instant now, const EventBody& event) {
  if (const auto* submitted = std::get_if<JobSubmitted>(&event)) {
    for (std::uint32_t i = 0; i < submitted->spec->array; ++i)
      submitted_.emplace(JobId(submitted->job.value() + i), now);
  } else if (const auto* placed = std::get_if<AttemptPlaced>(&event)) {
    // Of a job that had started before the run, this is a restart.
    if (submitted_.contains(placed->job)) started_.emplace(placed->job, now);
  } else if (const auto* finished = std::get_if<JobFinished>(&event)) {
    ++finished_;
    if (submitted_.contains(finished->job) && !started_.contains(finished->job))
      taken_back_.emplace(finished->job, now);
  }
}

void WaitNotes::catch_up(const State& state) {
  for (const auto& [id, submitted] : submitted_) {
    const Job* job = state.jobs.find(id);
    if (job != nullptr && job->started_at) started_.emplace(id, *job->started_at);
  }
}

Instant WaitNotes::start_of(JobId job) const {
  const auto found = started_.find(job);
  return found == started_.end() ? Instant::never() : found->second;
}

WaitFigures WaitNotes::figures(Instant end, JobId first_not, JobId last_not) const {
  std::vector<double> waits;
  double sum = 0;
  for (const auto& [job, submitted] : submitted_) {
    if (first_not <= job && job < last_not) continue;
    Instant until = std::min(start_of(job), end);
    const auto gone = taken_back_.find(job);
    if (gone != taken_back_.end()) until = std::min(until, gone->second);
    waits.push_back(static_cast<double>((until - submitted).count()) / 1e9);
    sum += waits.back();
  }
  WaitFigures figures;
  figures.jobs = waits.size();
  if (waits.empty()) return figures;
  std::sort(waits.begin(), waits.end());
  const auto last = static_cast<double>(waits.size() - 1);
  figures.mean_s = sum / static_cast<double>(waits.size());
  figures.p90_s = waits[static_cast<std::size_t>(std::lround(0.9 * last))];
  return figures;
}

}  // namespace mw
