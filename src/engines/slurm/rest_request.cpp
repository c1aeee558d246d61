#include "engines/slurm/rest_request.h"

#include <algorithm>
#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "codec/hostlist.h"
#include "engines/slurm/rest_fields.h"

namespace mw::slurm {
namespace {

namespace json = boost::json;

/// What the rule that hands jobs to us writes (examples/slurm), and what people write who have
/// none.
constexpr std::string_view kHandedOver = "millwright";

/// Of "cpu=8,mem=100M,node=2": "node_count" of a job that waits is a guess.
std::optional<std::uint32_t> nodes_in(std::string_view resources) {
  const std::size_t at = resources.find("node=");
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view number = resources.substr(at + 5);
  std::uint32_t nodes = 0;
  const auto [end, fault] = std::from_chars(number.data(), number.data() + number.size(), nodes);
  if (fault != std::errc() || nodes == 0) return std::nullopt;
  return nodes;
}

/// "gres:gpu:2"; later versions have "gres/gpu=2", and what a task has of CPUs beside it.
std::string gres_of(const json::object& object, std::string_view key) {
  std::string text = text_of(object, key);
  std::ranges::replace(text, '=', ':');
  return text;
}

/// A number of Slurm's that is 0 when nobody has set it: also where its "no value" of 16 bits is
/// written out.
std::uint32_t set_number(const json::object& object, std::string_view key) {
  constexpr std::int64_t kInfinite16 = 0xffff;  // INFINITE16 and NO_VAL16 of slurm.h
  constexpr std::int64_t kNoValue16 = 0xfffe;
  const std::int64_t number = amount_of(object, key).value_or(0);
  const bool none = number == kInfinite16 || number == kNoValue16;
  return none ? 0 : static_cast<std::uint32_t>(number);
}

/// What is set of a job though this does not read it: refused by its name, for Slurm would not
/// start the job on nodes that were decided without it. Binding, frequencies and profiles are
/// Slurm's own affair once the job has its nodes. Unset numbers are null, 0, or {"set": false}.
std::string others_in(const json::object& object) {
  struct Other {
    const char* key;
    const char* option;
  };
  constexpr Other kNumbers[] = {{"sockets_per_node", "--sockets-per-node"},
                                {"cores_per_socket", "--cores-per-socket"},
                                {"tasks_per_core", "--ntasks-per-core"},
                                {"tasks_per_socket", "--ntasks-per-socket"},
                                {"tasks_per_board", "tasks by board"},
                                {"core_spec", "--core-spec"},
                                {"thread_spec", "--thread-spec"},
                                {"minimum_tmp_disk_per_node", "--tmp"},
                                {"minimum_switches", "--switches"},   // up to v0.0.40
                                {"required_switches", "--switches"},  // from v0.0.41 on
                                {"segment_size", "--segment"}};
  constexpr Other kFlags[] = {{"contiguous", "--contiguous"}, {"reboot", "--reboot"}};
  constexpr Other kTexts[] = {{"burst_buffer", "--bb"}, {"prefer", "--prefer"}};
  std::string names;
  const auto add = [&](std::string_view name) {
    names.append(names.empty() ? "" : ", ").append(name);
  };
  for (const Other& each : kNumbers) {
    if (set_number(object, each.key) > 0) add(each.option);
  }
  for (const Other& each : kFlags) {
    if (flag_of(object, each.key)) add(each.option);
  }
  for (const Other& each : kTexts) {
    if (!text_of(object, each.key).empty()) add(each.option);
  }
  std::vector<std::string> words;
  add_words(object, "flags", words);
  if (std::ranges::find(words, "SPREAD_JOB") != words.end()) add("--spread-job");
  words.clear();
  add_words(object, "shared", words);
  for (const std::string& each : words) {
    if (each == "USER" || each == "MCS" || each == "TOPO") add("--exclusive=user, =mcs or =topo");
  }
  return names;
}

}  // namespace

bool is_handed_over(const SlurmJob& job) {
  return job.admin_comment.starts_with(kHandedOver) || job.comment == kHandedOver ||
         job.comment.starts_with(std::string(kHandedOver) + " ");
}

SlurmRequest read_request(const json::object& object) {
  SlurmRequest request;
  request.command = text_of(object, "command");
  request.workdir = text_of(object, "current_working_directory");
  request.output = text_of(object, "standard_output");
  request.account = text_of(object, "account");
  request.qos = text_of(object, "qos");
  request.batch = flag_of(object, "batch_flag");
  request.requeue = flag_of(object, "requeue");
  request.nodes_min = nodes_in(text_of(object, "tres_req_str"))
                          .value_or(std::max<std::uint32_t>(1, small_number(object, "node_count")));
  request.nodes_max = small_number(object, "max_nodes");
  request.tasks = small_number(object, "tasks");
  request.tasks_per_node = small_number(object, "tasks_per_node");
  request.cpus = small_number(object, "cpus");
  request.cpus_per_node = small_number(object, "minimum_cpus_per_node");
  request.memory_mib_per_node = amount_of(object, "memory_per_node");
  request.memory_mib_per_cpu = amount_of(object, "memory_per_cpu");
  // Of "gres:gpu:1024", or "gres/gpu:1024": MiB and CPUs for each.
  request.memory_mib_per_gpu = gpus_in(gres_of(object, "memory_per_tres")).count;
  request.cpus_per_gpu = gpus_in(gres_of(object, "cpus_per_tres")).count;
  request.threads_per_core = set_number(object, "threads_per_core");
  request.gres_per_job = gres_of(object, "tres_per_job");
  request.gres_per_node = gres_of(object, "tres_per_node");
  request.gres_per_task = gres_of(object, "tres_per_task");
  request.gres_per_socket = gres_of(object, "tres_per_socket");
  std::vector<std::string> shared;
  add_words(object, "shared", shared);
  request.exclusive = std::ranges::find(shared, "NONE") != shared.end();
  request.minutes = amount_of(object, "time_limit");
  request.begin_s = number_of(object, "start_time").value_or(0);
  request.features = text_of(object, "features");
  request.nodes_required = text_of(object, "required_nodes");
  request.nodes_excluded = text_of(object, "excluded_nodes");
  request.reservation = text_of(object, "resv_name");
  request.licenses = text_of(object, "licenses");
  request.dependency = text_of(object, "dependency");
  request.array_tasks = text_of(object, "array_task_string");
  request.array_limit = small_number(object, "array_max_tasks");
  request.het_job = small_number(object, "het_job_id");
  request.deadline_s = amount_of(object, "deadline").value_or(0);
  request.others = others_in(object);
  return request;
}

}  // namespace mw::slurm
