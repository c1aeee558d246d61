#include "codec/trace_files.h"

#include <fmt/format.h>

#include <set>

#include "codec/units.h"

namespace mw {
namespace {

// Far over any real machine, and far from where sums over a fleet would overflow.
constexpr std::int64_t kCpuMilliMax = 100'000'000;
constexpr std::int64_t kMemoryMibMax = std::int64_t{1} << 30U;
constexpr std::int64_t kDevicesMax = 1024;
constexpr std::int64_t kMilliseconds = 1'000'000;  // in ns
// A hundred years, so that sums of two stay in range.
constexpr std::int64_t kMillisecondsMax = std::int64_t{100} * 365 * 86'400'000;

std::vector<std::string> allowed_types(const std::string& text) {
  std::vector<std::string> types;
  std::string type;
  for (const char c : text + "|") {
    if (c != '|') {
      type += c;
    } else if (!type.empty()) {
      types.push_back(std::move(type));
      type.clear();
    }
  }
  return types;
}

AcceleratorShare accelerators_of(CsvRow& reader) {
  const std::int64_t devices = reader.whole_or_0("num_gpu", 0, kDevicesMax);
  if (devices == 0) return AcceleratorShare(0);
  const std::int64_t each = reader.whole("gpu_milli", 1, kWholeAccelerator.count());
  if (devices > 1 && each != kWholeAccelerator.count()) {
    reader.wrong("gpu_milli", fmt::format("expected 1000, because it asks for {} devices; found {}",
                                          devices, each));
  }
  return AcceleratorShare(devices * each);
}

}  // namespace

Result<std::vector<TraceNode>> trace_nodes(const CsvTable& table) {
  std::set<std::string> names;
  auto all = csv_rows<TraceNode>(table, [&](CsvRow& row) {
    TraceNode node;
    node.name = row.text("sn");
    node.cpus = CpuShare(row.whole("cpu_milli", 0, kCpuMilliMax));
    node.memory = Bytes(row.whole("memory_mib", 0, kMemoryMibMax) << 20U);
    node.accelerators = static_cast<std::uint32_t>(row.whole_or_0("gpu", 0, kDevicesMax));
    node.type = row.text("model");
    if (!names.insert(node.name).second) {
      row.wrong("sn", fmt::format("{} is given twice", in_quotes(node.name)));
    }
    return node;
  });
  if (all.ok()) std::erase_if(*all, [](const TraceNode& node) { return node.accelerators == 0; });
  return all;
}

Result<std::vector<TracePod>> trace_pods(const CsvTable& table) {
  std::set<std::string> names;
  const bool has_types = table.has("gpu_spec");
  return csv_rows<TracePod>(table, [&](CsvRow& row) {
    TracePod pod;
    pod.name = row.text("name");
    pod.cpus = CpuShare(row.whole("cpu_milli", 0, kCpuMilliMax));
    pod.memory = Bytes(row.whole("memory_mib", 0, kMemoryMibMax) << 20U);
    pod.accelerators = accelerators_of(row);
    if (has_types && pod.accelerators.count() > 0) pod.types = allowed_types(row.text("gpu_spec"));
    if (!names.insert(pod.name).second) {
      row.wrong("name", fmt::format("{} is given twice", in_quotes(pod.name)));
    }
    return pod;
  });
}

Result<std::vector<TraceTrainingJob>> trace_training_jobs(const CsvTable& table) {
  return csv_rows<TraceTrainingJob>(table, [](CsvRow& row) {
    TraceTrainingJob job;
    job.accelerators =
        static_cast<std::uint32_t>(row.whole("num_gpu", 1, kDevicesMax * kDevicesMax));
    job.submitted = Duration(row.whole("submit_time", 0, kMillisecondsMax) * kMilliseconds);
    job.iterations = row.whole("iterations", 1, std::int64_t{1} << 40U);
    job.iteration = Duration(row.whole("iteration_time", 1, 3'600'000) * kMilliseconds);
    // Otherwise iterations x iteration would not fit.
    if (job.iterations > kMillisecondsMax / (job.iteration.count() / kMilliseconds)) {
      row.wrong("iterations", "the job would run for more than a hundred years");
    }
    job.model = row.text("model_name");
    return job;
  });
}

}  // namespace mw
