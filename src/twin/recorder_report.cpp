// From what was counted to the figures that people read.
#include <algorithm>
#include <cmath>
#include <utility>

#include "core/topology.h"
#include "twin/recorder.h"

namespace mw {
namespace {

constexpr double kNsPerHour = 3.6e12;
constexpr double kNsPerDay = 8.64e13;

double hours_of(AcceleratorTime time) {
  return static_cast<double>(time.count()) / 1000 / kNsPerHour;
}
double megawatt_hours(Int128 milliwatt_ns) {
  return static_cast<double>(milliwatt_ns) / 1e9 / kNsPerHour;
}
double percent(double part, double whole) { return whole > 0 ? 100 * part / whole : 0; }

/// The value below which the share `at` of the sorted values lies: the nearest rank.
double quantile(const std::vector<float>& sorted, double at) {
  const auto last = static_cast<double>(sorted.size() - 1);
  return sorted[static_cast<std::size_t>(std::lround(at * last))];
}

Distribution distribution(const std::string& name, std::vector<float> values) {
  Distribution result{name, values.size(), 0, {}};
  if (values.empty()) return result;
  std::sort(values.begin(), values.end());
  for (const float value : values) result.mean += value;
  result.mean /= static_cast<double>(values.size());
  for (const double at : kQuantiles) result.quantiles.push_back(quantile(values, at));
  return result;
}

/// Accelerators that attempts had.
AcceleratorTime given(const ByCategory<AcceleratorTime>& totals) {
  return totals[LedgerCategory::kProductive] + totals[LedgerCategory::kStarting] +
         totals[LedgerCategory::kCheckpointing] + totals[LedgerCategory::kLostWork];
}

}  // namespace

RunReport Recorder::report(const State& state, World& world, Instant end) const {
  RunReport report;
  report.jobs = jobs_;
  report.jobs.running = static_cast<std::uint64_t>(running_);
  report.jobs.waiting = static_cast<std::uint64_t>(waiting_);
  report.setup.nodes = state.nodes.size();
  report.setup.sites = state.topology->sites().size();
  report.setup.accelerators =
      static_cast<std::uint64_t>(state.ledger.capacity() / kWholeAccelerator);
  report.setup.days = static_cast<double>((end - begin_).count()) / kNsPerDay;

  const ByCategory<AcceleratorTime> totals = spent(state, end);
  const double all = hours_of(totals.sum());
  for (std::size_t i = 0; i < kLedgerCategories; ++i) {
    const double share = hours_of(totals.values[i]);
    report.ledger.push_back(
        {std::string(name_of(static_cast<LedgerCategory>(i))), share, percent(share, all)});
  }
  report.utilisation_percent = percent(hours_of(given(totals)), all);
  add_distributions(report);
  add_sites(report, state, world, end);
  add_tenants(report, state, end);
  add_reliability(report, state, end);
  if (past_) add_goodput(report, state, end);
  add_series(report);
  return report;
}

ByCategory<AcceleratorTime> Recorder::spent(const State& state, Instant end) const {
  ByCategory<AcceleratorTime> totals = ledger_totals(state, std::max(end, state.ledger.at()));
  for (std::size_t i = 0; i < kLedgerCategories; ++i) totals.values[i] -= ledger_begin_.values[i];
  return totals;
}

void Recorder::add_distributions(RunReport& report) const {
  for (const SizeClass& each : classes_) {
    if (each.waits.empty() && each.most != classes_.front().most) continue;
    report.waits.push_back(distribution(each.name, each.waits));
    report.slowdowns.push_back(distribution(each.name, each.slowdowns));
    report.turnarounds.push_back(distribution(each.name, each.turnarounds));
  }
}

void Recorder::add_sites(RunReport& report, const State& state, World& world, Instant end) const {
  const Topology& topology = *state.topology;
  std::vector<std::uint64_t> accelerators(topology.sites().size(), 0);
  for (const Node& node : state.nodes) {
    accelerators[topology.site_of(node.id).value()] += topology.shape(node.id).accelerators;
  }
  for (std::size_t i = 0; i < topology.sites().size(); ++i) {
    const SiteId id(static_cast<std::uint32_t>(i));
    const SiteMeter& meter = world.meter(id, end);
    const PowerVertex& root = topology.power(topology.site(id).power);
    SiteFigures site;
    site.name = topology.site(id).name;
    site.accelerators = accelerators[i];
    const bool limited = root.limits.power.count() > 0 || root.limits.cooling.count() > 0;
    if (limited) site.limit_mw = static_cast<double>(root.limit.count()) / 1e9;
    site.peak_mw = static_cast<double>(meter.peak.count()) / 1e9;
    double pue = 1;
    if (state.fleet.declared && i < state.fleet.declared->sites.size()) {
      const SiteSpec& spec = state.fleet.declared->sites[i];
      pue = static_cast<double>(spec.pue) / 1000;
      site.cost_usd = static_cast<double>(spec.price) / 1e6;   // a kWh
      site.carbon_t = static_cast<double>(spec.carbon) / 1e6;  // of a kWh
    }
    site.energy_mwh = megawatt_hours(meter.energy) * pue;
    site.cost_usd *= site.energy_mwh * 1000;
    site.carbon_t *= site.energy_mwh * 1000;
    if (i < site_power_.size()) site.power_mw = site_power_[i];
    report.energy_mwh += site.energy_mwh;
    report.cost_usd += site.cost_usd;
    report.carbon_t += site.carbon_t;
    report.sites.push_back(std::move(site));
  }
}

void Recorder::add_tenants(RunReport& report, const State& state, Instant end) const {
  for (const auto& [name, notes] : tenants_) {
    const JobUsage usage = usage_of_tenant(state, name, std::max(end, state.now));
    const Distribution waits = distribution(name, notes.waits);
    TenantFigures tenant;
    tenant.name = name;
    tenant.jobs = notes.jobs;
    tenant.productive_hours = hours_of(usage.productive);
    tenant.lost_hours = hours_of(usage.lost_work);
    tenant.wait_mean_s = waits.mean;
    tenant.wait_p90_s = waits.count == 0 ? 0 : waits.quantiles[7];
    tenant.energy_mwh = megawatt_hours(notes.energy);
    tenant.cost_usd = notes.cost_usd;
    tenant.carbon_t = notes.carbon_t;
    report.tenants.push_back(std::move(tenant));
  }
  std::stable_sort(report.tenants.begin(), report.tenants.end(),
                   [](const TenantFigures& a, const TenantFigures& b) {
                     return a.productive_hours > b.productive_hours;
                   });
}

void Recorder::add_reliability(RunReport& report, const State& state, Instant end) const {
  const ByCategory<AcceleratorTime> totals = spent(state, end);
  const double productive = hours_of(totals[LedgerCategory::kProductive]);
  report.reliability.goodput_percent = percent(productive, hours_of(given(totals)));
  report.reliability.ettr_percent =
      percent(productive, hours_of(given(totals)) + hours_of(waited_again_));
  for (const auto& [cause, figures] : ends_) {
    report.reliability.ends.push_back(
        {std::string(name_of(cause)), figures.first, hours_of(figures.second)});
  }
}

namespace {

constexpr std::size_t kWorst = 10;

/// Those of the totals that lost the most, as long as they lost anything.
void add_losses(RunReport& report, const char* what,
                std::vector<std::pair<std::string, GoodputTotals>> all) {
  std::erase_if(all, [](const auto& each) { return each.second.lost_work.count() == 0; });
  std::stable_sort(all.begin(), all.end(), [](const auto& a, const auto& b) {
    return a.second.lost_work > b.second.lost_work;
  });
  if (all.size() > kWorst) all.resize(kWorst);
  for (const auto& [name, totals] : all) {
    report.losses.push_back({what, name, hours_of(totals.lost_work),
                             percent(hours_of(totals.productive), hours_of(totals.given())),
                             totals.interruptions, totals.failures});
  }
}

/// 0 where it never happened.
double a_time(NodeTime time, std::uint64_t count, double ns) {
  return count == 0 ? 0 : static_cast<double>(time.count()) / ns / static_cast<double>(count);
}

}  // namespace

/// Racks, nodes and jobs with the most work that had to be done again.
void Recorder::add_worst(RunReport& report, const State& state,
                         const std::vector<GoodputTotals>& nodes, Instant end) const {
  const Topology& topology = *state.topology;
  std::map<std::string, GoodputTotals> racks;
  std::vector<std::pair<std::string, GoodputTotals>> named;
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    if (const auto rack = power_above(topology, NodeId(i), PowerLevel::kRack)) {
      racks[topology.power(*rack).name] += nodes[i];
    }
    if (nodes[i].lost_work.count() > 0) named.emplace_back(topology.name(NodeId(i)), nodes[i]);
  }
  add_losses(report, "rack", {racks.begin(), racks.end()});
  add_losses(report, "node", std::move(named));
  std::vector<std::pair<std::string, GoodputTotals>> jobs;
  for (auto& [id, job] : past_->goodput.newest_jobs(end, past_->goodput.jobs())) {
    if (job.totals.lost_work.count() == 0) continue;
    jobs.emplace_back(std::to_string(id.value()) + " " + job.name, std::move(job.totals));
  }
  add_losses(report, "job", std::move(jobs));
}

