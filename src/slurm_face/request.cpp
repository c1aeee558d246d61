#include "slurm_face/request.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <map>

#include "codec/units.h"
#include "slurm_face/job_rows.h"

namespace mw::face {
namespace {

/// Takes one option over into a request; gives back what is wrong with its value.
using Taker = std::function<Result<void>(Request&, const std::string&, Instant)>;

Taker text(std::string Request::*member) {
  return [member](Request& request, const std::string& value, Instant) -> Result<void> {
    request.*member = value;
    return {};
  };
}

Taker flag(bool Request::*member) {
  return [member](Request& request, const std::string&, Instant) -> Result<void> {
    request.*member = true;
    return {};
  };
}

template <class T>
Taker read(std::optional<T> Request::*member, Result<T> (*parse)(std::string_view)) {
  return [member, parse](Request& request, const std::string& value, Instant) -> Result<void> {
    auto result = parse(value);
    if (!result) return result.error();
    request.*member = std::move(*result);
    return {};
  };
}

Result<std::uint32_t> parse_count(std::string_view text) {
  const auto counts = parse_counts(text);
  if (!counts) return counts.error();
  if (counts->low != counts->high) return Error{ErrorCode::kInvalid, "expected one number"};
  return counts->low;
}

Result<std::uint32_t> parse_index(std::string_view text) {
  const auto number = parse_whole(text, 0, 1'000'000);
  if (!number) return number.error();
  return static_cast<std::uint32_t>(*number);
}

/// Slurm's own --cpus-per-gpu and friends know no ranges either.
Taker count(std::optional<std::uint32_t> Request::*member) { return read(member, parse_count); }

Taker moment(std::optional<Instant> Request::*member) {
  return [member](Request& request, const std::string& value, Instant now) -> Result<void> {
    const auto at = parse_moment(value, now);
    if (!at) return at.error();
    request.*member = *at;
    return {};
  };
}

Result<void> take_array(Request& request, const std::string& value, Instant) {
  auto array = parse_array(value);
  if (!array) return array.error();
  request.array = std::move(*array);
  request.array_text = value;
  return {};
}

Result<void> take_gres(Request& request, const std::string& value, Instant) {
  auto gpus = parse_gres(value);
  if (!gpus) return gpus.error();
  request.gpus_per_node = std::move(*gpus);
  return {};
}

Result<void> take_dependency(Request& request, const std::string& value, Instant) {
  auto after = parse_dependencies(value);
  if (!after) return after.error();
  request.after = std::move(*after);
  return {};
}

Result<void> take_exclusive(Request& request, const std::string& value, Instant) {
  if (!value.empty() && value != "exclusive") {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("={} is not supported; whole nodes (--exclusive) are", value)};
  }
  request.exclusive = true;
  return {};
}

Result<void> take_nice(Request& request, const std::string& value, Instant) {
  const auto nice =
      value.empty() ? Result<std::int64_t>(100) : parse_whole(value, -1'000'000, 1'000'000);
  if (!nice) return nice.error();
  request.nice = *nice;
  return {};
}

Result<void> take_priority(Request& request, const std::string& value, Instant) {
  const auto priority = parse_whole(value, 0, 1'000'000);
  if (!priority) return priority.error();
  request.priority = *priority;
  if (*priority == 0) request.hold = true;  // as in Slurm: of priority 0 is held
  return {};
}

Result<void> take_switches(Request& request, const std::string& value, Instant) {
  const auto at = value.find('@');
  if (at != std::string::npos) {
    return Error{ErrorCode::kUnsupported,
                 "a time behind @ is not supported: a job waits for its switches, or does not ask"};
  }
  const auto switches = parse_whole(value, 1, 1'000'000);
  if (!switches) return switches.error();
  request.switches = static_cast<std::uint32_t>(*switches);
  return {};
}

Result<void> take_distribution(Request& request, const std::string& value, Instant) {
  const std::string first = value.substr(0, value.find_first_of(":,"));
  if (first != "block" && first != "cyclic" && first != "*") {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("{} is not supported; block and cyclic are", in_quotes(value))};
  }
  request.distribution = first == "cyclic" ? "cyclic" : "block";
  return {};
}

