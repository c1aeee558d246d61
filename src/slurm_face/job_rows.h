// Jobs as Slurm's listings show them, whichever way they came in: one row a job, made of what the
// API says and of what the job carries with it (face_job.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "cli/api.h"
#include "model/job.h"
#include "slurm_face/face_job.h"

namespace mw::face {

struct JobRow {
  std::uint64_t id = 0;
  std::uint64_t record = 0;
  std::uint64_t array_count = 1;
  std::optional<std::uint32_t> array_task;  ///< as its user numbers it
  std::string name;
  std::string user;
  std::string account;
  std::string qos;
  JobState state = JobState::kPending;
  bool held = false;
  bool node_lost = false;          ///< how the last attempt ended
  std::string reason;              ///< Slurm's word for why it waits: "Resources"
  std::string waits;               ///< our sentence for it
  std::string detail;              ///< how the last attempt ended, in words
  std::vector<std::string> nodes;  ///< where it runs, or ran, in rank order
  std::uint64_t tasks = 1;
  std::uint64_t accelerators_milli = 0;
  std::uint64_t attempts = 0;
  std::uint64_t restarts = 0;
  std::string ended_as;  ///< Slurm's word for an earlier run's end; empty: it is the job itself
  std::int64_t priority = 0;
  Duration time_limit;
  Instant submitted;
  std::optional<Instant> started;
  std::optional<Instant> ended;
  std::optional<Instant> eligible;
  std::optional<Instant> deadline;
  std::string reservation;
  std::string workdir;
  std::vector<std::string> command;
  int exit_code = 0;
  int exit_signal = 0;
  FaceJob face;  ///< of a job that came another way: what can be told of it
  bool by_face = false;

  /// "17", or "17_3" for an element of an array.
  [[nodiscard]] std::string shown_id() const;
  [[nodiscard]] std::string state_word() const;   ///< "RUNNING"
  [[nodiscard]] std::string state_short() const;  ///< "R"
  [[nodiscard]] Duration run_time(Instant now) const;
  [[nodiscard]] std::uint64_t node_count() const;
  [[nodiscard]] std::uint64_t cpus() const;
  [[nodiscard]] FileNameFacts file_names() const;
};

JobRow job_row(const JsonView& view);

/// What the listing has to know besides the list; each is a request a job.
struct JobDetails {
  bool reasons = false;  ///< of those that wait
  bool ends = false;     ///< exit codes of jobs that have ended
  bool nodes = false;    ///< on which those ran
  bool times = false;    ///< of the last run, of those that ran several times
};
inline constexpr std::size_t kReasonsMax =
    200;  ///< beyond that a waiting job's reason is "Priority"

/// Jobs by the query of GET /v1/jobs, over as many pages as there are, at most `count_max`, newest
/// first.  Errors: those of the API.
Result<std::vector<JobRow>> list_jobs(Api& api, HttpFields query, JobDetails details,
                                      std::size_t count_max = 100'000);
/// Adds the details to one.
void add_details(Api& api, JobRow& row, JobDetails details);
/// A row for each run before the last one, oldest first: what came of it, where and when. Slurm
/// calls them duplicates.  Errors: those of the API.
Result<std::vector<JobRow>> earlier_runs(Api& api, const JobRow& row);

/// "17", "17_3", "17_[1-4]" or "17+": the ids of jobs as people write them, whole arrays as one.
struct JobName {
  std::uint64_t record = 0;
  std::optional<std::uint32_t> task;
};
/// Errors: kInvalid.
Result<std::vector<JobName>> parse_job_names(std::string_view text);
/// The rows that somebody means: all elements of a record without a task.
/// Errors: kNotFound.
Result<std::vector<JobRow>> find_jobs(Api& api, const JobName& name, JobDetails details);

/// "2026-11-22T04:42:08" in local time, as Slurm writes it; "Unknown" or what `none` says.
std::string slurm_time(std::optional<Instant> at, std::string_view none = "Unknown");

}  // namespace mw::face
