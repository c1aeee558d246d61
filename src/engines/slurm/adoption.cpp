#include "engines/slurm/adoption.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <map>

#include "codec/hostlist.h"
#include "codec/units.h"

namespace mw::slurm {
namespace {

constexpr std::size_t kArrayTasksMax = 4'000'001;  // Slurm's largest MaxArraySize
constexpr std::string_view kHoldWord = "millwright:hold";
constexpr std::string_view kReleaseWord = "millwright:release";
constexpr std::string_view kHeldAtSubmit = "millwright:user";
constexpr std::size_t kNameMax = 64;
constexpr std::size_t kAskedSize = 16;  // of asked_for()

Error cannot(std::string why) { return Error{ErrorCode::kUnsupported, std::move(why)}; }

std::uint32_t ceil_div(std::uint32_t amount, std::uint32_t by) { return (amount + by - 1) / by; }

/// As names here are: what a name may not have becomes "_".
std::string tame(const std::string& name, const char* otherwise) {
  std::string tamed = name.substr(0, kNameMax);
  std::ranges::replace_if(
      tamed,
      [](unsigned char c) { return std::isalnum(c) == 0 && c != '.' && c != '_' && c != '-'; },
      '_');
  return tamed.empty() ? otherwise : tamed;
}

std::vector<std::string_view> split(std::string_view text, std::string_view at) {
  std::vector<std::string_view> parts;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(at);
    if (end != 0) parts.push_back(text.substr(0, end));
    text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  }
  return parts;
}

std::optional<std::uint32_t> whole(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

/// "a&b" (also with a comma): all of them; "a|b": one of them.
Result<bool> suits(const SlurmNode& node, const std::string& features) {
  const bool plain = features.find_first_of("[]()*!") == std::string::npos;
  const bool mixed =
      features.find('|') != std::string::npos && features.find_first_of("&,") != std::string::npos;
  if (!plain || mixed) {
    return cannot(fmt::format("its constraint {} has counts, brackets or both \"&\" and \"|\"",
                              in_quotes(features)));
  }
  const auto has = [&](std::string_view feature) {
    return std::ranges::find(node.features, feature) != node.features.end();
  };
  const auto parts = split(features, "&|,");
  if (features.find('|') != std::string::npos) return std::ranges::any_of(parts, has);
  return std::ranges::all_of(parts, has);
}

/// What Slurm would do with it by other means than by choosing nodes.
Result<void> check(const SlurmJob& job) {
  const SlurmRequest& request = *job.request;
  if (request.het_job != 0) {
    return cannot("it is a component of a heterogeneous job, and those are started by Slurm only");
  }
  if (!request.licenses.empty()) {
    return cannot("it asks for licences (" + request.licenses + "), which are Slurm's to give");
  }
  if (!request.reservation.empty()) {
    return cannot("it names Slurm's reservation " + request.reservation);
  }
  // Of one that was let go once, they are what was decided.
  if (!request.nodes_required.empty() && job.restarts == 0) {
    return cannot("it names its nodes (-w " + request.nodes_required + ")");
  }
  if (!request.nodes_excluded.empty()) {
    return cannot("it names nodes that it does not want (-x " + request.nodes_excluded + ")");
  }
  if (!request.others.empty()) {
    return cannot("it was submitted with " + request.others +
                  ", which bears on where it may run and is not decided about here");
  }
  if (!request.gres_per_socket.empty()) { return cannot("it asks for accelerators by socket"); }
  for (const std::string* gres :
       {&request.gres_per_job, &request.gres_per_node, &request.gres_per_task}) {
    for (const std::string_view each : split(*gres, ",")) {
      std::string_view name = each;
      for (const std::string_view prefix : {"gres:", "gres/"}) {
        if (name.starts_with(prefix)) name.remove_prefix(prefix.size());
      }
      if (name.starts_with("gpu:") || name == "gpu") continue;
      if (name.starts_with("cpu:")) continue;  // of --cpus-per-task, and in the number of CPUs
      return cannot("it asks for " + std::string(name) + ", and only gpu is counted here");
    }
  }
  if (job.partition.find(',') != std::string::npos) {
    return cannot("it names several partitions (" + job.partition + "); one will do");
  }
  return {};
}

/// Without a number of nodes of its own it gets as few as hold it.
std::uint32_t nodes_for(const SlurmRequest& request, const NodeChoices::Choice& least,
                        std::uint32_t tasks, std::uint32_t cpus, std::uint32_t gpus) {
  std::uint32_t nodes = std::max(1U, request.nodes_min);
  if (request.nodes_max != 0) return nodes;
  if (request.tasks_per_node != 0) {
    nodes = std::max(nodes, ceil_div(tasks, request.tasks_per_node));
  }
  if (least.cpus > 0) nodes = std::max(nodes, ceil_div(cpus, least.cpus));
  if (least.gpus > 0) nodes = std::max(nodes, ceil_div(gpus, least.gpus));
  return nodes;
}

/// Slurm gives all of a node's memory to a job that does not say how much it wants.
std::int64_t memory_mib_of(const SlurmRequest& request, const NodeChoices::Choice& least,
                           std::uint32_t cpus, std::uint32_t gpus) {
  if (request.memory_mib_per_gpu > 0) return std::int64_t{request.memory_mib_per_gpu} * gpus;
  if (request.memory_mib_per_cpu && *request.memory_mib_per_cpu > 0) {
    return *request.memory_mib_per_cpu * cpus;
  }
  const std::int64_t wanted = request.memory_mib_per_node.value_or(0);
  return wanted > 0 ? wanted : least.memory_mib;
}

}  // namespace

bool waits_for_decision(const SlurmJob& job) {
  return job.request && job.state == "PENDING" && job.held && !job.completing;
}

bool held_by_user(const SlurmJob& job) {
  const std::size_t held = job.comment.rfind(kHoldWord);
  const std::size_t released = job.comment.rfind(kReleaseWord);
  if (held == std::string::npos && released == std::string::npos) {
    return job.admin_comment == kHeldAtSubmit;
  }
  return released == std::string::npos || (held != std::string::npos && held > released);
}

Result<std::vector<std::uint32_t>> array_tasks(std::string_view text) {
  std::vector<std::uint32_t> tasks;
  const Error fault{ErrorCode::kInvalid, "no list of an array's elements: " + in_quotes(text)};
  text = text.substr(0, text.find('%'));
  for (const std::string_view part : split(text, ",")) {
    const std::size_t colon = part.find(':');
    const std::string_view range = part.substr(0, colon);
    const std::size_t dash = range.find('-');
    const auto first = whole(range.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : whole(range.substr(dash + 1));
    const auto step =
        colon == std::string_view::npos ? std::optional(1U) : whole(part.substr(colon + 1));
    if (!first || !last || !step || *step == 0 || *last < *first) return fault;
    const std::uint64_t count = (std::uint64_t{*last} - *first) / *step + 1;
    if (count + tasks.size() > kArrayTasksMax) return fault;
    for (std::uint64_t i = *first; i <= *last; i += *step) {
      tasks.push_back(static_cast<std::uint32_t>(i));
    }
  }
  return tasks;
}

bool is_singleton(const SlurmJob& job) {
  return job.request && job.request->dependency.find("singleton") != std::string::npos;
}

bool is_put_off_anew(const SlurmJob& job, const JobSpec& taken, Instant now) {
  const Instant begin = Instant(seconds(job.request->begin_s).count());
  return std::max(begin, now) != std::max(taken.not_before, now);
}

std::vector<SlurmJobId> jobs_awaited(std::string_view dependency) {
  std::vector<SlurmJobId> jobs;
  for (const std::string_view part : split(dependency, ",?:")) {
    // "12_3+5(unfulfilled)": the job is the number that it begins with.
    const std::size_t digits = part.find_first_not_of("0123456789");
    if (const auto number = whole(part.substr(0, digits))) jobs.push_back(*number);
  }
  return jobs;
}

const Result<NodeChoices::Choice>& NodeChoices::of(const std::string& partition,
                                                   const std::string& features) {
  const auto key = std::make_pair(partition, features);
  const auto found = made_.find(key);
  if (found != made_.end()) return found->second;
  return made_.emplace(key, choose(partition, features)).first->second;
}

Result<NodeChoices::Choice> NodeChoices::choose(const std::string& name,
                                                const std::string& features) const {
  const SlurmPartition* partition = cluster_.partition(name);
  if (partition == nullptr) {
    return cannot(
        fmt::format("partition {} is none that is used here, or it is not up", in_quotes(name)));
  }
  Choice choice;
  choice.minutes = partition->minutes_default ? partition->minutes_default : partition->minutes_max;
  std::set<std::string> names;
  for (const std::string& each : partition->nodes) {
    const SlurmNode* node = cluster_.node(each);
    if (node == nullptr) continue;
    const auto suit = suits(*node, features);
    if (!suit) return suit.error();
    if (!*suit) continue;
    names.insert(each);
    choice.types.insert(ClusterView::type_of(*node));
    choice.cpus = std::min(choice.cpus, static_cast<std::uint32_t>(node->cpus));
    choice.gpus = std::min(choice.gpus, node->gpus.count);
    choice.memory_mib = std::min(choice.memory_mib, node->memory_mib);
    choice.threads_per_core = std::max(choice.threads_per_core, node->threads_per_core);
    choice.any_gpus = choice.any_gpus || node->gpus.count > 0;
  }
  if (names.empty()) {
    return cannot(
        fmt::format("no node of partition {} suits its constraint {}", name, in_quotes(features)));
  }
  bool all = true;
  bool by_type = true;
  for (const std::string& each : cluster_.usable()) {
    if (names.contains(each)) continue;
    all = false;
    const SlurmNode* other = cluster_.node(each);
    if (other != nullptr && choice.types.contains(ClusterView::type_of(*other))) by_type = false;
  }
  if (all) choice.types.clear();
  if (all || by_type) return choice;
  return cannot(fmt::format(
      "the nodes for it (partition {}{}) do not differ from others in their accelerators, and "
      "which of like nodes it may have cannot be told yet",
      name, features.empty() ? "" : ", constraint " + features));
}

Result<JobSpec> adopted_spec(const SlurmJob& job, NodeChoices& choices) {
  if (const auto checked = check(job); !checked) return checked.error();
  const SlurmRequest& request = *job.request;
  const Result<NodeChoices::Choice>& suitable = choices.of(job.partition, request.features);
  if (!suitable) return suitable.error();
  const NodeChoices::Choice& least = *suitable;
  const GpuCount by_job = gpus_in(request.gres_per_job);
  const GpuCount by_node = gpus_in(request.gres_per_node);
  const GpuCount by_task = gpus_in(request.gres_per_task);
  const std::uint32_t tasks = std::max(1U, request.tasks);
  const std::uint32_t cpus = std::max(tasks, request.cpus);
  const std::uint32_t nodes =
      nodes_for(request, least, tasks, cpus, std::max(by_job.count, by_task.count * tasks));
  const std::uint32_t tasks_here = ceil_div(tasks, nodes);
  const std::uint32_t gpus_here =
      std::max({by_node.count, ceil_div(by_job.count, nodes), by_task.count * tasks_here});
  const std::uint32_t cpus_here = std::max(
      {ceil_div(cpus, nodes), request.cpus_per_node, tasks_here, request.cpus_per_gpu * gpus_here});

  if (request.threads_per_core != 0 && request.threads_per_core < least.threads_per_core) {
    return cannot(fmt::format("it asks for {} of {} threads of a core (--threads-per-core, --hint)",
                              request.threads_per_core, least.threads_per_core));
  }

  JobSpec spec;
  spec.name = tame(job.job_name, "job");
  spec.tenant = tame(request.account, "default");
  spec.user = job.user;
  spec.command = {request.batch ? "sbatch" : "srun",
                  request.command.empty() ? job.job_name : request.command};
  spec.workdir = request.workdir.starts_with('/') ? request.workdir : "/";
  spec.gang.tasks = spec.gang.nodes = nodes;
  spec.gang.exclusive = request.exclusive;
  TaskShape& share = spec.gang.task;
  // Where there are no GPUs the cores are what is counted (ClusterView::spec_of).
  share.accelerators = kWholeAccelerator * (least.any_gpus ? gpus_here : cpus_here);
  share.cpus = kWholeCpu * cpus_here;
  share.memory = Bytes(memory_mib_of(request, least, cpus_here, gpus_here) << 20);
  std::string type;
  for (const GpuCount* each : {&by_job, &by_node, &by_task}) {
    if (each->count > 0 && each->type != "gpu") type = each->type;
  }
  if (!type.empty() && (suitable->types.empty() || suitable->types.contains(type))) {
    share.accelerator_type = type;
  } else if (!type.empty()) {
    return cannot("no node for it has accelerators of type " + type);
  } else {
    for (const std::string& each : suitable->types) spec.gang.types.push_back({each});
  }
  // Slurm's scripts say themselves what is to be done after a failure.
  spec.restart.limit = 0;
  const auto limit = request.minutes ? request.minutes : least.minutes;
  if (limit) spec.time_limit = minutes(*limit);
  if (request.begin_s > 0 && job.restarts == 0) {
    spec.not_before = Instant(seconds(request.begin_s).count());
  }
  if (request.deadline_s > 0) spec.deadline = Instant(seconds(request.deadline_s).count());
  spec.priority_class = tame(request.qos, "");
  return spec;
}

std::string output_of(const SlurmJob& job, const std::string& id) {
  const SlurmRequest& request = *job.request;
  const bool element = id.find('_') != std::string::npos;
  const std::string array = id.substr(0, id.find('_'));
  const std::map<char, std::string> known = {
      {'%', "%"},      {'A', array},        {'a', element ? id.substr(array.size() + 1) : ""},
      {'u', job.user}, {'x', job.job_name}, {'j', element ? "" : id}};
  std::string pattern = request.output;
  if (pattern.empty()) pattern = element ? "slurm-%A_%a.out" : "slurm-%j.out";
  std::string path = pattern.starts_with('/') ? "" : request.workdir + "/";
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') {
      path += pattern[i];
      continue;
    }
    const auto found = ++i < pattern.size() ? known.find(pattern[i]) : known.end();
    if (found == known.end() || found->second.empty()) return "";
    path += found->second;
  }
  return path;
}

