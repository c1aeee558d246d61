#include "codec/job_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>

#include "codec/job_file_conditions.h"
#include "codec/job_file_gang.h"
#include "codec/job_file_values.h"
#include "codec/units.h"
#include "codec/yaml_reader.h"
#include "codec/yaml_tree.h"

namespace mw {
namespace {

constexpr std::array<std::string_view, 24> kKeys = {
    "name",       "command",   "script",  "tasks",          "tasks_min",   "nodes",
    "resources",  "placement", "groups",  "where",          "environment", "workdir",
    "time_limit", "grace",     "restart", "priority_class", "priority",    "not_before",
    "deadline",   "after",     "array",   "hold",           "reservation", "tenant"};
constexpr std::array<std::string_view, 4> kRestartKeys = {"limit", "delay", "delay_max",
                                                          "in_place"};

/// Reads one document into a JobSpec, gathering every problem on the way.
class JobFileReader : private YamlReader {
 public:
  /// `start`: where to say that something is missing.
  JobFileReader(const JobFileContext& context, TextPosition start)
      : YamlReader(context.source_name, what_was_meant), start_(start), context_(context) {}

  Result<JobSpec> read(YamlNode root) {
    if (root.kind == YamlNode::Kind::kNull) root.kind = YamlNode::Kind::kMap;
    if (root.kind != YamlNode::Kind::kMap) {
      problem(root.position, "",
              "expected keys and values such as \"name: charlm\", found " + describe(root));
      return failure();
    }
    for (const JobFileOverride& change : context_.overrides) apply(root, change);
    check_keys(root, "", kKeys);
    spec_.user = context_.user;
    read_what(root);
    read_gang(*this, root, "", spec_.gang);
    read_elastic_and_groups(*this, root, spec_);
    read_conditions(*this, root, spec_);
    read_run(root);
    read_environment(root);
    if (!good()) return failure();
    return std::move(spec_);
  }

 private:
  static void set(YamlNode& map, std::string_view key, YamlNode value) {
    if (YamlNode* present = map.find(key)) {
      *present = std::move(value);
      return;
    }
    map.keys.emplace_back(key);
    map.key_positions.emplace_back();
    map.children.push_back(std::move(value));
  }

  static void apply(YamlNode& root, const JobFileOverride& change) {
    YamlNode value{.kind = YamlNode::Kind::kScalar, .text = change.value, .source = change.source};
    const std::size_t dot = change.key.find('.');
    if (dot == std::string::npos) {
      set(root, change.key, std::move(value));
      return;
    }
    const std::string group = change.key.substr(0, dot);
    const YamlNode* present = root.find(group);
    if (present == nullptr || present->kind == YamlNode::Kind::kNull) {
      set(root, group, {.kind = YamlNode::Kind::kMap, .source = change.source});
    } else if (present->kind != YamlNode::Kind::kMap) {
      return;  // the file's own mistake; it is told when the group is read
    }
    set(*root.find(group), change.key.substr(dot + 1), std::move(value));
  }

  // --- name, command, where -------------------------------------------------------------------

  void read_what(const YamlNode& root) {
    if (!read_scalar(root, "", "name", spec_.name, parse_name)) {
      problem(start_, "name", "is missing; every job has a name, such as \"name: charlm\"");
    }
    read_scalar(root, "", "tenant", spec_.tenant, parse_name);
    read_command(root);
    read_workdir(root);
  }

  void read_command(const YamlNode& root) {
    const YamlNode* command = root.find("command");
    const YamlNode* script = root.find("script");
    if (!context_.command.empty()) {
      spec_.command = context_.command;
    } else if (command != nullptr && script != nullptr) {
      problem(*script, "script", "is given together with command; keep one of them");
      return;
    } else if (command != nullptr) {
      if (!read_arguments(*command)) return;
    } else if (script != nullptr) {
      if (script->kind != YamlNode::Kind::kScalar || script->text.empty()) {
        problem(*script, "script",
                "expected the lines of a shell script, found " + describe(*script));
        return;
      }
      spec_.command = {"/bin/sh", "-e", "-c", script->text};
    } else {
      problem(start_, "command",
              "is missing; give \"command: [PROGRAM, ARGUMENT, ...]\" or \"script: |\" with the "
              "lines of a shell script");
      return;
    }
    check_command(command != nullptr ? *command : script != nullptr ? *script : root);
  }

  bool read_arguments(const YamlNode& command) {
    if (command.kind != YamlNode::Kind::kList || command.children.empty()) {
      problem(command, "command",
              fmt::format("expected a list such as [python3, train.py], found {}; for a shell's "
                          "line use script",
                          command.children.empty() && command.kind == YamlNode::Kind::kList
                              ? "an empty one"
                              : describe(command)));
      return false;
    }
    bool good = true;
    for (std::size_t i = 0; i < command.children.size(); ++i) {
      const YamlNode& argument = command.children[i];
      if (argument.kind == YamlNode::Kind::kScalar) {
        spec_.command.push_back(argument.text);
        continue;
      }
      problem(argument, fmt::format("command[{}]", i),
              fmt::format("expected text, found {}; quote it", describe(argument)));
      good = false;
    }
    return good;
  }

  void check_command(const YamlNode& at) {
    std::size_t bytes = 0;
    for (const std::string& argument : spec_.command) {
      bytes += argument.size() + 1;
      if (argument.find('\0') != std::string::npos ||
          invalid_utf8_at(argument) != std::string::npos) {
        problem(at, "command",
                "expected arguments of valid UTF-8 without NUL, found " + in_quotes(argument));
      }
    }
    if (spec_.command.front().empty()) {
      problem(at, "command", "expected a program's name first, found an empty one");
    }
    if (bytes > kCommandBytesMax) {
      problem(at, "command",
              fmt::format("expected at most {} bytes of arguments in all, found {}; put long text "
                          "into a file",
                          kCommandBytesMax, bytes));
    }
  }

