#include "twin/journal_workload.h"

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <variant>

namespace mw {
namespace {

struct History {
  std::shared_ptr<const JobSpec> spec;  ///< one for all elements of an array
  Instant submitted;
  std::optional<Instant> running_since;
  Duration last_run;
  Duration all_runs;
  bool resumed = false;
  std::int64_t checkpoints = 0;
  std::optional<Instant> checkpoint_since;
  Duration checkpoint_time;
  std::optional<JobState> end;

  void stop(Instant at) {
    if (!running_since) return;
    last_run = at - *running_since;
    all_runs += last_run;
    running_since.reset();
  }
};

class Reader {
 public:
  void take(const Event& event) {
    last_ = event.at;
    std::visit([&](const auto& body) { take(event.at, body); }, event.body);
  }

  JournalJobs jobs() {
    JournalJobs result;
    std::optional<Instant> first;
    for (auto& [id, history] : jobs_) {
      const bool still_runs = !history.end && history.running_since;
      if (still_runs) history.stop(last_);
      if (history.last_run <= Duration(0)) {
        ++result.never_ran;
        continue;
      }
      if (!first) first = history.submitted;
      if (still_runs) result.unfinished.push_back(result.jobs.size());
      result.jobs.push_back(job_of(history, *first));
      result.ids.push_back(id);
    }
    return result;
  }

 private:
  template <class Body>
  void take(Instant, const Body&) {}
  void take(Instant at, const JobSubmitted& event) {
    const auto spec = event.spec.pointer();
    for (std::uint32_t i = 0; i < spec->array; ++i) {
      History& history = jobs_[JobId(event.job.value() + i)];
      history.spec = spec;
      history.submitted = at;
    }
  }
  void take(Instant at, const AttemptRunning& event) {
    if (History* job = find(event.job)) job->running_since = at;
  }
  void take(Instant at, const AttemptEnded& event) {
    if (History* job = find(event.job)) job->stop(at);
  }
  void take(Instant, const RestartPlanned& event) {
    History* job = find(event.job);
    if (job != nullptr && (event.resume_from.step > 0 || !event.resume_from.path.empty()))
      job->resumed = true;
  }
  void take(Instant at, const CheckpointStarted& event) {
    if (History* job = find(event.job)) job->checkpoint_since = at;
  }
  void take(Instant at, const CheckpointKept& event) {
    History* job = find(event.job);
    if (job == nullptr) return;
    ++job->checkpoints;
    if (job->checkpoint_since) job->checkpoint_time += at - *job->checkpoint_since;
    job->checkpoint_since.reset();
  }
  void take(Instant at, const JobFinished& event) {
    History* job = find(event.job);
    if (job == nullptr) return;
    job->stop(at);
    job->end = event.state;
  }

  History* find(JobId job) {
    const auto found = jobs_.find(job);
    return found == jobs_.end() ? nullptr : &found->second;
  }

  static WorkloadJob job_of(const History& history, Instant first) {
    WorkloadJob job;
    job.at = Instant(0) + (history.submitted - first);
    job.spec = *history.spec;
    job.spec.array = 1;
    job.spec.after.clear();
    job.spec.hold = false;  // how long it was held is in nobody's specification
    const auto moved = [&](Instant at) {
      return at <= history.submitted ? Instant(0) : Instant(0) + (at - first);
    };
    if (job.spec.not_before > Instant(0)) job.spec.not_before = moved(job.spec.not_before);
    if (job.spec.deadline > Instant(0)) job.spec.deadline = moved(job.spec.deadline);
    const Duration ran = history.resumed ? history.all_runs : history.last_run;
    // Saving is no work: the machines of the simulation add it again.
    job.truth.work = std::max(ran - history.checkpoint_time, Duration(1));
    if (history.checkpoints > 0) {
      job.truth.checkpoint_interval =
          std::max(Duration(job.truth.work.count() / history.checkpoints), Duration(1));
      job.truth.checkpoint_cost = Duration(history.checkpoint_time.count() / history.checkpoints);
    }
    if (history.end == JobState::kFailed) job.truth.outcome = JobOutcome::kFails;
    if (history.end == JobState::kCancelled || history.end == JobState::kTimedOut)
      job.truth.outcome = JobOutcome::kCancelled;
    return job;
  }

  std::map<JobId, History> jobs_;
  Instant last_;
};

}  // namespace

Result<JournalJobs> journal_jobs(Journal& journal) {
  Reader reader;
  const auto visited = journal.visit_batches([&](const StoredBatch& batch) {
    for (const Event& event : batch.events) reader.take(event);
    return true;
  });
  if (!visited.ok()) return visited.error();
  return reader.jobs();
}

}  // namespace mw
