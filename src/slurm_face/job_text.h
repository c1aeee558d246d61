// Jobs, nodes and partitions in full, as `scontrol show` lays them out.
#pragma once

#include <string>

#include "slurm_face/fleet_facts.h"
#include "slurm_face/job_rows.h"
#include "slurm_face/node_rows.h"

namespace mw::face {

/// `one_line`: all of it on one line (-o).
std::string job_text(const JobRow& row, Instant now, bool one_line);
std::string node_text(const NodeRow& node, bool one_line);
std::string partition_text(const Partition& partition, bool is_default,
                           const std::vector<NodeRow>& nodes, bool one_line);

}  // namespace mw::face
