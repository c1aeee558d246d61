// The twin of a run that really happened: the jobs of a list on a small fleet, one line of times a
// job. tests/validate/twin_against_live.py runs the same jobs for real and compares.
#include <algorithm>
#include <cstdio>

#include "codec/csv.h"
#include "validate.h"

namespace mw::validate {
namespace {

struct Line {
  std::int64_t submitted;
  std::int64_t tasks;
  std::int64_t work;
};

constexpr std::int64_t kNsMax = std::int64_t{86'400} * 1'000'000'000;

}  // namespace

void run_list(const std::string& path, std::uint32_t nodes, std::uint32_t accelerators,
              Duration launch) {
  const auto table = CsvTable::read(path);
  if (!table) give_up(table.error().message);
  const auto lines = csv_rows<Line>(*table, [](CsvRow& row) {
    return Line{row.whole("submitted_ns", 0, kNsMax), row.whole("tasks", 1, 1'000'000),
                row.whole("work_ns", 1, kNsMax)};
  });
  if (!lines) give_up(lines.error().message);
  SimulationOptions options;
  options.fleet = plain_fleet(nodes, accelerators);
  options.physics = instant_physics();
  options.physics.launch = launch;
  std::vector<WorkloadJob> jobs;
  for (const Line& line : *lines) {
    WorkloadJob job;
    job.at = Instant(line.submitted);
    job.spec.name = "job";
    job.spec.command = {"sleep"};
    job.spec.gang.tasks = static_cast<std::uint32_t>(line.tasks);
    job.spec.gang.task.accelerators = kWholeAccelerator;
    job.truth.work = Duration(line.work);
    jobs.push_back(std::move(job));
  }
  Listed workload(std::move(jobs));
  auto rows = run_all(std::move(options), workload, nullptr);
  std::sort(rows.begin(), rows.end(), [](const JobRow& a, const JobRow& b) { return a.id < b.id; });
  std::printf("submitted_ns,placed_ns,ended_ns\n");
  for (const JobRow& row : rows) {
    std::printf("%lld,%lld,%lld\n", static_cast<long long>(row.submitted.count()),
                static_cast<long long>(row.started->count()),
                static_cast<long long>(row.ended->count()));
  }
}

}  // namespace mw::validate
