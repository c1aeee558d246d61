// Where the time of one job went, from its first placement on: each moment is in exactly one part,
// and the parts sum to the whole, in nanoseconds. More than its ledger knows: what stood still
// between a fault and its detection is told apart from the work that a fault undid.
// It needs to know when the machines below the job really broke, so it is for simulations.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "base/fields.h"
#include "base/id.h"
#include "base/time.h"
#include "model/event.h"
#include "twin/fault_source.h"

namespace mw {

struct TimeParts {
  Duration productive;     ///< work that was kept, or not yet lost
  Duration checkpointing;  ///< nothing is worked meanwhile
  Duration detection;      ///< from the fault until the attempt is stopped; it stands still
  Duration draining;       ///< from then until nothing of it is left
  Duration requeue;        ///< until it is placed again
  Duration start_up;       ///< until every task works
  Duration lost_work;      ///< worked, and to be done again
  bool operator==(const TimeParts&) const = default;
  MW_FIELDS(productive, checkpointing, detection, draining, requeue, start_up, lost_work)
  [[nodiscard]] Duration sum() const {
    return productive + checkpointing + detection + draining + requeue + start_up + lost_work;
  }
};

/// When nodes were broken: by node, spans that do not touch, in order.
class BrokenTimes {
 public:
  /// Faults of effect down or broken, each for as long as its repair takes.
  explicit BrokenTimes(const std::vector<NodeFault>& faults);
  /// The first moment in [from, to] at which the node is broken.
  [[nodiscard]] std::optional<Instant> first(NodeId node, Instant from, Instant to) const;
  struct Span {
    Instant begin;
    Instant end;
  };
  [[nodiscard]] const std::map<NodeId, std::vector<Span>>& spans() const { return spans_; }

 private:
  std::map<NodeId, std::vector<Span>> spans_;
};

class TimeSplit {
 public:
  TimeSplit(JobId job, const BrokenTimes& broken) : job_(job), broken_(broken) {}

  void note(const Event& event);
  /// What has not ended counts as it is.  REQUIRES: `now` is not before the last event.
  void finish(Instant now);

  [[nodiscard]] const TimeParts& parts() const { return parts_; }
  /// From the first placement until finish(); parts().sum() is the same.
  [[nodiscard]] Duration elapsed() const { return elapsed_; }
  /// Attempts that ended before their work was done.
  [[nodiscard]] std::uint64_t interruptions() const { return interruptions_; }

 private:
  struct Current {
    Instant placed;
    std::vector<NodeId> nodes;
    std::optional<Instant> running;
    std::optional<Instant> stopping;
    std::optional<Instant> saving;  ///< since when a checkpoint is being saved
    Instant saved;                  ///< when the last one was, or when it began to work
    Duration saving_since_saved;    ///< of its time since then
  };
  void end(Instant at, bool interrupted, bool goes_on);

  JobId job_;
  const BrokenTimes& broken_;
  TimeParts parts_;
  Duration carried_;  ///< worked in attempts before, and not saved yet
  std::optional<Instant> first_;
  std::optional<Instant> ended_;  ///< of the last attempt, when there is none now
  std::optional<Current> current_;
  Duration elapsed_;
  std::uint64_t interruptions_ = 0;
};

}  // namespace mw