std::string asked_for(const SlurmJob& job) {
  const SlurmRequest& request = *job.request;
  constexpr std::int64_t kNone = -1;
  // A name cannot have a line's end, and texts of Slurm's own have none.
  std::string all = fmt::format(
      "{}\n{}\n{}\n{}\n{} {} {} {} {} {} {} {} {} {} {}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}\n{}",
      job.user, job.partition, request.account, request.qos, request.batch, request.requeue,
      request.exclusive, request.nodes_min, request.nodes_max, request.tasks,
      request.tasks_per_node, request.cpus, request.cpus_per_node,
      request.memory_mib_per_node.value_or(kNone), request.memory_mib_per_cpu.value_or(kNone),
      request.gres_per_job, request.gres_per_node, request.gres_per_task, request.gres_per_socket,
      request.minutes.value_or(kNone), request.features, request.nodes_excluded,
      request.reservation, request.licenses);
  // Only where somebody said so: the keys of jobs that wait stay as they were.
  if (request.memory_mib_per_gpu != 0 || request.cpus_per_gpu != 0 ||
      request.threads_per_core != 0 || request.deadline_s != 0 || !request.others.empty()) {
    all += fmt::format("\n{} {} {} {}\n{}", request.memory_mib_per_gpu, request.cpus_per_gpu,
                       request.threads_per_core, request.deadline_s, request.others);
  }
  // FNV-1a: it only has to tell one job's few requests apart.
  std::uint64_t hash = 0xcbf29ce484222325;
  for (const unsigned char each : all) hash = (hash ^ each) * 0x100000001b3;
  return fmt::format("{:016x}", hash);
}

AdoptedJob adopted_job(const SlurmJob& job, const std::string& id, JobId replaces) {
  return {id, job.submitted_s, job.request->requeue && job.request->batch, asked_for(job),
          replaces};
}

std::string adoption_key(const AdoptedJob& job) {
  return fmt::format(" slurm {} {} {} {} {}", job.id, job.submitted_s,
                     job.restartable ? "again" : "once", job.asked, job.replaces.value());
}

std::optional<AdoptedJob> adopted_job(std::string_view client_key) {
  const auto words = split(client_key, " ");
  if (words.size() < 4 || words[0] != "slurm" || !client_key.starts_with(' ')) return std::nullopt;
  AdoptedJob job;
  job.id = words[1];
  const char* end = words[2].data() + words[2].size();
  if (std::from_chars(words[2].data(), end, job.submitted_s).ptr != end) return std::nullopt;
  job.restartable = words[3] == "again";
  if (words.size() < 6 || words[4].size() != kAskedSize) return job;
  job.asked = words[4];
  std::uint64_t replaces = 0;
  std::from_chars(words[5].data(), words[5].data() + words[5].size(), replaces);
  job.replaces = JobId(replaces);
  return job;
}

}  // namespace mw::slurm
