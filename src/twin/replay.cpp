#include "twin/replay.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/check.h"
#include "twin/forecast.h"
#include "twin/input_source.h"
#include "twin/replay_history.h"
#include "twin/run_times.h"
#include "twin/simulation.h"
#include "twin/what_if.h"

namespace mw {
namespace {

constexpr double kNsPerHour = 3.6e12;

class NoJobs final : public WorkloadSource {
 public:
  std::optional<WorkloadJob> next() override { return std::nullopt; }
};

/// How long each job runs: as it did, or as jobs like it did when it never ran.
class Truths {
 public:
  Truths(const ReplayHistory& history, std::uint64_t seed) : history_(history), seed_(seed) {
    run_times_.learn_from(history.end);
  }

  JobTruth of(JobId job, const JobSpec& spec) {
    const auto known = history_.truths.find(job);
    if (known != history_.truths.end()) return known->second;
    drawn_.insert(job);
    JobTruth truth;
    Random random(seed_ ^ (job.value() * 0xD1B54A32D192ED03U));
    truth.work = run_times_.sample(spec, Duration(), random);
    return truth;
  }
  [[nodiscard]] bool ran(JobId job) const { return history_.truths.contains(job); }
  [[nodiscard]] std::uint64_t drawn() const { return drawn_.size(); }

 private:
  const ReplayHistory& history_;
  std::uint64_t seed_;
  RunTimes run_times_;
  std::set<JobId> drawn_;
};

/// The inputs once more. A job that this run refuses leaves a gap in the numbers, so what names a
/// job is told which number it has here.
class AskedAgain final : public InputSource {
 public:
  AskedAgain(const ReplayHistory& history, Truths& truths, bool with_policies)
      : history_(history), truths_(truths), with_policies_(with_policies) {
    for (const HistoricInput& input : history.inputs) {
      const auto* submit = std::get_if<SubmitJob>(&input.body);
      if (submit == nullptr) continue;
      for (const Dependency& each : submit->spec->after) awaited_.insert(each.job);
    }
  }

  [[nodiscard]] Instant next_at() const override {
    return next_ == history_.inputs.size() ? Instant::never() : history_.inputs[next_].at;
  }

  void take(Instant now, std::vector<AskedInput>& due) override {
    for (; next_ < history_.inputs.size() && history_.inputs[next_].at <= now; ++next_) {
      const HistoricInput& one = history_.inputs[next_];
      if (const auto* submit = std::get_if<SubmitJob>(&one.body)) {
        this->submit(*submit, *one.job, due);
      } else if (!std::holds_alternative<SetPolicy>(one.body) || with_policies_) {
        for (InputBody& body : one_by_one(one.body)) due.push_back({translated(std::move(body))});
      }
    }
  }

  /// Numbers of this run, as the journal of the simulation gives them out.
  void note(const Event& event) {
    const auto* made = std::get_if<JobSubmitted>(&event.body);
    if (made == nullptr || event.request == RequestId()) return;
    const JobId real = submitted_[event.request.value() - 1];
    for (std::uint32_t i = 0; i < made->spec->array; ++i)
      here_[JobId(real.value() + i)] = JobId(made->job.value() + i);
  }

 private:
  /// 0 when it does not exist here; jobs from before the beginning have their numbers.
  [[nodiscard]] JobId here(JobId real) const {
    if (real < history_.begin.next_job) return real;
    const auto found = here_.find(real);
    return found == here_.end() ? JobId() : found->second;
  }

  InputBody translated(InputBody body) const {
    std::visit(
        [&](auto& each) {
          if constexpr (requires { each.job = JobId(); }) each.job = here(each.job);
        },
        body);
    auto* submit = std::get_if<SubmitJob>(&body);
    if (submit != nullptr && !submit->spec->after.empty()) {
      for (Dependency& each : submit->spec.change().after) each.job = here(each.job);
    }
    return body;
  }

  /// Elements of an array ran for as long as each did, so they are handed in one by one, unless
  /// others wait for the array as a whole.
  void submit(const SubmitJob& whole, JobId job, std::vector<AskedInput>& due) {
    const std::uint32_t count = whole.spec->array;
    arrays_[job] = count;
    const bool split = count > 1 && !awaited_.contains(job);
    for (std::uint32_t i = 0; i < (split ? count : 1); ++i) {
      const JobId element(job.value() + i);
      submitted_.push_back(element);
      SubmitJob one = whole;
      if (split) one = {whole.spec, ""};
      if (split) one.spec.change().array = 1;
      due.push_back({translated(std::move(one)), truths_.of(element, whole.spec)});
    }
  }

  /// The jobs that an input about `job` is about, in the numbers of history.
  [[nodiscard]] std::vector<JobId> elements(JobId job, bool whole_array) const {
    JobId first = job;
    std::uint32_t count = 1;
    if (const Job* known = whole_array ? history_.begin.jobs.find(job) : nullptr) {
      first = known->record;
      count = record_of(history_.begin, job).spec->array;
    } else if (whole_array && !arrays_.empty()) {
      auto array = arrays_.upper_bound(job);
      if (array != arrays_.begin()) --array;
      first = array->first;
      count = array->second;
    }
    std::vector<JobId> jobs;
    for (std::uint32_t i = 0; i < count; ++i) jobs.emplace_back(first.value() + i);
    return jobs;
  }

