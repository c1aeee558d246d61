#include "twin/recorder.h"

#include <algorithm>
#include <limits>

#include "base/check.h"
#include "model/gang.h"

namespace mw {
namespace {

constexpr double kNsPerSecond = 1e9;
constexpr double kNsPerHour = 3.6e12;

double to_seconds(Duration length) { return static_cast<double>(length.count()) / kNsPerSecond; }

/// Shorter runs count as this long in a slowdown, so that a job that fails at once is no disaster
/// of waiting. Source: bounded slowdown, Feitelson et al., JSSPP 1997.
constexpr Duration kRunMin = seconds(10);

}  // namespace

Recorder::Recorder(Instant begin, Duration interval, JobRowSink sink)
    : begin_(begin),
      interval_(interval),
      sink_(std::move(sink)),
      at_(begin),
      closes_(begin + interval),
      classes_{
          {"all", std::numeric_limits<std::int64_t>::max(), {}, {}, {}},
          {"1 accelerator or less", 1, {}, {}, {}},
          {"2-8 accelerators", 8, {}, {}, {}},
          {"9-64 accelerators", 64, {}, {}, {}},
          {"65-512 accelerators", 512, {}, {}, {}},
          {"513-4,096 accelerators", 4096, {}, {}, {}},
          {"more than 4,096 accelerators", std::numeric_limits<std::int64_t>::max(), {}, {}, {}}},
      closed_at_(begin),
      ledger_series_(kLedgerCategories) {}

void Recorder::begin_with(const State& state, World& world) {
  ledger_begin_ = ledger_totals(state, std::max(begin_, state.ledger.at()));
  ledger_closed_ = ledger_begin_;
  const std::size_t sites = state.topology->sites().size();
  site_power_.resize(sites);
  for (std::size_t i = 0; i < sites; ++i) {
    energy_closed_.push_back(world.meter(SiteId(static_cast<std::uint32_t>(i)), begin_).energy);
  }
  state.jobs.visit(JobId(), [&](const Job& job) {
    if (!is_final(job.state)) there_already(job, state, world);
    return true;
  });
}

void Recorder::there_already(const Job& job, const State& state, const World& world) {
  const JobSpec& spec = spec_of(state, job.id);
  JobNotes& known = notes(job.id);
  known.submitted = record_of(state, job.id).submitted_at;
  known.accelerators = world.job(job.id).accelerators;
  if (job.started_at) known.started = *job.started_at;
  known.since = begin_;
  ++tenants_[spec.tenant].jobs;
  const auto attempt = state.attempts.find(job.id);
  if (attempt == state.attempts.end()) {
    ++waiting_;
    waited_for_ += known.accelerators;
    return;
  }
  known.waits = false;
  ++running_;
  for (const NodeSlice& slice : attempt->second.placement) known.draw += world.draw_at_work(slice);
  known.site = world.topology().site_of(attempt->second.placement.front().node);
}

Recorder::JobNotes& Recorder::notes(JobId job) {
  if (notes_.empty()) first_job_ = job.value();
  MW_CHECK(job.value() >= first_job_);
  if (job.value() - first_job_ >= notes_.size()) notes_.resize(job.value() - first_job_ + 1);
  return notes_[job.value() - first_job_];
}

Recorder::SizeClass& Recorder::class_of(AcceleratorShare accelerators) {
  const std::int64_t whole = (accelerators.count() + 999) / 1000;
  for (std::size_t i = 1; i < classes_.size(); ++i) {
    if (whole <= classes_[i].most) return classes_[i];
  }
  return classes_.back();
}

void Recorder::until(Instant now, const State& state, World& world) {
  const auto integrate = [&](Instant to) {
    const Int128 length = (to - at_).count();
    waiting_time_ += waiting_ * length;
    waited_for_time_ += waited_for_.count() * length;
    running_time_ += running_ * length;
    at_ = to;
  };
  while (closes_ <= now) {
    integrate(closes_);
    close(state, world);
    closes_ = closes_ + interval_;
  }
  integrate(now);
}

void Recorder::close(const State& state, World& world) {
  const double length = static_cast<double>((at_ - closed_at_).count());
  if (length <= 0) return;
  time_h_.push_back(static_cast<double>((at_ - begin_).count()) / kNsPerHour);
  const ByCategory<AcceleratorTime> totals = ledger_totals(state, std::max(at_, state.ledger.at()));
  for (std::size_t i = 0; i < kLedgerCategories; ++i) {
    const AcceleratorTime spent = totals.values[i] - ledger_closed_.values[i];
    ledger_series_[i].push_back(static_cast<double>(spent.count()) / 1000 / length);
  }
  ledger_closed_ = totals;
  waiting_series_.push_back(static_cast<double>(waiting_time_) / length);
  waited_for_series_.push_back(static_cast<double>(waited_for_time_) / 1000 / length);
  running_series_.push_back(static_cast<double>(running_time_) / length);
  waiting_time_ = waited_for_time_ = running_time_ = 0;
  site_power_.resize(state.topology->sites().size());
  energy_closed_.resize(site_power_.size());
  for (std::size_t i = 0; i < site_power_.size(); ++i) {
    const Int128 energy = world.meter(SiteId(static_cast<std::uint32_t>(i)), at_).energy;
    site_power_[i].push_back(static_cast<double>(energy - energy_closed_[i]) / length / 1e9);
    energy_closed_[i] = energy;
  }
  std::uint64_t free = 0;
  std::uint64_t scattered = 0;
  for (const FabricCell& cell : state.free.room().cells(Topology::kRoot)) {
    const auto counts = state.free.room().counts(cell);
    for (std::uint32_t whole = 1; whole < cell.width; ++whole) {
      free += std::uint64_t{whole} * counts[whole];
      if (whole + 1 < cell.width) scattered += std::uint64_t{whole} * counts[whole];
    }
  }
  fragmentation_.push_back(
      free == 0 ? 0 : 100 * static_cast<double>(scattered) / static_cast<double>(free));
  closed_at_ = at_;
}

void Recorder::begin_history(const std::vector<Event>& events) {
  past_.emplace();
  for (const Event& event : events) note_history(event);
}

void Recorder::note_history(const Event& event) {
  past_->seq = past_->seq.next();
  past_->goodput.note(event);
  past_->incidents.note(past_->seq, event);
}

void Recorder::note(const std::vector<Event>& events, const State& state, const World& world) {
  for (const Event& event : events) {
    if (past_) note_history(event);
    if (const auto* submitted_now = std::get_if<JobSubmitted>(&event.body)) {
      submitted(*submitted_now, event.at);
    } else if (const auto* placed_now = std::get_if<AttemptPlaced>(&event.body)) {
      placed(*placed_now, state, world);
    } else if (const auto* ended_now = std::get_if<AttemptEnded>(&event.body)) {
      ended(*ended_now, state);
    } else if (const auto* finished_now = std::get_if<JobFinished>(&event.body)) {
      finished(*finished_now, state);
    } else if (const auto* again = std::get_if<RestartPlanned>(&event.body)) {
      waits_again(again->job);
    } else if (std::holds_alternative<Refused>(event.body)) {
      ++jobs_.refused;
    }
  }
}

void Recorder::submitted(const JobSubmitted& event, Instant at) {
  const AcceleratorShare asked = accelerators_of(*event.spec);
  for (std::uint32_t i = 0; i < event.spec->array; ++i) {
    JobNotes& job = notes(JobId(event.job.value() + i));
    job.submitted = at;
    job.accelerators = asked;
  }
  jobs_.submitted += event.spec->array;
  tenants_[event.spec->tenant].jobs += event.spec->array;
  waiting_ += event.spec->array;
  waited_for_ += asked * event.spec->array;
}

void Recorder::placed(const AttemptPlaced& event, const State& state, const World& world) {
  JobNotes& job = notes(event.job);
  ++jobs_.attempts;
  --waiting_;
  waited_for_ -= job.accelerators;
  ++running_;
  job.waits = false;
  if (job.started == Instant::never()) {
    job.started = at_;
    ++jobs_.started;
    const auto wait = static_cast<float>(to_seconds(at_ - job.submitted));
    classes_.front().waits.push_back(wait);
    class_of(job.accelerators).waits.push_back(wait);
    tenants_[spec_of(state, event.job).tenant].waits.push_back(wait);
  } else {
    waited_again_ += job.accelerators * (at_ - job.since);
  }
  job.since = at_;
  job.nodes = static_cast<std::uint32_t>(event.placement.size());
  job.draw = Watts();
  for (const NodeSlice& slice : event.placement) job.draw += world.draw_at_work(slice);
  job.site = world.topology().site_of(event.placement.front().node);
}

void Recorder::ended(const AttemptEnded& event, const State& state) {
  JobNotes& job = notes(event.job);
  auto& [count, lost] = ends_[event.cause];
  ++count;
  lost += event.lost_work;
  if (event.cause == EndCause::kPreempted) ++jobs_.preempted;
  --running_;
  TenantNotes& tenant = tenants_[spec_of(state, event.job).tenant];
  job.run += at_ - job.since;
  const Int128 energy = Int128{job.draw.count()} * (at_ - job.since).count();
  tenant.energy += energy;
  const auto& declared = state.fleet.declared;
  if (declared && job.site.value() < declared->sites.size()) {
    const SiteSpec& site = declared->sites[job.site.value()];
    const double kwh =
        static_cast<double>(energy) / 1e6 / kNsPerHour * (static_cast<double>(site.pue) / 1000);
    tenant.cost_usd += kwh * static_cast<double>(site.price) / 1e6;
    tenant.carbon_t += kwh * static_cast<double>(site.carbon) / 1e6;
  }
  job.since = at_;
}

void Recorder::waits_again(JobId id) {
  JobNotes& job = notes(id);
  job.waits = true;
  ++waiting_;
  waited_for_ += job.accelerators;
}

void Recorder::finished(const JobFinished& event, const State& state) {
  JobNotes& job = notes(event.job);
  if (job.waits) {
    --waiting_;
    waited_for_ -= job.accelerators;
    job.waits = false;
  }
  switch (event.state) {
    case JobState::kSucceeded:
      ++jobs_.succeeded;
      break;
    case JobState::kFailed:
      ++jobs_.failed;
      break;
    case JobState::kCancelled:
      ++jobs_.cancelled;
      break;
    default:
      ++jobs_.timed_out;
  }
  const Job* known = state.jobs.find(event.job);
  if (job.started != Instant::never()) {
    const Duration run = std::max(at_ - job.started, kRunMin);
    const auto slowdown =
        static_cast<float>(to_seconds(job.started - job.submitted + run) / to_seconds(run));
    const auto turnaround = static_cast<float>(to_seconds(at_ - job.submitted));
    for (SizeClass* each : {&classes_.front(), &class_of(job.accelerators)}) {
      each->slowdowns.push_back(slowdown);
      each->turnarounds.push_back(turnaround);
    }
  }
  if (sink_ && known != nullptr) tell_row(*known, job, state);
}

void Recorder::tell_row(const Job& job, const JobNotes& known, const State& state) const {
  const JobSpec& spec = spec_of(state, job.id);
  JobRow row;
  row.id = job.id.value();
  row.name = spec.name;
  row.tenant = spec.tenant;
  row.accelerators = static_cast<double>(known.accelerators.count()) / 1000;
  row.nodes = known.nodes;
  row.submitted = known.submitted;
  if (known.started != Instant::never()) row.started = known.started;
  if (is_final(job.state)) row.ended = at_;
  row.run = known.run;
  if (state.attempts.contains(job.id)) row.run += at_ - known.since;
  row.attempts = job.attempts;
  row.lost_accelerator_s = static_cast<double>(job.lost_work.count()) / 1000 / kNsPerSecond;
  row.state = std::string(name_of(job.state));
  if (known.site != kNoId<SiteId>) row.site = state.topology->site(known.site).name;
  sink_(row);
}

void Recorder::tell_unfinished(const State& state) const {
  if (!sink_) return;
  state.jobs.visit(JobId(first_job_), [&](const Job& job) {
    if (!is_final(job.state)) tell_row(job, notes_[job.id.value() - first_job_], state);
    return true;
  });
}

}  // namespace mw
