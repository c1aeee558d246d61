// squeue: the jobs that wait and run.
#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "cli/format.h"
#include "cli/home.h"
#include "codec/hostlist.h"
#include "slurm_face/columns.h"
#include "slurm_face/face.h"
#include "slurm_face/help.h"
#include "slurm_face/job_filter.h"

namespace mw::face {
namespace {

constexpr std::string_view kFormat = "%.18i %.9P %.8j %.8u %.2t %.10M %.6D %R";
constexpr std::string_view kLongFormat = "%.18i %.9P %.8j %.8u %.8T %.10M %.9l %.6D %R";

/// What `squeue --json` of Slurm calls it; times are seconds since the epoch.
boost::json::object job_json(const JobRow& row, Instant now) {
  const auto moment = [](std::optional<Instant> at) {
    return at ? at->count() / seconds(1).count() : 0;
  };
  return {{"job_id", row.id},
          {"array_job_id", row.array_task ? row.record : 0},
          {"array_task_id",
           row.array_task ? boost::json::value(*row.array_task) : boost::json::value(nullptr)},
          {"name", row.name},
          {"user_name", row.user},
          {"account", row.account},
          {"partition", row.face.partition},
          {"qos", row.qos},
          {"comment", row.face.comment},
          {"job_state", row.state_word()},
          {"state_reason", row.reason},
          {"state_description", row.waits},
          {"node_count", row.node_count()},
          {"nodes", slurm::compress_hostlist(row.nodes)},
          {"cpus", row.cpus()},
          {"tasks", row.face.tasks},
          {"time_limit", row.time_limit.count() / minutes(1).count()},
          {"run_time", row.run_time(now).count() / seconds(1).count()},
          {"submit_time", moment(row.submitted)},
          {"eligible_time", moment(row.eligible)},
          {"start_time", moment(row.started)},
          {"end_time", moment(row.ended)},
          {"priority", row.priority},
          {"hold", row.held},
          {"command", row.face.command},
          {"current_working_directory", row.workdir},
          {"standard_output", expand_file_name(row.face.output, row.file_names())},
          {"standard_error", expand_file_name(row.face.error, row.file_names())}};
}

/// A number that names no job is told, and does not keep the others from being shown.
Result<std::vector<JobRow>> jobs_of(const Call& call, const GivenFlags& flags, Api& api,
                                    const JobFilter& filter, JobDetails details, int& code) {
  std::vector<JobRow> rows;
  if (flags.has("jobs") && !flags.value("jobs").empty()) {
    const auto names = parse_job_names(flags.value("jobs"));
    if (!names) return names.error();
    for (const JobName& name : *names) {
      auto found = find_jobs(api, name, details);
      if (!found && found.error().code == ErrorCode::kNotFound) {
        code = call.fail(found.error());
        continue;
      }
      if (!found) return found.error();
      std::ranges::move(*found, std::back_inserter(rows));
    }
    if (!flags.has("states"))
      std::erase_if(rows, [](const JobRow& row) { return is_final(row.state); });
  } else {
    HttpFields query;
    // Unless states are asked for, those that have ended are none of its business.
    if (!flags.has("states")) query.emplace_back("state", "pending,starting,running,stopping");
    auto listed = list_jobs(api, query, details);
    if (!listed) return listed.error();
    rows = std::move(*listed);
  }
  std::erase_if(rows, [&](const JobRow& row) { return !filter.takes(row); });
  // What waits first, as Slurm shows it; within, the newest last.
  std::ranges::stable_sort(rows, [](const JobRow& a, const JobRow& b) {
    return std::pair(a.state != JobState::kPending, a.id) <
           std::pair(b.state != JobState::kPending, b.id);
  });
  return rows;
}

}  // namespace

int run_squeue(const Call& call) {
  const auto flags = read_flags(flags_of("squeue"), call.arguments);
  if (!flags) return call.fail(flags.error());
  if (flags->has("help") || flags->has("usage") || flags->has("version")) {
    return show_listing_help(call, flags->has("version"));
  }
  if (!flags->arguments.empty()) {
    return call.fail(fmt::format("unrecognized option: {}", flags->arguments.front()));
  }
  const auto filter = read_filter(*flags);
  if (!filter) return call.fail(filter.error());
  std::string format = flags->value("format");
  if (format.empty()) format = read_environment("SQUEUE_FORMAT");
  if (format.empty()) format = flags->has("long") ? kLongFormat : kFormat;
  std::string names = flags->value("Format");
  if (names.empty() && !flags->has("format")) names = read_environment("SQUEUE_FORMAT2");
  const auto chosen = !names.empty() ? choose_by_names(job_columns(), names, NameStyle::kLong)
                                     : choose_by_letters(job_columns(), format);
  if (!chosen) return call.fail(chosen.error());
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  JobDetails details = details_of(*chosen);
  details.ends = false;
  details.reasons = details.reasons || flags->has("json");
  int code = 0;
  const auto rows = jobs_of(call, *flags, connection->api, *filter, details, code);
  if (!rows) return call.fail(rows.error());
  const Instant now = wall_clock();
  if (flags->has("json")) {
    boost::json::array all;
    for (const JobRow& row : *rows) all.push_back(job_json(row, now));
    call.console.out(
        pretty_json(boost::json::serialize(boost::json::object{{"jobs", std::move(all)}})));
    return code;
  }
  call.console.out(table_text(*chosen, *rows, now, !flags->has("noheader")));
  return code;
}

}  // namespace mw::face
