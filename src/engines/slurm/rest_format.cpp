#include "engines/slurm/rest_format.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <charconv>

#include "codec/units.h"
#include "engines/slurm/rest_fields.h"
#include "engines/slurm/rest_request.h"

namespace mw::slurm {
namespace {

namespace json = boost::json;

/// Deeper than anything that Slurm says.
const json::parse_options kOptions = [] {
  json::parse_options options;
  options.max_depth = 32;
  return options;
}();

Result<json::object> parse_object(std::string_view body) {
  json::error_code fault;
  json::value value = json::parse(body, fault, {}, kOptions);
  if (fault || !value.is_object()) {
    return Error{ErrorCode::kInvalid, "slurmrestd did not answer with a JSON object but with " +
                                          in_quotes(body.substr(0, 200))};
  }
  return std::move(value.get_object());
}

std::optional<RestFault> fault_in(const json::object& document) {
  const json::value* list = find(document, "errors");
  if (list == nullptr || !list->is_array()) return std::nullopt;
  for (const json::value& each : list->get_array()) {
    if (!each.is_object()) continue;
    const json::object& object = each.get_object();
    RestFault fault;
    fault.number =
        number_of(object, object.contains("error_number") ? "error_number" : "error_code")
            .value_or(0);
    fault.text = text_of(object, "description");
    if (fault.text.empty()) fault.text = text_of(object, "error");
    return fault;
  }
  return std::nullopt;
}

/// Calls `read(object, element)` for each object of the list `key`.
template <class Element, class Read>
Result<std::vector<Element>> read_list(std::string_view body, std::string_view key, Read read) {
  const auto document = parse_object(body);
  if (!document) return document.error();
  // When slurmctld is away there are errors and an empty list: that is not "none".
  if (const auto fault = fault_in(*document)) {
    return Error{ErrorCode::kUnavailable, "Slurm says: " + fault->text};
  }
  const json::value* list = find(*document, key);
  if (list == nullptr || !list->is_array()) {
    return Error{ErrorCode::kInvalid,
                 "slurmrestd's answer has no list \"" + std::string(key) + "\""};
  }
  std::vector<Element> elements;
  elements.reserve(list->get_array().size());
  for (const json::value& each : list->get_array()) {
    if (!each.is_object()) continue;
    Element element;
    if (const Result<void> done = read(each.get_object(), element); !done) return done.error();
    elements.push_back(std::move(element));
  }
  return elements;
}

Result<void> read_node(const json::object& object, SlurmNode& node) {
  node.name = text_of(object, "name");
  if (node.name.empty())
    return Error{ErrorCode::kInvalid, "slurmrestd told of a node without name"};
  node.address = text_of(object, "address");
  node.gpus = gpus_in(text_of(object, "gres"));
  node.cpus = number_of(object, "cpus").value_or(0);
  node.threads_per_core = std::max<std::int64_t>(1, number_of(object, "threads").value_or(1));
  node.memory_mib = number_of(object, "real_memory").value_or(0);
  node.reason = text_of(object, "reason");
  node.reason_by = text_of(object, "reason_set_by_user");
  node.reason_s = number_of(object, "reason_changed_at").value_or(0);
  node.booted_s = number_of(object, "boot_time").value_or(0);
  node.features = names_in(object, "active_features");
  add_words(object, "state", node.states);
  add_words(object, "state_flags", node.states);
  return {};
}

/// A wait status as wait(2) gives it, or the object of later versions.
void read_exit(const json::object& object, SlurmJob& job) {
  const json::value* value = find(object, "exit_code");
  if (value == nullptr) return;
  const json::object* parts = value->if_object();
  if (parts != nullptr && (parts->contains("return_code") || parts->contains("signal"))) {
    job.exit_code = static_cast<std::int32_t>(number_of(*parts, "return_code").value_or(0));
    if (const json::value* signal = find(*parts, "signal"); signal && signal->is_object()) {
      const json::object& fields = signal->get_object();
      job.exit_signal = static_cast<std::int32_t>(
          number_of(fields, fields.contains("id") ? "id" : "signal_id").value_or(0));
    }
    return;
  }
  const auto status = static_cast<std::uint32_t>(number_in(*value).value_or(0));
  job.exit_signal = static_cast<std::int32_t>(status & 0x7f);
  job.exit_code = static_cast<std::int32_t>((status >> 8) & 0xff);
}

/// Up to v0.0.40 what a job has of a node is a tree of sockets and their cores; "cpus_used" is what
/// its steps use of them.
std::int64_t cores_in(const json::object& allocation) {
  std::int64_t cores = 0;
  const json::value* sockets = find(allocation, "sockets");
  if (sockets == nullptr || !sockets->is_object()) return 0;
  for (const auto& socket : sockets->get_object()) {
    if (!socket.value().is_object()) continue;
    const json::value* list = find(socket.value().get_object(), "cores");
    if (list != nullptr && list->is_object()) {
      cores += static_cast<std::int64_t>(list->get_object().size());
    }
  }
  return cores;
}

void read_allocation(const json::object& object, SlurmJob& job) {
  SlurmAllocation allocation;
  allocation.node = text_of(object, object.contains("nodename") ? "nodename" : "name");
  allocation.cpus = number_of(object, "cpus_used").value_or(0);
  allocation.cores = cores_in(object);
  allocation.memory_mib = number_of(object, "memory_allocated").value_or(0);
  if (const json::value* cpus = find(object, "cpus"); cpus && cpus->is_object()) {
    allocation.cpus = number_of(cpus->get_object(), "count").value_or(0);
  }
  if (const json::value* memory = find(object, "memory"); memory && memory->is_object()) {
    allocation.memory_mib = number_of(memory->get_object(), "allocated").value_or(0);
  }
  if (!allocation.node.empty()) job.allocations.push_back(std::move(allocation));
}

void read_allocations(const json::object& object, SlurmJob& job) {
  const json::value* resources = find(object, "job_resources");
  if (resources == nullptr || !resources->is_object()) return;
  const json::value* list = find(resources->get_object(), "allocated_nodes");
  if (const json::value* nodes = find(resources->get_object(), "nodes");
      nodes != nullptr && nodes->is_object()) {
    list = find(nodes->get_object(), "allocation");
  }
  if (list == nullptr || !list->is_array()) return;
  for (const json::value& each : list->get_array()) {
    if (each.is_object()) read_allocation(each.get_object(), job);
  }
  // One text a node, in the same order.
  const json::value* details = find(object, "gres_detail");
  if (details == nullptr || !details->is_array()) return;
  const std::size_t count = std::min(details->get_array().size(), job.allocations.size());
  for (std::size_t i = 0; i < count; ++i) {
    const json::value& detail = details->get_array()[i];
    if (detail.is_string()) job.allocations[i].gpus = gpus_by_type(detail.get_string());
  }
}

Result<void> read_job(const json::object& object, SlurmJob& job) {
  job.id = small_number(object, "job_id");
  if (job.id == 0) return Error{ErrorCode::kInvalid, "slurmrestd told of a job without number"};
  std::vector<std::string> states;
  add_words(object, "job_state", states);
  if (!states.empty()) job.state = states.front();
  job.completing = std::ranges::find(states, "COMPLETING") != states.end();
  job.job_name = text_of(object, "name");
  job.user = text_of(object, "user_name");
  job.partition = text_of(object, "partition");
  job.comment = text_of(object, "comment");
  job.admin_comment = text_of(object, "admin_comment");
  job.held = number_of(object, "priority").value_or(1) == 0;
  job.submitted_s = number_of(object, "submit_time").value_or(0);
  job.array = small_number(object, "array_job_id");
  if (const auto task = number_of(object, "array_task_id"); task && job.array != 0) {
    job.array_task = static_cast<std::uint32_t>(*task);
  }
  job.reason = text_of(object, "state_reason");
  job.restarts = small_number(object, "restart_cnt");
  read_exit(object, job);
  read_allocations(object, job);
  // Reading the rest of each of a million jobs would be for nothing.
  if (is_handed_over(job)) job.request = read_request(object);
  return {};
}

/// Minutes of a partition; a 0 or a negative number is how v0.0.38 says "none".
std::optional<std::int64_t> minutes_of(const json::object& object, std::string_view key) {
  const auto minutes = number_of(object, key);
  if (!minutes || *minutes <= 0 || *minutes >= kInfiniteMinutes) return std::nullopt;
  return minutes;
}

const json::object& part(const json::object& object, std::string_view key) {
  const json::value* value = find(object, key);
  return value != nullptr && value->is_object() ? value->get_object() : object;
}

Result<void> read_partition(const json::object& object, SlurmPartition& partition) {
  partition.name = text_of(object, "name");
  const json::object& nodes = part(object, "nodes");
  auto names = expand_hostlist(text_of(nodes, &nodes == &object ? "nodes" : "configured"));
  if (!names) return names.error();
  partition.nodes = std::move(*names);
  std::vector<std::string> words;
  add_words(object, "flags", words);
  partition.is_default = std::ranges::find(words, "DEFAULT") != words.end();
  std::vector<std::string> states;
  const json::object& state = part(object, "partition");
  add_words(state, "state", states);
  partition.up = states.empty() || std::ranges::find(states, "UP") != states.end();
  const json::object& most = part(object, "maximums");
  const json::object& usual = part(object, "defaults");
  partition.minutes_max = minutes_of(most, &most == &object ? "max_time_limit" : "time");
  partition.minutes_default = minutes_of(usual, &usual == &object ? "default_time_limit" : "time");
  return {};
}

}  // namespace

Result<RestVersion> choose_version(std::string_view openapi) {
  const auto document = parse_object(openapi);
  if (!document) return document.error();
  const json::value* paths = find(*document, "paths");
  if (paths == nullptr || !paths->is_object()) {
    return Error{ErrorCode::kInvalid, "slurmrestd's description of itself has no \"paths\""};
  }
  RestVersion best;
  std::vector<std::string> offered;
  constexpr std::string_view kPrefix = "/slurm/v0.0.";
  for (const auto& member : paths->get_object()) {
    const std::string_view path(member.key().data(), member.key().size());
    if (!path.starts_with(kPrefix)) continue;
    const std::string_view rest = path.substr(kPrefix.size());
    int number = 0;
    const auto [end, fault] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (fault != std::errc() || end == rest.data() + rest.size() || *end != '/') continue;
    const std::string name = "v0.0." + std::to_string(number);
    if (std::ranges::find(offered, name) == offered.end()) offered.push_back(name);
    if (number >= kRestOldest && number <= kRestNewest) best.number = std::max(best.number, number);
  }
  if (best.number != 0) return best;
  return Error{ErrorCode::kUnsupported,
               "slurmrestd offers the REST versions " +
                   (offered.empty() ? "(none)" : fmt::format("{}", fmt::join(offered, ", "))) +
                   "; Millwright speaks v0.0." + std::to_string(kRestOldest) +
                   " (Slurm 22.05) to v0.0." + std::to_string(kRestNewest)};
}

Result<std::vector<SlurmNode>> read_nodes(std::string_view body) {
  return read_list<SlurmNode>(body, "nodes", read_node);
}

Result<std::vector<SlurmJob>> read_jobs(std::string_view body) {
  return read_list<SlurmJob>(body, "jobs", read_job);
}

Result<std::vector<SlurmPartition>> read_partitions(std::string_view body) {
  return read_list<SlurmPartition>(body, "partitions", read_partition);
}

Result<SlurmJobId> read_submitted(std::string_view body) {
  const auto document = parse_object(body);
  if (!document) return document.error();
  const std::uint32_t id = small_number(*document, "job_id");
  if (id == 0) return Error{ErrorCode::kInvalid, "slurmrestd took a job and gave it no number"};
  return id;
}

std::optional<RestFault> read_fault(std::string_view body) {
  const auto document = parse_object(body);
  return document ? fault_in(*document) : std::nullopt;
}

}  // namespace mw::slurm
