#include "slurm_face/job_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <map>

#include "codec/units.h"
#include "slurm_face/job_runs.h"
#include "slurm_face/values.h"

namespace mw::face {
namespace {

constexpr std::string_view kPage = "1000";

struct StateWord {
  std::string_view word;
  std::string_view brief;
};
/// In the order of JobState.
constexpr std::array<StateWord, 8> kStates = {{{"PENDING", "PD"},
                                               {"CONFIGURING", "CF"},
                                               {"RUNNING", "R"},
                                               {"COMPLETING", "CG"},
                                               {"COMPLETED", "CD"},
                                               {"FAILED", "F"},
                                               {"CANCELLED", "CA"},
                                               {"TIMEOUT", "TO"}}};

std::string reason_word(std::string_view kind) {
  static const std::map<std::string_view, std::string_view> words = {
      {"held", "JobHeldUser"},
      {"awaits_time", "BeginTime"},
      {"waits_to_restart", "BeginTime"},
      {"awaits_jobs", "Dependency"},
      {"over_quota", "AssocGrpGRES"},
      {"kept_for_others", "Priority"},
      {"not_yet_considered", "Priority"},
      {"awaits_reservation", "Reservation"},
      {"kept_by_reservation", "ReqNodeNotAvail"},
      {"reservation_ends_first", "Reservation"},
      {"reservation_too_small", "Reservation"},
      {"fleet_too_small", "BadConstraints"},
      {"no_such_accelerator", "BadConstraints"},
      {"no_such_site", "BadConstraints"},
  };
  const auto found = words.find(kind);
  return std::string(found == words.end() ? "Resources" : found->second);
}

/// Of an array's text. Elements of one array are listed together, so the last one is kept: to
/// expand it anew for each would be quadratic.  REQUIRES: one thread, as the commands are.
const std::vector<std::uint32_t>& elements_of(const std::string& text) {
  static std::string last;
  static std::vector<std::uint32_t> elements;
  if (text != last) {
    const auto array = parse_array(text);
    elements = array ? array->elements : std::vector<std::uint32_t>();
    last = text;
  }
  return elements;
}

/// Where in its array the element is that the user numbers so.  `array`: any element's row.
std::optional<std::uint64_t> place_in_array(const JobRow& array, std::uint32_t task) {
  if (!array.by_face) return task;
  const auto& elements = elements_of(array.face.array);
  const auto found = std::ranges::find(elements, task);
  if (found == elements.end()) return {};
  return static_cast<std::uint64_t>(found - elements.begin());
}

void put_run(JobRow& row, const JobRun& run) {
  row.started = run.began;
  if (run.ended) row.ended = run.ended;
  row.nodes = run.nodes;
}

}  // namespace

std::string JobRow::shown_id() const {
  return array_task ? fmt::format("{}_{}", record, *array_task) : std::to_string(id);
}
std::string JobRow::state_word() const {
  if (!ended_as.empty()) return ended_as;
  if (state == JobState::kFailed && node_lost) return "NODE_FAIL";
  return std::string(kStates[static_cast<std::size_t>(state)].word);
}
std::string JobRow::state_short() const {
  if (state == JobState::kFailed && node_lost) return "NF";
  return std::string(kStates[static_cast<std::size_t>(state)].brief);
}
Duration JobRow::run_time(Instant now) const {
  if (!started || state == JobState::kPending) return {};
  return ended.value_or(now) - *started;
}
std::uint64_t JobRow::node_count() const {
  if (!nodes.empty()) return nodes.size();
  return std::max<std::uint64_t>(face.nodes, 1);
}
std::uint64_t JobRow::cpus() const { return std::uint64_t{face.seats} * face.seat_cpus; }

FileNameFacts JobRow::file_names() const {
  FileNameFacts facts;
  facts.job = id;
  facts.array_job = array_task ? record : 0;
  facts.array_task = array_task;
  facts.host = nodes.empty() ? "" : nodes.front();
  facts.user = user;
  facts.job_name = face.name;
  return facts;
}

JobRow job_row(const JsonView& view) {
  JobRow row;
  const auto number = [&view](std::string_view key) {
    return static_cast<std::uint64_t>(view[key].integer());
  };
  row.id = number("id");
  row.record = number("record");
  row.array_count = number("array_count");
  row.name = view["name"].text();
  row.user = view["user"].text();
  row.account = view["tenant"].text();
  row.qos = view["priority_class"].text();
  row.state = enum_from_name<JobState>(view["state"].text()).value_or(JobState::kPending);
  row.held = view["held"].flag();
  row.node_lost = view["last_end"].text() == "node_lost";
  row.waits = view["pending_text"].text();
  row.detail = view["last_detail"].text();
  for (const auto& node : view["attempt"]["nodes"].list()) {
    row.nodes.push_back(JsonView(node)["name"].text());
  }
  row.tasks = number("tasks");
  row.accelerators_milli = number("accelerators_milli");
  row.attempts = number("attempts");
  row.restarts = number("restarts");
  row.priority = view["priority"].integer();
  row.time_limit = Duration(view["time_limit_ns"].integer());
  row.submitted = view["submitted_at_ns"].instant().value_or(Instant());
  // The job's own is of its first run: what it waited since then is not charged.
  row.started = view["attempt"]["placed_at_ns"].instant();
  if (!row.started) row.started = view["started_at_ns"].instant();
  row.ended = view["finished_at_ns"].instant();
  row.eligible = view["not_before_ns"].instant();
  row.deadline = view["deadline_ns"].instant();
  row.reservation = view["reservation"].text();
  row.workdir = view["workdir"].text();
  for (const auto& word : view["command"].list()) row.command.push_back(JsonView(word).text());
  const std::uint64_t index = number("array_index");
  const bool is_array = row.array_count > 1;
  if (auto face = face_job_of(row.command)) {
    row.face = std::move(*face);
    row.by_face = true;
    row.name = row.face.name;
    const auto& elements = elements_of(row.face.array);
    if (index < elements.size()) row.array_task = elements[index];
  } else {
    row.face.name = row.name;
    row.face.tasks = row.face.seats = static_cast<std::uint32_t>(row.tasks);
    row.face.nodes = static_cast<std::uint32_t>(number("nodes_wanted"));
    row.face.command = row.command.empty() ? "" : row.command.front();
    row.face.partition = view["accelerator_type"].text();
    if (is_array) row.array_task = static_cast<std::uint32_t>(index);
  }
  row.reason = row.held ? "JobHeldUser" : row.state == JobState::kPending ? "Priority" : "None";
  return row;
}

void add_details(Api& api, JobRow& row, JobDetails details) {
  if (details.reasons && row.state == JobState::kPending && !row.held) {
    const auto why = api.get(fmt::format("/v1/jobs/{}/why", row.id));
    if (why) row.reason = reason_word(why->view()["reason"]["kind"].text());
  }
  if (!is_final(row.state)) return;
  const bool end = details.ends && row.state != JobState::kSucceeded;
  const bool run = row.attempts > 0 && (details.nodes || (details.times && row.attempts > 1));
  if (!end && !run) return;
  const auto read = runs_of(api, row.id);
  const auto runs = read ? *read : std::vector<JobRun>();
  if (!runs.empty()) put_run(row, runs.back());
  if (!end) return;
  const auto script = script_end(runs, row.id, row.face.spool)
                          .value_or(ScriptEnd{row.state == JobState::kFailed ? 1 : 0, 0});
  row.exit_code = script.exit_code;
  row.exit_signal = script.signal;
}

Result<std::vector<JobRow>> earlier_runs(Api& api, const JobRow& row) {
  std::vector<JobRow> rows;
  if (row.attempts < 2) return rows;
  const auto runs = runs_of(api, row.id);
  if (!runs) return runs.error();
  // One that waits to start again has none that is the job itself.
  const std::size_t earlier = runs->size() - (row.state == JobState::kPending ? 0 : 1);
  for (std::size_t i = 0; i < std::min(earlier, runs->size()); ++i) {
    const JobRun& run = (*runs)[i];
    JobRow& one = rows.emplace_back(row);
    put_run(one, run);
    one.state = JobState::kFailed;
    one.ended_as = run_word(run);
    const ScriptEnd end = run.end.value_or(ScriptEnd());
    one.exit_code = end.exit_code;
    one.exit_signal = end.signal;
  }
  return rows;
}

Result<std::vector<JobRow>> list_jobs(Api& api, HttpFields query, JobDetails details,
                                      std::size_t count_max) {
  std::vector<JobRow> rows;
  query.emplace_back("limit", std::string(kPage));
  std::size_t asked = 0;
  for (std::string before; rows.size() < count_max;) {
    HttpFields page_query = query;
    if (!before.empty()) page_query.emplace_back("before", before);
    const auto page = api.get("/v1/jobs", page_query);
    if (!page) return page.error();
    const auto& jobs = page->view()["jobs"].list();
    for (const auto& job : jobs) {
      rows.push_back(job_row(JsonView(job)));
      JobDetails wanted = details;
      wanted.reasons = details.reasons && asked < kReasonsMax;
      if (wanted.reasons && rows.back().state == JobState::kPending) ++asked;
      add_details(api, rows.back(), wanted);
    }
    const JsonView next = page->view()["next"];
    if (!next.present()) break;
    before = std::to_string(next.integer());
  }
  return rows;
}

Result<std::vector<JobName>> parse_job_names(std::string_view text) {
  const Error wrong{ErrorCode::kInvalid,
                    fmt::format("invalid job id {}; expected a number such as 17, or 17_3 for an "
                                "element of an array",
                                in_quotes(text))};
  std::vector<JobName> names;
  // Commas inside of brackets are between elements.
  for (std::size_t begin = 0; begin <= text.size();) {
    std::size_t end = begin;
    for (int depth = 0; end < text.size() && (depth > 0 || text[end] != ','); ++end) {
      depth += text[end] == '[' ? 1 : text[end] == ']' ? -1 : 0;
    }
    const std::string_view word = text.substr(begin, end - begin);
    begin = end + 1;
    const std::size_t under = word.find('_');
    JobName name;
    const std::string_view number = word.substr(0, under);
    const auto read = std::from_chars(number.data(), number.data() + number.size(), name.record);
    if (read.ec != std::errc() || read.ptr != number.data() + number.size()) return wrong;
    if (under == std::string_view::npos) {
      names.push_back(name);
      continue;
    }
    const auto tasks = parse_array(word.substr(under + 1));
    if (!tasks) return wrong;
    for (const std::uint32_t task : tasks->elements) names.push_back({name.record, task});
  }
  return names;
}

Result<std::vector<JobRow>> find_jobs(Api& api, const JobName& name, JobDetails details) {
  const auto first = api.get(fmt::format("/v1/jobs/{}", name.record));
  if (!first) {
    return Error{first.error().code, first.error().code == ErrorCode::kNotFound
                                         ? fmt::format("invalid job id specified: {}", name.record)
                                         : first.error().message};
  }
  std::vector<JobRow> rows = {job_row(first->view())};
  if (rows[0].record == rows[0].id && rows[0].array_count > 1) {
    const std::uint64_t count = rows[0].array_count;
    const auto wanted = name.task ? place_in_array(rows[0], *name.task) : std::nullopt;
    for (std::uint64_t i = 1; i < count; ++i) {
      if (name.task && i != wanted) continue;  // each is a request
      const auto one = api.get(fmt::format("/v1/jobs/{}", name.record + i));
      if (!one) return one.error();
      rows.push_back(job_row(one->view()));
    }
  }
  if (name.task) {
    std::erase_if(rows, [&](const JobRow& row) { return row.array_task != name.task; });
    if (rows.empty()) {
      return Error{ErrorCode::kNotFound,
                   fmt::format("invalid job id specified: {}_{}", name.record, *name.task)};
    }
  }
  for (JobRow& row : rows) add_details(api, row, details);
  return rows;
}

std::string slurm_time(std::optional<Instant> at, std::string_view none) {
  if (!at || *at == Instant()) return std::string(none);
  const std::time_t seconds_since = at->count() / seconds(1).count();
  std::tm day{};
  ::localtime_r(&seconds_since, &day);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}", day.tm_year + 1900, day.tm_mon + 1,
                     day.tm_mday, day.tm_hour, day.tm_min, day.tm_sec);
}

}  // namespace mw::face
