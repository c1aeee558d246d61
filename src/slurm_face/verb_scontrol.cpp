// scontrol: one job, node or partition in full; lists of hosts; hold, release, requeue; nodes out
// of service and back.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fstream>
#include <iterator>
#include <map>

#include "cli/format.h"
#include "cli/home.h"
#include "codec/hostlist.h"
#include "codec/units.h"
#include "slurm_face/face.h"
#include "slurm_face/fleet_facts.h"
#include "slurm_face/help.h"
#include "slurm_face/job_filter.h"
#include "slurm_face/job_text.h"
#include "slurm_face/node_rows.h"
#include "slurm_face/spool.h"

namespace mw::face {
namespace {

using Words = std::vector<std::string>;

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + 32 : c);
  return text;
}

/// `scontrol show hostnames [LIST]`: needs no control plane.
int show_host_names(const Call& call, const Words& words) {
  const std::string list = words.empty() ? read_environment("SLURM_JOB_NODELIST") : words[0];
  if (list.empty()) return call.fail("No hostlist given, and SLURM_JOB_NODELIST is not set");
  const auto names = slurm::expand_hostlist(list);
  if (!names) return call.fail(names.error());
  std::string text;
  for (const std::string& name : *names) text += name + "\n";
  call.console.out(text);
  return 0;
}

int show_host_list(const Call& call, const Words& words, bool sorted) {
  if (words.empty()) return call.fail("No names of hosts given");
  auto names = slurm::expand_hostlist(words[0]);
  if (!names) return call.fail(names.error());
  if (sorted) std::ranges::sort(*names);
  call.console.out(slurm::compress_hostlist(*names) + "\n");
  return 0;
}

int show_jobs(const Call& call, const Words& words, bool one_line) {
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  const JobDetails details{.reasons = true, .ends = true, .nodes = true, .times = true};
  std::vector<JobRow> rows;
  int code = 0;
  if (words.empty()) {
    auto listed =
        list_jobs(connection->api, {{"state", "pending,starting,running,stopping"}}, details);
    if (!listed) return call.fail(listed.error());
    rows = std::move(*listed);
    if (rows.empty()) call.console.out("No jobs in the system\n");
  } else {
    const auto names = parse_job_names(words[0]);
    if (!names) return call.fail(names.error());
    for (const JobName& name : *names) {
      auto found = find_jobs(connection->api, name, details);
      if (found) {
        std::ranges::move(*found, std::back_inserter(rows));
      } else {
        code = call.fail(found.error());
      }
    }
  }
  const Instant now = wall_clock();
  for (const JobRow& row : rows) call.console.out(job_text(row, now, one_line));
  return code;
}

int show_nodes(const Call& call, const Words& words, bool one_line) {
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  const auto nodes = list_nodes(connection->api);
  if (!nodes) return call.fail(nodes.error());
  const auto names = slurm::expand_hostlist(words.empty() ? "" : words[0]);
  if (!names) return call.fail(names.error());
  std::size_t shown = 0;
  for (const NodeRow& node : *nodes) {
    if (!names->empty() && std::ranges::find(*names, node.name) == names->end()) continue;
    call.console.out(node_text(node, one_line));
    ++shown;
  }
  if (shown < names->size()) return call.fail(fmt::format("Node {} not found", words[0]));
  return 0;
}

int show_partitions(const Call& call, const Words& words, bool one_line) {
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  const auto fleet = read_fleet_facts(connection->api, connection->home);
  if (!fleet) return call.fail(fleet.error());
  const auto nodes = list_nodes(connection->api);
  if (!nodes) return call.fail(nodes.error());
  bool found = words.empty();
  for (const Partition& partition : fleet->partitions) {
    if (!words.empty() && partition.name != words[0]) continue;
    found = true;
    call.console.out(
        partition_text(partition, &partition == &fleet->default_partition(), *nodes, one_line));
  }
  return found ? 0 : call.fail(fmt::format("Partition {} not found", words[0]));
}

int show(const Call& call, Words words, bool one_line) {
  if (words.empty()) return call.fail("too few arguments for keyword:show");
  const std::string what = lower(words[0]);
  // "show job=17" and "show job 17" are the same.
  if (const std::size_t equals = words[0].find('='); equals != std::string::npos) {
    words.insert(words.begin() + 1, words[0].substr(equals + 1));
  }
  const std::string entity = what.substr(0, what.find('='));
  words.erase(words.begin());
  const auto is = [&entity](std::string_view name, std::size_t least) {
    return entity.size() >= least && name.starts_with(entity);
  };
  if (is("hostnames", 5)) return show_host_names(call, words);
  if (is("hostlistsorted", 9)) return show_host_list(call, words, true);
  if (is("hostlist", 5)) return show_host_list(call, words, false);
  if (is("jobs", 1)) return show_jobs(call, words, one_line);
  if (is("nodes", 1)) return show_nodes(call, words, one_line);
  if (is("partitions", 1)) return show_partitions(call, words, one_line);
  return call.fail(
      fmt::format("show {} is not supported; job, node, partition, hostnames, hostlist and "
                  "hostlistsorted are",
                  entity));
}

