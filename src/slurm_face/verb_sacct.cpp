// sacct: what became of jobs, from the journal. One line a job: what a script does by steps is its
// own affair, as sacct -X has it.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <ctime>

#include "cli/format.h"
#include "cli/home.h"
#include "slurm_face/columns.h"
#include "slurm_face/face.h"
#include "slurm_face/help.h"
#include "slurm_face/job_filter.h"
#include "slurm_face/values.h"

namespace mw::face {
namespace {

constexpr std::string_view kFields = "jobid,jobname,partition,account,alloccpus,state,exitcode";
constexpr std::string_view kBrief = "jobid,state,exitcode";

/// Of the times between which jobs are shown.
struct Span {
  Instant from;
  Instant to = Instant::never();
};

/// As parse_moment(), and "now-7days": what has been is asked for here, and nowhere else.
Result<Instant> parse_past(const std::string& text, Instant now) {
  constexpr std::string_view kBefore = "now-";
  if (!text.starts_with(kBefore)) return parse_moment(text, now);
  const auto after = parse_moment("now+" + text.substr(kBefore.size()), now);
  if (!after) return after.error();
  return now - (*after - now);
}

Result<Span> read_span(const GivenFlags& flags, Instant now) {
  Span span;
  if (flags.has("starttime")) {
    const auto at = parse_past(flags.value("starttime"), now);
    if (!at) return Error{ErrorCode::kInvalid, fmt::format("--starttime: {}", at.error().message)};
    span.from = *at;
  } else if (!flags.has("jobs")) {
    // As Slurm's own: today.
    const auto today = parse_moment("today", now);
    if (today) span.from = *today;
  }
  if (flags.has("endtime")) {
    const auto at = parse_past(flags.value("endtime"), now);
    if (!at) return Error{ErrorCode::kInvalid, fmt::format("--endtime: {}", at.error().message)};
    span.to = *at;
  }
  return span;
}

bool within(const JobRow& row, const Span& span) {
  return row.submitted <= span.to && (!row.ended || *row.ended >= span.from);
}

std::string parsable_text(const std::vector<Chosen<JobRow>>& chosen,
                          const std::vector<JobRow>& rows, Instant now, const GivenFlags& flags) {
  const std::string mark = flags.has("delimiter") ? flags.value("delimiter") : "|";
  const bool ends_with_mark = flags.has("parsable");
  std::string text;
  const auto line = [&](const auto& cell) {
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      text += (i == 0 ? "" : mark) + cell(*chosen[i].column);
    }
    text += (ends_with_mark ? mark : "") + "\n";
  };
  if (!flags.has("noheader")) line([](const auto& column) { return std::string(column.accounts); });
  for (const JobRow& row : rows) {
    line([&](const auto& column) { return printable(column.value(row, now)); });
  }
  return text;
}

std::string aligned_text(const std::vector<Chosen<JobRow>>& chosen, const std::vector<JobRow>& rows,
                         Instant now, bool header) {
  std::string text;
  const auto line = [&](const auto& cell) {
    for (const auto& one : chosen) {
      std::string shown = cell(one);
      // What is cut is seen to be cut.
      if (one.width > 0 && shown.size() > static_cast<std::size_t>(one.width)) {
        shown = shown.substr(0, static_cast<std::size_t>(one.width) - 1) + "+";
      }
      text += fit(shown, one.width, one.right) + " ";
    }
    text += '\n';
  };
  if (header) {
    line([](const auto& one) { return std::string(one.column->accounts); });
    line([](const auto& one) { return std::string(static_cast<std::size_t>(one.width), '-'); });
  }
  for (const JobRow& row : rows) {
    line([&](const auto& one) { return printable(one.column->value(row, now)); });
  }
  return text;
}

Result<std::vector<JobRow>> jobs_of(Api& api, const GivenFlags& flags, const Span& span) {
  std::vector<JobRow> rows;
  if (flags.has("jobs")) {
    const auto names = parse_job_names(flags.value("jobs"));
    if (!names) return names.error();
    for (const JobName& name : *names) {
      auto found = find_jobs(api, name, {});
      if (!found && found.error().code == ErrorCode::kNotFound) continue;  // as sacct: no line
      if (!found) return found.error();
      std::ranges::move(*found, std::back_inserter(rows));
    }
  } else {
    auto listed = list_jobs(api, {{"all", "1"}}, {});
    if (!listed) return listed.error();
    rows = std::move(*listed);
    std::erase_if(rows, [&](const JobRow& row) { return !within(row, span); });
    std::ranges::sort(rows, {}, &JobRow::id);
  }
  return rows;
}

/// What the filter leaves of them, with what is to be shown; each detail is a request, so what can
/// be judged without them is judged first.
Result<std::vector<JobRow>> with_details(Api& api, std::vector<JobRow> rows, JobDetails details,
                                         const JobFilter& filter, bool duplicates) {
  JobFilter first = filter;
  first.nodes.clear();
  if (duplicates) first.states.clear();
  details.nodes = details.nodes || !filter.nodes.empty();
  std::vector<JobRow> all;
  for (JobRow& row : rows) {
    if (!first.takes(row)) continue;
    if (duplicates) {
      auto earlier = earlier_runs(api, row);
      if (!earlier) return earlier.error();
      std::ranges::move(*earlier, std::back_inserter(all));
    }
    add_details(api, row, details);
    all.push_back(std::move(row));
  }
  std::erase_if(all, [&](const JobRow& row) { return !filter.takes(row); });
  return all;
}

int show_fields(const Call& call) {
  std::string text;
  for (const Column<JobRow>& column : job_columns()) {
    if (!column.accounts.empty()) text += fmt::format("{}\n", column.accounts);
  }
  call.console.out(text);
  return 0;
}

boost::json::array json_of(const std::vector<JobRow>& rows, Instant now) {
  boost::json::array all;
  for (const JobRow& row : rows) {
    boost::json::object one;
    for (const Column<JobRow>& column : job_columns()) {
      if (!column.accounts.empty()) one[column.accounts] = column.value(row, now);
    }
    all.push_back(std::move(one));
  }
  return all;
}

}  // namespace