Result<void> take_open_mode(Request& request, const std::string& value, Instant) {
  if (value.empty() || (value[0] != 'a' && value[0] != 't')) {
    return Error{ErrorCode::kInvalid, "expected append or truncate"};
  }
  request.open_mode = value[0] == 'a' ? "append" : "truncate";
  return {};
}

Result<void> take_mpi(Request&, const std::string& value, Instant) {
  if (value == "none") return {};
  return Error{ErrorCode::kUnsupported,
               fmt::format("{} is not supported; none is. Start MPI programs with mpirun",
                           in_quotes(value))};
}

Result<void> take_wait(Request& request, const std::string& value, Instant) {
  if (value.empty()) {
    request.wait = true;
    return {};
  }
  const auto length = parse_whole(value, 0, 1'000'000);
  if (!length) return length.error();
  request.wait_after_first = seconds(*length);
  return {};
}

Result<void> take_kill_on_bad_exit(Request& request, const std::string& value, Instant) {
  if (value != "" && value != "0" && value != "1") {
    return Error{ErrorCode::kInvalid, "expected 0 or 1"};
  }
  request.kill_on_bad_exit = value != "0";
  return {};
}

Taker requeue(bool wanted) {
  return [wanted](Request& request, const std::string&, Instant) -> Result<void> {
    request.requeue = wanted;
    return {};
  };
}

const std::map<std::string_view, Taker>& takers() {
  static const std::map<std::string_view, Taker> all = {
      {"account", text(&Request::account)},
      {"array", take_array},
      {"begin", moment(&Request::begin)},
      {"chdir", text(&Request::chdir)},
      {"comment", text(&Request::comment)},
      {"constraint", text(&Request::constraint)},
      {"cpus-per-gpu", count(&Request::cpus_per_gpu)},
      {"cpus-per-task", count(&Request::cpus_per_task)},
      {"deadline", moment(&Request::deadline)},
      {"dependency", take_dependency},
      {"distribution", take_distribution},
      {"error", text(&Request::error)},
      {"exclude", text(&Request::exclude_list)},
      {"exclusive", take_exclusive},
      {"export", text(&Request::export_list)},
      {"gpus", read(&Request::gpus, parse_gpus)},
      {"gpus-per-node", read(&Request::gpus_per_node, parse_gpus)},
      {"gpus-per-task", read(&Request::gpus_per_task, parse_gpus)},
      {"gres", take_gres},
      {"help", flag(&Request::help)},
      {"hold", flag(&Request::hold)},
      {"input", text(&Request::input)},
      {"job-name", text(&Request::job_name)},
      {"jobid", text(&Request::job_id)},
      {"kill-on-bad-exit", take_kill_on_bad_exit},
      {"label", flag(&Request::label)},
      {"mem", read(&Request::memory_per_node, parse_memory)},
      {"mem-per-cpu", read(&Request::memory_per_cpu, parse_memory)},
      {"mem-per-gpu", read(&Request::memory_per_gpu, parse_memory)},
      {"mincpus", count(&Request::cpus_per_node_min)},
      {"mpi", take_mpi},
      {"nice", take_nice},
      {"no-requeue", requeue(false)},
      {"nodelist", text(&Request::node_list)},
      {"nodes", read(&Request::nodes, parse_counts)},
      {"ntasks", count(&Request::tasks)},
      {"ntasks-per-gpu", count(&Request::tasks_per_gpu)},
      {"ntasks-per-node", count(&Request::tasks_per_node)},
      {"open-mode", take_open_mode},
      {"output", text(&Request::output)},
      {"overcommit", flag(&Request::overcommit)},
      {"overlap", flag(&Request::overlap)},
      {"parsable", flag(&Request::parsable)},
      {"partition", text(&Request::partition)},
      {"priority", take_priority},
      {"qos", text(&Request::qos)},
      {"quiet", flag(&Request::quiet)},
      {"relative", read(&Request::relative, parse_index)},
      {"requeue", requeue(true)},
      {"reservation", text(&Request::reservation)},
      {"signal", read(&Request::signal, parse_signal_request)},
      {"switches", take_switches},
      {"tasks-per-node", count(&Request::tasks_per_node)},
      {"test-only", flag(&Request::test_only)},
      {"time", read(&Request::time_limit, parse_time_limit)},
      {"usage", flag(&Request::help)},
      {"version", flag(&Request::version)},
      {"wait", take_wait},
      {"whole", flag(&Request::whole)},
      {"wrap", text(&Request::wrap)},
  };
  return all;
}

