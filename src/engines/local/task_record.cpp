#include "engines/local/task_record.h"

#include <charconv>
#include <cstdio>
#include <functional>

namespace mw::local {
namespace {

/// Collects records; the decoder below takes the same keys.
class Writer {
 public:
  void text(std::string_view key, std::string_view value) {
    if (value.find('\0') != std::string_view::npos) bad_key_ = key;
    out_.append(key).push_back('=');
    out_.append(value).push_back('\0');
  }
  template <class Integer>
  void number(std::string_view key, Integer value) {
    text(key, std::to_string(value));
  }
  Result<std::string> take() {
    if (bad_key_.empty()) return std::move(out_);
    return Error{ErrorCode::kInvalid,
                 "the task's " + bad_key_ + " holds a NUL byte, which no process can be given"};
  }

 private:
  std::string out_;
  std::string bad_key_;
};

template <class Integer>
bool parse(std::string_view text, Integer& value) {
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc() && parsed.ptr == text.data() + text.size();
}
template <class Tag, class Rep>
bool parse(std::string_view text, Id<Tag, Rep>& id) {
  Rep value = 0;
  const bool good = parse(text, value);
  id = Id<Tag, Rep>(value);
  return good;
}
bool parse(std::string_view text, Duration& duration) {
  std::int64_t value = 0;
  const bool good = parse(text, value);
  duration = nanoseconds(value);
  return good;
}
bool parse(std::string_view text, std::string& value) {
  value = text;
  return true;
}
bool parse(std::string_view text, std::vector<std::string>& values) {
  values.emplace_back(text);
  return true;
}

/// A record of a control group belongs to the last one named before it.
bool parse_cgroup(std::string_view key, std::string_view value, std::vector<TaskCgroup>& groups) {
  if (key == "cgroup") {
    groups.emplace_back().directory = value;
    return true;
  }
  if (groups.empty()) return false;
  TaskCgroup& group = groups.back();
  if (key == "cgroup.is") {
    group.unified = value.find('u') != std::string_view::npos;
    group.tracks = value.find('t') != std::string_view::npos;
    group.memory = value.find('m') != std::string_view::npos;
    return true;
  }
  const std::size_t space = value.find(' ');
  if (space == std::string_view::npos) return false;
  if (key != "cgroup.set" && key != "cgroup.try") return false;
  group.settings.push_back({std::string(value.substr(0, space)),
                            std::string(value.substr(space + 1)), key == "cgroup.try"});
  return true;
}

bool parse_record(std::string_view key, std::string_view value, TaskSpec& spec) {
  if (key == "job") return parse(value, spec.job);
  if (key == "attempt") return parse(value, spec.attempt);
  if (key == "epoch") return parse(value, spec.epoch);
  if (key == "rank") return parse(value, spec.rank);
  if (key == "tasks") return parse(value, spec.tasks);
  if (key == "boot_id") return parse(value, spec.boot_id);
  if (key == "workdir") return parse(value, spec.workdir);
  if (key == "command") return parse(value, spec.command);
  if (key == "environment") return parse(value, spec.environment);
  if (key == "grace_ns") return parse(value, spec.grace);
  if (key == "time_limit_ns") return parse(value, spec.time_limit);
  if (key == "time_limit_slack_ns") return parse(value, spec.time_limit_slack);
  if (key == "log_segment_bytes") return parse(value, spec.log_segment_bytes);
  if (key == "log_segments") return parse(value, spec.log_segments);
  if (key == "master_port") return parse(value, spec.master_port);
  if (key == "hint_socket") return parse(value, spec.hint_socket);
  return parse_cgroup(key, value, spec.cgroups);
}

/// Length of the UTF-8 character that `text` begins with; 0 when it begins with none.
std::size_t character_length(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const std::size_t length = first < 0x80   ? 1
                             : first < 0xC2 ? 0
                             : first < 0xE0 ? 2
                             : first < 0xF0 ? 3
                             : first < 0xF5 ? 4
                                            : 0;
  if (length > text.size()) return 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  // Overlong forms, surrogates and what is past U+10FFFF.
  if (first == 0xE0 && byte(1) < 0xA0) return 0;
  if (first == 0xED && byte(1) > 0x9F) return 0;
  if (first == 0xF0 && byte(1) < 0x90) return 0;
  if (first == 0xF4 && byte(1) > 0x8F) return 0;
  return length;
}

/// `text` as a JSON string. A file name may hold any bytes; those that are no UTF-8 become `?`, so
/// that every reader can parse the rest.
std::string json_string(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_length(text.substr(i));
    if (length != 1) {
      out.append(length == 0 ? "?" : text.substr(i, length));
      i += length == 0 ? 1 : length;
      continue;
    }
    const char c = text[i++];
    if (c == '"' || c == '\\') {
      out.push_back('\\');
      out.push_back(c);
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\u%04x", static_cast<unsigned>(c));
      out.append(escaped);
    } else {
      out.push_back(c);
    }
  }
  out.push_back('"');
  return out;
}

}  // namespace

