// A report that looks like one of a real month, made from a seed: for tests of what shows reports,
// which should not have to wait for a simulation. Daily and weekly waves, a full fleet, failures.
#pragma once

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "base/random.h"
#include "twin/run_report.h"

namespace mw {

struct SampleSize {
  std::size_t sites = 32;
  std::size_t tenants = 12;
  std::size_t intervals = 400;
  std::string policy = "fair";
  double load = 1;     ///< how full the fleet is
  double days_of = 1;  ///< the part that was simulated
};

class SampleReport {
 public:
  SampleReport(std::uint64_t seed, SampleSize size) : random_(seed), size_(std::move(size)) {
    report_.setup = {.fleet = "ai-cloud-2025",
                     .workload = "generate:training",
                     .policy = size_.policy,
                     .faults = "published",
                     .seed = seed,
                     .days = 30 * size_.days_of,
                     .days_wanted = 30,
                     .nodes = 31'250,
                     .accelerators = 250'000,
                     .sites = size_.sites,
                     .version = "0.1.0"};
  }

  RunReport make() {
    series();
    sites();
    tenants();
    jobs();
    distributions();
    return std::move(report_);
  }

 private:
  /// In [0, 1).
  double unit() { return static_cast<double>(random_.below(1U << 30U)) / (1U << 30U); }
  double noise(double size) { return size * (unit() + unit() + unit() - 1.5); }
  /// Of day and week, around 0.
  static double wave(double hour) {
    return std::sin(hour / 24 * 6.2832) + 0.7 * std::sin(hour / 168 * 6.2832);
  }

