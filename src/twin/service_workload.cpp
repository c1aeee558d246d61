#include "twin/service_workload.h"

#include <algorithm>

#include "base/check.h"

namespace mw {
namespace {

constexpr std::int64_t kReplicasMax = 1'000'000;

}  // namespace

double replica_seconds(const TraceRequest& request, const ServiceModel& model) {
  const double prompt_token =
      2 * model.parameters / (model.accelerators * model.flops * model.prompt_efficiency);
  const double step = model.parameters * model.bytes_per_parameter /
                      (model.accelerators * model.memory_bytes_per_s * model.writing_efficiency);
  return static_cast<double>(request.context_tokens) * prompt_token +
         static_cast<double>(request.generated_tokens) * step / model.batch;
}

std::vector<std::int64_t> replicas_needed(const std::vector<TraceRequest>& requests,
                                          const ServiceModel& model) {
  MW_CHECK(model.interval > Duration(0) && model.busy_max > 0 && model.scale > 0);
  std::vector<std::int64_t> needed;
  if (requests.empty()) return needed;
  const std::int64_t intervals = requests.back().at / model.interval + 1;
  std::vector<double> busy(static_cast<std::size_t>(intervals), 0.0);
  for (const TraceRequest& request : requests) {
    busy[static_cast<std::size_t>(request.at / model.interval)] +=
        replica_seconds(request, model) * static_cast<double>(model.scale);
  }
  const double able = static_cast<double>(model.interval.count()) / 1e9 * model.busy_max;
  for (const double seconds : busy) {
    const double replicas = std::min(seconds / able, static_cast<double>(kReplicasMax));
    auto whole = static_cast<std::int64_t>(replicas);
    if (static_cast<double>(whole) < replicas) ++whole;
    needed.push_back(std::max<std::int64_t>(whole, 1));
  }
  return needed;
}

std::vector<TraceJob> replica_jobs(const std::vector<std::int64_t>& needed,
                                   const ServiceModel& model) {
  std::vector<TraceJob> jobs;
  std::vector<std::size_t> running;  // jobs, the one that came last at the end
  for (std::size_t i = 0; i <= needed.size(); ++i) {
    const Duration now = model.interval * static_cast<std::int64_t>(i);
    const auto wanted = static_cast<std::size_t>(i < needed.size() ? needed[i] : 0);
    while (running.size() > wanted) {
      jobs[running.back()].run_time = now - jobs[running.back()].submitted;
      running.pop_back();
    }
    while (running.size() < wanted) {
      running.push_back(jobs.size());
      TraceJob& job = jobs.emplace_back();
      job.submitted = now;
      job.accelerators = std::int64_t{model.accelerators} * kWholeAccelerator;
      job.tenant = "service";
    }
  }
  return jobs;
}

}  // namespace mw
