#include "slurm_face/submit.h"

#include <fmt/format.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <filesystem>
#include <thread>
#include <utility>

#include "cli/format.h"
#include "cli/home.h"
#include "codec/job_file.h"
#include "model/job.h"
#include "slurm_face/job_rows.h"
#include "slurm_face/job_runs.h"
#include "slurm_face/slurm_environment.h"
#include "slurm_face/spool.h"

extern char** environ;  // NOLINT(readability-redundant-declaration)

namespace mw::face {
namespace {

/// Ours of another job, or secret: not for the next job.
bool stays_here(std::string_view name) {
  if (name == "MILLWRIGHT_HOME" || name == "MILLWRIGHT_PARTITIONS" || name == "SLURM_CONF") {
    return false;
  }
  return name.starts_with("MILLWRIGHT_") || name.starts_with("SLURM_") ||
         name.starts_with("SBATCH_");
}

/// No answer, or none yet: it is not known whether the job was taken.
bool is_unanswered(const Result<ApiReply>& reply) { return !reply && may_come_back(reply.error()); }

}  // namespace

unsigned own_umask() {
  const mode_t mask = ::umask(022);
  ::umask(mask);
  return mask;
}

bool may_come_back(const Error& error) {
  return error.code == ErrorCode::kUnavailable || error.code == ErrorCode::kTimeout;
}

Result<Request> gather_request(Starter starter, const std::vector<GivenOption>& directives,
                               const std::vector<GivenOption>& given) {
  std::vector<GivenOption> all = directives;
  auto variables = read_variables(starter, read_environment);
  std::ranges::move(variables, std::back_inserter(all));
  all.insert(all.end(), given.begin(), given.end());
  return read_request(starter, all, wall_clock());
}

Result<std::vector<std::string>> exported_environment(const std::string& export_list) {
  Variables ours;
  for (char** one = environ; one != nullptr && *one != nullptr; ++one) put_all(ours, {*one});
  std::erase_if(ours, [](const auto& one) { return stays_here(one.first); });
  if (export_list.empty() || export_list == "ALL") return assignments_of(ours);
  if (export_list == "NIL") {
    return Error{ErrorCode::kUnsupported, "--export: NIL is not supported; NONE is"};
  }
  Variables chosen;
  if (export_list == "NONE") return assignments_of(chosen);
  std::string_view rest = export_list;
  while (!rest.empty()) {
    // A value in quotes may have commas.
    std::size_t end = 0;
    char quote = 0;
    for (; end < rest.size() && (quote != 0 || rest[end] != ','); ++end) {
      if (quote == 0 && (rest[end] == '\'' || rest[end] == '"')) {
        quote = rest[end];
      } else if (rest[end] == quote) {
        quote = 0;
      }
    }
    std::string word(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const std::size_t equals = word.find('=');
    if (word == "ALL") {
      chosen.insert(ours.begin(), ours.end());
    } else if (equals == std::string::npos) {
      if (const auto found = ours.find(word); found != ours.end()) chosen[word] = found->second;
    } else {
      std::string value = word.substr(equals + 1);
      if (value.size() > 1 && (value[0] == '"' || value[0] == '\'') && value.back() == value[0]) {
        value = value.substr(1, value.size() - 2);
      }
      chosen[word.substr(0, equals)] = value;
    }
  }
  return assignments_of(chosen);
}

namespace {

/// Tasks and those who start them speak over sockets of one machine.
Result<void> check_machines(Api& api, const FaceJob& job) {
  if (job.seats == 1) return {};
  const auto server = api.get("/v1/server");
  if (!server) return server.error();
  if (!server->view()["several_machines"].flag()) return {};
  return Error{ErrorCode::kUnsupported,
               "a job over several nodes is not supported by this command here: the nodes are "
               "several machines, and its steps can only be started on one. Say --nodes=1, or use "
               "\"mw submit --nodes N\", or where Slurm runs the nodes its own sbatch"};
}

}  // namespace

Result<Submitted> submit_job(const Call& call, Connection& connection, const Request& request,
                             FaceJob face, Submission submission, bool dry_run) {
  const auto workdir = work_folder(request);
  if (!workdir) return workdir.error();
  const auto fleet = read_fleet_facts(connection.api, connection.home);
  if (!fleet) return fleet.error();
  face.submit_folder = std::filesystem::current_path().string();
  face.submit_host = host_name();
  auto job = translate(request, *fleet, std::move(face), *workdir);
  if (!job) return job.error();
  if (auto checked = check_machines(connection.api, job->face); !checked) return checked.error();
  for (const std::string& line : request.noted) {
    if (!request.quiet) call.warn(line);
  }
  auto environment = exported_environment(request.export_list);
  if (!environment) return environment.error();
  if (!dry_run) {
    sweep_spool(connection.home, connection.api);
    environment->push_back(fmt::format("SLURM_UMASK={:04o}", own_umask()));
    submission.environment = std::move(*environment);
    auto spool = make_spool(connection.home, submission);
    if (!spool) return spool.error();
    job->face.spool = std::move(*spool);
  }
  job->spec.command = command_of(job->face, own_program());
  HttpFields query;
  if (dry_run) query.emplace_back("dry_run", "1");
  HttpFields headers;
  // The folder's name is random: sent again after a lost answer, it is the same job.
  if (!dry_run) {
    headers.emplace_back("Idempotency-Key",
                         "mw-slurm-" + std::filesystem::path(job->face.spool).filename().string());
  }
  const std::string body = write_job_file(job->spec);
  auto reply = connection.api.post("/v1/jobs", body, query, headers);
  const auto until = std::chrono::steady_clock::now() + kAnswerWait;
  while (!dry_run && is_unanswered(reply) && std::chrono::steady_clock::now() < until) {
    std::this_thread::sleep_for(kAskAgainEvery);
    reply = connection.api.post("/v1/jobs", body, query, headers);
  }
  if (is_unanswered(reply) && !dry_run) {
    // It may have been taken: the job needs its folder then.
    return Error{reply.error().code,
                 fmt::format("{}\nthe job may have been taken all the same: look at squeue "
                             "before you submit it again",
                             reply.error().message)};
  }
  if (!reply) {
    if (!dry_run) remove_spool(job->face.spool);
    return reply.error();
  }
  Submitted submitted{.job = static_cast<std::uint64_t>(reply->view()["job"].integer()),
                      .count = static_cast<std::uint64_t>(reply->view()["count"].integer(1))};
  if (!dry_run) note_jobs(job->face.spool, submitted.job, submitted.count);
  return submitted;
}

Result<std::string> work_folder(const Request& request) {
  std::error_code failure;
  const auto here = std::filesystem::current_path(failure);
  if (failure) {
    return Error{ErrorCode::kInvalid,
                 "the current folder no longer exists; change to one that does"};
  }
  if (request.chdir.empty()) return here.string();
  std::string folder = (here / request.chdir).lexically_normal().string();
  while (folder.size() > 1 && folder.ends_with('/')) folder.pop_back();
  return folder;
}

std::string own_program() {
  std::error_code failure;
  return std::filesystem::read_symlink("/proc/self/exe", failure).string();
}

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

std::optional<std::string> link_commands(const std::string& folder) {
  const std::string own = own_program();
  std::error_code failure;
  std::filesystem::create_directories(folder + "/bin", failure);
  for (const std::string_view name : command_names()) {
    if (!failure)
      std::filesystem::create_symlink(own, fmt::format("{}/bin/{}", folder, name), failure);
  }
  if (!failure) return {};
  return fmt::format("cannot make links in {}/bin: {}", folder, failure.message());
}

std::string with_commands(const std::string& folder, const std::string& path) {
  return fmt::format("{}/bin:{}", folder, path.empty() ? "/usr/local/bin:/usr/bin:/bin" : path);
}

Result<JobEnd> look_at_job(Api& api, std::uint64_t job) {
  const auto reply = api.get(fmt::format("/v1/jobs/{}", job));
  if (!reply) return reply.error();
  JobEnd end;
  end.state = reply->view()["state"].text();
  end.attempt = reply->view()["attempts"].integer();
  const auto state = enum_from_name<JobState>(end.state);
  end.over = state && is_final(*state);
  if (!end.over || *state == JobState::kSucceeded) return end;
  const JobRow row = job_row(reply->view());
  const auto runs = runs_of(api, job);
  const auto script = script_end(runs ? *runs : std::vector<JobRun>(), job, row.face.spool)
                          .value_or(ScriptEnd{1, 0});
  end.exit_code = std::max(1, script.signal != 0 ? 128 + script.signal : script.exit_code);
  return end;
}

}  // namespace mw::face