/// hold, release, requeue: on each job that is named.
int on_jobs(const Call& call, const Words& words, const std::string& verb) {
  if (words.empty()) return call.fail(fmt::format("too few arguments for keyword:{}", verb));
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  int code = 0;
  for (const std::string& word : words) {
    const auto names = parse_job_names(word.starts_with("jobid=") ? word.substr(6) : word);
    if (!names) return call.fail(names.error());
    for (const JobName& name : *names) {
      const auto rows = find_jobs(connection->api, name, {});
      if (!rows) {
        code = call.fail(rows.error());
        continue;
      }
      for (const JobRow& row : *rows) {
        if (rows->size() > 1 && is_final(row.state)) continue;
        const auto done = connection->api.post(fmt::format("/v1/jobs/{}/{}", row.id, verb));
        if (!done) code = call.fail(done.error());
      }
    }
  }
  return code;
}

int write_script(const Call& call, const Words& words) {
  if (words.size() < 2 || lower(words[0]) != "batch_script") {
    return call.fail("write is supported as: write batch_script JOB [FILE]");
  }
  const auto names = parse_job_names(words[1]);
  if (!names) return call.fail(names.error());
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  const auto rows = find_jobs(connection->api, names->front(), {});
  if (!rows) return call.fail(rows.error());
  const JobRow& row = rows->front();
  std::ifstream script(script_path(row.face.spool), std::ios::binary);
  if (!row.by_face || !script) {
    return call.fail(
        fmt::format("job script not available for job {}: it is kept in its user's home "
                    "until the job has ended",
                    words[1]));
  }
  const std::string text{std::istreambuf_iterator<char>(script), std::istreambuf_iterator<char>()};
  if (words.size() > 2 && words[2] == "-") {
    call.console.out(text);
    return 0;
  }
  const std::string file = words.size() > 2 ? words[2] : fmt::format("slurm-{}.sh", row.id);
  std::ofstream out(file, std::ios::binary);
  out << text;
  if (!out.flush()) return call.fail(fmt::format("could not write {}", file));
  call.console.out(fmt::format("batch script for job {} written to {}\n", row.shown_id(), file));
  return 0;
}

/// update NodeName=... State=drain|resume Reason=...
int update(const Call& call, const Words& words) {
  std::map<std::string, std::string> values;
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos) return call.fail(fmt::format("Invalid input: {}", word));
    values[lower(word.substr(0, equals))] = word.substr(equals + 1);
  }
  if (!values.contains("nodename") || !values.contains("state")) {
    return call.fail(
        "update is supported for nodes only: update NodeName=LIST State=drain|resume "
        "[Reason=TEXT]. A job is changed by handing it in anew");
  }
  for (const auto& [key, value] : values) {
    if (key != "nodename" && key != "state" && key != "reason") {
      return call.fail(fmt::format("update of {} is not supported; State and Reason are", key));
    }
  }
  const std::string state = lower(values["state"]);
  if (state != "drain" && state != "resume" && state != "idle") {
    return call.fail(
        fmt::format("State={} is not supported; drain and resume are", values["state"]));
  }
  const auto names = slurm::expand_hostlist(values["nodename"]);
  if (!names) return call.fail(names.error());
  auto connection = connect_api();
  if (!connection) return call.fail(connection.error());
  int code = 0;
  for (const std::string& name : *names) {
    const bool drain = state == "drain";
    std::string body;
    if (drain) body = boost::json::serialize(boost::json::object{{"reason", values["reason"]}});
    const auto done = connection->api.post(
        fmt::format("/v1/nodes/{}/{}", name, drain ? "drain" : "resume"), body);
    if (!done) code = call.fail(done.error());
  }
  return code;
}

int ping(const Call& call) {
  auto connection = connect_api();
  const auto server =
      connection ? connection->api.get("/v1/server") : Result<ApiReply>(connection.error());
  call.console.out(fmt::format("Slurmctld(primary) at {} is {}\n",
                               server ? connection->api.url() : "the control plane's address",
                               server ? "UP" : "DOWN"));
  return server ? 0 : 1;
}

}  // namespace

int run_scontrol(const Call& call) {
  const auto flags = read_flags(flags_of("scontrol"), call.arguments);
  if (!flags) return call.fail(flags.error());
  if (flags->has("help") || flags->has("version")) {
    return show_listing_help(call, flags->has("version"));
  }
  if (flags->arguments.empty()) {
    return call.fail(
        "a command is missing; show, hold, uhold, release, requeue, update, write and ping "
        "are supported");
  }
  const std::string verb = lower(flags->arguments[0]);
  const Words rest(flags->arguments.begin() + 1, flags->arguments.end());
  if (verb == "show") return show(call, rest, flags->has("oneliner"));
  if (verb == "hold" || verb == "uhold") return on_jobs(call, rest, "hold");
  if (verb == "release" || verb == "requeue") return on_jobs(call, rest, verb);
  if (verb == "update") return update(call, rest);
  if (verb == "write") return write_script(call, rest);
  if (verb == "ping") return ping(call);
  return call.fail(
      fmt::format("{} is not supported; show, hold, uhold, release, requeue, update, write "
                  "and ping are",
                  flags->arguments[0]));
}

}  // namespace mw::face
