// What has to be known of attempts by the next control plane: which were handed to Slurm, as whom,
// where their output is. One small file each in HOME/slurm, written before Slurm is asked, so that
// an attempt without one was never handed over and may be, and one with a file that Slurm knows
// nothing of has been there and is gone, unless that was a moment ago.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"
#include "engines/slurm/slurm_types.h"

namespace mw::slurm {

using AttemptKey = std::pair<JobId, AttemptNumber>;

struct AttemptRecord {
  Epoch epoch;
  std::string user;
  std::string directory;     ///< of its output
  Instant handed_over;       ///< when Slurm was first asked
  SlurmJobId slurm_job = 0;  ///< 0: Slurm has not said yet that it took it
  /// Of a job that was handed to Slurm itself: how often Slurm had put it back into its queue
  /// before this attempt, and where it writes.
  std::uint32_t runs_before = 0;
  std::string output{};
};

/// What an adopter has asked of the core about a job of its own accord.
enum class JobNote {
  kWithdrawn,  ///< that it be cancelled, to be decided about anew: it is not its user's wish
  kHeld,       ///< that it be held, for its user holds it in Slurm
};

/// Safe from any thread once it is open: output is read while attempts go on.
class AttemptStore {
 public:
  /// `kept`: how many ended attempts' records are kept, for their output.
  AttemptStore(std::filesystem::path folder, std::size_t kept)
      : folder_(std::move(folder)), kept_(kept) {}

  /// Makes the folder, reads the records, and this home's name among all that use the cluster.
  /// Errors: kUnavailable.
  Result<void> open();
  /// Eight hexadecimal digits, made once.
  [[nodiscard]] const std::string& home_id() const { return home_id_; }

  [[nodiscard]] std::optional<AttemptRecord> find(AttemptKey key) const;
  /// Durable when it returns.  Errors: kUnavailable.
  Result<void> put(AttemptKey key, const AttemptRecord& record);
  /// It has ended and is known to have: one of those that may be forgotten to make room.
  void end(AttemptKey key);
  [[nodiscard]] bool has_ended(AttemptKey key) const;

  /// As last put.
  [[nodiscard]] CarriedDrains drains() const;
  /// Durable when it returns; nothing is written when nothing has changed.  Errors: kUnavailable.
  Result<void> put_drains(const CarriedDrains& drains);

  /// That it may have only certain nodes comes from us: some attempt was this job of Slurm's.
  /// REQUIRES: job.request.
  [[nodiscard]] bool has_pinned(const SlurmJob& job) const;
  /// Durable when it returns.  Errors: kUnavailable.
  Result<void> note(JobId job, JobNote note);
  [[nodiscard]] bool noted(JobId job, JobNote note) const;
  void drop(JobId job, JobNote note);

 private:
  [[nodiscard]] std::filesystem::path path_of(AttemptKey key) const;
  [[nodiscard]] std::filesystem::path path_of(JobId job, JobNote note) const;

  std::filesystem::path folder_;
  std::size_t kept_;
  std::string home_id_;
  mutable std::mutex mutex_;  ///< of what follows
  CarriedDrains drains_;
  std::map<AttemptKey, AttemptRecord> records_;
  std::set<AttemptKey> ended_;
  std::set<std::pair<JobId, JobNote>> notes_;
};

}  // namespace mw::slurm
