#include "engines/local/environment.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <string_view>

#include "engines/local/posix.h"

#include "model/gang.h"

namespace mw::local {
namespace {

using Variables = std::map<std::string, std::string>;

void put(Variables& variables, const std::string& assignment) {
  const std::size_t equals = assignment.find('=');
  if (equals == std::string::npos) return;
  variables[assignment.substr(0, equals)] = assignment.substr(equals + 1);
}

/// The task's devices, by their number on its node, or on the machine.
std::string device_list(const NodeSlice& slice, std::uint32_t local_rank, std::uint32_t first) {
  std::string list;
  const std::size_t each = slice.tasks == 0 ? 0 : slice.devices.size() / slice.tasks;
  for (std::size_t i = 0; i < each; ++i) {
    const std::uint32_t device = slice.devices[local_rank * each + i].device;
    list += (i == 0 ? "" : ",") + std::to_string(first + device);
  }
  return list;
}

void put_ranks(Variables& variables, const EnvironmentInputs& inputs) {
  const DesiredAttempt& attempt = inputs.attempt;
  const NodeSlice& slice = attempt.placement[inputs.slice];
  const std::string rank = std::to_string(slice.first_rank + inputs.local_rank);
  const std::string size = std::to_string(tasks_of(attempt.placement));
  const std::string local_rank = std::to_string(inputs.local_rank);
  const std::string local_size = std::to_string(slice.tasks);
  const std::string group_rank = std::to_string(inputs.slice);
  const std::string group_size = std::to_string(attempt.placement.size());

  variables["RANK"] = rank;
  variables["WORLD_SIZE"] = size;
  variables["LOCAL_RANK"] = local_rank;
  variables["LOCAL_WORLD_SIZE"] = local_size;
  variables["GROUP_RANK"] = group_rank;
  variables["NODE_RANK"] = group_rank;
  variables["GROUP_WORLD_SIZE"] = group_size;
  variables["NNODES"] = group_size;
  variables["MASTER_ADDR"] = "127.0.0.1";
  variables["MASTER_PORT"] = std::to_string(inputs.master_port);
  variables["TORCHELASTIC_RESTART_COUNT"] = std::to_string(attempt.attempt.value() - 1);
  variables["OMPI_COMM_WORLD_RANK"] = rank;
  variables["OMPI_COMM_WORLD_SIZE"] = size;
  variables["OMPI_COMM_WORLD_LOCAL_RANK"] = local_rank;
  variables["OMPI_COMM_WORLD_LOCAL_SIZE"] = local_size;
  variables["PMI_RANK"] = rank;
  variables["PMI_SIZE"] = size;
}

void put_devices(Variables& variables, const EnvironmentInputs& inputs) {
  if (inputs.node == nullptr) return;
  const NodeSlice& slice = inputs.attempt.placement[inputs.slice];
  // An empty list is said, too: it hides all devices from a task that has none.
  const std::string visible = device_list(slice, inputs.local_rank, inputs.node->first_device);
  if (inputs.node->vendor == AcceleratorVendor::kNvidia) {
    variables["CUDA_VISIBLE_DEVICES"] = visible;
    variables["CUDA_DEVICE_ORDER"] = "PCI_BUS_ID";
  } else if (inputs.node->vendor == AcceleratorVendor::kAmd) {
    // HIP counts among what ROCR lets through: the first ones of those, all of them.
    std::string among;
    const auto count = visible.empty() ? 0 : 1 + std::count(visible.begin(), visible.end(), ',');
    for (std::int64_t i = 0; i < count; ++i) among += (i == 0 ? "" : ",") + std::to_string(i);
    variables["ROCR_VISIBLE_DEVICES"] = visible;
    variables["HIP_VISIBLE_DEVICES"] = among;
  }
}

void put_millwright(Variables& variables, const EnvironmentInputs& inputs) {
  const DesiredAttempt& attempt = inputs.attempt;
  const JobSpec& spec = *attempt.spec;
  const NodeSlice& slice = attempt.placement[inputs.slice];
  variables["MILLWRIGHT_URL"] = inputs.url;
  variables["MILLWRIGHT_ENDPOINT_FILE"] = inputs.endpoint_file;
  variables["MILLWRIGHT_TOKEN"] = inputs.token;
  variables["MILLWRIGHT_JOB_ID"] = std::to_string(attempt.job.value());
  variables["MILLWRIGHT_JOB_NAME"] = spec.name;
  variables["MILLWRIGHT_ATTEMPT"] = std::to_string(attempt.attempt.value());
  variables["MILLWRIGHT_ARRAY_INDEX"] =
      std::to_string(attempt.job.value() - attempt.record.value());
  variables["MILLWRIGHT_ARRAY_COUNT"] = std::to_string(spec.array);
  variables["MILLWRIGHT_RANK"] = std::to_string(slice.first_rank + inputs.local_rank);
  variables["MILLWRIGHT_TASKS"] = std::to_string(tasks_of(attempt.placement));
  variables["MILLWRIGHT_NODE"] =
      inputs.slice < attempt.node_names.size() ? attempt.node_names[inputs.slice] : "";
  variables["MILLWRIGHT_DEVICES"] = device_list(slice, inputs.local_rank, 0);
  variables["MILLWRIGHT_BIN"] = inputs.mw_binary;
  variables.erase("MILLWRIGHT_CHECKPOINT_PATH");
  variables.erase("MILLWRIGHT_CHECKPOINT_STEP");
  if (attempt.resume_from.step != 0 || !attempt.resume_from.path.empty()) {
    variables["MILLWRIGHT_CHECKPOINT_PATH"] = attempt.resume_from.path;
    variables["MILLWRIGHT_CHECKPOINT_STEP"] = std::to_string(attempt.resume_from.step);
  }
}

}  // namespace

std::vector<std::string> task_environment(const EnvironmentInputs& inputs,
                                          const std::vector<std::string>& inherited) {
  Variables variables;
  for (const std::string& assignment : inherited) put(variables, assignment);
  const std::uint32_t first_rank = inputs.attempt.placement[inputs.slice].first_rank;
  const CpuShare cpus = group_at(*inputs.attempt.spec, first_rank).task.cpus;
  if (cpus.count() > 0) {
    // Without it, each rank would start as many threads as the whole machine has CPUs.
    variables["OMP_NUM_THREADS"] = std::to_string(std::max<std::int64_t>(1, cpus / kWholeCpu));
  }
  for (const EnvironmentVariable& variable : inputs.attempt.spec->environment) {
    variables[variable.name] = variable.value;
  }
  put_ranks(variables, inputs);
  put_devices(variables, inputs);
  put_millwright(variables, inputs);
  std::vector<std::string> result;
  result.reserve(variables.size());
  for (const auto& [name, value] : variables) result.push_back(name + "=" + value);
  return result;
}

std::vector<std::string> inherited_environment(const std::vector<std::string>& names) {
  std::vector<std::string> result;
  for (char** variable = ::environ; variable != nullptr && *variable != nullptr; ++variable) {
    const std::string_view assignment = *variable;
    const std::string_view name = assignment.substr(0, assignment.find('='));
    const bool wanted = std::any_of(names.begin(), names.end(), [&](const std::string& pattern) {
      if (pattern.empty() || pattern.back() != '*') return name == pattern;
      return name.substr(0, pattern.size() - 1) ==
             std::string_view(pattern).substr(0, pattern.size() - 1);
    });
    if (wanted) result.emplace_back(assignment);
  }
  return result;
}

std::uint16_t free_port() {
  const UniqueFd fd(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* const generic = reinterpret_cast<sockaddr*>(&address);
  if (!fd.valid() || ::bind(fd.get(), generic, size) != 0 ||
      ::getsockname(fd.get(), generic, &size) != 0) {
    return 0;
  }
  return ntohs(address.sin_port);
}

}  // namespace mw::local
