#include "engines/local/local_attempt.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "engines/local/environment.h"

#include "model/gang.h"

namespace mw::local {

LocalAttempt::LocalAttempt(AttemptContext& context, DesiredAttempt desired)
    : context_(context),
      key_(desired.job, desired.attempt),
      epoch_(desired.epoch),
      desired_(std::move(desired)) {
  const std::uint32_t tasks = tasks_of(desired_->placement);
  for (std::uint32_t i = 0; i < tasks; ++i) ranks_.emplace_back(context_.run.rank(key_, Rank(i)));
  told_exit_.resize(tasks);
}

LocalAttempt::LocalAttempt(AttemptContext& context, AttemptKey key)
    : context_(context), key_(key), abandoned_(true) {
  const std::uint32_t tasks = context_.run.ranks(key_);
  for (std::uint32_t i = 0; i < tasks; ++i) ranks_.emplace_back(context_.run.rank(key_, Rank(i)));
  told_exit_.resize(tasks);
}

void LocalAttempt::want(DesiredAttempt desired) { desired_ = std::move(desired); }

std::set<AttemptNumber> attempts_of(const std::vector<KeptRanks>& kept) {
  std::set<AttemptNumber> attempts;
  for (const KeptRanks& each : kept) attempts.insert(each.attempt);
  return attempts;
}

std::set<AttemptNumber> LocalAttempt::kept() const {
  return desired_ ? attempts_of(desired_->kept) : std::set<AttemptNumber>();
}

bool LocalAttempt::keeps(AttemptNumber attempt) const {
  return desired_ && std::any_of(desired_->kept.begin(), desired_->kept.end(),
                                 [&](const KeptRanks& each) { return each.attempt == attempt; });
}

bool LocalAttempt::is_of(Epoch epoch) const {
  return epoch == epoch_ ||
         (desired_ && std::any_of(desired_->kept.begin(), desired_->kept.end(),
                                  [&](const KeptRanks& each) { return each.epoch == epoch; }));
}

void LocalAttempt::abandon() { abandoned_ = true; }

void LocalAttempt::advance() {
  for (RankProcess& rank : ranks_) {
    // A running one with a supervisor in sight tells by itself when that changes.
    const bool quiet = rank.phase() == RankPhase::kRunning && rank.supervisor_fd() >= 0;
    if (!quiet) rank.look();
  }
  const bool run = !abandoned_ && !failure_ && desired_->goal == AttemptGoal::kRun;
  if (run) start_missing();
  if (run) stop_leaving();
  if (run && !failure_) return;
  for (RankProcess& rank : ranks_) {
    if (rank.phase() != RankPhase::kStarting && rank.phase() != RankPhase::kRunning) continue;
    Duration grace;
    if (abandoned_) {
      const auto spec = rank.spec();
      if (spec) grace = spec->grace;
    } else if (!failure_) {
      grace = desired_->grace;
    }
    rank.stop(grace);
  }
}

/// Some ranks end while the others go on.
void LocalAttempt::stop_leaving() {
  for (const LostSlice& each : desired_->leaving) {
    for (std::uint32_t i = 0; i < each.tasks; ++i) {
      RankProcess& rank = ranks_.at(each.first_rank + i);
      const bool there =
          rank.phase() == RankPhase::kStarting || rank.phase() == RankPhase::kRunning;
      if (there) rank.stop(desired_->leaving_grace);
    }
  }
}

void LocalAttempt::look(Rank rank) {
  if (rank.value() < ranks_.size()) ranks_[rank.value()].look();
}

void LocalAttempt::supervisor_ended(Rank rank) {
  if (rank.value() < ranks_.size()) ranks_[rank.value()].supervisor_ended();
}

void LocalAttempt::start_missing() {
  const bool missing = std::any_of(ranks_.begin(), ranks_.end(), [](const RankProcess& rank) {
    return rank.phase() == RankPhase::kAbsent;
  });
  if (!missing) return;
  const auto created = context_.run.create(key_);
  if (!created.ok()) return fail(created.error().message);
  // Against another control plane that does the same: all ranks are to get one port.
  const std::string directory = context_.run.attempt(key_).string();
  const UniqueFd lock(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock.valid()) {
    return fail(system_error(ErrorCode::kUnavailable, "open", directory, errno).message);
  }
  if (::flock(lock.get(), LOCK_EX | LOCK_NB) != 0) return;  // it is at it; we look again soon
  const std::uint16_t port = master_port();
  if (port == 0) return fail("no port of 127.0.0.1 is free for MASTER_PORT");
  for (std::size_t slice = 0; slice < desired_->placement.size(); ++slice) {
    for (std::uint32_t i = 0; i < desired_->placement[slice].tasks; ++i) {
      RankProcess& rank = ranks_.at(desired_->placement[slice].first_rank + i);
      if (rank.phase() != RankPhase::kAbsent) continue;
      if (rank.start_failed()) {
        return fail("the supervisor of a task ended before it began: " + rank.supervisor_said(),
                    desired_->node_names.at(slice));
      }
      const auto spec = task_spec(slice, i, port);
      if (!spec.ok()) return fail(spec.error().message);
      const auto started = rank.start(*spec, context_.options.supervisor.string());
      if (!started.ok()) return fail(started.error().message);
    }
  }
}

Result<TaskSpec> LocalAttempt::task_spec(std::size_t slice, std::uint32_t local_rank,
                                         std::uint16_t port) const {
  const LocalEngineOptions& options = context_.options;
  const JobSpec& job = *desired_->spec;
  if (!options.user.empty() && !job.user.empty() && job.user != options.user) {
    return Error{ErrorCode::kForbidden, "it is a job of user " + job.user +
                                            ", and here all run as " + options.user +
                                            "; each runs as its own user on Slurm (mw up --slurm)"};
  }
  EnvironmentInputs inputs{.attempt = *desired_,
                           .slice = slice,
                           .local_rank = local_rank,
                           .node = nullptr,
                           .master_port = port,
                           .url = options.url,
                           .endpoint_file = (options.home / "endpoint").string(),
                           .token = {},
                           .mw_binary = options.mw_binary.string()};
  if (options.token) inputs.token = options.token(key_.first, key_.second);
  for (const LocalNode& node : context_.nodes) {
    if (slice < desired_->node_names.size() && node.spec.name == desired_->node_names[slice]) {
      inputs.node = &node;
    }
  }
  if (inputs.node == nullptr) {
    return Error{ErrorCode::kNotFound,
                 "this engine has no node `" +
                     (slice < desired_->node_names.size() ? desired_->node_names[slice] : "") +
                     "`; it was placed when the machine was declared otherwise"};
  }
  const Rank rank(desired_->placement[slice].first_rank + local_rank);
  TaskSpec spec{.job = key_.first,
                .attempt = key_.second,
                .epoch = epoch_,
                .rank = rank,
                .tasks = tasks_of(desired_->placement),
                .boot_id = boot_id(),
                .workdir = job.workdir,
                .command = job.command,
                .environment = task_environment(inputs, context_.inherited),
                .grace = job.grace,
                .time_limit = job.time_limit,
                .time_limit_slack = options.time_limit_slack,
                .log_segment_bytes = options.log_segment_bytes,
                .log_segments = options.log_segments,
                .master_port = port,
                .hint_socket = (options.home / "engine.sock").string(),
                .cgroups = context_.containment.for_task(key_.first, key_.second, rank,
                                                         group_at(job, rank.value()).task)};
  return spec;
}

/// The same for all ranks, also for those that a later control plane starts: so it is read from one
/// that was started before.  Result: 0 when there is none.
std::uint16_t LocalAttempt::master_port() const {
  for (const RankProcess& rank : ranks_) {
    const auto spec = rank.spec();
    if (spec && spec->master_port != 0) return spec->master_port;
  }
  return free_port();
}

void LocalAttempt::fail(std::string why, std::optional<std::string> node) {
  failure_ = std::move(why);
  failed_on_ = std::move(node);
}

std::vector<InputBody> LocalAttempt::reports(bool again) {
  std::vector<InputBody> result;
  if (abandoned_) return result;
  if (again) {
    told_started_ = told_gone_ = false;
    std::fill(told_exit_.begin(), told_exit_.end(), false);
  }
  const bool gone = over() && !told_gone_;
  if (failure_) {
    if (gone) result.push_back(AttemptGone{key_.first, epoch_, true, *failure_, failed_on_});
    told_gone_ = told_gone_ || gone;
    return result;
  }
  const bool all_ran = std::all_of(ranks_.begin(), ranks_.end(),
                                   [](const RankProcess& rank) { return rank.has_run(); });
  if (all_ran && !told_started_) {
    result.push_back(AttemptStarted{key_.first, epoch_});
    told_started_ = true;
  }
  bool absent = false;
  for (std::uint32_t i = 0; i < ranks_.size(); ++i) {
    absent = absent || ranks_[i].phase() == RankPhase::kAbsent;
    if (ranks_[i].phase() != RankPhase::kEnded || told_exit_[i]) continue;
    result.push_back(TaskExited{key_.first, epoch_, Rank(i), ranks_[i].exit()});
    told_exit_[i] = true;
  }
  if (gone && absent) {
    result.push_back(AttemptGone{key_.first, epoch_, false, "it was stopped before it began"});
    told_gone_ = true;
  }
  return result;
}

bool LocalAttempt::over() const {
  return std::all_of(ranks_.begin(), ranks_.end(),
                     [](const RankProcess& rank) { return rank.gone(); });
}

bool LocalAttempt::unsettled() const {
  const bool stopping = abandoned_ || failure_ || desired_->goal == AttemptGoal::kStop;
  return std::any_of(ranks_.begin(), ranks_.end(), [&](const RankProcess& rank) {
    switch (rank.phase()) {
      case RankPhase::kAbsent:
        return !stopping;
      case RankPhase::kStarting:
        return true;
      case RankPhase::kRunning:
        return rank.supervisor_fd() < 0;
      case RankPhase::kClearing:
        return true;
      case RankPhase::kEnded:
        return false;
    }
    return false;
  });
}

void LocalAttempt::clean() {
  for (RankProcess& rank : ranks_) {
    // One that still runs was kept, and is a later attempt's.
    const bool over = rank.phase() == RankPhase::kEnded || rank.phase() == RankPhase::kAbsent;
    if (over) rank.forget();
  }
}

void end_left_behind(const RunDirectory& run, AttemptNumber earlier,
                     const DesiredAttempt& desired) {
  const AttemptKey key(desired.job, earlier);
  for (std::uint32_t i = 0; i < run.ranks(key); ++i) {
    const bool kept =
        std::any_of(desired.kept.begin(), desired.kept.end(), [&](const KeptRanks& each) {
          return each.attempt == earlier && i - each.first_rank < each.tasks;
        });
    // What is linked there was started in another attempt.
    std::error_code error;
    if (kept || std::filesystem::is_symlink(run.rank(key, Rank(i)), error)) continue;
    RankProcess rank(run.rank(key, Rank(i)));
    rank.look();
    const bool there = rank.phase() == RankPhase::kStarting || rank.phase() == RankPhase::kRunning;
    if (there) rank.stop(Duration());
  }
}

}  // namespace mw::local
