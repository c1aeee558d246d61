#include "engines/slurm/handing_over.h"

#include <spdlog/spdlog.h>

#include <utility>

#include "codec/timestamp.h"
#include "engines/slurm/submission.h"

namespace mw::slurm {
namespace {

using SteadyClock = std::chrono::steady_clock;

struct Handover {
  SlurmAttempt* attempt;
  SlurmSubmission submission;
};

void tell(SlurmAttempt& attempt, const Error& fault) {
  switch (fault.code) {
    case ErrorCode::kUnavailable:
      return attempt.not_reached(SteadyClock::now());
    case ErrorCode::kTimeout:
      spdlog::warn("slurm engine: job {}, attempt {}: {}; whether Slurm took it will be seen",
                   attempt.desired().job.value(), attempt.desired().attempt.value(), fault.message);
      return attempt.unknown(SteadyClock::now());
    default:
      return attempt.refuse(fault.message);
  }
}

void hand_over(const Handover& what, AttemptStore& store, SlurmClient& client) {
  SlurmAttempt& attempt = *what.attempt;
  const DesiredAttempt& desired = attempt.desired();
  const AttemptKey key(desired.job, desired.attempt);
  AttemptRecord record{desired.epoch, attempt.user(), attempt.directory(), wall_clock()};
  if (const auto written = store.put(key, record); !written) {
    return attempt.refuse(written.error().message);
  }
  attempt.hand_over(SteadyClock::now());
  const auto taken = client.submit(what.submission, attempt.user());
  if (!taken) return tell(attempt, taken.error());
  attempt.taken(*taken, SteadyClock::now());
  record.slurm_job = *taken;
  // Not having it on disk costs a look at Slurm's list later, and nothing else.
  if (const auto written = store.put(key, record); !written) {
    spdlog::warn("slurm engine: {}", written.error().message);
  }
}

}  // namespace

void hand_over(const std::vector<SlurmAttempt*>& attempts, const ClusterView& cluster,
               const SlurmEngineOptions& options, AttemptStore& store, const SlurmClient& client,
               ClientPool& pool) {
  std::vector<Handover> all;
  for (SlurmAttempt* attempt : attempts) {
    const DesiredAttempt& desired = attempt->desired();
    if (const auto allowed = client.identity().may_act_as(attempt->user()); !allowed) {
      attempt->refuse(allowed.error().message);
      continue;
    }
    const JobMark mark{store.home_id(), desired.job, desired.attempt, desired.epoch};
    auto submission = make_submission(desired, cluster, options, mark);
    if (submission) {
      all.push_back({attempt, std::move(*submission)});
    } else {
      attempt->refuse(submission.error().message);
    }
  }
  // Each attempt is of one of the threads, and we wait for all of them.
  pool.each(all.size(), client.version(),
            [&](SlurmClient& by, std::size_t i) { hand_over(all[i], store, by); });
}

}  // namespace mw::slurm