void Recorder::add_goodput(RunReport& report, const State& state, Instant end) const {
  const Goodput& goodput = past_->goodput;
  const Topology& topology = *state.topology;
  std::map<std::string, GoodputTotals> sites;
  const auto nodes = goodput.by_node(end);
  for (std::uint32_t i = 0; i < nodes.size(); ++i) {
    sites[topology.site(topology.site_of(NodeId(i))).name] += nodes[i];
  }
  for (SiteFigures& site : report.sites) {
    const GoodputTotals& totals = sites[site.name];
    site.goodput_percent = percent(hours_of(totals.productive), hours_of(totals.given()));
    site.lost_hours = hours_of(totals.lost_work);
    site.node_failures = totals.failures;
    site.mttf_node_days = a_time(totals.in_service, totals.failures, kNsPerDay);
    site.mttr_node_hours = a_time(totals.broken, totals.failures, kNsPerHour);
  }
  auto tenants = goodput.by_tenant(end);
  for (TenantFigures& tenant : report.tenants) {
    const GoodputTotals& totals = tenants[tenant.name];
    const double productive = hours_of(totals.productive);
    tenant.goodput_percent = percent(productive, hours_of(totals.given()));
    tenant.ettr_percent = percent(productive, hours_of(totals.given() + totals.waiting));
    tenant.interruptions = totals.interruptions;
    tenant.mttf_hours = a_time(totals.running, totals.interruptions, kNsPerHour);
    tenant.mttr_hours = a_time(totals.repaired, totals.interruptions, kNsPerHour);
  }
  add_worst(report, state, nodes, end);
  const GoodputTotals fleet = goodput.fleet(end);
  Reliability& reliability = report.reliability;
  reliability.node_failures = fleet.failures;
  reliability.interruptions = fleet.interruptions;
  reliability.incidents = past_->incidents.count();
  reliability.mttf_node_days = a_time(fleet.in_service, fleet.failures, kNsPerDay);
  reliability.mttr_node_hours = a_time(fleet.broken, fleet.failures, kNsPerHour);
}

void Recorder::add_series(RunReport& report) const {
  report.time_h = time_h_;
  for (std::size_t i = 0; i < kLedgerCategories; ++i) {
    report.ledger_series.push_back(
        {std::string(name_of(static_cast<LedgerCategory>(i))), ledger_series_[i]});
  }
  report.queue_series = {{"jobs waiting", waiting_series_},
                         {"accelerators waited for", waited_for_series_},
                         {"jobs running", running_series_}};
  report.fragmentation = {"free accelerators on nodes in use, percent", fragmentation_};
}

}  // namespace mw