  void series() {
    const double capacity = static_cast<double>(report_.setup.accelerators);
    const double step = 24 * report_.setup.days / static_cast<double>(size_.intervals);
    const char* names[] = {"productive",     "starting",   "checkpointing", "lost_work",   "held",
                           "idle_no_demand", "idle_shape", "draining",      "lost_contact"};
    std::vector<double> totals(std::size(names), 0);
    for (const char* name : names) report_.ledger_series.push_back({.name = name, .values = {}});
    for (const char* name : {"jobs waiting", "accelerators waited for", "jobs running"})
      report_.queue_series.push_back({.name = name, .values = {}});
    report_.fragmentation.name = "fragmentation";
    double lost = 0.01;
    for (std::size_t i = 0; i < size_.intervals; ++i) {
      const double hour = step * static_cast<double>(i + 1);
      report_.time_h.push_back(hour);
      lost = std::max(0.002, 0.85 * lost + 0.15 * 0.012 + (random_.chance(1, 40) ? 0.04 : 0));
      const double busy =
          std::clamp(0.86 * size_.load + 0.06 * wave(hour) + noise(0.015), 0.1, 0.985);
      const double free = 1 - busy;
      const double shape = free * std::clamp(0.3 + 0.2 * wave(hour) + noise(0.1), 0.02, 0.9);
      double parts[] = {0,     0.012 + noise(0.002), 0.02 + noise(0.003),
                        lost,  0.004 + noise(0.001), 0,
                        shape, 0.006 + noise(0.002), 0.002 + (random_.chance(1, 60) ? 0.01 : 0)};
      parts[0] = busy - parts[1] - parts[2] - parts[3];
      parts[5] = std::max(0.0, free - shape - parts[4] - parts[7] - parts[8]);
      double sum = 0;
      for (double& part : parts) sum += part = std::max(0.0, part);
      for (std::size_t k = 0; k < std::size(names); ++k) {
        report_.ledger_series[k].values.push_back(capacity * parts[k] / sum);
        totals[k] += parts[k] / sum;
      }
      const double pressure = std::exp(1.6 * wave(hour) + noise(0.5)) * size_.load;
      report_.queue_series[0].values.push_back(90 * pressure);
      report_.queue_series[1].values.push_back(3'100 * pressure);
      report_.queue_series[2].values.push_back(3'800 * busy + noise(90));
      report_.fragmentation.values.push_back(
          std::clamp(22 + 9 * wave(hour) + noise(3), 0.0, 100.0));
    }
    for (std::size_t k = 0; k < std::size(names); ++k) {
      const double share = totals[k] / static_cast<double>(size_.intervals);
      report_.ledger.push_back({.category = names[k],
                                .accelerator_hours = share * capacity * 24 * report_.setup.days,
                                .percent = 100 * share});
      if (k < 4) report_.utilisation_percent += 100 * share;
    }
  }

  void sites() {
    double weight_sum = 0;
    std::vector<double> weights;
    for (std::size_t i = 0; i < size_.sites; ++i) {
      weights.push_back(0.3 + unit() * unit() * 4);
      weight_sum += weights.back();
    }
    for (std::size_t i = 0; i < size_.sites; ++i) {
      const double share = weights[i] / weight_sum;
      SiteFigures site{.name = fmt::format("{}-{:02}",
                                           i % 3 == 0   ? "us-texas"
                                           : i % 3 == 1 ? "eu-nord"
                                                        : "ap-south",
                                           i + 1),
                       .accelerators = static_cast<std::uint64_t>(250'000 * share)};
      const double full = 250'000 * share * 0.0014;  // MW
      site.limit_mw = i % 9 == 8 ? 0 : full * (0.94 + 0.3 * unit());
      double sum = 0;
      const double shift = unit() * 24;
      for (std::size_t k = 0; k < size_.intervals; ++k) {
        const double mw =
            full *
            std::clamp(0.83 * size_.load + 0.06 * wave(report_.time_h[k] + shift) + noise(0.04),
                       0.3, 1.0);
        site.power_mw.push_back(site.limit_mw > 0 ? std::min(mw, site.limit_mw) : mw);
        sum += site.power_mw.back();
        site.peak_mw = std::max(site.peak_mw, site.power_mw.back());
      }
      site.energy_mwh = sum / static_cast<double>(size_.intervals) * 24 * report_.setup.days *
                        (1.1 + 0.2 * unit());
      site.cost_usd = site.energy_mwh * (28 + 60 * unit());
      site.carbon_t = site.energy_mwh * (0.03 + 0.5 * unit());
      report_.energy_mwh += site.energy_mwh;
      report_.cost_usd += site.cost_usd;
      report_.carbon_t += site.carbon_t;
      report_.sites.push_back(std::move(site));
    }
  }

  void tenants() {
    double hours = 0.3 * report_.ledger[0].accelerator_hours;
    for (std::size_t i = 0; i < size_.tenants; ++i) {
      const double part = hours * (0.8 + 0.4 * unit());
      hours *= 0.72;
      const double wait = 60 + 5'000 * unit() * unit();
      report_.tenants.push_back({.name = fmt::format("team-{}", i + 1),
                                 .jobs = 400 + random_.below(30'000),
                                 .productive_hours = part,
                                 .lost_hours = part * 0.03 * unit(),
                                 .wait_mean_s = wait,
                                 .wait_p90_s = wait * 4.2,
                                 .energy_mwh = part * 0.0013,
                                 .cost_usd = part * 0.0013 * 52,
                                 .carbon_t = part * 0.0013 * 0.31});
    }
  }

  void jobs() {
    JobTotals& jobs = report_.jobs;
    jobs = {.submitted = 180'000 + random_.below(20'000), .refused = 37};
    jobs.running = 3'700;
    jobs.waiting = random_.below(300);
    jobs.failed = 4'100 + random_.below(300);
    jobs.cancelled = 9'000 + random_.below(300);
    jobs.timed_out = 611;
    jobs.succeeded = jobs.submitted - jobs.refused - jobs.running - jobs.waiting - jobs.failed -
                     jobs.cancelled - jobs.timed_out;
    jobs.started = jobs.submitted - jobs.refused - jobs.waiting;
    jobs.preempted = 2'200 + random_.below(200);
    jobs.attempts = jobs.started + jobs.preempted + 6'500;
    const double lost = report_.ledger[3].accelerator_hours;
    report_.reliability = {
        .faults = 7'300 + random_.below(100),
        .ends = {{"succeeded", jobs.succeeded, 0},
                 {"node_failure", 4'900, 0.7 * lost},
                 {"preempted", jobs.preempted, 0.2 * lost},
                 {"failed", jobs.failed, 0.1 * lost},
                 {"timed_out", jobs.timed_out, 0},
                 {"cancelled", jobs.cancelled, 0}},
        .goodput_percent = 100 * report_.ledger[0].percent / report_.utilisation_percent,
        .ettr_percent = 93 + noise(0.8),
        .mttf_node_days = 128,
        .mttr_node_hours = 30};
    report_.speed = {.world_events = 6'100'000,
                     .core_events = 2'400'000,
                     .wall_s = 17.4,
                     .events_per_s = 488'505,
                     .realtime_factor = 148'965};
  }

  void distributions() {
    const std::pair<const char*, double> classes[] = {{"all", 0.5},
                                                      {"1 accelerator", 0},
                                                      {"2-8 accelerators", 0.4},
                                                      {"9-64 accelerators", 1},
                                                      {"65-512 accelerators", 1.9},
                                                      {"513 or more accelerators", 2.8}};
    for (const auto& [name, size] : classes) {
      const double more = size * size_.load + noise(0.15);
      const auto of = [&](double middle, double width, double least) {
        Distribution one{.name = name,
                         .count = name == std::string("all") ? report_.jobs.started
                                                             : 1'000 + random_.below(60'000),
                         .quantiles = {}};
        const double z[] = {-4,   -2.33, -1.64, -1.28, -0.67, 0,  0.67,
                            1.28, 1.64,  2.33,  3.09,  3.72,  4.2};
        for (const double at : z)
          one.quantiles.push_back(
              std::max(least, std::exp(middle + more + width * at) + (least - 1)));
        one.mean = std::exp(middle + more + width * width / 2);
        return one;
      };
      report_.waits.push_back(of(3.6, 1.9, 0));
      report_.slowdowns.push_back(of(-1.2, 1.2, 2));
      for (double& value : report_.slowdowns.back().quantiles) value = std::max(1.0, value - 1);
      report_.turnarounds.push_back(of(7.6, 1.7, 12));
    }
  }

  Random random_;
  SampleSize size_;
  RunReport report_;
};

inline RunReport sample_report(std::uint64_t seed, SampleSize size = {}) {
  return SampleReport(seed, std::move(size)).make();
}

}  // namespace mw
