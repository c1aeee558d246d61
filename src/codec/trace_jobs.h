// Traces of jobs as others publish and keep them, checked and in our units, in one form: who asked
// when for how much, how long it ran, and how that ended. docs/workloads.md says what is made of
// each column. Rows that tell of no work (a job that never started) are left out and counted.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "base/time.h"
#include "codec/csv.h"

namespace mw {

enum class TraceFormat : std::uint8_t {
  kOpenb,    ///< list of pods of the openb traces, with its times
  kMuri,     ///< list of training jobs of the Muri traces
  kPhilly,   ///< Philly by virtual cluster, as PCS publishes it
  kSwf,      ///< Standard Workload Format of the Parallel Workloads Archive
  kAzure,    ///< requests to language models, as Azure publishes them
  kSacct,    ///< what `sacct --parsable2` prints, or `--parsable`
  kJournal,  ///< our own journal
};
template <>
struct EnumNames<TraceFormat> {
  static constexpr std::array<std::string_view, 7> value = {"openb", "muri",  "philly", "swf",
                                                            "azure", "sacct", "journal"};
};

/// The form of a file that begins so (its first kilobytes); nothing when it is none of these.
std::optional<TraceFormat> detect_trace_format(std::string_view beginning);

enum class TraceEnd : std::uint8_t { kCompleted, kFailed, kCancelled };

struct TraceJob {
  Duration submitted;  ///< since the first of the trace
  Duration run_time;
  TraceEnd end = TraceEnd::kCompleted;
  AcceleratorShare accelerators;   ///< of all tasks: whole ones, or less than one
  std::vector<std::string> types;  ///< of accelerators that will do; empty: any
  CpuShare cpus;                   ///< of all tasks; 0: not told
  Bytes memory;                    ///< the same
  std::uint32_t nodes = 0;         ///< it ran on; 0: not told
  Duration time_limit;             ///< 0: not told
  std::string tenant;              ///< a name, or empty
  std::string user;                ///< the same
  bool operator==(const TraceJob&) const = default;
};

struct TraceJobs {
  std::vector<TraceJob> jobs;  ///< in the order of submission
  std::size_t left_out = 0;    ///< rows without any work
};

/// Puts jobs into the order of submission, counted from the first; those without run time are left
/// out.
TraceJobs in_order_of_submission(std::vector<TraceJob> all);

/// submit_time (s), service (seconds times GPUs), num_jobs (GPUs of the gang).
Result<TraceJobs> read_philly_trace(const CsvTable& table);
/// As trace_training_jobs(); run time is iterations times the time of one.
Result<TraceJobs> read_muri_trace(const CsvTable& table);
/// As trace_pods(), with creation_time and deletion_time (s). A pod runs from one to the other.
Result<TraceJobs> read_openb_trace(const CsvTable& table);
/// JobID, Submit, Start and End are needed; AllocTRES, ReqTRES, NCPUS, NNodes, Timelimit, State,
/// Account, User and ElapsedRaw are used where they are. `table` was parsed with kSacctForm.
Result<TraceJobs> read_sacct_trace(const CsvTable& table);
inline constexpr CsvForm kSacctForm{.separator = '|', .quotes = true};
/// Comments begin with ';', and a job is a line of 18 numbers, -1 for what is not known. What it
/// calls processors are CPUs here.
Result<TraceJobs> read_swf_trace(std::string_view text, const std::string& file);

/// One request to a language model.
struct TraceRequest {
  Duration at;  ///< since the first
  std::int64_t context_tokens = 0;
  std::int64_t generated_tokens = 0;
  bool operator==(const TraceRequest&) const = default;
};
/// TIMESTAMP, ContextTokens, GeneratedTokens; in the order of time.
Result<std::vector<TraceRequest>> read_azure_trace(const CsvTable& table);

/// `text` as a name of ours: what may not stand in one becomes '_', and it is cut at
/// kNameLengthMax. Empty stays empty.
std::string name_from_trace(std::string_view text);

// Bounds, far over anything real and far from where sums would overflow.
inline constexpr Duration kTraceSpanMax = hours(std::int64_t{24} * 365 * 100);
inline constexpr std::int64_t kTraceAcceleratorsMax = 1'000'000;

}  // namespace mw
