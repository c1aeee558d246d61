#include "codec/trace_jobs.h"

#include <fmt/format.h>

#include <algorithm>

#include "codec/timestamp.h"
#include "codec/trace_files.h"
#include "codec/units.h"

namespace mw {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kTokensMax = 100'000'000;  // of one request

bool is_swf_line(std::string_view line) {
  std::size_t numbers = 0;
  bool inside = false;
  for (const char c : line) {
    const bool space = c == ' ' || c == '\t' || c == '\r';
    if (!space && (c < '0' || c > '9') && c != '-' && c != '.') return false;
    if (!space && !inside) ++numbers;
    inside = !space;
  }
  return numbers == 18;
}

}  // namespace

std::optional<TraceFormat> detect_trace_format(std::string_view beginning) {
  if (beginning.starts_with("SQLite format 3")) return TraceFormat::kJournal;
  std::string_view line = beginning.substr(0, beginning.find('\n'));
  if (line.ends_with('\r')) line.remove_suffix(1);
  if (line.starts_with(';') || is_swf_line(line)) return TraceFormat::kSwf;
  const auto has = [&](std::string_view column, char separator) {
    std::string_view rest = line;
    while (true) {
      const std::size_t end = rest.find(separator);
      if (rest.substr(0, end) == column) return true;
      if (end == std::string_view::npos) return false;
      rest.remove_prefix(end + 1);
    }
  };
  if (has("JobID", '|') || has("JobIDRaw", '|')) return TraceFormat::kSacct;
  if (has("iterations", ',') && has("iteration_time", ',')) return TraceFormat::kMuri;
  if (has("service", ',') && has("num_jobs", ',')) return TraceFormat::kPhilly;
  if (has("gpu_milli", ',') && has("num_gpu", ',')) return TraceFormat::kOpenb;
  if (has("ContextTokens", ',') && has("GeneratedTokens", ',')) return TraceFormat::kAzure;
  return {};
}

TraceJobs in_order_of_submission(std::vector<TraceJob> all) {
  TraceJobs trace;
  const std::size_t before = all.size();
  std::erase_if(all, [](const TraceJob& job) { return job.run_time <= Duration(0); });
  trace.left_out = before - all.size();
  std::stable_sort(all.begin(), all.end(),
                   [](const TraceJob& a, const TraceJob& b) { return a.submitted < b.submitted; });
  if (!all.empty()) {
    const Duration first = all.front().submitted;
    for (TraceJob& job : all) job.submitted -= first;
  }
  trace.jobs = std::move(all);
  return trace;
}

std::string name_from_trace(std::string_view text) {
  std::string name(text.substr(0, kNameLengthMax));
  for (char& c : name) {
    const bool allowed = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    if (!allowed) c = '_';
  }
  return name;
}

Result<TraceJobs> read_philly_trace(const CsvTable& table) {
  auto all = csv_rows<TraceJob>(table, [](CsvRow& row) {
    TraceJob job;
    job.submitted = row.seconds("submit_time", kTraceSpanMax);
    const std::int64_t gang = row.whole("num_jobs", 1, kTraceAcceleratorsMax);
    job.accelerators = gang * kWholeAccelerator;
    // The service of a gang is the sum over its GPUs, which all run for equally long.
    job.run_time = Duration(row.seconds("service", kTraceSpanMax).count() / gang);
    return job;
  });
  if (!all) return all.error();
  return in_order_of_submission(std::move(*all));
}

Result<TraceJobs> read_muri_trace(const CsvTable& table) {
  const auto rows = trace_training_jobs(table);
  if (!rows) return rows.error();
  std::vector<TraceJob> all;
  for (const TraceTrainingJob& row : *rows) {
    TraceJob& job = all.emplace_back();
    job.submitted = row.submitted;
    job.run_time = row.iteration * row.iterations;
    job.accelerators = std::int64_t{row.accelerators} * kWholeAccelerator;
  }
  return in_order_of_submission(std::move(all));
}

Result<TraceJobs> read_openb_trace(const CsvTable& table) {
  const auto pods = trace_pods(table);
  if (!pods) return pods.error();
  std::size_t next = 0;
  auto all = csv_rows<TraceJob>(table, [&](CsvRow& row) {
    const TracePod& pod = (*pods)[next++];
    TraceJob job;
    job.submitted = row.seconds("creation_time", kTraceSpanMax);
    const Duration deleted = row.seconds("deletion_time", kTraceSpanMax);
    if (deleted < job.submitted) {
      row.wrong("deletion_time",
                fmt::format("expected at least creation_time, {} s; found {} s",
                            job.submitted.count() / kSecond, deleted.count() / kSecond));
    }
    job.run_time = deleted - job.submitted;
    if (table.has("pod_phase") && row.text("pod_phase") == "Failed") job.end = TraceEnd::kFailed;
    job.accelerators = pod.accelerators;
    job.types = pod.types;
    job.cpus = pod.cpus;
    job.memory = pod.memory;
    if (table.has("qos")) job.tenant = name_from_trace(row.text("qos"));
    return job;
  });
  if (!all) return all.error();
  return in_order_of_submission(std::move(*all));
}

Result<std::vector<TraceRequest>> read_azure_trace(const CsvTable& table) {
  auto all = csv_rows<TraceRequest>(table, [](CsvRow& row) {
    TraceRequest request;
    const std::string text = row.text("TIMESTAMP");
    // Without a zone, which does not matter: only differences do.
    const auto at = parse_timestamp(text + "Z");
    if (at) {
      request.at = Duration(at->count());
    } else {
      row.wrong("TIMESTAMP", fmt::format("expected a time such as 2023-11-16 18:17:03.97, found {}",
                                         in_quotes(text)));
    }
    request.context_tokens = row.whole("ContextTokens", 0, kTokensMax);
    request.generated_tokens = row.whole("GeneratedTokens", 0, kTokensMax);
    return request;
  });
  if (!all) return all.error();
  std::stable_sort(all->begin(), all->end(),
                   [](const TraceRequest& a, const TraceRequest& b) { return a.at < b.at; });
  if (!all->empty()) {
    const Duration first = all->front().at;
    for (TraceRequest& request : *all) request.at -= first;
  }
  return all;
}

}  // namespace mw
