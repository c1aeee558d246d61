// What `mw workload` asks for and gets. Workloads are opened in the twin, which the command line
// may not know: they come in by hooks.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "model/fleet_spec.h"

namespace mw {

struct WorkloadRequest {
  std::string workload;            ///< a shipped name, a path, or FORM:PATH
  std::optional<FleetSpec> fleet;  ///< that it is made for
  std::uint64_t seed = 1;
  std::int64_t days = 0;                    ///< 0: all
  std::uint32_t accelerators_per_node = 0;  ///< 0: the fleet's, or 8
  std::string accelerator_type;
  std::string limits = "stated";
  std::int64_t service_scale = 1;
};

struct WorkloadTable {
  std::vector<std::string> columns;
  std::vector<std::vector<std::string>> rows;
};

/// For people, the same figures as JSON, and, when one was fitted, a workload file.
struct WorkloadReport {
  std::vector<std::pair<std::string, std::string>> facts;
  std::vector<WorkloadTable> tables;
  std::vector<std::string> notes;
  std::string json;
  std::string file;
};

struct WorkloadHooks {
  std::function<Result<WorkloadReport>(const WorkloadRequest&)> show;
  std::function<Result<WorkloadReport>(const WorkloadRequest&)> fit;
};

}  // namespace mw