Result<void> take(Request& request, const GivenOption& option, Instant now) {
  const std::string name = fmt::format("--{}", option.row->name);
  if (option.row->support == Support::kNoted) {
    request.noted.push_back(fmt::format("{} has no effect: {}", name, option.row->says));
    return {};
  }
  // Where it was given is only worth words when it was not on the command line.
  const std::string where = option.where.starts_with('-') ? "" : fmt::format(" ({})", option.where);
  if (option.row->support == Support::kRefused) {
    request.refused.push_back(
        fmt::format("{}{} is not supported: {}", name, where, option.row->says));
    return {};
  }
  const auto taker = takers().find(option.row->name);
  if (taker == takers().end()) return {};  // says what is done anyway
  const auto taken = taker->second(request, option.value, now);
  if (taken) return {};
  if (taken.error().code == ErrorCode::kUnsupported) {
    request.refused.push_back(fmt::format("{}{}: {}", name, where, taken.error().message));
    return {};
  }
  return Error{ErrorCode::kInvalid, fmt::format("{}{}: {}, found {}", name, where,
                                                taken.error().message, in_quotes(option.value))};
}

std::uint32_t divide_up(std::uint32_t a, std::uint32_t b) { return (a + b - 1) / b; }

std::string gpus_text(const GpuRequest& gpus) {
  return gpus.type.empty() ? fmt::format("gres:gpu:{}", gpus.count)
                           : fmt::format("gres:gpu:{}:{}", gpus.type, gpus.count);
}

}  // namespace

bool Request::nodes_known() const {
  return nodes.has_value() || (tasks && tasks_per_node) || (gpus && gpus_per_node);
}

std::uint32_t Request::node_count() const {
  if (nodes) return nodes->high;
  if (tasks && tasks_per_node) return divide_up(*tasks, *tasks_per_node);
  if (gpus && gpus_per_node && gpus_per_node->count > 0) {
    return divide_up(gpus->count, gpus_per_node->count);
  }
  return 1;
}

std::uint32_t Request::task_count() const {
  if (tasks) return *tasks;
  if (tasks_per_gpu) {
    if (gpus) return gpus->count * *tasks_per_gpu;
    if (gpus_per_node) return gpus_per_node->count * node_count() * *tasks_per_gpu;
  }
  if (gpus && gpus_per_task && gpus_per_task->count > 0) {
    return divide_up(gpus->count, gpus_per_task->count);
  }
  return node_count() * tasks_per_node.value_or(1);
}

bool is_read(std::string_view name) { return takers().contains(name); }

Result<Request> read_request(Starter starter, const std::vector<GivenOption>& options,
                             Instant now) {
  Request request;
  for (const GivenOption& option : options) {
    const auto taken = take(request, option, now);
    if (!taken) return taken.error();
  }
  // What is given twice is told once.
  for (auto* lines : {&request.noted, &request.refused}) {
    std::ranges::sort(*lines);
    const auto repeated = std::ranges::unique(*lines);
    lines->erase(repeated.begin(), repeated.end());
  }
  // "More nodes requested than tasks": Slurm takes so many as there are tasks.
  if (starter != kSrun && request.nodes && request.tasks && request.nodes->high > *request.tasks) {
    request.noted.push_back(fmt::format("can't run {} tasks on {} nodes; {} nodes are taken",
                                        *request.tasks, request.nodes->high, *request.tasks));
    request.nodes = CountRange{*request.tasks, *request.tasks};
  }
  return request;
}

