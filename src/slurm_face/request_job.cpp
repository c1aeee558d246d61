#include "slurm_face/request_job.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "codec/units.h"

namespace mw::face {
namespace {

/// KillWait of Slurm's default configuration: between SIGTERM and SIGKILL.
constexpr Duration kKillWait = seconds(30);

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

Error invalid(std::string message) { return {ErrorCode::kInvalid, std::move(message)}; }

std::uint32_t divide_up(std::uint32_t a, std::uint32_t b) { return (a + b - 1) / b; }

/// Names of jobs are stricter here: what they may not have becomes a dash.
std::string job_name_of(std::string_view name) {
  std::string out(name.substr(0, kNameLengthMax));
  for (char& c : out) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '_') c = '-';
  }
  return out.empty() ? "job" : out;
}

class Translator {
 public:
  Translator(const Request& request, const FleetFacts& fleet, FaceJob face)
      : request_(request), fleet_(fleet) {
    job_.face = std::move(face);
  }

  Result<TranslatedJob> run(const std::string& workdir) {
    if (!request_.refused.empty()) {
      return Error{ErrorCode::kUnsupported, fmt::format("{}", fmt::join(request_.refused, "\n"))};
    }
    if (auto checked = check_request(request_); !checked) return checked.error();
    if (!request_.node_list.empty() || !request_.exclude_list.empty()) {
      return Error{
          ErrorCode::kUnsupported,
          "--nodelist and --exclude are for steps of a job: the nodes of a job are chosen by "
          "Millwright"};
    }
    if (request_.nodes && request_.nodes->low != request_.nodes->high) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("--nodes: a range ({}-{}) is not supported; say one number",
                               request_.nodes->low, request_.nodes->high)};
    }
    for (const auto step : {&Translator::set_place, &Translator::set_shape, &Translator::set_types,
                            &Translator::set_array}) {
      if (auto done = (this->*step)(); !done) return done.error();
    }
    set_rest(workdir);
    return std::move(job_);
  }

 private:
  [[nodiscard]] bool wants_gpus() const {
    return (request_.gpus && request_.gpus->count > 0) ||
           (request_.gpus_per_node && request_.gpus_per_node->count > 0) ||
           (request_.gpus_per_task && request_.gpus_per_task->count > 0);
  }

  Result<void> set_place() {
    const Partition* partition = request_.partition.empty() ? &fleet_.default_partition() : nullptr;
    std::string_view rest = request_.partition;
    while (partition == nullptr && !rest.empty()) {
      const std::size_t comma = rest.find(',');
      partition = fleet_.find_partition(rest.substr(0, comma));
      rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
    }
    if (partition == nullptr) {
      std::vector<std::string> names;
      for (const Partition& one : fleet_.partitions) names.push_back(one.name);
      return invalid(
          fmt::format("invalid partition name specified: {}; there are {} (docs/slurm-commands.md "
                      "says how to name more)",
                      in_quotes(request_.partition), fmt::join(names, ", ")));
    }
    job_.face.partition = partition->name;
    job_.spec.where.sites = partition->sites;
    types_ = fleet_.types_of(*partition);
    return request_.constraint.empty() ? Result<void>() : set_constraint(*partition);
  }

  /// Alternatives only: "a100|h100", with brackets or without.
  Result<void> set_constraint(const Partition& partition) {
    std::vector<std::string> types;
    std::vector<std::string> sites;
    std::string_view rest = request_.constraint;
    while (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
    if (rest.find_first_of("&,*()[]") != std::string_view::npos) {
      return Error{ErrorCode::kUnsupported,
                   fmt::format("--constraint: only alternatives (a|b) are supported, found {}",
                               in_quotes(request_.constraint))};
    }
    while (!rest.empty()) {
      const std::size_t bar = rest.find('|');
      const std::string word(rest.substr(0, bar));
      rest = bar == std::string_view::npos ? std::string_view() : rest.substr(bar + 1);
      const auto meant = types_meant(word, types_);
      const bool is_site = std::ranges::any_of(fleet_.groups, [&](const NodeGroup& group) {
        return group.site == word && holds(partition, group);
      });
      if (is_site) sites.push_back(word);
      types.insert(types.end(), meant.begin(), meant.end());
      if (meant.empty() && !is_site) {
        return invalid(
            fmt::format("--constraint: invalid feature specification {}; types of "
                        "accelerators and sites are features, and in partition {} there "
                        "are {}",
                        in_quotes(word), partition.name, fmt::join(types_, ", ")));
      }
    }
    if (!types.empty() && !sites.empty()) {
      return Error{ErrorCode::kUnsupported,
                   "--constraint: types and sites as alternatives of each other are not supported"};
    }
    if (!sites.empty()) job_.spec.where.sites = sites;
    if (!types.empty()) types_ = types;
    return {};
  }

  /// How many seats, and what each has.
  Result<void> set_shape() {
    const std::uint32_t tasks = request_.task_count();
    const std::uint32_t nodes = request_.node_count();
    const std::uint32_t cpus = request_.cpus_per_task.value_or(1);
    const bool by_task = !request_.nodes_known() && tasks > 1 && !request_.gpus_per_node &&
                         !request_.memory_per_node && !request_.tasks_per_node &&
                         !request_.cpus_per_node_min && !request_.exclusive &&
                         !request_.overcommit &&
                         (!request_.gpus || request_.gpus->count % tasks == 0);
    GangShape& gang = job_.spec.gang;
    gang.tasks = by_task ? tasks : nodes;
    gang.nodes = by_task ? 0 : nodes;
    const std::uint32_t tasks_each = by_task ? 1 : divide_up(tasks, nodes);
    if (request_.tasks_per_node && tasks_each > *request_.tasks_per_node) {
      return invalid(fmt::format("{} tasks do not fit onto {} nodes with --ntasks-per-node={}",
                                 tasks, nodes, *request_.tasks_per_node));
    }
    std::uint32_t gpus_each = 0;
    if (request_.gpus_per_node) {
      gpus_each = request_.gpus_per_node->count;
    } else if (request_.gpus_per_task) {
      gpus_each = request_.gpus_per_task->count * tasks_each;
    } else if (request_.gpus) {
      if (request_.gpus->count % gang.tasks != 0) {
        return Error{ErrorCode::kUnsupported,
                     fmt::format("--gpus: {} GPUs do not spread evenly over {} nodes; say "
                                 "--gpus-per-node",
                                 request_.gpus->count, gang.tasks)};
      }
      gpus_each = request_.gpus->count / gang.tasks;
    }
    std::uint32_t cpus_each = request_.overcommit ? 1 : tasks_each * cpus;
    if (request_.cpus_per_gpu) cpus_each = *request_.cpus_per_gpu * gpus_each;
    cpus_each = std::max({cpus_each, request_.cpus_per_node_min.value_or(1), 1U});
    gang.task.cpus = CpuShare(std::int64_t{cpus_each} * kWholeCpu.count());
    gang.task.accelerators = AcceleratorShare(std::int64_t{gpus_each} * kWholeAccelerator.count());
    if (request_.memory_per_node) gang.task.memory = *request_.memory_per_node;
    if (request_.memory_per_cpu) {
      gang.task.memory = Bytes(request_.memory_per_cpu->count() * cpus_each);
    }
    if (request_.memory_per_gpu) {
      gang.task.memory = Bytes(request_.memory_per_gpu->count() * gpus_each);
    }
    gang.exclusive = request_.exclusive;
    if (request_.switches == 1) gang.require = FabricLevel::kLeaf;
    FaceJob& face = job_.face;
    face.nodes = gang.nodes;
    face.tasks = tasks;
    face.tasks_said = request_.tasks || request_.tasks_per_node || request_.tasks_per_gpu;
    face.tasks_per_node = request_.tasks_per_node.value_or(0);
    face.cpus_per_task = request_.cpus_per_task.value_or(0);
    face.seats = gang.tasks;
    face.seat_cpus = cpus_each;
    face.gpus = gpus_each * gang.tasks;
    face.gpus_per_node = request_.gpus_per_node ? request_.gpus_per_node->count : 0;
    face.gpus_per_task = request_.gpus_per_task ? request_.gpus_per_task->count : 0;
    face.memory_per_node = request_.memory_per_node.value_or(Bytes());
    face.memory_per_cpu = request_.memory_per_cpu.value_or(Bytes());
    return {};
  }

  /// Which types of accelerators will do; cores are accelerators where there are no others.
  Result<void> set_types() {
    GangShape& gang = job_.spec.gang;
    const auto is_core = [](const std::string& type) { return type == kCoreType; };
    std::vector<std::string> types = types_;
    if (!wants_gpus()) {
      // Nodes without accelerators first; where there are none, CPUs of those that have some.
      if (std::ranges::any_of(types, is_core)) {
        gang.task.accelerators = AcceleratorShare(gang.task.cpus.count());
        types = {std::string(kCoreType)};
      }
      put_types(types);
      return {};
    }
    std::erase_if(types, is_core);
    std::string wanted;
    for (const auto* gpus : {&request_.gpus, &request_.gpus_per_node, &request_.gpus_per_task}) {
      if (*gpus && !(*gpus)->type.empty()) wanted = (*gpus)->type;
    }
    if (types.empty()) {
      return invalid(
          fmt::format("requested node configuration is not available: no node of "
                      "partition {} has GPUs",
                      job_.face.partition));
    }
    if (!wanted.empty()) {
      const auto meant = types_meant(wanted, types);
      if (meant.empty()) {
        return invalid(
            fmt::format("requested node configuration is not available: no node of "
                        "partition {} has GPUs of type {}; there are {}",
                        job_.face.partition, in_quotes(wanted), fmt::join(types, ", ")));
      }
      types = meant;
    }
    job_.face.gpu_type = wanted;
    put_types(types);
    return {};
  }

  /// Says nothing where any type will do.
  void put_types(const std::vector<std::string>& types) {
    GangShape& gang = job_.spec.gang;
    std::vector<std::string> all;
    for (const NodeGroup& group : fleet_.groups) all.push_back(group.accelerator_type);
    std::ranges::sort(all);
    const auto repeated = std::ranges::unique(all);
    all.erase(repeated.begin(), repeated.end());
    std::vector<std::string> sorted = types;
    std::ranges::sort(sorted);
    if (sorted == all || sorted.empty()) return;
    if (types.size() == 1) {
      gang.task.accelerator_type = types.front();
      return;
    }
    for (const std::string& type : types) gang.types.push_back({.type = type});
  }

  Result<void> set_array() {
    if (!request_.array) return {};
    const ArrayRequest& array = *request_.array;
    if (array.at_once > 0 && array.at_once < array.elements.size()) {
      return Error{
          ErrorCode::kUnsupported,
          fmt::format("--array: a limit (%{}) is not supported; without it all {} elements "
                      "start as there is room. To keep to a share, give the tenant a quota",
                      array.at_once, array.elements.size())};
    }
    job_.spec.array = static_cast<std::uint32_t>(array.elements.size());
    job_.face.array = request_.array_text.substr(0, request_.array_text.find('%'));
    return {};
  }

  void set_rest(const std::string& workdir) {
    JobSpec& spec = job_.spec;
    FaceJob& face = job_.face;
    spec.name = job_name_of(face.name);
    if (!request_.account.empty()) spec.tenant = request_.account;
    spec.workdir = workdir;
    // Slurm never starts a job again because its script failed; a lost node is another matter.
    spec.restart.limit = 0;
    spec.grace = kKillWait;
    spec.time_limit = request_.time_limit.value_or(Duration(0));
    spec.priority_class = request_.qos;
    spec.priority =
        static_cast<std::int32_t>(request_.priority.value_or(-request_.nice.value_or(0)));
    spec.not_before = request_.begin.value_or(Instant());
    spec.deadline = request_.deadline.value_or(Instant());
    spec.after = request_.after;
    spec.hold = request_.hold;
    if (!request_.reservation.empty()) spec.reservation = request_.reservation;
    face.account = spec.tenant;
    face.qos = request_.qos;
    face.comment = request_.comment;
    face.output = request_.output;
    face.error = request_.error;
    face.input = request_.input;
    if (!request_.distribution.empty()) face.distribution = request_.distribution;
    if (request_.overcommit) face.overcommit = true;
    face.append = request_.open_mode == "append";
    face.requeue = request_.requeue.value_or(true);
    face.time_limit = spec.time_limit;
    face.begin = request_.begin;
    if (request_.signal) {
      face.signal = request_.signal->signal;
      face.signal_to_script = request_.signal->to_script;
      face.signal_before = request_.signal->before;
    }
  }

  const Request& request_;
  const FleetFacts& fleet_;
  std::vector<std::string> types_;  ///< that will do
  TranslatedJob job_;
};

}  // namespace

std::vector<std::string> types_meant(std::string_view name, const std::vector<std::string>& types) {
  std::vector<std::string> part;
  const std::string wanted = lower(name);
  for (const std::string& type : types) {
    const std::string own = lower(type);
    if (own == wanted) return {type};
    if (!wanted.empty() && own.find(wanted) != std::string::npos) part.push_back(type);
  }
  return part;
}

Result<TranslatedJob> translate(const Request& request, const FleetFacts& fleet, FaceJob face,
                                const std::string& workdir) {
  return Translator(request, fleet, std::move(face)).run(workdir);
}

}  // namespace mw::face
