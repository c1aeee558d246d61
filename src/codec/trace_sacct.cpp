// What Slurm's accounting prints: `sacct --parsable2 --format=JobID,Submit,...`. A row of a job is
// followed by rows of its steps (12.batch, 12.0), which tell of no demand of their own. An element
// of an array is 12_7; elements that wait together are one row, 12_[3-9], and never ran.
#include <fmt/format.h>

#include <algorithm>

#include "codec/timestamp.h"
#include "codec/trace_jobs.h"
#include "codec/units.h"

namespace mw {
namespace {

constexpr std::int64_t kCpusMax = 100'000'000;
constexpr std::int64_t kNodesMax = 10'000'000;

/// "2024-05-01T12:00:00" as seconds of a calendar without zones; nothing when there is none yet.
Result<std::optional<Duration>> parse_slurm_time(std::string_view text) {
  if (text == "Unknown" || text == "None" || text.empty()) return std::optional<Duration>();
  const auto at = parse_timestamp(std::string(text) + "Z");
  if (at) return std::optional(Duration(at->count()));
  return Error{ErrorCode::kInvalid, "expected a time such as 2024-05-01T12:00:00, or Unknown"};
}

/// "[DAYS-]HH:MM:SS", "MM:SS", "HH:MM:SS.mmm" or what stands for none, which is 0.
Result<Duration> parse_slurm_length(std::string_view text) {
  const Error wrong{ErrorCode::kInvalid,
                    "expected a time limit such as 1-00:00:00, 02:30:00, UNLIMITED or "
                    "Partition_Limit"};
  if (text.empty() || text == "UNLIMITED" || text == "Partition_Limit" || text == "INVALID")
    return Duration(0);
  std::int64_t days = 0;
  if (const std::size_t dash = text.find('-'); dash != std::string_view::npos) {
    const auto parsed = parse_whole(text.substr(0, dash), 0, 36'500);
    if (!parsed) return wrong;
    days = *parsed;
    text.remove_prefix(dash + 1);
  }
  text = text.substr(0, text.find('.'));
  std::int64_t seconds_sum = 0;
  int parts = 0;
  while (true) {
    const std::size_t colon = text.find(':');
    const std::string_view part = text.substr(0, colon);
    // Slurm writes two digits, so a leading zero is no mistake here.
    const auto number =
        parse_whole(part.size() == 2 && part[0] == '0' ? part.substr(1) : part, 0, 1'000'000);
    if (!number || ++parts > 3) return wrong;
    seconds_sum = seconds_sum * 60 + *number;
    if (colon == std::string_view::npos) break;
    text.remove_prefix(colon + 1);
  }
  if (parts < 2) return wrong;
  return seconds(days * 86'400 + seconds_sum);
}

/// "16", "256G", "1.50T": in Slurm a memory's unit is a power of 1024, and MiB when none is said.
std::optional<Bytes> parse_slurm_memory(std::string_view text) {
  constexpr std::string_view kUnits = "KMGTP";
  unsigned shift = 20;
  if (!text.empty()) {
    const std::size_t unit = kUnits.find(text.back());
    if (unit != std::string_view::npos) {
      shift = 10 * (static_cast<unsigned>(unit) + 1);
      text.remove_suffix(1);
    }
  }
  const auto number = parse_thousandths(text, 0, (std::int64_t{1} << 52U) >> shift);
  if (!number) return {};
  return Bytes(*number * (std::int64_t{1} << (shift - 10)) / 1000 * 1024);
}

struct Tres {
  std::int64_t accelerators = 0;
  std::int64_t cpus = 0;
  std::int64_t nodes = 0;
  Bytes memory;
  std::string type;
};

/// "billing=64,cpu=64,gres/gpu:a100=8,gres/gpu=8,mem=512G,node=1". Empty: all are 0.
Tres read_tres(CsvRow& row, std::string_view column) {
  Tres tres;
  const std::string text = row.text(column);
  std::string_view rest = text;
  const auto fail = [&](std::string_view part) {
    row.wrong(column, fmt::format("expected amounts such as cpu=64,gres/gpu=8,mem=512G, found {}",
                                  in_quotes(part)));
  };
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string_view part = rest.substr(0, comma);
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    const std::size_t equal = part.find('=');
    if (equal == std::string_view::npos) {
      fail(part);
      return tres;
    }
    const std::string_view key = part.substr(0, equal);
    const std::string_view value = part.substr(equal + 1);
    std::int64_t* field = nullptr;
    std::int64_t high = kCpusMax;
    if (key == "cpu") field = &tres.cpus;
    if (key == "node") field = &tres.nodes, high = kNodesMax;
    if (key == "gres/gpu" || key.starts_with("gres/gpu:")) {
      field = &tres.accelerators;
      high = kTraceAcceleratorsMax;
      if (key.size() > 9) tres.type = name_from_trace(key.substr(9));
    }
    if (field != nullptr) {
      const auto number = parse_whole(value, 0, high);
      if (!number) {
        fail(part);
        return tres;
      }
      *field = std::max(*field, *number);  // gres/gpu and gres/gpu:TYPE say the same twice
    } else if (key == "mem") {
      const auto memory = parse_slurm_memory(value);
      if (!memory) {
        fail(part);
        return tres;
      }
      tres.memory = *memory;
    }
  }
  return tres;
}

TraceEnd end_of(std::string_view state) {
  if (state.starts_with("CANCELLED") || state.starts_with("TIMEOUT") ||
      state.starts_with("DEADLINE") || state.starts_with("PREEMPTED")) {
    return TraceEnd::kCancelled;
  }
  if (state.starts_with("FAILED") || state.starts_with("OUT_OF_MEMORY")) return TraceEnd::kFailed;
  // A node's failure was none of the job's: what is known of it is that it ran for so long.
  return TraceEnd::kCompleted;
}

class SacctReader {
 public:
  explicit SacctReader(const CsvTable& table)
      : table_(table), id_(table.has("JobID") ? "JobID" : "JobIDRaw") {}

  /// A row's job; without run time when it tells of none.
  TraceJob read(CsvRow& row) {
    TraceJob job;
    const auto submitted = time(row, "Submit");
    const auto started = time(row, "Start");
    const auto ended = time(row, "End");
    if (!submitted) {
      row.wrong("Submit", "expected a time, found none");
      return job;
    }
    job.submitted = *submitted;
    if (started && ended) {
      if (*ended < *started) row.wrong("End", "expected no time before Start");
      job.run_time = *ended - *started;
      // Otherwise a limit a quarter longer would not fit.
      if (job.run_time > kTraceSpanMax)
        row.wrong("End", "expected no more than a hundred years after Start, found more");
    }
    read_amounts(row, job);
    if (table_.has("Timelimit")) {
      const std::string text = row.text("Timelimit");
      const auto limit = parse_slurm_length(text);
      if (limit) {
        job.time_limit = *limit;
      } else {
        row.wrong("Timelimit", fmt::format("{}, found {}", limit.error().message, in_quotes(text)));
      }
    }
    if (table_.has("State")) job.end = end_of(row.text("State"));
    if (table_.has("Account")) job.tenant = name_from_trace(row.text("Account"));
    if (table_.has("User")) job.user = name_from_trace(row.text("User"));
    return job;
  }

  /// A step's row, or one that only continues a job: it asks for nothing of its own.
  [[nodiscard]] bool is_step(CsvRow& row) const {
    return row.text(id_).find('.') != std::string::npos;
  }

 private:
  static std::optional<Duration> time(CsvRow& row, std::string_view column) {
    const std::string text = row.text(column);
    const auto at = parse_slurm_time(text);
    if (at) return *at;
    row.wrong(column, fmt::format("{}, found {}", at.error().message, in_quotes(text)));
    return {};
  }

  void read_amounts(CsvRow& row, TraceJob& job) const {
    Tres tres;
    // What was asked, where it is told: an exclusive node gives more than that.
    if (table_.has("AllocTRES")) tres = read_tres(row, "AllocTRES");
    if (table_.has("ReqTRES")) {
      const Tres asked = read_tres(row, "ReqTRES");
      if (asked.accelerators > 0) tres.accelerators = asked.accelerators;
      if (asked.cpus > 0) tres.cpus = asked.cpus;
      if (asked.memory > Bytes(0)) tres.memory = asked.memory;
      if (tres.type.empty()) tres.type = asked.type;
    }
    if (tres.cpus == 0 && table_.has("NCPUS")) tres.cpus = row.whole_or_0("NCPUS", 0, kCpusMax);
    if (tres.nodes == 0 && table_.has("NNodes"))
      tres.nodes = row.whole_or_0("NNodes", 0, kNodesMax);
    job.accelerators = tres.accelerators * kWholeAccelerator;
    if (!tres.type.empty()) job.types.push_back(std::move(tres.type));
    job.cpus = tres.cpus * kWholeCpu;
    job.memory = tres.memory;
    job.nodes = static_cast<std::uint32_t>(tres.nodes);
    // Neither was told: nothing is known that could be run.
    if (tres.accelerators == 0 && tres.cpus == 0) job.run_time = Duration(0);
  }

  const CsvTable& table_;
  std::string id_;
};

}  // namespace

Result<TraceJobs> read_sacct_trace(const CsvTable& table) {
  std::vector<TraceJob> all;
  SacctReader reader(table);
  for (std::size_t i = 0; i < table.size(); ++i) {
    CsvRow row(table, i);
    const bool step = reader.is_step(row);
    TraceJob job = step ? TraceJob() : reader.read(row);
    if (!row.checked().ok()) return row.checked().error();
    if (step) continue;
    all.push_back(std::move(job));
  }
  return in_order_of_submission(std::move(all));
}

}  // namespace mw
