// What happens to a simulated fleet from outside: jobs that are submitted, each with what only the
// world knows of it. The brain is told `spec` and nothing else, as it is when a person submits;
// `truth` is for the simulated machines that run the job.
// A source hands out its jobs one after the other, so that a month of a million jobs is never in
// memory at once.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/fields.h"
#include "base/time.h"
#include "model/job.h"

namespace mw {

/// How a job would end if nothing outside of it went wrong.
enum class JobOutcome : std::uint8_t {
  kSucceeds,
  kFails,      ///< its program fails once its work is done, each time that it is run
  kCancelled,  ///< its owner takes it back once that much work is done
};
template <>
struct EnumNames<JobOutcome> {
  static constexpr std::array<std::string_view, 3> value = {"succeeds", "fails", "cancelled"};
};

/// What the machines find out by running the job.
struct JobTruth {
  /// Productive time that all of it needs at its full size, on accelerators of rate 1000, near
  /// together and with all the power it wants (src/twin/physics.h says what makes it slower).
  Duration work;
  JobOutcome outcome = JobOutcome::kSucceeds;
  /// Productive time between two checkpoints; 0: it saves nothing, and starts over when stopped.
  Duration checkpoint_interval;
  Duration checkpoint_cost;  ///< of saving one; nothing is productive meanwhile
  /// From the last task's start until it does what it has not done before; negative: the
  /// scenario's.
  Duration start_up{-1};
  bool operator==(const JobTruth&) const = default;
  MW_FIELDS(work, outcome, checkpoint_interval, checkpoint_cost, start_up)
};

struct WorkloadJob {
  Instant at;  ///< submitted; the simulation begins at Instant(0)
  JobSpec spec;
  JobTruth truth;  ///< of each element, where `spec` is an array
  bool operator==(const WorkloadJob&) const = default;
  MW_FIELDS(at, spec, truth)
};

class WorkloadSource {
 public:
  virtual ~WorkloadSource() = default;
  /// The next one, never before the one before it; nothing once there are no more.
  virtual std::optional<WorkloadJob> next() = 0;
};

}  // namespace mw