int run_sacct(const Call& call) {
  auto flags = read_flags(flags_of("sacct"), call.arguments);
  if (!flags) return call.fail(flags.error());
  if (flags->has("help") || flags->has("usage") || flags->has("version")) {
    return show_listing_help(call, flags->has("version"));
  }
  if (flags->has("helpformat")) return show_fields(call);
  const Instant now = wall_clock();
  const auto span = read_span(*flags, now);
  if (!span) return call.fail(span.error());
  auto filter = read_filter(*flags);
  if (!filter) return call.fail(filter.error());
  // As Slurm's own: one's own jobs, unless others are asked for.
  if (filter->users.empty() && !flags->has("allusers") && !flags->has("jobs") && ::geteuid() != 0) {
    filter->users = {own_user()};
  }
  std::string format = flags->value("format");
  if (format.empty()) format = read_environment("SACCT_FORMAT");
  if (format.empty()) format = flags->has("brief") ? kBrief : kFields;
  const auto chosen = choose_by_names(job_columns(), format, NameStyle::kAccounts);
  if (!chosen) return call.fail(chosen.error());
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  JobDetails details = details_of(*chosen);
  if (flags->has("json")) details = {.ends = true, .nodes = true, .times = true};
  auto rows = jobs_of(connection->api, *flags, *span);
  if (!rows) return call.fail(rows.error());
  rows =
      with_details(connection->api, std::move(*rows), details, *filter, flags->has("duplicates"));
  if (!rows) return call.fail(rows.error());
  if (flags->has("json")) {
    call.console.out(
        pretty_json(boost::json::serialize(boost::json::object{{"jobs", json_of(*rows, now)}})));
  } else if (flags->has("parsable") || flags->has("parsable2")) {
    call.console.out(parsable_text(*chosen, *rows, now, *flags));
  } else {
    call.console.out(aligned_text(*chosen, *rows, now, !flags->has("noheader")));
  }
  return 0;
}

}  // namespace mw::face
