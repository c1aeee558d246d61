// What slurmrestd is told, in the words of each version; rest_format.h says how they differ.
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "engines/slurm/rest_format.h"

namespace mw::slurm {
namespace {

namespace json = boost::json;

json::object whole_number(std::int64_t number) {
  return {{"set", true}, {"infinite", false}, {"number", number}};
}

std::string comma_list(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ",") + name;
  return text;
}

/// v0.0.38 has words and forms of its own for what a job is to get.
void put_old_needs(const SlurmSubmission& from, json::object& job) {
  const auto nodes = static_cast<std::int64_t>(from.nodes.size());
  job["nodelist"] = comma_list(from.nodes);
  job["nodes"] = json::array{nodes, nodes};
  if (from.gpus_per_node.count > 0) {
    const std::string type = from.gpus_per_node.type == "gpu" ? "" : from.gpus_per_node.type + ":";
    job["gres"] = "gpu:" + type + std::to_string(from.gpus_per_node.count);
  }
  job["memory_per_node"] = from.memory_mib_per_node.value_or(0);
  job["time_limit"] = from.minutes.value_or(kInfiniteMinutes);
  if (from.exclusive) job["exclusive"] = "exclusive";  // it documents "true", and refuses that
  json::object environment;
  for (const auto& [name, value] : from.environment) environment[name] = value;
  job["environment"] = std::move(environment);
}

void put_needs(const SlurmSubmission& from, json::object& job) {
  json::array nodes;
  for (const std::string& name : from.nodes) nodes.emplace_back(name);
  job["required_nodes"] = std::move(nodes);
  job["minimum_nodes"] = from.nodes.size();
  job["maximum_nodes"] = from.nodes.size();
  if (from.gpus_per_node.count > 0) {
    const std::string type = from.gpus_per_node.type == "gpu" ? "" : from.gpus_per_node.type + ":";
    job["tres_per_node"] = "gres/gpu:" + type + std::to_string(from.gpus_per_node.count);
  }
  job["memory_per_node"] = whole_number(from.memory_mib_per_node.value_or(0));
  if (from.minutes) {
    job["time_limit"] = whole_number(*from.minutes);
  } else {
    job["time_limit"] = json::object{{"set", false}, {"infinite", true}, {"number", 0}};
  }
  if (from.exclusive) job["shared"] = json::array{"none"};
  json::array environment;
  for (const auto& [name, value] : from.environment) environment.emplace_back(name + "=" + value);
  job["environment"] = std::move(environment);
}

}  // namespace

std::string write_submission(const SlurmSubmission& submission, RestVersion version) {
  json::object job = {{"name", submission.name},
                      {"partition", submission.partition},
                      {"comment", submission.comment},
                      {"dependency", submission.dependency},
                      {"current_working_directory", submission.workdir},
                      {"standard_input", "/dev/null"},
                      {"standard_output", "/dev/null"},
                      {"standard_error", "/dev/null"},
                      {"tasks", submission.tasks},
                      {"tasks_per_node", submission.tasks_per_node},
                      {"cpus_per_task", submission.cpus_per_task},
                      {"requeue", false}};
  json::object body;
  if (version.number == kRestOldest) {
    put_old_needs(submission, job);
  } else {
    put_needs(submission, job);
  }
  if (version.number < 40) {
    body["script"] = submission.script;
  } else {
    job["script"] = submission.script;
  }
  body["job"] = std::move(job);
  return json::serialize(body);
}

std::string write_release(const SlurmRelease& release, RestVersion version) {
  json::object job;
  if (version.number == kRestOldest) {
    job["nodelist"] = comma_list(release.nodes);
    job["begin_time"] = "now";  // it documents a number, and refuses one
  } else {
    json::array nodes;
    for (const std::string& name : release.nodes) nodes.emplace_back(name);
    job["required_nodes"] = std::move(nodes);
    job["begin_time"] = whole_number(release.begin_s);
  }
  job["hold"] = false;
  return json::serialize(job);
}

std::string write_hold(bool hold) { return json::serialize(json::object{{"hold", hold}}); }

std::string write_node_order(const NodeOrder& order) {
  json::object node{{"state", json::array{order.drain ? "DRAIN" : "RESUME"}}};
  if (order.drain) node["reason"] = order.reason;
  return json::serialize(node);
}

}  // namespace mw::slurm