  /// What is asked of a whole array is asked of each element. One that ran is not cancelled: it is
  /// taken back once it has run for as long as it did, as its truth says.
  [[nodiscard]] std::vector<InputBody> one_by_one(const InputBody& body) const {
    std::vector<InputBody> all;
    std::visit(
        [&](auto each) {
          if constexpr (requires { each.whole_array; }) {
            const std::vector<JobId> jobs = elements(each.job, each.whole_array);
            each.whole_array = false;
            for (const JobId job : jobs) {
              if (std::holds_alternative<CancelJob>(body) && truths_.ran(job)) continue;
              each.job = job;
              all.emplace_back(each);
            }
          } else {
            all.emplace_back(each);
          }
        },
        body);
    return all;
  }

  const ReplayHistory& history_;
  Truths& truths_;
  bool with_policies_;
  std::size_t next_ = 0;
  std::vector<JobId> submitted_;  ///< by request
  std::map<JobId, JobId> here_;
  std::map<JobId, std::uint32_t> arrays_;  ///< of history, by their first job: how many
  std::set<JobId> awaited_;                ///< others were submitted to come after these
};

double hours_of(AcceleratorTime time) {
  return static_cast<double>(time.count()) / 1000 / kNsPerHour;
}
double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

void add_waits(ReplayFigures& figures, const WaitNotes& notes, Instant end) {
  const WaitFigures waits = notes.figures(end);
  figures.jobs_started = notes.started().size();
  figures.jobs_finished = notes.finished();
  figures.wait_mean_s = waits.mean_s;
  figures.wait_p90_s = waits.p90_s;
}

ReplayFigures figures_of_reality(const ReplayHistory& history) {
  ReplayFigures figures;
  add_waits(figures, *history.waits, history.to);
  const auto before =
      ledger_totals(history.begin, std::max(history.from, history.begin.ledger.at()));
  auto spent = ledger_totals(history.end, std::max(history.to, history.end.ledger.at()));
  for (std::size_t i = 0; i < kLedgerCategories; ++i) spent.values[i] -= before.values[i];
  const double all = hours_of(spent.sum());
  for (std::size_t i = 0; i < kLedgerCategories; ++i) {
    const double share = hours_of(spent.values[i]);
    figures.ledger.push_back(
        {std::string(name_of(static_cast<LedgerCategory>(i))), share, percent(share, all)});
  }
  const double productive = hours_of(spent[LedgerCategory::kProductive]);
  const double given = productive + hours_of(spent[LedgerCategory::kStarting]) +
                       hours_of(spent[LedgerCategory::kCheckpointing]) +
                       hours_of(spent[LedgerCategory::kLostWork]);
  figures.utilisation_percent = percent(given, all);
  figures.goodput_percent = percent(productive, given);
  figures.lost_accelerator_hours = history.real_lost_hours;
  return figures;
}

/// The machines as they were: run times were measured there, and so was how long a start takes.
Physics as_it_was(Duration launch) {
  Physics physics;
  physics.launch = launch;
  physics.start_up = Duration();
  physics.topology_milli.fill(1000);
  return physics;
}

Result<ReplayFigures> run(const ReplayHistory& history, Truths& truths, const Policy* policy) {
  AskedAgain inputs(history, truths, policy == nullptr);
  NoJobs nothing;
  ListedFaults faults(history.faults);
  SimulationOptions options;
  options.from = history.begin;
  options.physics = as_it_was(history.launch);
  options.length = history.to - history.from;
  options.inputs = &inputs;
  options.truth_of = [&](const State& at, JobId job) { return truths.of(job, spec_of(at, job)); };
  if (policy != nullptr) options.first_inputs = {SetPolicy{*policy, "replay"}};
  WaitNotes notes = *history.waits_at_begin;
  notes.catch_up(history.begin);
  Simulation simulation(options, nothing, &faults);
  simulation.watch([&](Instant now, const std::vector<Event>& events) {
    for (const Event& event : events) {
      inputs.note(event);
      notes.take(now, event.body);
    }
    return true;
  });
  if (const auto done = simulation.run(); !done) return done.error();
  const RunReport report = simulation.report();
  ReplayFigures figures;
  add_waits(figures, notes, history.to);
  figures.ledger = report.ledger;
  figures.utilisation_percent = report.utilisation_percent;
  figures.goodput_percent = report.reliability.goodput_percent;
  for (const CauseFigures& cause : report.reliability.ends)
    figures.lost_accelerator_hours += cause.lost_hours;
  figures.energy_mwh = report.energy_mwh;
  figures.cost_usd = report.cost_usd;
  return figures;
}

}  // namespace

Result<ReplayReport> replay(Journal& journal, const ReplayOptions& options,
                            const std::function<void(const std::string&)>& progress) {
  const auto tell = [&](const std::string& doing) {
    if (progress) progress(doing);
  };
  if (options.from && options.to && *options.from >= *options.to) {
    return Error{ErrorCode::kInvalid, "Expected an end after the beginning."};
  }
  tell("reading the journal");
  auto history = read_history(journal, options.from, options.to);
  if (!history) return history.error();
  if (auto usable = after_inputs(history->begin, {SetPolicy{options.policy, "replay"}}); !usable)
    return usable.error();
  Truths truths(*history, options.seed);
  ReplayReport report;
  report.from = history->from;
  report.to = history->to;
  report.policy_then = history->begin.policy.name;
  report.policy_other = options.policy.name;
  report.inputs = history->inputs.size();
  report.notes = history->notes;
  report.real = figures_of_reality(*history);
  tell("running it under " + report.policy_then);
  auto then = run(*history, truths, nullptr);
  if (!then) return then.error();
  report.then = std::move(*then);
  tell("running it under " + report.policy_other);
  auto other = run(*history, truths, &options.policy);
  if (!other) return other.error();
  report.other = std::move(*other);
  report.run_times_drawn = truths.drawn();
  return report;
}

}  // namespace mw
