#include "twin/run_output.h"

#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>
#include <vector>

#include "base/check.h"
#include "twin/pending_file.h"
#include "twin/report_html.h"
#include "twin/run_report_json.h"

namespace mw {
namespace {

namespace fs = std::filesystem;

/// A file of ours, and how each of that name begins that a run has written.
struct OwnFile {
  const char* name;
  std::string_view begin;
};
constexpr auto kOwnFiles = std::to_array<OwnFile>({{"jobs.csv", kJobsHeader},
                                                   {"ledger.csv", kLedgerHeader},
                                                   {"summary.json", kSummaryBegin},
                                                   {"report.html", kPageBegin}});

Result<void> check_own(const fs::path& path, std::string_view begin) {
  std::error_code failure;
  const fs::file_status status = fs::symlink_status(path, failure);
  if (status.type() == fs::file_type::not_found) return {};
  std::ifstream file(path, std::ios::binary);
  std::string found(begin.size(), '\0');
  file.read(found.data(), static_cast<std::streamsize>(found.size()));
  if (fs::is_regular_file(status) && file.gcount() == static_cast<std::streamsize>(begin.size()) &&
      found == begin)
    return {};
  return Error{ErrorCode::kConflict,
               fmt::format("{} is not from a simulation and would be overwritten: give another "
                           "folder, or move the file away",
                           path.string())};
}

/// Seconds without the zeros at the end: "12.5".
std::string seconds_text(std::int64_t ns) {
  const bool negative = ns < 0;
  const std::uint64_t ms = (static_cast<std::uint64_t>(negative ? -ns : ns) + 500'000) / 1'000'000;
  std::string text = fmt::format("{}{}", negative && ms != 0 ? "-" : "", ms / 1000);
  if (ms % 1000 == 0) return text;
  text += fmt::format(".{:03}", ms % 1000);
  text.erase(text.find_last_not_of('0') + 1);
  return text;
}

}  // namespace

std::string csv_cell(std::string_view text) {
  if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string cell = "\"";
  for (const char c : text) {
    if (c == '"') cell += '"';
    cell += c;
  }
  return cell + '"';
}

std::string job_row_text(const JobRow& row, Instant begin) {
  const auto since = [](Instant at, Instant from) { return seconds_text((at - from).count()); };
  return fmt::format(
      "{},{},{},{:.6g},{},{},{},{},{},{},{},{:.6g},{},{}\r\n", row.id, csv_cell(row.name),
      csv_cell(row.tenant), row.accelerators, row.nodes, since(row.submitted, begin),
      row.started ? since(*row.started, begin) : "", row.ended ? since(*row.ended, begin) : "",
      row.started ? since(*row.started, row.submitted) : "", seconds_text(row.run.count()),
      row.attempts, row.lost_accelerator_s, csv_cell(row.state), csv_cell(row.site));
}

std::string ledger_csv(const RunReport& report) {
  std::string text(kLedgerHeader);
  for (std::size_t i = 0; i < report.time_h.size(); ++i) {
    for (const Series& series : report.ledger_series) {
      fmt::format_to(std::back_inserter(text), "{:.10g},{},{:.10g}\r\n", report.time_h[i],
                     csv_cell(series.name), series.values[i]);
    }
  }
  return text;
}

RunOutput::RunOutput(fs::path folder, Instant begin, std::unique_ptr<PendingFile> jobs)
    : folder_(std::move(folder)), begin_(begin), jobs_(std::move(jobs)) {}
RunOutput::RunOutput(RunOutput&&) noexcept = default;
RunOutput& RunOutput::operator=(RunOutput&&) noexcept = default;
RunOutput::~RunOutput() = default;

Result<RunOutput> RunOutput::open(const fs::path& folder, Instant begin) {
  if (auto made = make_output_folder(folder); !made) return made.error();
  for (const OwnFile& own : kOwnFiles) {
    if (auto ours = check_own(folder / own.name, own.begin); !ours) return ours.error();
  }
  auto jobs = PendingFile::open(folder / "jobs.csv");
  if (!jobs) return jobs.error();
  if (auto written = (*jobs)->write(kJobsHeader); !written) return written.error();
  return RunOutput(folder, begin, std::move(*jobs));
}

Result<void> RunOutput::add(const JobRow& row) { return jobs_->write(job_row_text(row, begin_)); }

Result<void> RunOutput::finish(const RunReport& report) {
  MW_CHECK(jobs_ != nullptr);
  std::vector<std::unique_ptr<PendingFile>> files;
  files.push_back(std::move(jobs_));
  for (const auto& [name, text] :
       {std::pair<const char*, std::string>("ledger.csv", ledger_csv(report)),
        std::pair<const char*, std::string>("summary.json", write_run_report(report)),
        std::pair<const char*, std::string>("report.html", report_html(report))}) {
    auto file = PendingFile::open(folder_ / name);
    if (!file) return file.error();
    if (auto written = (*file)->write(text); !written) return written;
    files.push_back(std::move(*file));
  }
  // All are whole before the first one shows, so that a full disk leaves the older run's files.
  for (const auto& file : files) {
    if (auto closed = file->close(); !closed) return closed;
  }
  for (const auto& file : files) {
    if (auto shown = file->show(); !shown) return shown;
  }
  return {};
}

Result<void> make_output_folder(const fs::path& folder) {
  std::error_code failure;
  if (fs::exists(folder, failure) && !fs::is_directory(folder, failure))
    return Error{
        ErrorCode::kInvalid,
        fmt::format("{} is a file; expected a folder, or a name that is free", folder.string())};
  fs::create_directories(folder, failure);
  if (failure)
    return Error{ErrorCode::kUnavailable, fmt::format("{}: the folder cannot be made: {}",
                                                      folder.string(), failure.message())};
  return {};
}

Result<void> replace_own_file(const fs::path& path, std::string_view begin, std::string_view text) {
  if (auto ours = check_own(path, begin); !ours) return ours;
  auto file = PendingFile::open(path);
  if (!file) return file.error();
  if (auto written = (*file)->write(text); !written) return written;
  if (auto closed = (*file)->close(); !closed) return closed;
  return (*file)->show();
}

}  // namespace mw
