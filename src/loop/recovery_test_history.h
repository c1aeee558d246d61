// A made-up history for tests of journals and of recovery: a real core, fed at random from a
// seed, batch after batch, with everything that a loop would store.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "core/core.h"
#include "loop/journal.h"

namespace mw::testing {

struct MadeBatch {
  Instant now;
  std::vector<Input> inputs;
  EventSeq first_event;
  std::vector<Event> events;
  std::vector<EndedJob> ended;
  [[nodiscard]] Batch view() const { return {now, inputs, first_event, events, ended}; }
};

class History {
 public:
  explicit History(std::uint64_t seed) : random_(seed) {}

  [[nodiscard]] const State& state() const { return core_.state(); }

  /// The next batch, with at most `inputs_max` inputs and at least one event.
  MadeBatch next(std::size_t inputs_max = 4) {
    for (;;) {
      MadeBatch batch = attempt(inputs_max);
      if (!batch.events.empty()) return batch;
    }
  }

 private:
  MadeBatch attempt(std::size_t inputs_max) {
    MadeBatch batch;
    now_ = now_ + milliseconds(random_.between(1, 2000));
    batch.now = now_;
    batch.first_event = core_.state().last_seq.next();
    if (core_.state().nodes.size() < 3) batch.inputs.push_back({RequestId(), node()});
    const std::uint64_t count = 1 + random_.below(inputs_max);
    while (batch.inputs.size() < count) {
      const RequestId request(random_.chance(1, 2) ? ++requests_ : 0);
      batch.inputs.push_back({request, random_.chance(2, 5) ? asked() : observed()});
    }
    batch.events = core_.step(batch.now, batch.inputs);
    for (const Event& event : batch.events) {
      const auto* finished = std::get_if<JobFinished>(&event.body);
      if (finished == nullptr) continue;
      const Job& job = core_.state().jobs.at(finished->job);
      const JobRecord& record = core_.state().records.at(job.record);
      batch.ended.push_back({job, *record.spec, record.submitted_at});
    }
    return batch;
  }

  NodeSeen node() {
    const std::size_t number = core_.state().nodes.size();
    return {NodeSpec{"n" + std::to_string(number), "here", "cpu",
                     static_cast<std::uint32_t>(random_.between(2, 4)), kWholeCpu * 8,
                     Bytes(1 << 30)}};
  }

  InputBody asked() {
    const JobId job(1 + random_.below(core_.state().next_job.value()));
    if (random_.chance(1, 5)) return health();
    switch (random_.below(9)) {
      case 0:
        return CancelJob{job, random_.chance(1, 2), "alice"};
      case 1:
        return HoldJob{job, false, "bob"};
      case 2:
        return ReleaseJob{job, true, "bob"};
      case 3:
        return RequeueJob{job, "carol"};
      case 4:
        return DrainNode{
            "n1", "a fan \"squeaks\"", "dave",
            random_.chance(1, 2) ? std::optional(DrainMode::kCheckpoint) : std::nullopt,
            minutes(1)};
      case 5:
        return ResumeNode{"n1", "dave"};
      default:
        return SubmitJob{spec(),
                         random_.chance(1, 3) ? "key" + std::to_string(random_.below(20)) : ""};
    }
  }

