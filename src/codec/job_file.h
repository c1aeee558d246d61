// Job files: YAML (and so JSON) in, a validated JobSpec out. This is the only place where a job
// file is judged: whatever comes out may be handed to the core. A message names the file, the line
// and the column, what was found and what is allowed; all problems are reported at once, so that
// a file is mended in one go. docs/reference/job-file.md describes each key.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/job.h"

namespace mw {

struct YamlNode;

/// A value that replaces, or adds, what the file says. `value` is read as it would be in the file.
struct JobFileOverride {
  std::string key;  ///< "tasks", "resources.cpus", "environment.NAME", ...
  std::string value;
  std::string source;  ///< who says so, for messages: "--tasks", "query parameter name"
};

struct JobFileContext {
  std::string source_name{};  ///< for messages: the file's name; empty: only line and column
  std::string
      default_workdir{};  ///< absolute: what a missing or relative workdir means; empty: none
  std::string user{};     ///< taken as it is
  std::vector<JobFileOverride> overrides{};  ///< applied in order before anything is judged
  /// Replaces `command` and `script` when not empty: `mw submit -- COMMAND...`.
  std::vector<std::string> command{};
};

/// Reads one job file.
/// Errors: kTooLarge for more than kJobFileBytesMax; kInvalid with one line a problem, each
///         `FILE:LINE:COLUMN: key: expected ..., found ...`.
/// Cost:   O(size); anchors, aliases, tags and more than one document are refused.
Result<JobSpec> parse_job_file(std::string_view text, const JobFileContext& context);

/// The same of a document that was read as a part of something larger.
Result<JobSpec> read_job_file(YamlNode document, const JobFileContext& context);

/// All job files of a text, "---" between them. `overrides` and `command` are for each of them.
/// Errors: as parse_job_file, with the problems of all of them; kInvalid for more than
///         kBatchJobsMax.
Result<std::vector<JobSpec>> parse_job_files(std::string_view text, const JobFileContext& context);

/// Many jobs in one request. Each stands for itself: what is wrong with one is no other's concern.
struct JobBatch {
  std::vector<Result<JobSpec>> jobs;
  std::vector<std::string> keys;  ///< one a job, or none at all
};

/// Reads `{"jobs": [JOB, ...], "keys": [TEXT, ...]}`, as YAML or JSON; `keys` may be missing.
/// Errors: kTooLarge, kInvalid: when it is no batch, or has more than kBatchJobsMax jobs.
Result<JobBatch> parse_job_batch(std::string_view text, const JobFileContext& context);

/// The job file (JSON) that gives `spec` back, whatever the context's defaults; `user` is not in
/// it.
std::string write_job_file(const JobSpec& spec);

// Bounds of what a job may ask; the messages and the reference name them.
inline constexpr std::size_t kJobFileBytesMax = std::size_t{1} << 20;
inline constexpr std::size_t kBatchJobsMax = 1'000;
inline constexpr std::size_t kBatchBytesMax = std::size_t{4} << 20;
inline constexpr std::int64_t kTasksMax = 1'000'000;
inline constexpr std::int64_t kArrayMax = 1'000'000;
inline constexpr std::int64_t kAcceleratorsPerTaskMax = 1'000;
inline constexpr std::int64_t kCpusPerTaskMax = 10'000;
inline constexpr std::int64_t kPriorityMax = 1'000'000;
inline constexpr std::int64_t kRestartLimitMax = 1'000'000;
inline constexpr Bytes kMemoryPerTaskMax{std::int64_t{1} << 60};
inline constexpr Duration kTimeLimitMax = hours(24 * 3650);
inline constexpr Duration kGraceMax = hours(24);
inline constexpr Duration kRestartDelayMax = hours(24 * 7);
/// Of all arguments together, and of all variables, their ends included. Linux takes no single
/// argument of more than 128 KiB (MAX_ARG_STRLEN), so a script cannot be larger either.
inline constexpr std::size_t kCommandBytesMax = std::size_t{128} << 10;
inline constexpr std::size_t kEnvironmentBytesMax = std::size_t{128} << 10;
inline constexpr std::size_t kPathLengthMax = 4095;

}  // namespace mw
