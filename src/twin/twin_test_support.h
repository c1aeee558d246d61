// Small fleets, workloads and faults for tests of the twin.
#pragma once

#include <algorithm>
#include <utility>
#include <vector>

#include "base/random.h"
#include "model/one_block_fleet.h"
#include "twin/fault_source.h"
#include "twin/workload.h"

namespace mw::testing {

/// Hands out what it was given.
class ListedJobs final : public WorkloadSource {
 public:
  explicit ListedJobs(std::vector<WorkloadJob> jobs) : jobs_(std::move(jobs)) {}
  std::optional<WorkloadJob> next() override {
    if (next_ == jobs_.size()) return std::nullopt;
    return jobs_[next_++];
  }

 private:
  std::vector<WorkloadJob> jobs_;
  std::size_t next_ = 0;
};

/// Nodes of 8 accelerators at one site, in leaves of 4, without limits.
inline FleetSpec small_fleet(std::uint32_t nodes) {
  NodeShape shape;
  shape.name = "node";
  shape.accelerator_type = "h100-sxm";
  shape.accelerators = 8;
  shape.cpus = CpuShare(128'000);
  shape.memory = Bytes(std::int64_t{2} << 40);
  shape.idle = Watts(2'000'000);
  shape.accelerator = Watts(1'000'000);
  BlockSpec block;
  block.name = "block";
  block.nodes = nodes;
  if (nodes >= 4) block.fabric = {{FabricLevel::kLeaf, 4}};
  return one_block_fleet("small", std::move(shape), std::move(block));
}

/// One task of 8 accelerators.
inline WorkloadJob one_hour_job(std::int64_t at_s) {
  WorkloadJob job;
  job.at = Instant() + seconds(at_s);
  job.spec.name = "job";
  job.spec.command = {"train"};
  job.spec.gang.task.accelerators = kWholeAccelerator * 8;
  job.truth.work = hours(1);
  return job;
}

inline ListedJobs random_jobs(std::uint64_t seed, int count) {
  Random random(seed);
  std::vector<WorkloadJob> jobs;
  Instant at;
  for (int i = 0; i < count; ++i) {
    at = at + seconds(random.between(0, 600));
    WorkloadJob job = one_hour_job(0);
    job.at = at;
    job.spec.tenant = random.chance(1, 2) ? "red" : "blue";
    job.spec.gang.tasks = static_cast<std::uint32_t>(random.between(1, 6));
    job.spec.gang.task.accelerators = kWholeAccelerator * random.between(1, 8);
    if (random.chance(1, 3)) job.spec.time_limit = hours(3);
    if (random.chance(1, 8)) job.spec.array = 3;
    if (random.chance(1, 4)) job.spec.priority_class = "best-effort";
    if (random.chance(1, 6)) job.spec.priority_class = "high";
    job.truth.work = seconds(random.between(1, 7200));
    if (random.chance(1, 2)) job.truth.checkpoint_interval = minutes(random.between(1, 30));
    if (random.chance(1, 2)) job.truth.checkpoint_cost = seconds(random.between(0, 60));
    if (random.chance(1, 6)) job.truth.outcome = JobOutcome::kFails;
    if (random.chance(1, 8)) job.truth.outcome = JobOutcome::kCancelled;
    jobs.push_back(std::move(job));
  }
  return ListedJobs(std::move(jobs));
}

inline ListedFaults random_faults(std::uint64_t seed, std::uint32_t nodes, int count) {
  Random random(seed + 1000);
  std::vector<NodeFault> faults;
  Instant at;
  for (int i = 0; i < count; ++i) {
    at = at + seconds(random.between(0, 3600));
    NodeFault fault;
    fault.at = at;
    fault.effect = static_cast<FaultEffect>(random.below(3));
    const std::int64_t width = random.chance(1, 5) ? 4 : 1;
    for (std::int64_t k = 0; k < width; ++k) {
      const NodeId node(static_cast<std::uint32_t>(random.below(nodes)));
      if (std::find(fault.nodes.begin(), fault.nodes.end(), node) == fault.nodes.end()) {
        fault.nodes.push_back(node);
      }
    }
    fault.repair = seconds(random.between(0, 7200));
    fault.speed_milli = random.between(100, 900);
    faults.push_back(std::move(fault));
  }
  return ListedFaults(std::move(faults));
}

}  // namespace mw::testing
