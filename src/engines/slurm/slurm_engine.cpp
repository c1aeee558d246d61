#include "engines/slurm/slurm_engine.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <deque>
#include <future>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <utility>
#include <variant>

#include "codec/timestamp.h"
#include "engines/slurm/adopter.h"
#include "engines/slurm/adoption.h"
#include "engines/slurm/attempt_store.h"
#include "engines/slurm/cluster_view.h"
#include "engines/slurm/engine_command.h"
#include "engines/slurm/handing_over.h"
#include "engines/slurm/job_script.h"
#include "engines/slurm/looker.h"
#include "engines/slurm/node_orders.h"
#include "engines/slurm/output.h"
#include "engines/slurm/reboots.h"
#include "engines/slurm/slurm_attempt.h"
#include "engines/slurm/slurm_client.h"
#include "engines/slurm/submission.h"

namespace mw {
namespace slurm {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::nanoseconds;

/// Forgotten epochs that are remembered, so that a late command cannot start one again.
constexpr std::size_t kForgottenKept = 4096;
/// A submit that nothing is known of and that is older than this was taken, if it ever came to be:
/// slurmctld forgets ended jobs no sooner than that (MinJobAge, 300 s by default).
constexpr std::chrono::seconds kSureAfter{120};

/// slurmrestd has 20 threads by default, and others ask it, too.
constexpr std::size_t kRequestsAtOnce = 8;
/// One after the other; the rest waits for the next look.
constexpr std::size_t kUnheldAtOnce = 16;
/// All attempts are looked through no more often than this: there may be tens of thousands.
constexpr std::chrono::milliseconds kSweepEvery{20};

class SlurmEngine final : public Engine {
 public:
  SlurmEngine(SlurmEngineOptions options, Identity identity, ClusterTopology topology)
      : options_(std::move(options)),
        client_(options_.address, identity, stopping_),
        looker_(options_.address, identity, stopping_, {.many_nodes = options_.many_nodes}),
        pool_(options_.address, identity, stopping_, kRequestsAtOnce),
        store_(options_.home / "slurm", options_.records_kept),
        cluster_(options_.site, options_.partitions, std::move(topology)),
        adopter_({client_, pool_, cluster_, store_}, options_.adopt,
                 {options_.start_timeout, options_.repeat_after}) {}
  ~SlurmEngine() override { detach(); }

  Result<void> start(ObservationSink sink, std::vector<DesiredAttempt> desired) override;
  void set(DesiredAttempt desired) override { enqueue(std::move(desired)); }
  void forget(JobId job, Epoch epoch) override { enqueue(ForgetAttempt{job, epoch}); }
  void node_is(const NodeDecision& decision) override { enqueue(decision); }
  void adopted_is(const AdoptedFate& fate) override { enqueue(fate); }
  bool adopts() const override { return true; }
  void remedy(DesiredRemedy desired) override { enqueue(std::move(desired)); }
  void forget_remedy(const std::string& node, Epoch remedy) override {
    enqueue(ForgetRemedy{node, remedy});
  }
  bool carries_out(FaultAction action) const override { return action == FaultAction::kReboot; }
  void detach() override;
  Result<LogChunk> read_log(const LogQuery& query) override { return read_output(store_, query); }
  std::string containment() const override {
    return fmt::format("Slurm at {} (REST v0.0.{})", options_.address, version_.load());
  }
  bool reports_nodes() const override { return listed_; }
  bool has_several_machines() const override { return several_machines_; }