  void read_workdir(const YamlNode& root) {
    const YamlNode* node = root.find("workdir");
    const YamlNode missing{.kind = YamlNode::Kind::kScalar, .position = start_, .text = ""};
    if (node == nullptr && context_.default_workdir.empty()) {
      problem(start_, "workdir", "is missing; give the absolute path of a folder");
      return;
    }
    if (node == nullptr) node = &missing;
    const bool usable = node->kind == YamlNode::Kind::kScalar &&
                        !has_control_character(node->text) &&
                        (node == &missing || !node->text.empty());
    if (!usable) {
      problem(*node, "workdir", "expected the path of a folder, found " + describe(*node));
      return;
    }
    if (!node->text.starts_with('/') && context_.default_workdir.empty()) {
      problem(*node, "workdir", "expected an absolute path, found " + describe(*node));
      return;
    }
    const std::filesystem::path joined =
        std::filesystem::path(context_.default_workdir) / node->text;
    std::string path = joined.lexically_normal().string();
    while (path.size() > 1 && path.ends_with('/')) path.pop_back();
    if (path.size() > kPathLengthMax) {
      problem(*node, "workdir",
              fmt::format("expected a path of at most {} bytes, found {}", kPathLengthMax,
                          path.size()));
    } else if (!path.starts_with('/')) {
      problem(*node, "workdir", "expected an absolute path, found " + in_quotes(path));
    }
    spec_.workdir = std::move(path);
  }

  // --- how it runs ----------------------------------------------------------------------------

  void read_run(const YamlNode& root) {
    read_duration(root, "", "time_limit", spec_.time_limit, kTimeLimitMax);
    read_duration(root, "", "grace", spec_.grace, kGraceMax);
    read_scalar(root, "", "priority_class", spec_.priority_class, parse_name);
    read_whole(root, "", "priority", spec_.priority, -kPriorityMax, kPriorityMax);
    read_whole(root, "", "array", spec_.array, 1, kArrayMax);
    read_scalar(root, "", "hold", spec_.hold, parse_bool);
    const YamlNode* restart = group(root, "restart", "\"limit: 3\"");
    if (restart == nullptr) return;
    check_keys(*restart, "restart", kRestartKeys);
    RestartPolicy& policy = spec_.restart;
    read_whole(*restart, "restart", "limit", policy.limit, 0, kRestartLimitMax);
    bool in_place = false;
    read_scalar(*restart, "restart", "in_place", in_place, parse_bool);
    if (in_place) policy.in_place = true;
    const bool has_delay =
        read_duration(*restart, "restart", "delay", policy.delay, kRestartDelayMax);
    const bool has_max =
        read_duration(*restart, "restart", "delay_max", policy.delay_max, kRestartDelayMax);
    if (policy.delay <= policy.delay_max) return;
    // A default gives way to what was said; two that were said must agree.
    if (!has_max) {
      policy.delay_max = policy.delay;
    } else if (!has_delay) {
      policy.delay = policy.delay_max;
    } else {
      problem(*restart->find("delay_max"), "restart.delay_max",
              fmt::format("expected at least restart.delay ({}), found {}",
                          write_duration(policy.delay), write_duration(policy.delay_max)));
    }
  }

  void read_environment(const YamlNode& root) {
    const YamlNode* variables = group(root, "environment", "\"OMP_NUM_THREADS: 1\"");
    if (variables == nullptr) return;
    std::size_t bytes = 0;
    for (std::size_t i = 0; i < variables->keys.size(); ++i) {
      const std::string& name = variables->keys[i];
      const YamlNode& value = variables->children[i];
      const std::string path = fmt::format("environment.{}", name);
      if (!is_variable_name(name)) {
        problem(variables->key_positions[i], "environment",
                fmt::format(
                    "expected names of letters, digits and _, not beginning with a digit, found {}",
                    in_quotes(name)),
                value.source);
      } else if (name.starts_with("MILLWRIGHT_")) {
        problem(
            variables->key_positions[i], "environment",
            fmt::format(
                "{} is set by Millwright itself; names that begin with MILLWRIGHT_ cannot be given",
                in_quotes(name)),
            value.source);
      } else if (value.kind != YamlNode::Kind::kScalar) {
        problem(
            value, path,
            fmt::format("expected text, found {}; for an empty value write \"\"", describe(value)));
      } else if (value.text.find('\0') != std::string::npos ||
                 invalid_utf8_at(value.text) != std::string::npos) {
        problem(value, path, "expected valid UTF-8 without NUL, found " + describe(value));
      } else {
        bytes += name.size() + value.text.size() + 2;
        spec_.environment.push_back({name, value.text});
      }
    }
    if (bytes > kEnvironmentBytesMax) {
      problem(
          *variables, "environment",
          fmt::format("expected at most {} bytes in all, found {}", kEnvironmentBytesMax, bytes));
    }
    std::ranges::sort(spec_.environment, {}, &EnvironmentVariable::name);
  }

  const TextPosition start_;
  const JobFileContext& context_;
  JobSpec spec_;
};

}  // namespace

Result<JobSpec> parse_job_file(std::string_view text, const JobFileContext& context) {
  auto root = parse_yaml(text, context.source_name, {.bytes_max = kJobFileBytesMax});
  if (!root) return root.error();
  return JobFileReader(context, {1, 1}).read(std::move(*root));
}

Result<JobSpec> read_job_file(YamlNode document, const JobFileContext& context) {
  return JobFileReader(context, document.position).read(std::move(document));
}

}  // namespace mw
