// Lists of nodes, pods and training jobs as others publish them, checked and in our units. The
// forms are those of the openb traces (FGD, ATC'23) and of Muri's (SIGCOMM'22); docs/experiments.md
// says what the columns mean. Columns that are not named here are passed over.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/csv.h"

namespace mw {

/// sn, cpu_milli, memory_mib, gpu, model.
struct TraceNode {
  std::string name;
  CpuShare cpus;
  Bytes memory;
  std::uint32_t accelerators = 0;
  std::string type;
  bool operator==(const TraceNode&) const = default;
};

/// name, cpu_milli, memory_mib, num_gpu, gpu_milli (of each), gpu_spec (allowed models, divided
/// by '|'; optional).
struct TracePod {
  std::string name;
  CpuShare cpus;
  Bytes memory;
  AcceleratorShare accelerators;   ///< whole ones, or less than one
  std::vector<std::string> types;  ///< empty: any
  bool operator==(const TracePod&) const = default;
};

/// num_gpu, submit_time (ms), iterations, iteration_time (ms), model_name.
struct TraceTrainingJob {
  std::uint32_t accelerators = 0;
  Duration submitted;  ///< since the trace began
  std::int64_t iterations = 0;
  Duration iteration;
  std::string model;
  bool operator==(const TraceTrainingJob&) const = default;
};

/// Nodes without accelerators are left out. Errors: as CsvTable's, and a name given twice.
Result<std::vector<TraceNode>> trace_nodes(const CsvTable& table);
Result<std::vector<TracePod>> trace_pods(const CsvTable& table);
Result<std::vector<TraceTrainingJob>> trace_training_jobs(const CsvTable& table);

}  // namespace mw