 private:
  void enqueue(Command command);
  void run();
  bool work();
  void take_commands();
  void handle(DesiredAttempt desired);
  void handle(const ForgetAttempt& command);
  void handle(const NodeDecision& decision) { cluster_.decided(decision); }
  void handle(const AdoptedFate& fate) { adopter_.fate(fate); }
  void handle(DesiredRemedy desired) { reboots_.want(std::move(desired), sink_); }
  void handle(const ForgetRemedy& command) { reboots_.forget(command.node, command.remedy); }
  void look_for_missing(SlurmAttempt& attempt);
  void begin(DesiredAttempt desired);
  void look_soon();
  void begin_look();
  void end_look();
  Result<void> take(Result<Look> look);
  void compare(const Look& look);
  void clear_away(const SlurmJob& job, const JobMark& mark);
  void service(SlurmAttempt& attempt);
  bool hand_over_all();
  void stop(SlurmAttempt& attempt, NextStep step);
  void note_reached(const Result<void>& reached);
  [[nodiscard]] std::optional<JobMark> our_mark(const SlurmJob& job) const;
  [[nodiscard]] bool is_ours(const SlurmJob& job) const;

  const SlurmEngineOptions options_;
  std::atomic<bool> stopping_ = false;
  SlurmClient client_;
  Looker looker_;
  ClientPool pool_;
  ObservationSink sink_;
  std::atomic<bool> listed_ = false;
  std::atomic<bool> several_machines_ = false;
  std::atomic<int> version_ = 0;  ///< of the REST interface, for people
  std::thread thread_;

  mutable std::mutex mutex_;  ///< of the next two
  std::deque<Command> commands_;
  bool looked_ = false;  ///< what was looked for is there
  std::condition_variable changed_;
  AttemptStore store_;  ///< changed by the thread, read by others as well

