// Watches a run and makes its report: counts events as they come, integrates what has a rate, and
// keeps one line of figures for each of a few hundred intervals. Sums are integers until the end.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "core/goodput.h"
#include "core/incidents.h"
#include "core/state.h"
#include "model/event.h"
#include "twin/run_output.h"
#include "twin/run_report.h"
#include "twin/world.h"

namespace mw {

/// Told of each job when it ends, and of the others when the run does.
using JobRowSink = std::function<void(const JobRow&)>;

class Recorder {
 public:
  /// `interval`: of the lines over time.  REQUIRES: interval > 0.
  Recorder(Instant begin, Duration interval, JobRowSink sink);
  /// What is there when the run begins.
  void begin_with(const State& state, World& world);

  /// All events from the very first on, of a run that begins with an empty fleet: with them there
  /// are goodput by site and tenant, node failures and incidents. The events of note() follow.
  void begin_history(const std::vector<Event>& events);

  /// Before a turn at `now`: closes the intervals that are over by then.
  void until(Instant now, const State& state, World& world);
  /// After it.
  void note(const std::vector<Event>& events, const State& state, const World& world);

  /// Rows of the jobs that have not ended.
  void tell_unfinished(const State& state) const;

  /// REQUIRES: until(end) was called.
  [[nodiscard]] RunReport report(const State& state, World& world, Instant end) const;

 private:
  struct SizeClass {
    std::string name;
    std::int64_t most;  ///< accelerators; the last: no bound
    std::vector<float> waits;
    std::vector<float> slowdowns;
    std::vector<float> turnarounds;
  };
  struct TenantNotes {
    std::uint64_t jobs = 0;
    Int128 energy = 0;  ///< milliwatts x nanoseconds, of accelerators at work
    double cost_usd = 0;
    double carbon_t = 0;
    std::vector<float> waits;
  };
  struct JobNotes {
    Instant submitted = Instant::never();
    Instant started = Instant::never();
    Instant since;  ///< of its present attempt, or since when it waits to start again
    Duration run;   ///< of its attempts that have ended
    Watts draw;     ///< of its present attempt
    SiteId site = kNoId<SiteId>;
    std::uint32_t nodes = 0;        ///< of its last attempt
    AcceleratorShare accelerators;  ///< asked for
    bool waits = true;
  };

  void there_already(const Job& job, const State& state, const World& world);
  void submitted(const JobSubmitted& event, Instant at);
  void placed(const AttemptPlaced& event, const State& state, const World& world);
  void ended(const AttemptEnded& event, const State& state);
  void finished(const JobFinished& event, const State& state);
  void waits_again(JobId job);
  /// The ledger over the run.
  [[nodiscard]] ByCategory<AcceleratorTime> spent(const State& state, Instant end) const;
  void add_distributions(RunReport& report) const;
  void add_sites(RunReport& report, const State& state, World& world, Instant end) const;
  void add_tenants(RunReport& report, const State& state, Instant end) const;
  void add_reliability(RunReport& report, const State& state, Instant end) const;
  void add_series(RunReport& report) const;
  void add_goodput(RunReport& report, const State& state, Instant end) const;
  void add_worst(RunReport& report, const State& state, const std::vector<GoodputTotals>& nodes,
                 Instant end) const;
  void note_history(const Event& event);
  void close(const State& state, World& world);
  SizeClass& class_of(AcceleratorShare accelerators);
  JobNotes& notes(JobId job);
  void tell_row(const Job& job, const JobNotes& notes, const State& state) const;

  Instant begin_;
  Duration interval_;
  JobRowSink sink_;
  Instant at_;      ///< integrated up to here
  Instant closes_;  ///< the present interval
  JobTotals jobs_;
  std::vector<SizeClass> classes_;
  std::map<std::string, TenantNotes> tenants_;
  std::map<EndCause, std::pair<std::uint64_t, AcceleratorTime>> ends_;
  struct Past {
    Goodput goodput;
    Incidents incidents;
    EventSeq seq;
  };
  std::optional<Past> past_;     ///< none: the run began in the midst of something
  std::vector<JobNotes> notes_;  ///< by id, from first_job_ on
  std::uint64_t first_job_ = 0;

  // Rates, and their integrals over the present interval.
  std::int64_t waiting_ = 0;
  AcceleratorShare waited_for_;
  std::int64_t running_ = 0;
  Int128 waiting_time_ = 0;
  Int128 waited_for_time_ = 0;
  Int128 running_time_ = 0;
  AcceleratorTime waited_again_;  ///< of accelerators that jobs waited for to start again
  ByCategory<AcceleratorTime> ledger_begin_;
  ByCategory<AcceleratorTime> ledger_closed_;
  std::vector<Int128> energy_closed_;
  Instant closed_at_;

  std::vector<double> time_h_;
  std::vector<std::vector<double>> ledger_series_;
  std::vector<double> waiting_series_;
  std::vector<double> waited_for_series_;
  std::vector<double> running_series_;
  std::vector<double> fragmentation_;
  std::vector<std::vector<double>> site_power_;
};

}  // namespace mw
