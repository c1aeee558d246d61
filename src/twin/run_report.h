// What one simulated run came to: everything that report.html, summary.json and the tables show.
// Plain figures for people; what the brain decided by are integers, and the sums over the ledger
// were made exactly before they became these. A run that was stopped half-way has a report, too.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/fields.h"

namespace mw {

/// A line over time: the mean of its quantity over each interval that ends at RunReport::time_h.
struct Series {
  std::string name;
  std::vector<double> values;
  MW_FIELDS(name, values)
};

/// How a quantity is spread over jobs: its value at each of kQuantiles, in its own unit.
inline constexpr std::array<double, 13> kQuantiles = {0,   0.01, 0.05, 0.1,   0.25,   0.5, 0.75,
                                                      0.9, 0.95, 0.99, 0.999, 0.9999, 1};
struct Distribution {
  std::string name;  ///< which jobs: "all", or a size class such as "9-64 accelerators"
  std::uint64_t count = 0;
  double mean = 0;
  std::vector<double> quantiles;  ///< one for each of kQuantiles; none when count is 0
  MW_FIELDS(name, count, mean, quantiles)
};

struct RunSetup {
  std::string fleet;     ///< its name
  std::string workload;  ///< as it was given
  std::string policy;
  std::string faults;  ///< as given; empty: none
  std::uint64_t seed = 0;
  double days = 0;         ///< that were simulated
  double days_wanted = 0;  ///< more than `days` when the run was stopped
  std::uint64_t nodes = 0;
  std::uint64_t accelerators = 0;
  std::uint64_t sites = 0;
  std::string version;  ///< of Millwright
  MW_FIELDS(fleet, workload, policy, faults, seed, days, days_wanted, nodes, accelerators, sites,
            version)
};

struct JobTotals {
  std::uint64_t submitted = 0;
  std::uint64_t refused = 0;
  std::uint64_t started = 0;
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  std::uint64_t cancelled = 0;
  std::uint64_t timed_out = 0;
  std::uint64_t running = 0;  ///< when the run ended; they are in no distribution of ends
  std::uint64_t waiting = 0;
  std::uint64_t attempts = 0;
  std::uint64_t preempted = 0;  ///< attempts stopped for others, by cause below
  MW_FIELDS(submitted, refused, started, succeeded, failed, cancelled, timed_out, running, waiting,
            attempts, preempted)
};

/// A category of the ledger over the whole run.
struct LedgerLine {
  std::string category;
  double accelerator_hours = 0;
  double percent = 0;  ///< of capacity x time
  MW_FIELDS(category, accelerator_hours, percent)
};

struct SiteFigures {
  std::string name;
  std::uint64_t accelerators = 0;
  double limit_mw = 0;  ///< of the IT load; 0: none is stated
  double peak_mw = 0;
  double energy_mwh = 0;  ///< at the meter, PUE included
  double cost_usd = 0;
  double carbon_t = 0;             ///< of CO2
  std::vector<double> power_mw{};  ///< of the IT load, over time
  double goodput_percent = 0;      ///< productive, of what attempts had there
  double lost_hours = 0;           ///< of accelerators
  std::uint64_t node_failures = 0;
  double mttf_node_days = 0;   ///< node-days in service a failure; 0: there was none
  double mttr_node_hours = 0;  ///< out of service by one, in the mean
  MW_FIELDS(name, accelerators, limit_mw, peak_mw, energy_mwh, cost_usd, carbon_t, power_mw,
            goodput_percent, lost_hours, node_failures, mttf_node_days, mttr_node_hours)
};

struct TenantFigures {
  std::string name;
  std::uint64_t jobs = 0;
  double productive_hours = 0;  ///< of accelerators
  double lost_hours = 0;
  double wait_mean_s = 0;
  double wait_p90_s = 0;
  double energy_mwh = 0;
  double cost_usd = 0;
  double carbon_t = 0;
  double goodput_percent = 0;
  double ettr_percent = 0;
  std::uint64_t interruptions = 0;  ///< attempts that ended before they were to
  double mttf_hours = 0;            ///< running time an interruption; 0: there was none
  double mttr_hours = 0;            ///< from one until the job ran again, in the mean
  MW_FIELDS(name, jobs, productive_hours, lost_hours, wait_mean_s, wait_p90_s, energy_mwh, cost_usd,
            carbon_t, goodput_percent, ettr_percent, interruptions, mttf_hours, mttr_hours)
};

/// A rack, a node or a job, of those that lost the most work.
struct LossFigures {
  std::string what;  ///< "rack", "node" or "job"
  std::string name;
  double lost_hours = 0;  ///< of accelerators
  double goodput_percent = 0;
  std::uint64_t interruptions = 0;  ///< of attempts there
  std::uint64_t node_failures = 0;
  MW_FIELDS(what, name, lost_hours, goodput_percent, interruptions, node_failures)
};

/// Attempts that ended for one cause, and what they lost.
struct CauseFigures {
  std::string cause;
  std::uint64_t attempts = 0;
  double lost_hours = 0;
  MW_FIELDS(cause, attempts, lost_hours)
};

struct Reliability {
  std::uint64_t faults = 0;  ///< that the world produced
  std::vector<CauseFigures> ends{};
  double goodput_percent = 0;       ///< productive / all that was given to jobs
  double ettr_percent = 0;          ///< productive / (given to jobs + waiting to start again)
  double mttf_node_days = 0;        ///< node-days in service a failure; 0: there was none
  double mttr_node_hours = 0;       ///< out of service by one, in the mean
  std::uint64_t node_failures = 0;  ///< nodes that were lost, or taken out by the fault policy
  std::uint64_t interruptions = 0;  ///< attempts that ended before they were to
  std::uint64_t incidents = 0;
  std::uint64_t breakers_reset = 0;  ///< by people, who were called for that
  std::uint64_t nodes_put_back = 0;  ///< by people, after a repair
  MW_FIELDS(faults, ends, goodput_percent, ettr_percent, mttf_node_days, mttr_node_hours,
            node_failures, interruptions, incidents, breakers_reset, nodes_put_back)
};

struct RunSpeed {
  std::uint64_t world_events = 0;  ///< things that happened in the world
  std::uint64_t core_events = 0;   ///< that the brain decided or noted
  double wall_s = 0;
  double events_per_s = 0;
  double realtime_factor = 0;
  MW_FIELDS(world_events, core_events, wall_s, events_per_s, realtime_factor)
};

struct RunReport {
  RunSetup setup;
  JobTotals jobs;
  std::vector<LedgerLine> ledger;
  double utilisation_percent = 0;  ///< given to jobs / capacity
  double energy_mwh = 0;
  double cost_usd = 0;
  double carbon_t = 0;
  std::vector<Distribution> waits;        ///< seconds from submission to the first start
  std::vector<Distribution> slowdowns;    ///< (wait + run) / run, run at least 10 s
  std::vector<Distribution> turnarounds;  ///< seconds from submission to the end
  std::vector<SiteFigures> sites;
  std::vector<TenantFigures> tenants;  ///< the largest first
  std::vector<LossFigures> losses;     ///< racks, nodes and jobs, the worst ten of each first
  Reliability reliability;
  std::vector<double> time_h;         ///< ends of the intervals, in hours
  std::vector<Series> ledger_series;  ///< accelerators by category; their sum is the fleet
  std::vector<Series> queue_series;   ///< "jobs waiting", "accelerators waited for", "jobs running"
  /// Of the free accelerators, percent on nodes that are not entirely free.
  Series fragmentation;
  RunSpeed speed;
  MW_FIELDS(setup, jobs, ledger, utilisation_percent, energy_mwh, cost_usd, carbon_t, waits,
            slowdowns, turnarounds, sites, tenants, losses, reliability, time_h, ledger_series,
            queue_series, fragmentation, speed)
};

}  // namespace mw
