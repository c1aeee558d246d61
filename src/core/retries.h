// How often more is done for a class that does not fit than looking for a place: searching for jobs
// to stop for it, for jobs to move, for an instant by which it could start. Each costs a look at
// all that runs, and what made it fail seldom changes between two jobs that end. So after a failure
// the class waits before it is searched for again: half a minute, then twice as long each time, up
// to an hour (Slurm's backfill, for comparison, runs every 30 s: bf_interval). It is woken when
// that time is over and it was passed over meanwhile; a place that comes free it gets at any time.
// Where little runs and little is claimed a search costs next to nothing, and is made each time.
// A cache like Wakes, except that it decides when; a new control plane begins without.
#pragma once

#include <algorithm>
#include <cstdint>
#include <set>
#include <utility>
#include <vector>

#include "base/time.h"
#include "core/job_classes.h"

namespace mw {

class Retries {
 public:
  /// Whether to search now. If not, the class is due when it may.
  bool may_search(ClassId id, std::uint64_t generation, Instant now) {
    const Entry& entry = of(id, generation);
    if (now >= entry.again) return true;
    due_.emplace(entry.again, id);
    return false;
  }
  void failed(ClassId id, std::uint64_t generation, Instant now) {
    Entry& entry = of(id, generation);
    entry.wait = entry.wait.count() == 0 ? kFirst : std::min(entry.wait + entry.wait, kMost);
    entry.again = now + entry.wait;
  }
  void succeeded(ClassId id, std::uint64_t generation) {
    of(id, generation) = {generation, {}, {}};
  }
  /// It was tried and may be tried again after a while, not longer than after the first failure.
  void tried(ClassId id, std::uint64_t generation, Instant now) {
    of(id, generation).again = now + kFirst;
  }
  /// The class is due then.
  void postpone(ClassId id, Instant until) { due_.emplace(until, id); }
  static constexpr Duration kFirst = seconds(30);
  /// Running attempts, or claimed nodes, from which on looking at all of them is paced.
  static constexpr std::size_t kMany = 256;
  /// Claimed nodes of one job, from which on a look for an earlier place is.
  static constexpr std::size_t kManyClaimed = 32;

  /// Everything may be different.
  void clear() {
    entries_.clear();
    due_.clear();
  }

  /// When the next class is due; never() when none is.
  [[nodiscard]] Instant next() const {
    return due_.empty() ? Instant::never() : due_.begin()->first;
  }
  /// Classes that were passed over and may be searched for by `now`.
  std::vector<ClassId> take_due(Instant now) {
    std::vector<ClassId> due;
    while (!due_.empty() && due_.begin()->first <= now) {
      due.push_back(due_.begin()->second);
      due_.erase(due_.begin());
    }
    return due;
  }

 private:
  static constexpr Duration kMost = hours(1);
  struct Entry {
    std::uint64_t generation = 0;  ///< of the class; entries of others are void
    Instant again;
    Duration wait;
  };
  Entry& of(ClassId id, std::uint64_t generation) {
    if (id.value() >= entries_.size()) entries_.resize(id.value() + 1);
    Entry& entry = entries_[id.value()];
    if (entry.generation != generation) entry = {generation, {}, {}};
    return entry;
  }

  std::vector<Entry> entries_;  ///< by class
  std::set<std::pair<Instant, ClassId>> due_;
};

}  // namespace mw
