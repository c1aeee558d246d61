#include "twin/world.h"

#include <algorithm>
#include <set>

#include "base/check.h"
#include "model/gang.h"

namespace mw {
namespace {

std::int64_t work_in(Duration time, std::int64_t speed) {
  return static_cast<std::int64_t>(Int128{time.count()} * speed / kFullSpeed);
}

}  // namespace

World::World(Topology topology, const Physics& physics, const MessageFaults& messages,
             std::uint64_t seed)
    : topology_(std::move(topology)),
      physics_(physics),
      messages_(messages),
      unreliable_(!messages.none()),
      random_(seed),
      nodes_(topology_.size()),
      meters_(topology_.sites().size()),
      seed_(seed) {
  for (std::size_t i = 0; i < meters_.size(); ++i) {
    const PowerId root = topology_.sites()[i].power;
    meters_[i].draw = topology_.power(root).idle;
    meters_[i].peak = meters_[i].draw;
  }
}

// --- the port -----------------------------------------------------------------------------------

Result<void> World::start(ObservationSink /*sink*/, std::vector<DesiredAttempt> desired) {
  // What an earlier control plane wanted is still here, or it is started anew; all else is over.
  // This is a handshake: unlike other messages it is never lost.
  end_idle_checks();
  std::map<JobId, Epoch> wanted;
  std::set<Epoch> kept;
  for (const DesiredAttempt& each : desired) {
    wanted.emplace(each.job, each.epoch);
    for (const KeptRanks& ranks : each.kept) kept.insert(ranks.epoch);
  }
  for (std::size_t i = 0; i < jobs_.size(); ++i) {
    const JobId id(first_job_ + i);
    LiveJob& job = jobs_[i];
    const auto found = wanted.find(id);
    job.let_go = found == wanted.end() ? newest_ : Epoch(found->second.value() - 1);
    job.ended = std::max(job.ended, job.let_go);
    if (job.attempt < 0) continue;
    const auto index = static_cast<std::uint32_t>(job.attempt);
    if (attempts_[index].epoch <= job.ended && !kept.contains(attempts_[index].epoch)) leave(index);
  }
  for (const DesiredAttempt& each : desired) set(each);
  for (std::uint32_t i = 0; i < nodes_.size(); ++i) {
    const NodeId node(i);
    nodes_[i].told_lost = nodes_[i].down > 0;
    if (nodes_[i].told_lost) {
      hear(NodeLost{topology_.name(node)});
    } else {
      hear(NodeSeen{topology_.spec(node)});
    }
  }
  return {};
}

void World::set_messages(const MessageFaults& messages) {
  messages_ = messages;
  if (unreliable_ || messages.none()) return;
  unreliable_ = true;
  for (std::uint32_t i = 0; i < attempts_.size(); ++i) {
    if (attempts_[i].phase == Phase::kUnused) continue;
    repeat(i, static_cast<std::int64_t>(attempts_[i].epoch.value()));
  }
}

void World::set(DesiredAttempt desired) {
  newest_ = std::max(newest_, desired.epoch);
  if (messages_.none()) return obey(desired);
  for (std::uint32_t copies = copies_sent(); copies > 0; --copies) {
    orders_.emplace(next_mail_, desired);
    calendar_.enter(arrival(), {Kind::kOrder, next_mail_++, 0, 0});
  }
}

void World::forget(JobId job, Epoch epoch) {
  live(job).let_go = std::max(live(job).let_go, epoch);
  if (messages_.none()) return forgotten(job, epoch);
  for (std::uint32_t copies = copies_sent(); copies > 0; --copies) {
    orders_.emplace(next_mail_, std::make_pair(job, epoch));
    calendar_.enter(arrival(), {Kind::kOrder, next_mail_++, 0, 0});
  }
}

Result<LogChunk> World::read_log(const LogQuery& query) { return LogChunk{"", query.offset, true}; }

// --- messages -----------------------------------------------------------------------------------

std::uint32_t World::copies_sent() {
  ++message_counts_.sent;
  if (random_.chance(messages_.lost_percent, 100)) {
    ++message_counts_.lost;
    return 0;
  }
  if (!random_.chance(messages_.doubled_percent, 100)) return 1;
  ++message_counts_.doubled;
  return 2;
}

Instant World::arrival() {
  return now_ + Duration(random_.between(0, messages_.delay_max.count()));
}

void World::hear(InputBody body) {
  // What a node's engine says of the node itself is told until it is heard: it is not lost here.
  const bool of_node =
      std::holds_alternative<NodeSeen>(body) || std::holds_alternative<NodeLost>(body);
  if (messages_.none() || of_node) {
    early_.push_back({RequestId(), std::move(body)});
    return;
  }
  for (std::uint32_t copies = copies_sent(); copies > 0; --copies) {
    mail_.emplace(next_mail_, body);
    calendar_.enter(arrival(), {Kind::kHeard, next_mail_++, 0, 0});
  }
}

// --- what happens -------------------------------------------------------------------------------

void World::advance(Instant now, std::vector<Input>& heard) {
  now_ = now;
  while (!calendar_.empty() && calendar_.next() <= now) happen(calendar_.take());
  // What was planned for an attempt on a slow node may be weeks ahead, and void by now.
  while (!calendar_.empty() && is_void(calendar_.top())) calendar_.take();
  heard.insert(heard.end(), std::make_move_iterator(early_.begin()),
               std::make_move_iterator(early_.end()));
  early_.clear();
}

bool World::is_void(const Entry& entry) const {
  return entry.kind == Kind::kAttempt && attempts_[entry.index].version != entry.version;
}

void World::happen(const Entry& entry) {
  ++happened_;
  switch (entry.kind) {
    case Kind::kAttempt:
      if (!is_void(entry)) proceed(entry.index);
      return;
    case Kind::kHeard: {
      const auto found = mail_.find(entry.index);
      early_.push_back({RequestId(), std::move(found->second)});
      mail_.erase(found);
      return;
    }
    case Kind::kOrder: {
      const auto order = std::move(orders_.extract(entry.index).mapped());
      if (const auto* desired = std::get_if<DesiredAttempt>(&order)) return obey(*desired);
      const auto& [job, epoch] = std::get<std::pair<JobId, Epoch>>(order);
      return forgotten(job, epoch);
    }
    case Kind::kDetected:
      if (nodes_[entry.index].told_lost) return;
      nodes_[entry.index].told_lost = true;
      return hear(NodeLost{topology_.name(NodeId(entry.index))});
    case Kind::kRepaired:
      return repaired(entry.index);
    case Kind::kRepeat:
      return repeat(entry.index, entry.amount);
    case Kind::kMended:
      return mended(NodeId(entry.index), Epoch(static_cast<std::uint64_t>(entry.amount)));
    case Kind::kTold: {
      const auto telling = std::move(tellings_.extract(entry.index).mapped());
      return hear(FaultReported{telling});
    }
    case Kind::kCrashes:
      return crashes(entry.index, Epoch(static_cast<std::uint64_t>(entry.amount)));
  }
}

void World::proceed(std::uint32_t index) {
  Running& running = attempts_[index];
  switch (running.phase) {
    case Phase::kStarting:
      if (running.no_start) return end(index, TaskExit());
      running.phase = Phase::kRunning;
      report(index);
      return work_on(index);
    case Phase::kRunning:
      running.done = running.goal;
      running.since = now_;
      return reached(index);
    case Phase::kSaving:
      saved(index);
      return work_on(index);
    case Phase::kStopping: {
      TaskExit exit;
      exit.signal = 15;
      return end(index, exit);
    }
    case Phase::kEnded:
    case Phase::kUnused:
      MW_CHECK(!"nothing is planned for what has ended");
  }
}

// --- jobs ---------------------------------------------------------------------------------------

void World::grow_to(JobId id) {
  if (jobs_.empty()) first_job_ = id.value();
  MW_CHECK(id.value() >= first_job_);
  if (id.value() - first_job_ >= jobs_.size()) jobs_.resize(id.value() - first_job_ + 1);
}

void World::submitted(Instant now, JobId first, const JobSpec& spec, const JobTruth& truth) {
  LiveJob live_job;
  live_job.truth = truth;
  live_job.submitted = now;
  live_job.accelerators = accelerators_of(spec);
  grow_to(first);
  grow_to(JobId(first.value() + spec.array - 1));
  for (std::uint32_t i = 0; i < spec.array; ++i) live(JobId(first.value() + i)) = live_job;
}

void World::begin_at(Instant now) {
  now_ = now;
  for (SiteMeter& meter : meters_) meter.since = now;
}

void World::stays_down(NodeId node) {
  nodes_[node.value()].down = 1;
  nodes_[node.value()].told_lost = true;
}

void World::adopt(DesiredAttempt desired, const Attempt& attempt) {
  const std::uint32_t index = begin(desired);
  Running& running = attempts_[index];
  if (running.phase == Phase::kEnded) return;  // all its nodes are down
  if (attempt.running_at) {
    running.phase = Phase::kRunning;
    running.done = work_in(now_ - *attempt.running_at, running.speed);
    // What has run longer than it was thought to ends now.
    LiveJob& job = live(desired.job);
    job.truth.work = Duration(std::max(job.truth.work.count(), running.done + 1));
    work_on(index);
  }
  if (attempt.stopping) stop(index, desired.grace);
}

void World::obey(const DesiredAttempt& desired) {
  LiveJob& job = live(desired.job);
  if (desired.epoch <= job.ended) {
    // An old command that comes late; or one that was answered, and the answer was lost.
    const bool waits = desired.epoch == job.ended && job.let_go < desired.epoch;
    if (waits && desired.goal == AttemptGoal::kStop) {
      hear(AttemptGone{desired.job, desired.epoch, true, ""});
    }
    return;
  }
  if (job.attempt >= 0) {
    const auto index = static_cast<std::uint32_t>(job.attempt);
    Running& running = attempts_[index];
    if (running.epoch > desired.epoch) return;
    if (running.epoch == desired.epoch) {
      if (desired.goal == AttemptGoal::kStop) stop(index, desired.grace);
      if (!desired.leaving.empty()) stop_ranks(index, desired.leaving);
      return report(index);
    }
    if (goes_on(desired, running)) return go_on(index, desired);
    // It may be here because it was started by a command that came late, or was not forgotten by
    // one that was lost. But if it was never said to be over, two of one job were to run at once.
    const bool taken_over = keeps(desired, running);
    if (running.phase != Phase::kEnded && running.epoch > job.let_go && !taken_over) {
      ++doubled_starts_;
    }
    leave(index);
  }
  if (desired.goal == AttemptGoal::kRun) {
    begin(desired);
    return;
  }
  // It never came to be, and must not when the command to start it arrives later.
  job.ended = desired.epoch;
  hear(AttemptGone{desired.job, desired.epoch, true, ""});
}

std::uint32_t World::begin(const DesiredAttempt& desired) {
  auto index = static_cast<std::uint32_t>(attempts_.size());
  if (unused_.empty()) {
    attempts_.emplace_back();
  } else {
    index = unused_.back();
    unused_.pop_back();
  }
  ++in_use_;
  look_for_checks(desired.placement);
  LiveJob& job = live(desired.job);
  job.attempt = static_cast<std::int32_t>(index);
  Running& running = attempts_[index];
  const std::uint32_t version = running.version;
  running = Running();
  running.version = version;
  running.job = desired.job;
  running.spec = desired.spec;
  running.done = job.saved;
  start_on(index, desired);
  return index;
}

/// Engines that look at their machines now and then say again what is there.
void World::repeat(std::uint32_t index, std::int64_t epoch) {
  const Running& running = attempts_[index];
  if (running.phase == Phase::kUnused) return;
  if (static_cast<std::int64_t>(running.epoch.value()) != epoch) return;
  report(index);
  calendar_.enter(now_ + kRepeatReports, {Kind::kRepeat, index, 0, epoch});
}

void World::stop(std::uint32_t index, Duration grace) {
  Running& running = attempts_[index];
  if (running.phase == Phase::kStopping || running.phase == Phase::kEnded) return;
  settle(running);
  running.phase = Phase::kStopping;
  plan(index, std::min(grace, physics_.stop));
}

void World::forgotten(JobId id, Epoch epoch) {
  LiveJob& job = live(id);
  job.ended = std::max(job.ended, epoch);
  if (job.attempt < 0) return;
  const auto index = static_cast<std::uint32_t>(job.attempt);
  if (attempts_[index].epoch == epoch) leave(index);
}

void World::work_on(std::uint32_t index) {
  Running& running = attempts_[index];
  const JobTruth& truth = live(running.job).truth;
  running.since = now_;
  running.goal = truth.work.count();
  if (truth.checkpoint_interval.count() > 0) {
    running.goal = std::min(running.goal, running.done + truth.checkpoint_interval.count());
  }
  plan(index, time_for(running.goal - running.done, running.speed));
}

void World::reached(std::uint32_t index) {
  Running& running = attempts_[index];
  const JobTruth& truth = live(running.job).truth;
  if (running.done < truth.work.count()) {
    if (truth.checkpoint_cost.count() == 0) {
      saved(index);
      return work_on(index);
    }
    running.phase = Phase::kSaving;
    hear(CheckpointBegun{running.job, running.number});
    return plan(index, truth.checkpoint_cost);
  }
  TaskExit exit;
  switch (truth.outcome) {
    case JobOutcome::kSucceeds:
      return end(index, exit);
    case JobOutcome::kFails:
      exit.exit_code = 1;
      return end(index, exit);
    case JobOutcome::kCancelled:
      early_.push_back({RequestId(), CancelJob{running.job, false, running.spec->user}});
      return;  // it goes on until it is told to stop
  }
}

void World::saved(std::uint32_t index) {
  Running& running = attempts_[index];
  running.phase = Phase::kRunning;
  live(running.job).saved = running.done;
  const auto step = static_cast<std::uint64_t>(running.done / seconds(1).count());
  hear(CheckpointSaved{running.job, running.number, {step, ""}});
}

void World::end(std::uint32_t index, const TaskExit& exit) {
  Running& running = attempts_[index];
  running.phase = Phase::kEnded;
  running.exit = exit;
  ++running.version;
  --in_use_;
  stay(index, false);
  report(index);
}

/// Nothing of it is left; its slot is free for another.
void World::leave(std::uint32_t index) {
  Running& running = attempts_[index];
  if (running.phase != Phase::kEnded) {
    --in_use_;
    stay(index, false);
  }
  LiveJob& job = live(running.job);
  if (job.attempt == static_cast<std::int32_t>(index)) job.attempt = -1;
  running.phase = Phase::kUnused;
  ++running.version;
  running.spec.reset();
  running.placement = Placement();
  unused_.push_back(index);
}

/// Says what is so of an attempt; said again, it changes nothing.
void World::report(std::uint32_t index) {
  const Running& running = attempts_[index];
  const std::optional<Rank> gone = first_gone(running);
  if (running.vanished) {
    // While its nodes are down, that they are is all that there is to say.
    if (gone) hear(AttemptGone{running.job, running.epoch, false, "its nodes went down"});
    return;
  }
  if (running.phase == Phase::kEnded && running.no_start) {
    AttemptGone failed{running.job, running.epoch, true, "it could not be started", {}};
    const NodeId first = running.placement.begin()->node;
    if (running.placement.size() == 1) failed.node = topology_.name(first);
    return hear(std::move(failed));
  }
  if (running.phase == Phase::kEnded) {
    return hear(AttemptExited{running.job, running.epoch, running.exit});
  }
  if (running.failed_rank >= 0) {
    TaskExit exit;
    exit.exit_code = 1;
    return hear(TaskExited{running.job, running.epoch,
                           Rank(static_cast<std::uint32_t>(running.failed_rank)), exit});
  }
  for (const LostSlice& each : running.left) {
    if (running.phase == Phase::kStopping) break;
    TaskExit exit;
    exit.signal = 15;
    for (std::uint32_t i = 0; i < each.tasks; ++i) {
      hear(TaskExited{running.job, running.epoch, Rank(each.first_rank + i), exit});
    }
  }
  if (gone && running.phase != Phase::kStopping) {
    TaskExit exit;
    exit.detail = "its node went down";
    return hear(TaskExited{running.job, running.epoch, *gone, exit});
  }
  if (is_working(running.phase)) { hear(AttemptStarted{running.job, running.epoch}); }
}

void World::plan(std::uint32_t index, Duration after) {
  calendar_.enter(now_ + after, {Kind::kAttempt, index, ++attempts_[index].version, 0});
}

/// Counts what it has done by now.
void World::settle(Running& running) const {
  if (running.phase != Phase::kRunning || running.stalled) return;
  running.done =
      std::min(running.goal, running.done + work_in(now_ - running.since, running.speed));
  running.since = now_;
}

std::int64_t World::speed_now(const Running& running) const {
  std::int64_t slowest = 1000;
  for (const NodeSlice& slice : running.placement) {
    slowest = std::min(slowest, nodes_[slice.node.value()].speed_milli);
  }
  const std::int64_t speed = speed_of(physics_, topology_, *running.spec, running.placement);
  return std::max(speed * std::max<std::int64_t>(slowest, 1) / 1000, kSlowest);
}

/// The attempt's tasks are on its nodes from now on, or no more.
void World::stay(std::uint32_t index, bool there) {
  Running& running = attempts_[index];
  for (const NodeSlice& slice : running.placement) {
    NodeState& node = nodes_[slice.node.value()];
    if (there) {
      node.attempts.push_back(index);
      running.stalled = running.stalled || node.down > 0 || node.broken > 0;
    } else {
      const auto found = std::find(node.attempts.begin(), node.attempts.end(), index);
      MW_CHECK(found != node.attempts.end());
      *found = node.attempts.back();
      node.attempts.pop_back();
    }
    const Watts draw = slice_draw(physics_, topology_, slice);
    SiteMeter& meter = meters_[topology_.site_of(slice.node).value()];
    meter.energy += Int128{meter.draw.count()} * (now_ - meter.since).count();
    meter.since = now_;
    meter.draw += there ? draw : -draw;
    meter.peak = std::max(meter.peak, meter.draw);
  }
}

const SiteMeter& World::meter(SiteId site, Instant now) {
  SiteMeter& meter = meters_[site.value()];
  meter.energy += Int128{meter.draw.count()} * (now - meter.since).count();
  meter.since = now;
  return meter;
}

}  // namespace mw