  /// Faults, and what is done about them: every kind of input there is of them.
  InputBody health() {
    FaultReport fault;
    fault.source = "agent \"n1\"";
    fault.sequence = random_.below(50);
    fault.at = now_ - seconds(random_.between(0, 30));
    fault.code = random_.chance(1, 2) ? "x.watch" : "x.reboot";
    fault.place = "n" + std::to_string(random_.below(3));
    fault.count = 2;
    fault.severity = FaultSeverity::kError;
    fault.detail = "not UTF-8: \xFE";
    if (random_.chance(1, 2)) {
      fault.scope = FaultReach::kAccelerator;
      fault.device = static_cast<std::uint32_t>(random_.below(3));
    }
    switch (random_.below(7)) {
      case 0:
        return MoveNode{fault.place, NodePhase::kQuarantined, "smoke",
                        "erin",      DrainMode::kForce,       minutes(5)};
      case 1:
        return FaultCleared{fault, random_.chance(1, 2) ? "erin" : ""};
      case 2: {
        FaultPolicy policy;
        policy.name = "some";
        policy.rules = {{"x.reboot",
                         FaultyPart::kHost,
                         FaultSeverity::kError,
                         FaultReach::kNode,
                         "what",
                         "advice",
                         "source",
                         {{FaultAction::kReboot, 1, Duration(), DrainMode::kCheckpoint}}},
                        {"x.watch",
                         FaultyPart::kHost,
                         FaultSeverity::kInfo,
                         FaultReach::kNode,
                         "",
                         "",
                         "",
                         {{FaultAction::kIgnore}, {FaultAction::kWatch, 2, hours(1), {}}}}};
        policy.hooks = {{FaultAction::kReboot, {"/do", "it"}, minutes(1), 2, {{"A", "b"}}}};
        policy.breakers = {{BreakerLevel::kSite, 50, 1, hours(1)}};
        policy.silence = minutes(3);
        return SetFaultPolicy{policy, "erin"};
      }
      case 3:
        return ResetBreaker{BreakerLevel::kSite, "here", "erin"};
      case 4: {
        const auto& remedies = core_.state().health.remedies;
        if (remedies.empty()) return ResumeNode{fault.place, "dave", "seen to"};
        return RemedyReported{core_.state().topology->name(remedies.begin()->first),
                              remedies.begin()->second.id, random_.chance(2, 3), "done"};
      }
      default:
        return FaultReported{fault};
    }
  }

  JobSpec spec() {
    JobSpec spec;
    spec.name = "job-" + std::to_string(random_.below(5));
    spec.tenant = random_.chance(1, 2) ? "default" : "lab";
    spec.user = "alice";
    spec.command = {"python3", "train.py", "--text", "\xC3\xA9\n\"quoted\""};
    spec.workdir = "/tmp/work";
    spec.environment = {{"A", "1"}, {"B", "not UTF-8: \xFF"}};
    spec.gang.tasks = static_cast<std::uint32_t>(random_.between(1, 3));
    spec.gang.task.accelerators = AcceleratorShare(random_.chance(1, 3) ? 500 : 1000);
    spec.array = random_.chance(1, 4) ? static_cast<std::uint32_t>(random_.between(2, 5)) : 1;
    spec.restart.limit = static_cast<std::uint32_t>(random_.below(2));
    return spec;
  }

  /// What the engine or the job says of some attempt that there is.
  InputBody observed() {
    const auto& attempts = core_.state().attempts;
    if (attempts.empty())
      return NodeSeen{core_.state().nodes.empty() ? node().spec
                                                  : core_.state().topology->spec(NodeId(0))};
    auto it = attempts.begin();
    std::advance(it, static_cast<std::ptrdiff_t>(random_.below(attempts.size())));
    const Attempt& one = it->second;
    switch (random_.below(6)) {
      case 0:
        return AttemptStarted{one.job, one.epoch};
      case 1:
        return ReportProgress{one.job, one.number, Rank(0), progress()};
      case 2:
        return CheckpointSaved{one.job, one.number, {random_.below(100), "/c/\xFE"}};
      default: {
        const Rank rank(static_cast<std::uint32_t>(random_.below(one.exited.size())));
        return TaskExited{one.job, one.epoch, rank,
                          TaskExit{random_.chance(1, 4) ? 3 : 0, 0, false, ""}};
      }
    }
  }

  Progress progress() {
    Progress progress;
    progress.step = random_.below(1000);
    progress.loss = static_cast<double>(random_.below(1'000'000)) / 3.0;
    if (random_.chance(1, 2)) progress.unit = "tokens";
    return progress;
  }

  Random random_;
  Core core_;
  Instant now_{1'700'000'000'000'000'000};
  std::uint64_t requests_ = 0;
};

}  // namespace mw::testing
