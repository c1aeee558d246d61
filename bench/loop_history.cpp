#include "loop_history.h"

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "core/core.h"
#include "journal/sqlite/sqlite_journal.h"
#include "loop/control_loop.h"
#include "loop/journal.h"

namespace mw::bench {
namespace {

constexpr std::uint32_t kAccelerators = 1000;

[[noreturn]] void give_up(const Error& error) {
  std::fprintf(stderr, "bench: %s\n", error.message.c_str());
  std::exit(1);
}

JobSpec small_job() {
  JobSpec spec;
  spec.name = "history";
  spec.user = "bench";
  spec.command = {"/bin/true"};
  spec.workdir = "/";
  spec.gang.task.cpus = CpuShare(0);
  return spec;
}

class Historian {
 public:
  explicit Historian(Journal& journal) : journal_(journal) {
    NodeSpec node;
    node.name = "n0";
    node.site = "local";
    node.accelerator_type = "cpu";
    node.accelerators = kAccelerators;
    step({{RequestId(), NodeSeen{node}}});
  }

  /// One batch in: as many jobs as the node holds are submitted and start; one batch out: they end.
  void generation() {
    std::vector<Input> inputs;
    for (std::uint32_t i = 0; i < kAccelerators; ++i) {
      inputs.push_back({RequestId(i + 1), SubmitJob{small_job(), ""}});
    }
    step(inputs);
    inputs.clear();
    for (const auto& [job, attempt] : core_.state().attempts) {
      inputs.push_back({RequestId(), AttemptStarted{job, attempt.epoch}});
      inputs.push_back({RequestId(), TaskExited{job, attempt.epoch, Rank(0), {}}});
    }
    step(inputs);
  }

  [[nodiscard]] std::uint64_t events() const { return core_.state().last_seq.value(); }

 private:
  void step(const std::vector<Input>& inputs) {
    now_ = now_ + seconds(1);
    const EventSeq first = core_.state().last_seq.next();
    const std::vector<Event> events = core_.step(now_, inputs);
    std::vector<EndedJob> ended;
    for (const Event& event : events) {
      const auto* finished = std::get_if<JobFinished>(&event.body);
      if (finished == nullptr) continue;
      const Job& job = core_.state().jobs.at(finished->job);
      const JobRecord& record = core_.state().records.at(job.record);
      ended.push_back({job, *record.spec, record.submitted_at});
    }
    if (auto stored = journal_.append({now_, inputs, first, events, ended}); !stored) {
      give_up(stored.error());
    }
    if (this->events() - snapshot_at_ >= ControlLoop::Options().snapshot_every_events) {
      snapshot_at_ = this->events();
      if (auto saved = journal_.save_snapshot(core_.state()); !saved) give_up(saved.error());
    }
  }

  Journal& journal_;
  Core core_;
  Instant now_;
  std::uint64_t snapshot_at_ = 0;
};

}  // namespace

std::uint64_t write_history(const std::filesystem::path& path, std::uint64_t jobs) {
  auto journal = open_sqlite_journal(path, {});
  if (!journal) give_up(journal.error());
  Historian historian(**journal);
  for (std::uint64_t done = 0; done < jobs; done += kAccelerators) {
    historian.generation();
    if (done % 50'000 == 0) {
      std::fprintf(stderr, "\r  writing history: %3.0f %%",
                   100.0 * static_cast<double>(done) / static_cast<double>(jobs));
    }
  }
  std::fprintf(stderr, "\r  writing history: done  \n");
  return historian.events();
}

}  // namespace mw::bench