Result<void> check_request(const Request& request) {
  const int memories = int{request.memory_per_node.has_value()} +
                       int{request.memory_per_cpu.has_value()} +
                       int{request.memory_per_gpu.has_value()};
  if (memories > 1) {
    return Error{ErrorCode::kInvalid,
                 "--mem, --mem-per-cpu and --mem-per-gpu exclude each other; give one"};
  }
  if (request.memory_per_gpu && !request.gpus && !request.gpus_per_node && !request.gpus_per_task) {
    return Error{ErrorCode::kInvalid, "--mem-per-gpu: no GPUs are asked for; add --gpus"};
  }
  if (request.cpus_per_gpu && request.cpus_per_task) {
    return Error{ErrorCode::kInvalid,
                 "--cpus-per-gpu and --cpus-per-task exclude each other; give one"};
  }
  if (request.begin && request.deadline && *request.deadline <= *request.begin) {
    return Error{ErrorCode::kInvalid, "--deadline has to be later than --begin"};
  }
  return {};
}

boost::json::object request_fields(const Request& request) {
  boost::json::object out;
  const auto text_field = [&out](std::string_view name, const std::string& value) {
    if (!value.empty()) out[name] = value;
  };
  text_field("JobName", request.job_name);
  text_field("Account", request.account);
  text_field("Partition", request.partition);
  text_field("QOS", request.qos);
  text_field("Comment", request.comment);
  text_field("Features", request.constraint);
  text_field("Reservation", request.reservation);
  text_field("WorkDir", request.chdir);
  text_field("StdOut", request.output);
  text_field("StdErr", request.error);
  text_field("StdIn", request.input);
  out["NumNodes"] = request.node_count();
  out["NumTasks"] = request.task_count();
  out["CPUs/Task"] = request.cpus_per_task.value_or(1);
  if (request.tasks_per_node) out["NtasksPerNode"] = *request.tasks_per_node;
  if (request.gpus_per_node) out["TresPerNode"] = gpus_text(*request.gpus_per_node);
  if (request.gpus_per_task) out["TresPerTask"] = gpus_text(*request.gpus_per_task);
  if (request.gpus) out["TresPerJob"] = gpus_text(*request.gpus);
  if (request.cpus_per_gpu) out["CpusPerTres"] = fmt::format("gres:gpu:{}", *request.cpus_per_gpu);
  if (request.cpus_per_node_min) out["MinCPUsNode"] = *request.cpus_per_node_min;
  constexpr std::int64_t kMiB = 1 << 20;
  const auto mebibytes = [](Bytes size) { return (size.count() + kMiB - 1) / kMiB; };
  if (request.memory_per_node) out["MinMemoryNode"] = mebibytes(*request.memory_per_node);
  if (request.memory_per_cpu) out["MinMemoryCPU"] = mebibytes(*request.memory_per_cpu);
  if (request.memory_per_gpu) {
    out["MemPerTres"] = fmt::format("gres:gpu:{}", mebibytes(*request.memory_per_gpu));
  }
  if (request.begin) out["StartTime"] = slurm_time(request.begin);
  if (request.deadline) out["Deadline"] = slurm_time(request.deadline);
  if (request.time_limit) out["TimeLimit"] = time_limit_text(*request.time_limit);
  if (request.array) out["ArrayTaskId"] = request.array_text;
  if (request.nice) out["Nice"] = *request.nice;
  if (request.requeue) out["Requeue"] = *request.requeue ? 1 : 0;
  if (request.exclusive) out["OverSubscribe"] = "NO";
  if (request.switches > 0) out["ReqSwitch"] = request.switches;
  boost::json::array after;
  for (const Dependency& one : request.after) {
    after.emplace_back(
        fmt::format("{}:{}", EnumNames<DependencyKind>::value[static_cast<std::size_t>(one.kind)],
                    one.job.value()));
  }
  if (!after.empty()) out["Dependency"] = std::move(after);
  out["Refused"] = boost::json::array(request.refused.begin(), request.refused.end());
  out["NoEffect"] = boost::json::array(request.noted.begin(), request.noted.end());
  return out;
}

}  // namespace mw::face
