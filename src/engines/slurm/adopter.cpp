#include "engines/slurm/adopter.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "codec/text.h"
#include "codec/timestamp.h"
#include "engines/slurm/adoption.h"
#include "engines/slurm/submission.h"

namespace mw::slurm {
namespace {

using SteadyClock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr seconds kAskAgainAfter{10};
/// Of what was refused: the policy may be another one by then.
constexpr seconds kRefusedAgainAfter{60};
/// Lists in a row without one that waits in Slurm, before it is taken for gone.
constexpr int kWaitingMissesMax = 3;
/// Then it is looked for what else is to be done.
constexpr std::size_t kReleasedAtOnce = 64;
/// One after the other, and each may be a program that is started; the rest waits for the next
/// look.
constexpr std::size_t kCallsAtOnce = 16;
/// Jobs that have ended and are not in Slurm's list any more are forgotten from so many on.
constexpr std::size_t kKnownMax = 100'000;

SlurmJobId number_of(const std::string& id) {
  SlurmJobId number = 0;
  std::from_chars(id.data(), id.data() + id.size(), number);
  return number;
}

/// It is that job, or those elements of an array that wait and that one may be among.
bool stands_for(const SlurmJob& job, const std::string& id) {
  return job.name() == id || job.stands_for_many();
}

}  // namespace

bool Adopter::may_ask(Known& known) const {
  const SteadyTime now = SteadyClock::now();
  if (now < known.again_at) return false;
  known.again_at = now + kAskAgainAfter;
  return true;
}

void Adopter::fate(const AdoptedFate& fate) {
  const auto origin = adopted_job(fate.client_key);
  if (!origin) return;
  Known& known = known_[origin->id];
  if (fate.refused) {
    // What was taken before it is not undone by a later refusal.
    if (known.job != JobId() && !is_final(known.state)) return;
    known = Known();
    known.origin = *origin;
    known.refused = text(*fate.refused);
    known.again_at = SteadyClock::now() + kRefusedAgainAfter;
    return;
  }
  if (fate.job < known.job) return;
  if (known.job != fate.job) {
    const bool noted = known.noted;
    for (const JobNote each : {JobNote::kWithdrawn, JobNote::kHeld}) {
      around_.store.drop(known.job, each);
    }
    known = Known();
    known.noted = noted;
  }
  if (known.state != fate.state) known.again_at = SteadyTime();  // what was asked for last has come
  known.origin = *origin;
  known.job = fate.job;
  known.spec = fate.spec;
  known.state = fate.state;
  known.finished_at = fate.finished_at;
}

void Adopter::want(DesiredAttempt desired, SteadyTime now) {
  const auto found = attempts_.find(desired.job);
  if (found != attempts_.end() && found->second.desired().epoch == desired.epoch) {
    return found->second.want(std::move(desired));
  }
  attempts_.erase(desired.job);
  const JobId job = desired.job;
  const auto record = around_.store.find({job, desired.attempt});
  const bool known = record && record->epoch == desired.epoch;
  AdoptedAttempt attempt(std::move(desired), limits_);
  if (known) attempt.was_released(record->runs_before, now);
  attempts_.emplace(job, std::move(attempt));
}

std::optional<AttemptNumber> Adopter::forget(JobId job, Epoch epoch) {
  const auto found = attempts_.find(job);
  if (found == attempts_.end() || found->second.desired().epoch != epoch) return std::nullopt;
  const AttemptNumber number = found->second.desired().attempt;
  attempts_.erase(found);
  return number;
}

bool Adopter::owns(const SlurmJob& job) const {
  if (!job.request) return false;
  const auto known = known_.find(job.name());
  if (known == known_.end()) return false;
  const auto attempt = attempts_.find(known->second.job);
  return attempt != attempts_.end() && attempt->second.released();
}

bool Adopter::unsettled() const {
  return std::ranges::any_of(attempts_, [](const auto& each) { return each.second.unsettled(); });
}

// --- looking ------------------------------------------------------------------------------------

void Adopter::look(const std::vector<SlurmJob>& jobs, SteadyTime asked,
                   const ObservationSink& sink) {
  seen_.clear();
  calls_left_ = kCallsAtOnce;
  choices_ = std::make_unique<NodeChoices>(around_.cluster);
  const Others all = others_in(jobs);
  for (const SlurmJob& job : jobs) {
    if (!job.request) continue;
    // The rule that hands jobs to us marks those, too, that a control plane submitted by itself:
    // they are decided about already.
    if (read_mark(job.comment)) {
      const auto known = known_.find(job.name());
      if (known == known_.end() || known->second.job == JobId()) continue;
    }
    if (job.stands_for_many()) {
      look_at_waiting_array(job, asked, all, sink);
    } else {
      look_at(job, job.name(), asked, all, sink);
    }
  }
  look_for_missing(asked, sink);
}

/// Only what those look into who wait for another.
Adopter::Others Adopter::others_in(const std::vector<SlurmJob>& jobs) {
  Others others;
  const bool some_wait = std::ranges::any_of(
      jobs, [](const SlurmJob& job) { return job.request && !job.request->dependency.empty(); });
  if (!some_wait) return others;
  const bool some_alone = std::ranges::any_of(jobs, is_singleton);
  for (const SlurmJob& job : jobs) {
    others.by_id.emplace(job.id, &job);
    if (some_alone && !is_over(job)) others.open_by_name[{job.user, job.job_name}].push_back(&job);
  }
  return others;
}

/// Slurm would not start it yet.
bool Adopter::has_to_wait(const SlurmJob& job, const Others& all) {
  const std::vector<SlurmJobId> awaited = jobs_awaited(job.request->dependency);
  const bool too_early = std::ranges::any_of(awaited, [&](SlurmJobId each) {
    const auto other = all.by_id.find(each);
    return other != all.by_id.end() && !is_over(*other->second);
  });
  if (too_early || !is_singleton(job)) return too_early;
  const auto named = all.open_by_name.find({job.user, job.job_name});
  return named != all.open_by_name.end() &&
         std::ranges::any_of(named->second, [&](const SlurmJob* other) {
           return other->id != job.id && (other->id < job.id || !is_waiting(*other));
         });
}

/// Those of an array that wait are one job of Slurm's. No more of them are asked for at once than
/// may run at once ("%2").
void Adopter::look_at_waiting_array(const SlurmJob& job, SteadyTime asked, const Others& all,
                                    const ObservationSink& sink) {
  const auto tasks = array_tasks(job.request->array_tasks);
  const std::string prefix = std::to_string(job.array) + "_";
  if (!tasks) {
    Known& known = known_[prefix];
    known.refused = tasks.error().message;
    return;
  }
  const std::uint32_t limit = is_singleton(job) ? 1 : job.request->array_limit;
  std::uint32_t at_once = 0;
  for (auto each = known_.lower_bound(prefix);
       each != known_.end() && each->first.starts_with(prefix); ++each) {
    if (each->second.refused.empty() && !is_final(each->second.state)) ++at_once;
  }
  for (const std::uint32_t task : *tasks) {
    const std::string id = prefix + std::to_string(task);
    const auto known = known_.find(id);
    const bool is_new = known == known_.end() || !known->second.refused.empty();
    if (is_new && limit != 0 && at_once++ >= limit) continue;
    look_at(job, id, asked, all, sink);
  }
}

void Adopter::look_at(const SlurmJob& job, const std::string& id, SteadyTime asked,
                      const Others& all, const ObservationSink& sink) {
  seen_.insert(id);
  const auto found = known_.find(id);
  if (found == known_.end() || found->second.job == JobId()) return consider(job, id, all, sink);
  Known& known = found->second;
  known.misses = 0;
  if (is_final(known.state)) {
    if (begins_anew(known, job)) return consider(job, id, all, sink);
    return settle_ended(known, job);
  }
  known.submitted_s = job.submitted_s;
  const bool another = is_another(known, job);
  const auto attempt = attempts_.find(known.job);
  if (another) {
    // Nothing may be done to the one that has the number now.
    if (attempt == attempts_.end()) return withdraw(known, sink);
    return attempt->second.lost();
  }
  if (attempt != attempts_.end()) {
    attempt->second.seen(job, asked, SteadyClock::now());
  } else {
    follow(known, job, sink);
  }
}

/// One that we do not have yet.
void Adopter::consider(const SlurmJob& job, const std::string& id, const Others& all,
                       const ObservationSink& sink) {
  if (!partitions_.contains(job.partition) || !waits_for_decision(job) || held_by_user(job)) return;
  if (has_to_wait(job, all)) return;
  Known& known = known_[id];
  const SteadyTime now = SteadyClock::now();
  if (!known.refused.empty()) note_refusal(id, known);
  if (now < known.again_at) return;
  SlurmJob asked = job;
  if (around_.store.has_pinned(job)) asked.request->nodes_required.clear();
  auto spec = adopted_spec(asked, *choices_);
  if (!spec) {
    known.origin.id = id;
    known.refused = spec.error().message;
    known.again_at = now + kRefusedAgainAfter;
    return note_refusal(id, known);
  }
  known.again_at = now + (known.refused.empty() ? kAskAgainAfter : kRefusedAgainAfter);
  std::string key = adoption_key(adopted_job(job, id, known.job));
  sink(SubmitJob{std::move(*spec), std::move(key)});
}

void Adopter::note_refusal(const std::string& name, Known& known) {
  if (known.noted || calls_left_ == 0) return;
  known.noted = true;
  // Of an array, once for all of it: Slurm would make a job of each element that is changed.
  const std::string id = name.substr(0, name.find('_'));
  if (id != name && std::exchange(known_[id + "_"].noted, true)) return;
  --calls_left_;
  spdlog::info("slurm engine: Slurm's job {} stays held: {}", id, known.refused);
  const auto done = around_.client.note(id, "millwright: stays held, " + known.refused);
  if (!done) spdlog::warn("slurm engine: cannot say so there: {}", done.error().message);
}

/// Numbers are used again when slurmctld has lost its state. A job that was put back into the queue
/// was submitted anew, says Slurm.
bool Adopter::is_another(const Known& known, const SlurmJob& job) {
  return job.user != known.spec->user ||
         (job.restarts == 0 && job.submitted_s != known.origin.submitted_s);
}

/// It asks for something else than what is decided about: than it did when it was taken, whatever
/// has become of the nodes since.
bool Adopter::was_changed(const Known& known, const SlurmJob& job) const {
  if (is_another(known, job)) return true;
  if (job.restarts > 0 || !waits_for_decision(job)) return false;
  if (known.spec && is_put_off_anew(job, *known.spec, wall_clock())) return true;
  const std::string& asked = known.origin.asked;
  const bool names_nodes = !job.request->nodes_required.empty() && !around_.store.has_pinned(job);
  return names_nodes || (!asked.empty() && asked != asked_for(job));
}

/// It has ended here, and is to be decided about once more: it was put into the queue again, the
/// number is another job's by now, or it was us who ended it, for that.
bool Adopter::begins_anew(const Known& known, const SlurmJob& job) const {
  const std::int64_t ended_s = known.finished_at->count() / mw::seconds(1).count();
  // Clocks differ; what Slurm said before tells it without.
  const bool again =
      known.submitted_s ? job.submitted_s != *known.submitted_s : job.submitted_s > ended_s;
  if (again || was_changed(known, job)) return true;
  return known.state == JobState::kCancelled && around_.store.noted(known.job, JobNote::kWithdrawn);
}

/// Has the core give it up. That it was not its user who cancelled it is known from then on, also
/// to the next control plane.
void Adopter::withdraw(Known& known, const ObservationSink& sink) {
  if (!may_ask(known)) return;
  if (const auto kept = around_.store.note(known.job, JobNote::kWithdrawn); !kept) {
    return spdlog::warn("slurm engine: {}; job {} is not given up", kept.error().message,
                        known.job.value());
  }
  sink(CancelJob{known.job, false, kBySlurm});
}

/// Its user's hold. What an earlier control plane told of it is known by a note, so that a hold
/// that somebody made here is not taken for it.
void Adopter::follow_hold(Known& known, const SlurmJob& job, const ObservationSink& sink) {
  AttemptStore& store = around_.store;
  if (held_by_user(job)) {
    if (known.held == true || !may_ask(known)) return;
    if (const auto kept = store.note(known.job, JobNote::kHeld); !kept) {
      return spdlog::warn("slurm engine: {}; job {} is not held", kept.error().message,
                          known.job.value());
    }
    known.held = true;
    return sink(HoldJob{known.job, false, kBySlurm});
  }
  if (!store.noted(known.job, JobNote::kHeld) || !may_ask(known)) return;
  // The note stays until that has surely been heard.
  if (known.held == false) return store.drop(known.job, JobNote::kHeld);
  known.held = false;
  sink(ReleaseJob{known.job, false, kBySlurm});
}

/// One that waits in the core.
void Adopter::follow(Known& known, const SlurmJob& job, const ObservationSink& sink) {
  if (known.noted && calls_left_ > 0) {
    known.noted = false;
    --calls_left_;
    const auto done =
        around_.client.note(known.origin.id, fmt::format("millwright: job {}", known.job.value()));
    if (!done) spdlog::warn("slurm engine: {}", done.error().message);
  }
  if (job.state == "CANCELLED" || job.state == "DEADLINE" || is_on(job)) {
    // Somebody ended it, or had Slurm start it: it is not ours to start any more.
    return withdraw(known, sink);
  }
  if (!waits_for_decision(job)) return;
  follow_hold(known, job, sink);
  if (!was_changed(known, job)) return;
  if (SteadyClock::now() >= known.again_at) {
    spdlog::info("slurm engine: Slurm's job {} was changed there: it is decided about anew",
                 known.origin.id);
  }
  withdraw(known, sink);
}

/// The core is done with it, and Slurm still has it.
void Adopter::settle_ended(Known& known, const SlurmJob& job) {
  if (!is_waiting(job) || job.completing || calls_left_ == 0 || !may_ask(known)) return;
  const bool too_late = known.state == JobState::kTimedOut && known.spec->deadline != Instant();
  if (known.state == JobState::kCancelled || too_late) {
    --calls_left_;
    spdlog::info("slurm engine: job {} was cancelled or too late: cancelling Slurm's job {}",
                 known.job.value(), known.origin.id);
    const auto done = around_.client.cancel(known.origin.id, job.user);
    if (!done) spdlog::warn("slurm engine: cannot: {}", done.error().message);
    return;
  }
  known.refused = fmt::format("job {} here has ended: {}", known.job.value(), name_of(known.state));
  note_refusal(known.origin.id, known);
}

/// Jobs that were in no list for a while: asked for by number before anything follows from that.
void Adopter::look_for_missing(SteadyTime asked, const ObservationSink& sink) {
  for (auto each = known_.begin(); each != known_.end();) {
    auto& [id, known] = *each;
    const bool open = known.job != JobId() && !is_final(known.state);
    if (seen_.contains(id)) {
      ++each;
      continue;
    }
    if (!open) {
      const bool forget = known.job == JobId() || known_.size() > kKnownMax;
      each = forget ? known_.erase(each) : std::next(each);
      continue;
    }
    ++each;
    const auto attempt = attempts_.find(known.job);
    const bool missing = attempt != attempts_.end() ? attempt->second.unseen(asked)
                                                    : ++known.misses >= kWaitingMissesMax;
    if (!missing || calls_left_ == 0 || !may_ask(known)) continue;
    --calls_left_;
    const auto found = around_.client.job(number_of(id), known.spec->user);
    const bool unknown_there =
        found
            ? std::ranges::none_of(*found, [&](const SlurmJob& job) { return stands_for(job, id); })
            : found.error().code == ErrorCode::kNotFound;
    if (!unknown_there) {
      spdlog::warn(
          "slurm engine: Slurm's job {} is not in its list, and not gone either ({}); "
          "nothing is done until it is known",
          id, found ? "hidden by PrivateData?" : found.error().message);
    } else if (attempt != attempts_.end()) {
      attempt->second.lost();
    } else {
      known.again_at = SteadyTime();
      withdraw(known, sink);
    }
  }
}

// --- doing --------------------------------------------------------------------------------------

bool Adopter::service(bool reached, const ObservationSink& sink) {
  std::vector<AdoptedAttempt*> due;
  bool more = false;
  std::size_t left = kCallsAtOnce;
  for (auto& [job, attempt] : attempts_) {
    const SteadyTime now = SteadyClock::now();
    attempt.advance(now);
    if (!reached) continue;
    const AdoptedStep step = attempt.next_step(now);
    if (step == AdoptedStep::kNothing) continue;
    if (step == AdoptedStep::kRelease && due.size() < kReleasedAtOnce) {
      due.push_back(&attempt);
    } else if (step != AdoptedStep::kRelease && left > 0) {
      --left;
      service(attempt, step);
    } else {
      more = true;
    }
  }
  release(due);
  for (auto& [job, attempt] : attempts_) {
    for (InputBody& report : attempt.reports(SteadyClock::now())) sink(std::move(report));
  }
  return more;
}

void Adopter::service(AdoptedAttempt& attempt, AdoptedStep step) {
  const std::string& name = attempt.name();
  Result<void> done;
  switch (step) {
    case AdoptedStep::kNothing:
    case AdoptedStep::kRelease:  // release() does it
      return;
    case AdoptedStep::kHold:
      done = around_.client.hold(name);
      break;
    case AdoptedStep::kRequeue:
      done = around_.client.requeue_hold(name);
      break;
    case AdoptedStep::kCancel:
      done = around_.client.cancel(name, attempt.desired().spec->user);
      break;
  }
  attempt.asked(step, SteadyClock::now());
  if (!done) {
    spdlog::warn("slurm engine: Slurm's job {}: {}; it is tried again", name, done.error().message);
  }
}

/// Lets them go, several at a time. Each attempt is of one of the threads, and we wait for all.
void Adopter::release(const std::vector<AdoptedAttempt*>& attempts) {
  around_.pool.each(attempts.size(), around_.client.version(),
                    [&](SlurmClient& client, std::size_t i) { release(*attempts[i], client); });
}

/// Lets it go on the nodes that were decided; what is needed to know it again is on disk before.
void Adopter::release(AdoptedAttempt& attempt, SlurmClient& client) {
  const DesiredAttempt& desired = attempt.desired();
  AttemptRecord record;
  record.epoch = desired.epoch;
  record.user = desired.spec->user;
  record.handed_over = wall_clock();
  record.slurm_job = attempt.last()->id;
  record.runs_before = attempt.runs_before();
  record.output = attempt.output();
  if (const auto written = around_.store.put({desired.job, desired.attempt}, record); !written) {
    return spdlog::warn("slurm engine: {}; Slurm's job {} is not let go", written.error().message,
                        attempt.name());
  }
  attempt.release_asked(SteadyClock::now());
  const std::int64_t now_s = wall_clock().count() / mw::seconds(1).count();
  const auto answer = client.release(attempt.name(), {desired.node_names, now_s});
  attempt.release_answered(answer, SteadyClock::now());
  // What slurmrestd answers to a change of an array's element says nothing (22.05); the next list
  // does.
  const bool says_nothing = attempt.name().find('_') != std::string::npos;
  if (answer || says_nothing) return;
  spdlog::warn("slurm engine: letting Slurm's job {} go: {}", attempt.name(),
               answer.error().message);
}

}  // namespace mw::slurm