Result<std::string> encode_spec(const TaskSpec& spec) {
  Writer out;
  out.number("job", spec.job.value());
  out.number("attempt", spec.attempt.value());
  out.number("epoch", spec.epoch.value());
  out.number("rank", spec.rank.value());
  out.number("tasks", spec.tasks);
  out.text("boot_id", spec.boot_id);
  out.text("workdir", spec.workdir);
  for (const std::string& argument : spec.command) out.text("command", argument);
  for (const std::string& variable : spec.environment) out.text("environment", variable);
  out.number("grace_ns", spec.grace.count());
  out.number("time_limit_ns", spec.time_limit.count());
  out.number("time_limit_slack_ns", spec.time_limit_slack.count());
  out.number("log_segment_bytes", spec.log_segment_bytes);
  out.number("log_segments", spec.log_segments);
  out.number("master_port", spec.master_port);
  out.text("hint_socket", spec.hint_socket);
  for (const TaskCgroup& group : spec.cgroups) {
    out.text("cgroup", group.directory);
    out.text("cgroup.is", std::string(group.unified ? "u" : "") + (group.tracks ? "t" : "") +
                              (group.memory ? "m" : ""));
    for (const CgroupSetting& setting : group.settings) {
      out.text(setting.optional ? "cgroup.try" : "cgroup.set", setting.file + " " + setting.value);
    }
  }
  return out.take();
}

Result<TaskSpec> decode_spec(std::string_view text) {
  TaskSpec spec;
  while (!text.empty()) {
    const std::size_t end = text.find('\0');
    const std::string_view record = text.substr(0, end);
    const std::size_t equals = record.find('=');
    if (end == std::string_view::npos || equals == std::string_view::npos ||
        !parse_record(record.substr(0, equals), record.substr(equals + 1), spec)) {
      // The key alone: a value may be a secret.
      return Error{ErrorCode::kInvalid, "the task's spec has a record that makes no sense: `" +
                                            std::string(record.substr(0, equals)) + "`"};
    }
    text.remove_prefix(end + 1);
  }
  if (spec.command.empty() || spec.job.value() == 0) {
    return Error{ErrorCode::kInvalid, "the task's spec is incomplete: no command or no job"};
  }
  return spec;
}

std::string encode_begun(const Begun& begun) {
  return std::to_string(begun.supervisor.pid) + " " + std::to_string(begun.supervisor.start_ticks) +
         " " + begun.boot_id + "\n";
}

std::optional<Begun> decode_begun(std::string_view text) {
  const std::size_t end = text.find('\n');
  const std::size_t first = text.find(' ');
  const std::size_t second = text.find(' ', first + 1);
  if (end == std::string_view::npos || second == std::string_view::npos || second > end) return {};
  Begun begun;
  const bool good = parse(text.substr(0, first), begun.supervisor.pid) &&
                    parse(text.substr(first + 1, second - first - 1), begun.supervisor.start_ticks);
  begun.boot_id = text.substr(second + 1, end - second - 1);
  if (!good) return std::nullopt;
  return begun;
}

std::string encode_status(const TaskStatus& status) {
  const auto process = [](const ProcessId& id) {
    return "{\"pid\":" + std::to_string(id.pid) +
           ",\"start_ticks\":" + std::to_string(id.start_ticks) + "}";
  };
  return "{\"state\":" + json_string(name_of(status.phase)) +
         ",\"boot_id\":" + json_string(status.boot_id) +
         ",\"supervisor\":" + process(status.supervisor) + ",\"task\":" + process(status.task) +
         ",\"started_at_ns\":" + std::to_string(status.started_at_ns) +
         ",\"ended_at_ns\":" + std::to_string(status.ended_at_ns) +
         ",\"exit_code\":" + std::to_string(status.exit.exit_code) +
         ",\"signal\":" + std::to_string(status.exit.signal) +
         ",\"out_of_memory\":" + (status.exit.out_of_memory ? "true" : "false") +
         ",\"detail\":" + json_string(status.exit.detail) +
         ",\"log_bytes_lost\":" + std::to_string(status.log_bytes_lost) + "}\n";
}

}  // namespace mw::local
