// Where a simulation's jobs come from, by name: a workload that is shipped, a workload file, or a
// trace in one of the forms of codec/trace_jobs.h. Traces are read whole and checked before the
// first job is given out, so that a mistake in line 50,000 does not end a run; models are drawn
// from one job after the other.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/trace_jobs.h"
#include "codec/workload_file.h"
#include "loop/journal.h"
#include "model/fleet_spec.h"
#include "twin/service_workload.h"
#include "twin/workload.h"
#include "twin/workload_generator.h"

namespace mw {

struct WorkloadOptions {
  /// Jobs are made for it: a model's load and sizes, the size of a node, types that it has. Null:
  /// unknown. Only used while the workload is opened.
  const FleetSpec* fleet = nullptr;
  std::uint64_t seed = 1;  ///< of what is drawn; traces draw nothing
  std::int64_t days = 0;   ///< of a model: instead of its own; of a trace: its first. 0: all
  std::uint32_t accelerators_per_node = 0;  ///< 0: as shape_rules() says; without a fleet, 8
  std::string accelerator_type{};           ///< for every job; empty: any, or as the trace says
  TimeLimits limits = TimeLimits::kStated;
  /// A CPU of the trace is an accelerator, as on fleets whose accelerators are of type `cpu`.
  /// Nothing: when no job of the trace asks for an accelerator.
  std::optional<bool> cpus_are_accelerators{};
  /// What jobs of traces save, for no trace tells it. 0: nothing.
  Duration checkpoint_interval{};
  Duration checkpoint_cost{};
  ServiceModel service{};  ///< for requests to language models
  /// Opens a journal to be read; without it journals are refused.
  std::function<Result<std::unique_ptr<Journal>>(const std::string& path)> open_journal{};
  /// Told what was left out or changed, one sentence each time. May be empty.
  std::function<void(const std::string& sentence)> note{};
};

/// `spec`: the name of a shipped workload, the path of a file (its form is found out), or
/// FORM:PATH, where FORM is one of TraceFormat or `model`.
/// Errors: kNotFound, kTooLarge, kUnavailable for files; kInvalid with file, line and field for
///         what is in them; kUnsupported for a journal that cannot be opened here.
Result<std::unique_ptr<WorkloadSource>> open_workload(const std::string& spec,
                                                      const WorkloadOptions& options);

/// The same for a model that is read already.
Result<std::unique_ptr<WorkloadSource>> open_model(const WorkloadModel& model,
                                                   const WorkloadOptions& options);

}  // namespace mw