  // Of the thread.
  ClusterView cluster_;
  Adopter adopter_;
  NodeOrders node_orders_;
  Reboots reboots_;
  std::map<JobId, SlurmAttempt> attempts_;
  std::map<JobId, Epoch> newest_;
  std::set<Epoch> forgotten_;
  std::map<SlurmJobId, SteadyTime> cleared_;  ///< nobody wants them: cancelled, and when
  std::future<Result<Look>> looking_;         ///< one at a time
  SteadyTime looking_since_;
  SteadyTime look_at_;
  SteadyTime look_not_before_;
  bool reached_ = true;
  bool told_of_hidden_ = false;
};

std::optional<JobMark> SlurmEngine::our_mark(const SlurmJob& job) const {
  auto mark = read_mark(job.comment);
  if (!mark || mark->home != store_.home_id()) return std::nullopt;
  return mark;
}

/// Its room is counted by us already. Anybody can write such a comment on a job of their own.
bool SlurmEngine::is_ours(const SlurmJob& job) const {
  if (adopter_.owns(job)) return true;
  const auto mark = our_mark(job);
  if (!mark) return false;
  const auto wanted = attempts_.find(mark->job);
  return wanted == attempts_.end() || wanted->second.user() == job.user;
}

Result<void> SlurmEngine::start(ObservationSink sink, std::vector<DesiredAttempt> desired) {
  const bool used_before = std::filesystem::exists(options_.home / "slurm" / "id");
  if (auto opened = store_.open(); !opened) return opened;
  cluster_.sign_drains(store_.home_id());
  cluster_.remember(store_.drains());
  sink_ = std::move(sink);
  take_commands();
  for (DesiredAttempt& each : desired) handle(std::move(each));
  const Result<void> reached = take(looker_.look());
  // A cluster that was there before comes back; one that never was is a mistake of the caller's.
  const bool mistake = reached ? false : reached.error().code != ErrorCode::kUnavailable;
  if (!reached && (!used_before || mistake)) return reached.error();
  note_reached(reached);
  thread_ = std::thread([this] { run(); });
  return {};
}

void SlurmEngine::detach() {
  stopping_ = true;
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

void SlurmEngine::enqueue(Command command) {
  {
    const std::scoped_lock lock(mutex_);
    commands_.push_back(std::move(command));
  }
  changed_.notify_one();
}

void SlurmEngine::run() {
  while (!stopping_) {
    const SteadyTime began = SteadyClock::now();
    if (work()) continue;
    const SteadyTime later = SteadyClock::now() + wait_of(options_.look_later);
    std::unique_lock lock(mutex_);
    changed_.wait_until(lock, looking_.valid() ? later : look_at_,
                        [&] { return stopping_ || looked_ || !commands_.empty(); });
    changed_.wait_until(lock, began + kSweepEvery, [&] { return stopping_.load(); });
  }
  if (looking_.valid()) looking_.wait();
}

/// All that is to be done now. Result: whether there is more.
bool SlurmEngine::work() {
  take_commands();
  end_look();
  begin_look();
  bool more = hand_over_all();
  for (auto& [job, attempt] : attempts_) {
    if (stopping_) return false;
    service(attempt);
  }
  return adopter_.service(reached_ && !cluster_.empty(), sink_) || more;
}

void SlurmEngine::take_commands() {
  std::deque<Command> commands;
  {
    const std::scoped_lock lock(mutex_);
    commands.swap(commands_);
  }
  for (Command& command : commands) {
    std::visit([this](auto&& each) { handle(std::forward<decltype(each)>(each)); },
               std::move(command));
  }
}

void SlurmEngine::handle(DesiredAttempt desired) {
  if (forgotten_.contains(desired.epoch)) return;
  Epoch& newest = newest_[desired.job];
  if (desired.epoch < newest) return;
  newest = desired.epoch;
  if (adopted_job(desired.client_key)) {
    adopter_.want(std::move(desired), SteadyClock::now());
    look_soon();
    return;
  }
  const auto found = attempts_.find(desired.job);
  if (found != attempts_.end() && found->second.desired().epoch == desired.epoch) {
    found->second.want(std::move(desired));
    return;
  }
  // An older one has ended, says the core; what Slurm still has of it is cleared away.
  attempts_.erase(desired.job);
  begin(std::move(desired));
}

void SlurmEngine::begin(DesiredAttempt desired) {
  const auto record = store_.find({desired.job, desired.attempt});
  const bool known = record && record->epoch == desired.epoch;
  const std::string user = desired.spec->user;
  std::string directory = known ? record->directory : output_directory(desired, store_.home_id());
  const JobId job = desired.job;
  SlurmAttempt attempt(std::move(desired), user, std::move(directory),
                       {options_.start_timeout, options_.repeat_after});
  if (known) {
    const bool old = wait_of(wall_clock() - record->handed_over) > kSureAfter;
    attempt.was_handed_over(record->slurm_job, record->slurm_job != 0 || old, SteadyClock::now());
  }
  attempts_.emplace(job, std::move(attempt));
  look_soon();
}

void SlurmEngine::handle(const ForgetAttempt& command) {
  forgotten_.insert(command.epoch);
  if (forgotten_.size() > kForgottenKept) forgotten_.erase(forgotten_.begin());
  if (const auto attempt = adopter_.forget(command.job, command.epoch)) {
    store_.end({command.job, *attempt});
  }
  const auto newest = newest_.find(command.job);
  if (newest != newest_.end() && newest->second <= command.epoch) newest_.erase(newest);
  const auto found = attempts_.find(command.job);
  if (found == attempts_.end() || found->second.desired().epoch != command.epoch) return;
  store_.end({command.job, found->second.desired().attempt});
  attempts_.erase(found);  // what Slurm still has of it is cleared away when it is next seen
}

// --- looking ------------------------------------------------------------------------------------

void SlurmEngine::look_soon() {
  const SteadyTime soon = SteadyClock::now() + wait_of(options_.look_soon);
  look_at_ = std::max(look_not_before_, std::min(look_at_, soon));
}

/// Beside everything else: of a large cluster it takes seconds.
void SlurmEngine::begin_look() {
  if (looking_.valid() || SteadyClock::now() < look_at_) return;
  looking_since_ = SteadyClock::now();
  looking_ = std::async(std::launch::async, [this] {
    auto look = looker_.look();
    const std::scoped_lock lock(mutex_);
    looked_ = true;
    changed_.notify_one();
    return look;
  });
}

void SlurmEngine::end_look() {
  {
    const std::scoped_lock lock(mutex_);
    if (!std::exchange(looked_, false)) return;
  }
  const Result<void> reached = take(looking_.get());
  if (stopping_) return;
  note_reached(reached);
  const SteadyTime now = SteadyClock::now();
  const bool soon =
      adopter_.unsettled() || reboots_.unsettled() ||
      std::ranges::any_of(attempts_, [](const auto& each) { return each.second.unsettled(); });
  const nanoseconds pause = wait_of(soon ? options_.look_soon : options_.look_later);
  // Three times as long as it took: Slurm has other things to do.
  look_not_before_ = now + 3 * (now - looking_since_);
  look_at_ = std::max(look_not_before_, now + pause);
}

/// Takes in what Slurm has, and brings it and what is wanted together.
Result<void> SlurmEngine::take(Result<Look> look) {
  if (!look) return look.error();
  client_.speak(look->version);
  version_ = look->version.number;
  if (look->partitions) {
    if (auto taken = cluster_.take(std::move(*look->partitions)); !taken) return taken;
  }
  cluster_.take(*look->nodes, sink_);
  cluster_.take_use(
      look->jobs, [&](const SlurmJob& job) { return is_ours(job); }, sink_);
  if (const auto kept = store_.put_drains(cluster_.carried()); !kept) {
    spdlog::warn("slurm engine: {}", kept.error().message);
  }
  several_machines_ = cluster_.has_several_machines();
  listed_ = true;
  compare(*look);
  return {};
}

void SlurmEngine::note_reached(const Result<void>& reached) {
  if (reached.ok() == reached_) return;
  reached_ = reached.ok();
  if (reached_) {
    spdlog::info("slurm engine: Slurm answers again");
  } else {
    spdlog::warn("slurm engine: {}; what runs goes on, and nothing is started until it answers",
                 reached.error().message);
  }
}

/// Brings what Slurm has and what is wanted together.
void SlurmEngine::compare(const Look& look) {
  const SteadyTime now = SteadyClock::now();
  std::map<JobId, const SlurmJob*> first;
  for (const SlurmJob& job : look.jobs) {
    const auto mark = our_mark(job);
    if (!mark) continue;
    const auto wanted = attempts_.find(mark->job);
    // Anybody can write such a comment on a job of their own.
    if (wanted != attempts_.end() && wanted->second.user() != job.user) continue;
    if (wanted == attempts_.end() || wanted->second.desired().epoch != mark->epoch) {
      clear_away(job, *mark);
      continue;
    }
    const SlurmJob*& known = first[mark->job];
    if (known != nullptr) {
      clear_away(known->id < job.id ? job : *known, *mark);  // a submit that was sent twice
    }
    if (known == nullptr || job.id < known->id) known = &job;
  }
  std::size_t unheld = 0;
  for (auto& [id, attempt] : attempts_) {
    const auto found = first.find(id);
    if (found == first.end()) {
      if (attempt.unseen(look.asked)) look_for_missing(attempt);
      continue;
    }
    attempt.seen(*found->second, now);
    // The rule that hands others' jobs to us holds ours, too.
    const SlurmJob& job = *found->second;
    if (!waits_for_decision(job) || attempt.unwanted() || unheld == kUnheldAtOnce) continue;
    ++unheld;
    if (const auto done = client_.unhold(job.name()); !done) {
      spdlog::warn("slurm engine: Slurm's job {} of ours is held: {}", job.id,
                   done.error().message);
    }
  }
  adopter_.switch_rule_on();
  adopter_.look(look.jobs, look.asked, sink_);
  node_orders_.carry_out(cluster_.orders(), client_, cluster_);
  reboots_.look(cluster_, client_, sink_);
}

/// Slurm's list does not have it any more. That alone says nothing: jobs of others may be hidden
/// from whom lists are asked for as (PrivateData). Its user sees it.
void SlurmEngine::look_for_missing(SlurmAttempt& attempt) {
  if (attempt.slurm_job() == 0) return attempt.lost();  // nobody has ever seen it
  const auto found = client_.job(attempt.slurm_job(), attempt.user());
  if (!found) {
    if (found.error().code == ErrorCode::kNotFound) attempt.lost();
    return;
  }
  const auto ours = std::ranges::find_if(*found, [&](const SlurmJob& job) {
    const auto mark = our_mark(job);
    return mark && mark->epoch == attempt.desired().epoch;
  });
  if (ours == found->end()) return attempt.lost();  // the number is another job's by now
  attempt.seen(*ours, SteadyClock::now());
  if (!std::exchange(told_of_hidden_, true)) {
    spdlog::warn(
        "slurm engine: Slurm hides jobs from {} (PrivateData): what others use is not "
        "known; ask for lists as one who sees all, by --slurm-user",
        client_.identity().self());
  }
}

/// A job in our name that nobody wants any more.
void SlurmEngine::clear_away(const SlurmJob& job, const JobMark& mark) {
  if (is_over(job)) {
    cleared_.erase(job.id);
    return;
  }
  const SteadyTime now = SteadyClock::now();
  SteadyTime& again_at = cleared_[job.id];
  if (now < again_at) return;
  again_at = now + std::chrono::seconds(5);
  spdlog::info("slurm engine: Slurm's job {} (job {}, attempt {}) is not wanted: cancelling it",
               job.id, mark.job.value(), mark.attempt.value());
  if (const auto done = client_.cancel(job.name(), job.user); !done) {
    spdlog::warn("slurm engine: cannot cancel Slurm's job {}: {}", job.id, done.error().message);
  }
}

// --- doing --------------------------------------------------------------------------------------

/// Result: whether there are more than were handed over at once.
bool SlurmEngine::hand_over_all() {
  if (!reached_ || cluster_.empty()) return false;
  const SteadyTime now = SteadyClock::now();
  std::vector<SlurmAttempt*> due;
  for (auto& [job, attempt] : attempts_) {
    attempt.advance(now);
    if (attempt.next_step(now) != NextStep::kSubmit) continue;
    if (due.size() == kHandedOverAtOnce) break;
    due.push_back(&attempt);
  }
  if (due.empty()) return false;
  hand_over(due, cluster_, options_, store_, client_, pool_);
  look_soon();
  return due.size() == kHandedOverAtOnce;
}

void SlurmEngine::service(SlurmAttempt& attempt) {
  SteadyTime now = SteadyClock::now();
  attempt.advance(now);
  switch (attempt.next_step(now)) {
    case NextStep::kNothing:
    case NextStep::kSubmit:  // hand_over_all() does it
      break;
    case NextStep::kSignal:
    case NextStep::kCancel:
      if (reached_) stop(attempt, attempt.next_step(now));
      break;
  }
  now = SteadyClock::now();
  for (InputBody& report : attempt.reports(now)) sink_(std::move(report));
}

void SlurmEngine::stop(SlurmAttempt& attempt, NextStep step) {
  const SlurmJobId job = attempt.slurm_job();
  const Result<void> done = step == NextStep::kSignal
                                ? client_.signal(job, kStopSignal, attempt.user())
                                : client_.cancel(std::to_string(job), attempt.user());
  // That it has ended, or is not known, the next look tells.
  if (step == NextStep::kSignal) {
    if (done) attempt.signalled();
  } else {
    attempt.cancelled(SteadyClock::now());
  }
  look_soon();
  if (!done && done.error().code == ErrorCode::kForbidden) {
    spdlog::warn("slurm engine: cannot stop Slurm's job {}: {}", job, done.error().message);
  }
}

}  // namespace

}  // namespace slurm

Result<std::unique_ptr<Engine>> make_slurm_engine(SlurmEngineOptions options) {
  if (auto checked = slurm::check_address(options.address); !checked) return checked.error();
  auto identity = slurm::Identity::for_address(options.address, options.jwt_key, options.self);
  if (!identity) return identity.error();
  auto topology = slurm::read_topology_conf(options.topology);
  if (!topology) return topology.error();
  return std::unique_ptr<Engine>(std::make_unique<slurm::SlurmEngine>(
      std::move(options), std::move(*identity), std::move(*topology)));
}

}  // namespace mw
