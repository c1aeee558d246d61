#include "slurm_face/job_runs.h"

#include <fmt/format.h>
#include <sys/wait.h>

#include <algorithm>
#include <map>

#include "slurm_face/spool.h"

namespace mw::face {

Result<std::vector<JobRun>> runs_of(Api& api, std::uint64_t job) {
  const auto story = api.get(fmt::format("/v1/jobs/{}/story", job));
  if (!story) return story.error();
  std::vector<JobRun> runs;
  for (const auto& one : story->view()["events"].list()) {
    const JsonView event(one);
    const std::string kind = event["kind"].text();
    const Instant at = event["at_ns"].instant().value_or(Instant());
    if (kind == "attempt_placed") {
      JobRun& run = runs.emplace_back();
      run.began = at;
      for (const auto& node : event["nodes"].list()) run.nodes.push_back(JsonView(node).text());
    } else if (runs.empty()) {
      continue;
    } else if (kind == "task_ended" && event["rank"].integer() == 0) {
      runs.back().end = ScriptEnd{static_cast<int>(event["exit"]["exit_code"].integer()),
                                  static_cast<int>(event["exit"]["signal"].integer())};
    } else if (kind == "attempt_ended") {
      runs.back().ended = at;
      runs.back().cause = event["cause"].text();
    }
  }
  return runs;
}

std::string run_word(const JobRun& run) {
  static const std::map<std::string_view, std::string_view> words = {
      {"completed", "COMPLETED"},   {"task_failed", "FAILED"},  {"start_failed", "FAILED"},
      {"engine_lost", "NODE_FAIL"}, {"node_lost", "NODE_FAIL"}, {"cancelled", "CANCELLED"},
      {"time_limit", "TIMEOUT"},    {"preempted", "PREEMPTED"}};
  const auto found = words.find(run.cause);
  return std::string(found == words.end() ? "REQUEUED" : found->second);
}

std::optional<ScriptEnd> script_end(const std::vector<JobRun>& runs, std::uint64_t job,
                                    const std::string& spool) {
  for (auto run = runs.rbegin(); run != runs.rend(); ++run) {
    if (run->end) return run->end;
  }
  const auto status = noted_end(spool, job);
  if (!status) return std::nullopt;
  return ScriptEnd{WIFSIGNALED(*status) ? 0 : WEXITSTATUS(*status),
                   WIFSIGNALED(*status) ? WTERMSIG(*status) : 0};
}

}  // namespace mw::face
