// The folder that a run leaves: jobs.csv (a row a job, written while the run goes on), ledger.csv,
// summary.json and report.html. Each file is written under a temporary name in the same folder and
// renamed when it is whole, so whoever looks sees an older run's file or a complete one, and never
// half of one. An interrupted run calls finish() with the report that it has by then.
// Files that no run of ours has written are never replaced.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "twin/run_report.h"

namespace mw {

/// A job that has ended, was refused, or is left when the run ends.
struct JobRow {
  std::uint64_t id = 0;
  std::string name;
  std::string tenant;
  double accelerators = 0;  ///< of an attempt; a part of one may be asked for
  std::uint64_t nodes = 0;
  Instant submitted;
  std::optional<Instant> started{};  ///< for the first time
  std::optional<Instant> ended{};
  Duration run;  ///< over all attempts
  std::uint64_t attempts = 0;
  double lost_accelerator_s = 0;
  std::string state;
  std::string site;  ///< of the last attempt; empty: none
};

/// The cells of `row`, and the line's end; times in seconds since `begin`.
std::string job_row_text(const JobRow& row, Instant begin);

/// `text` as a cell of RFC 4180: in quotes when it holds a comma, a quote or a line end.
std::string csv_cell(std::string_view text);

inline constexpr std::string_view kJobsHeader =
    "id,name,tenant,accelerators,nodes,submit_s,first_start_s,end_s,wait_s,run_s,attempts,"
    "lost_accelerator_s,state,site\r\n";
inline constexpr std::string_view kLedgerHeader = "time_h,category,accelerators\r\n";

/// A file that appears under its name only when it is whole.
class PendingFile;

class RunOutput {
 public:
  /// Makes the folder and those above it, and begins jobs.csv. `begin`: when the run begins.
  /// Errors: kInvalid when `folder` is a file, kConflict when it holds a file of one of our names
  /// that no run has written, kUnavailable with the system's reason; each names the file.
  static Result<RunOutput> open(const std::filesystem::path& folder, Instant begin);

  RunOutput(RunOutput&&) noexcept;
  RunOutput& operator=(RunOutput&&) noexcept;
  /// Without finish(), nothing of this run stays.
  ~RunOutput();

  /// Errors: kUnavailable, such as a full disk; the rows before are not lost to finish().
  Result<void> add(const JobRow& row);

  /// Writes the other files and shows all of them under their names, the report last.
  /// REQUIRES: was not called before.  Errors: as add(); the files of an older run then stay.
  Result<void> finish(const RunReport& report);

 private:
  RunOutput(std::filesystem::path folder, Instant begin, std::unique_ptr<PendingFile> jobs);

  std::filesystem::path folder_;
  Instant begin_;
  std::unique_ptr<PendingFile> jobs_;
};

/// Makes `folder` and those above it.
/// Errors: kInvalid when it is a file, kUnavailable with the system's reason.
Result<void> make_output_folder(const std::filesystem::path& folder);

/// Writes one file so that it appears whole or not at all, in place of an older one of ours, which
/// begins with `begin`.  Errors: kConflict when another file is there; kUnavailable.
Result<void> replace_own_file(const std::filesystem::path& path, std::string_view begin,
                              std::string_view text);

/// ledger.csv: a line an interval and category.
std::string ledger_csv(const RunReport& report);

}  // namespace mw
