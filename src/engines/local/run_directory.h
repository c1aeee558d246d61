// HOME/run: one folder an attempt, run/JOB/ATTEMPT, and in it one a rank. A file `ended` in an
// attempt's folder says that the core has recorded its end; what is left there is its output, and
// of those folders only the latest are kept.
#pragma once

#include <cstddef>
#include <deque>
#include <filesystem>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/result.h"
#include "model/resilience_event.h"

namespace mw::local {

using AttemptKey = std::pair<JobId, AttemptNumber>;

class RunDirectory {
 public:
  /// `keep`: how many ended attempts' folders.
  RunDirectory(const std::filesystem::path& home, std::size_t keep);

  /// Makes it, and looks through it.  Result: the attempts that have not ended.
  Result<std::vector<AttemptKey>> open();

  [[nodiscard]] std::filesystem::path attempt(AttemptKey key) const;
  [[nodiscard]] std::filesystem::path rank(AttemptKey key, Rank rank) const;
  /// How many ranks have a folder: the highest number and one.
  [[nodiscard]] std::uint32_t ranks(AttemptKey key) const;

  /// Removes what an ended attempt of the same number left. That one ran under another journal:
  /// within one journal a number is used once.
  void discard_ended(AttemptKey key);
  /// Makes the attempt's folder.
  Result<void> create(AttemptKey key);
  /// These ranks go on in `key`, and keep their folders: what they were started in is linked there.
  /// With what is not there, or was linked before, nothing happens.
  Result<void> take_over(AttemptKey key, const std::vector<KeptRanks>& kept);
  /// Records that the core knows of the end, and lets the oldest folders go.
  void mark_ended(AttemptKey key);

 private:
  [[nodiscard]] std::filesystem::path ended_mark(AttemptKey key) const;
  void remove(AttemptKey key) const;
  Result<void> link(AttemptKey key, Rank rank, AttemptNumber started_in);

  std::filesystem::path root_;
  std::size_t keep_;
  std::deque<AttemptKey> ended_;  ///< in the order in which they ended
};

}  // namespace mw::local
