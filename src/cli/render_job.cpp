#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>

#include "cli/format.h"
#include "cli/render.h"
#include "cli/table.h"
#include "codec/text.h"
#include "model/gang.h"

namespace mw {
namespace {

constexpr double kSecondsShown = 0.05;  // less would be shown as 0.0

std::string number_text(const JsonView& value) {
  return value.present() ? std::to_string(value.integer()) : std::string();
}

std::string accelerators_text(const JsonView& job) {
  std::string text = share_text(AcceleratorShare(job["accelerators_milli"].integer()));
  const std::string type = job["accelerator_type"].text();
  if (!type.empty()) text += " " + type;
  return text;
}

/// How long it ran, runs, or has been waiting.
std::string age_text(const JsonView& job, Instant now) {
  const auto started = job["started_at_ns"].instant();
  const auto finished = job["finished_at_ns"].instant();
  if (started) return duration_text(finished.value_or(now) - *started);
  if (finished) return "-";
  const auto submitted = job["submitted_at_ns"].instant();
  return submitted ? "waits " + duration_text(now - *submitted) : std::string();
}

std::string node_names(const JsonView& job) {
  std::string names;
  for (const auto& node : job["attempt"]["nodes"].list()) {
    names += (names.empty() ? "" : ",") + JsonView(node)["name"].text();
  }
  return names;
}

/// How its last attempt ended, in words; empty when all went well.
std::string end_text(const JsonView& job) {
  std::string detail = job["last_detail"].text();
  std::string end = job["last_end"].text();
  std::ranges::replace(end, '_', ' ');
  // What the state says already.
  if (end == "completed" || end == "cancelled" || end == "time limit") return detail;
  return detail.empty() || end.empty() ? end + detail : end + ": " + detail;
}

/// What to know about it besides its state, in a few words.
std::string note_of(const JsonView& job) {
  return job["pending_text"].present() ? job["pending_text"].text() : end_text(job);
}

std::string restarts_text(const JsonView& job) {
  return job["restarts"].present()
             ? fmt::format("{} of {}", job["restarts"].integer(), job["restart_limit"].integer())
             : std::string();
}

std::string moment(const JsonView& value, Instant now) {
  const auto at = value.instant();
  return at ? fmt::format("{} ({})", clock_text(*at), ago_text(*at, now)) : std::string();
}

/// A word as a shell would have to be told it, so that a command can be copied.
std::string shell_word(const std::string& word) {
  constexpr std::string_view plain =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_@%+=:,./-";
  if (!word.empty() && word.find_first_not_of(plain) == std::string::npos) return word;
  std::string out = "'";
  for (const char c : word) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
  return out + "'";
}

std::string command_text(const JsonView& job) {
  std::string text;
  for (const auto& word : job["command"].list())
    text += (text.empty() ? "" : " ") + shell_word(JsonView(word).text());
  return text;
}

std::string usage_text(const JsonView& usage) {
  struct Part {
    std::string_view key;
    std::string_view name;
  };
  constexpr std::array<Part, 4> parts = {{{"productive_accelerator_s", "productive"},
                                          {"starting_accelerator_s", "starting"},
                                          {"checkpointing_accelerator_s", "checkpointing"},
                                          {"lost_work_accelerator_s", "lost work"}}};
  std::string out;
  for (const Part& part : parts) {
    const double seconds = usage[part.key].real();
    if (seconds < kSecondsShown) continue;
    out += fmt::format("{}{} {}", out.empty() ? "" : ", ", part.name,
                       accelerator_seconds_text(seconds));
  }
  return out.empty() ? "nothing yet" : out + " of accelerators";
}

std::string attempt_nodes(const JsonView& attempt) {
  std::string out;
  for (const auto& element : attempt["nodes"].list()) {
    const JsonView node(element);
    const std::int64_t first = node["first_rank"].integer();
    const std::int64_t tasks = node["tasks"].integer(1);
    std::string devices;
    for (const auto& device : node["devices"].list()) {
      devices += (devices.empty() ? "" : ",") + std::to_string(JsonView(device).integer());
    }
    const std::string ranks = tasks == 1 ? fmt::format("rank {}", first)
                                         : fmt::format("ranks {}-{}", first, first + tasks - 1);
    out += fmt::format("{}{} ({}{})", out.empty() ? "" : ", ", node["name"].text(), ranks,
                       devices.empty() ? "" : "; devices " + devices);
  }
  return out;
}

/// "each 12m of work, 5.2 s a checkpoint; best each 3m, which loses 2.1 % instead of 4.0 %"
std::string saving_text(const JsonView& saving) {
  if (!saving["best_interval_s"].present()) return {};
  const auto length = [&](const char* field) {
    return duration_text(milliseconds(static_cast<std::int64_t>(saving[field].real() * 1000)));
  };
  std::string text = "a checkpoint takes " + length("cost_s");
  if (saving["interval_s"].present()) text += ", after each " + length("interval_s") + " of work";
  text += "; best after each " + length("best_interval_s") +
          fmt::format(", which loses {:.2f} %", saving["best_loss_percent"].real());
  if (saving["loss_percent"].present()) {
    text += fmt::format(" instead of {:.2f} %", saving["loss_percent"].real());
  }
  return text;
}

std::string checkpoint_text(const JsonView& checkpoint) {
  if (!checkpoint.present()) return {};
  return fmt::format("step {}  {}", checkpoint["step"].integer(), checkpoint["path"].text());
}

std::string state_text(const JsonView& job) {
  const std::string state = job["state"].text();
  return job["held"].flag() && state == "pending" ? "pending (held)" : state;
}

}  // namespace

std::string job_label(const JsonView& job) {
  if (job["array_count"].integer(1) <= 1) return std::to_string(job["id"].integer());
  return fmt::format("{}[{}]", job["record"].integer(), job["array_index"].integer());
}

Colour colour_of_state(std::string_view state) {
  if (state == "running") return Colour::kGreen;
  if (state == "pending" || state == "starting" || state == "stopping") return Colour::kYellow;
  if (state == "failed" || state == "timed_out") return Colour::kRed;
  if (state == "cancelled") return Colour::kDim;
  return Colour::kNone;
}

std::string render_jobs(const JsonView& list, Instant now, const TerminalTraits& traits) {
  using Align = Column::Align;
  Table table({{.title = "JOB", .importance = 10, .width_min = 12, .align = Align::kRight},
               {.title = "NAME", .importance = 8, .width_min = 8},
               {.title = "STATE", .importance = 9, .width_min = 9},
               {.title = "TIME", .importance = 7, .width_min = 6, .align = Align::kRight},
               {.title = "TASKS", .importance = 5, .width_min = 5, .align = Align::kRight},
               {.title = "ACCELERATORS", .importance = 4, .width_min = 6, .align = Align::kRight},
               {.title = "PROGRESS", .importance = 6, .width_min = 12},
               {.title = "NODES", .importance = 3, .width_min = 6},
               {.title = "TENANT", .importance = 1, .width_min = 6},
               {.title = "USER", .importance = 1, .width_min = 4},
               {.title = "NOTE", .importance = 2, .width_min = 12}});
  for (const auto& element : list["jobs"].list()) {
    const JsonView job(element);
    const std::string state = state_text(job);
    const std::string tenant = job["tenant"].text();
    table.add({{job_label(job)},
               {job["name"].text()},
               {state, colour_of_state(job["state"].text())},
               {age_text(job, now)},
               {number_text(job["tasks"])},
               {accelerators_text(job)},
               {progress_text(job["progress"])},
               {node_names(job)},
               {tenant == "default" ? "" : tenant},
               {job["user"].text()},
               {note_of(job), Colour::kDim}});
  }
  if (table.empty()) return "No jobs.\n";
  std::string out = table.render(traits);
  if (list["next"].present())
    out += fmt::format("There are older ones: --before {}.\n", list["next"].integer());
  return out;
}

std::string render_job(const JsonView& job, Instant now, const TerminalTraits& traits) {
  const JsonView attempt = job["attempt"];
  const std::int64_t limit = job["time_limit_ns"].integer();
  const std::int64_t nodes = job["nodes_wanted"].integer();
  std::string out = paint(fmt::format("Job {}  {}", job_label(job), printable(job["name"].text())),
                          Colour::kBold, traits);
  out += "  " + paint(state_text(job), colour_of_state(job["state"].text()), traits) + "\n";
  out += render_facts(
      {{"waits because", {job["pending_text"].text(), Colour::kYellow}},
       {"tenant, user", {job["tenant"].text() + ", " + job["user"].text()}},
       {"array",
        {job["array_count"].integer(1) > 1
             ? fmt::format("element {} of {} (job {})", job["array_index"].integer(),
                           job["array_count"].integer(), job["id"].integer())
             : ""}},
       {"gang",
        {fmt::format(
            "{}{}{}, {} in all",
            job["tasks_min"].integer() > 0 ? fmt::format("{} to ", job["tasks_min"].integer()) : "",
            counted(job["tasks"].integer(1), "task"),
            nodes > 0 ? " on " + counted(nodes, "node") : "",
            accelerators_text(job) +
                (accelerators_text(job) == "1" ? " accelerator" : " accelerators"))}},
       {"class", {job["priority_class"].text()}},
       {"priority", {job["priority"].integer() != 0 ? number_text(job["priority"]) : ""}},
       {"command", {command_text(job)}},
       {"folder", {job["workdir"].text()}},
       {"submitted", {moment(job["submitted_at_ns"], now)}},
       {"started", {moment(job["started_at_ns"], now)}},
       {"finished", {moment(job["finished_at_ns"], now)}},
       {"not before", {job["state"].text() == "pending" ? moment(job["not_before_ns"], now) : ""}},
       {"deadline", {moment(job["deadline_ns"], now)}},
       {"reservation", {printable(job["reservation"].text())}},
       {"time", {age_text(job, now)}},
       {"time limit", {limit > 0 ? duration_text(Duration(limit)) + " an attempt" : ""}},
       {"attempt",
        {attempt.present() ? number_text(attempt["number"]) : number_text(job["attempts"])}},
       {"restarts", {restarts_text(job)}},
       {"runs on", {attempt_nodes(attempt)}},
       {"progress", {progress_text(job["progress"])}},
       {"checkpoint", {checkpoint_text(job["checkpoint"])}},
       {"saving", {saving_text(job["saving"])}},
       {"last end", {end_text(job)}},
       {"account", {usage_text(job["usage"])}}},
      2, traits);
  return out;
}

std::string render_story(const JsonView& story, const TerminalTraits& traits) {
  std::string out = paint("Story", Colour::kBold, traits) + "\n";
  std::optional<Instant> begin;
  for (const auto& element : story["events"].list()) {
    const JsonView event(element);
    const Instant at = event["at_ns"].instant().value_or(Instant());
    if (!begin) begin = at;
    const std::string since = fmt::format("+{}", duration_text(at - *begin));
    const std::string text = printable(event["text"].text(event["kind"].text()));
    const std::string line = fmt::format("  {}  {:>9}  {}", clock_text(at), since, text);
    out += (traits.width > 0 ? clip(line, traits.width, traits.unicode) : line) + "\n";
  }
  if (story["truncated"].flag())
    out += "  ... and more: mw events --job " + std::to_string(story["job"]["id"].integer()) + "\n";
  return out;
}

std::string outcome_line(const JsonView& job, const TerminalTraits& traits) {
  const std::string state = job["state"].text();
  const bool good = state == "succeeded";
  const std::string words = state == "timed_out"   ? "reached its time limit"
                            : state == "cancelled" ? "was cancelled"
                                                   : state;
  std::string out = fmt::format("Job {} ({}) {}", job_label(job), printable(job["name"].text()),
                                paint(words, good ? Colour::kGreen : Colour::kRed, traits));
  const auto started = job["started_at_ns"].instant();
  const auto finished = job["finished_at_ns"].instant();
  if (started && finished) out += " after " + duration_text(*finished - *started);
  if (job["attempts"].integer() > 1) out += ", in " + counted(job["attempts"].integer(), "attempt");
  const double lost = job["usage"]["lost_work_accelerator_s"].real();
  if (lost >= kSecondsShown)
    out += fmt::format(", {} of accelerators lost", accelerator_seconds_text(lost));
  const std::string end = end_text(job);
  if (!good && !end.empty()) out += ": " + printable(end);
  out += ".\n";
  if (!good) {
    const std::string label = job_label(job);
    out += fmt::format(
        "See \"mw job show {0}\" for its story and \"mw job logs {0}\" for its output.\n", label);
  }
  return out;
}

std::string submitted_line(const JsonView& answer, const JobSpec& spec, bool dry_run) {
  const std::int64_t job = answer["job"].integer();
  const std::int64_t count = answer["count"].integer(1);
  std::int64_t tasks = 0;
  AcceleratorShare share;
  for_each_group(spec, [&](const GangShape& group, std::uint32_t) {
    tasks += group.tasks;
    share += group.task.accelerators * group.tasks;
  });
  const std::string what = fmt::format("{}, {} accelerator{}", counted(tasks, "task"),
                                       share_text(share), share == kWholeAccelerator ? "" : "s");
  if (dry_run) {
    return fmt::format("The job \"{}\" is good ({}{}); nothing was submitted.\n", spec.name,
                       count > 1 ? fmt::format("{} jobs of ", count) : "", what);
  }
  if (answer["repeated"].flag())
    return fmt::format("Job {} ({}) was submitted before with this key.\n", job, spec.name);
  if (count > 1) return fmt::format("Submitted jobs {}[0..{}] ({}).\n", job, count - 1, spec.name);
  return fmt::format("Submitted job {} ({}).\n", job, spec.name);
}

}  // namespace mw
