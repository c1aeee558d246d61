#include "cli/render_sim.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "cli/format.h"
#include "cli/table.h"

namespace mw {
namespace {

using Align = Column::Align;

/// "1,234,567".
std::string grouped(double value) {
  std::string digits = fmt::format("{:.0f}", value);
  const std::size_t first = digits.starts_with('-') ? 1 : 0;
  for (std::size_t at = digits.size(); at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

/// Three digits that count, and all of those before the point.
std::string three_digits(double value) {
  const double size = std::abs(value);
  if (size == 0) return "0";
  if (size >= 1000) return grouped(value);
  return fmt::format("{:.{}f}", value, size >= 100 ? 0 : size >= 10 ? 1 : size >= 0.1 ? 2 : 4);
}

struct Step {
  double size;
  const char* unit;
};

/// In the largest unit that `value` reaches; the steps fall.
template <std::size_t N>
std::string stepped(double value, const std::array<Step, N>& steps) {
  for (const Step& step : steps) {
    if (std::abs(value) >= step.size) return three_digits(value / step.size) + " " + step.unit;
  }
  return three_digits(value / steps.back().size) + " " + steps.back().unit;
}

std::string seconds_text(double s) {
  if (std::abs(s) >= 172'800) return three_digits(s / 86'400) + " d";
  return stepped(s, std::to_array<Step>({{3600, "h"}, {60, "min"}, {1, "s"}}));
}
std::string energy_text(double mwh) {
  return stepped(mwh, std::to_array<Step>({{1e6, "TWh"}, {1e3, "GWh"}, {1, "MWh"}, {1e-3, "kWh"}}));
}
std::string power_text(double mw) {
  return stepped(mw, std::to_array<Step>({{1e3, "GW"}, {1, "MW"}, {1e-3, "kW"}, {1e-6, "W"}}));
}
std::string carbon_text(double t) {
  return stepped(t, std::to_array<Step>({{1e6, "Mt"}, {1e3, "kt"}, {1, "t"}, {1e-3, "kg"}}));
}
std::string money_text(double usd) {
  return std::abs(usd) < 100 ? fmt::format("${:.2f}", usd) : "$" + grouped(usd);
}

/// kQuantiles of the report: the one place where the command line counts on their order.
enum class Quantile : std::size_t { kMedian = 5, kP90 = 7, kP99 = 9, kMost = 12 };

std::string quantile_text(const JsonView& distribution, Quantile which, std::string_view unit) {
  const auto& list = distribution["quantiles"].list();
  const auto index = static_cast<std::size_t>(which);
  return index < list.size() ? figure_text(JsonView(list[index]).real(), unit) : "-";
}

std::string setup_text(const JsonView& setup) {
  const double days = setup["days"].real();
  const double wanted = setup["days_wanted"].real();
  const std::string length = days + 1e-9 < wanted
                                 ? fmt::format("{:.4g} of {:.4g} days (stopped)", days, wanted)
                                 : fmt::format("{:.4g} days", days);
  const std::string faults = setup["faults"].text();
  return fmt::format("{} of {}, {}, policy {}, {}, seed {}", length, setup["fleet"].text(),
                     setup["workload"].text(), setup["policy"].text(),
                     faults.empty() ? "no faults" : "faults " + faults, setup["seed"].integer());
}

std::string headline(const JsonView& report, const TerminalTraits& traits) {
  const JsonView jobs = report["jobs"];
  const JsonView reliability = report["reliability"];
  const JsonView speed = report["speed"];
  const auto count = [&](std::string_view key) { return grouped(jobs[key].real()); };
  return render_facts(
      {{"jobs",
        {fmt::format("{} submitted: {} succeeded, {} failed, {} timed out, {} cancelled, {} "
                     "refused; {} running and {} waiting at the end",
                     count("submitted"), count("succeeded"), count("failed"), count("timed_out"),
                     count("cancelled"), count("refused"), count("running"), count("waiting"))}},
       {"attempts",
        {fmt::format("{}, of which {} were preempted", count("attempts"), count("preempted"))}},
       {"utilisation",
        {fmt::format("{:.2f} %; goodput {:.2f} %, ETTR {:.2f} %",
                     report["utilisation_percent"].real(), reliability["goodput_percent"].real(),
                     reliability["ettr_percent"].real())}},
       {"energy",
        {fmt::format("{}, {}, {} of CO2", energy_text(report["energy_mwh"].real()),
                     money_text(report["cost_usd"].real()),
                     carbon_text(report["carbon_t"].real()))}},
       {"faults", {grouped(reliability["faults"].real())}},
       {"simulated",
        {fmt::format("in {}: {} events/s, {} times as fast as real time",
                     seconds_text(speed["wall_s"].real()), grouped(speed["events_per_s"].real()),
                     grouped(speed["realtime_factor"].real()))}}},
      0, traits);
}

std::string ledger_table(const JsonView& report, const TerminalTraits& traits) {
  Table table(
      {{.title = "LEDGER", .importance = 10, .width_min = 12},
       {.title = "ACCELERATOR-HOURS", .importance = 8, .width_min = 9, .align = Align::kRight},
       {.title = "SHARE", .importance = 9, .width_min = 6, .align = Align::kRight},
       {.title = "", .importance = 1, .width_min = 12}});
  for (const auto& element : report["ledger"].list()) {
    const JsonView line(element);
    std::string name = line["category"].text();
    std::replace(name.begin(), name.end(), '_', ' ');
    const double percent = line["percent"].real();
    table.add({{name},
               {grouped(line["accelerator_hours"].real())},
               {fmt::format("{:.2f} %", percent)},
               {traits.interactive ? bar_text(percent / 100, 12, traits.unicode) : ""}});
  }
  return table.empty() ? "" : "\n" + table.render(traits);
}

std::string waits_table(const JsonView& report, const TerminalTraits& traits) {
  Table table({{.title = "WAIT OF JOBS", .importance = 10, .width_min = 12},
               {.title = "COUNT", .importance = 6, .width_min = 5, .align = Align::kRight},
               {.title = "MEAN", .importance = 7, .width_min = 5, .align = Align::kRight},
               {.title = "MEDIAN", .importance = 9, .width_min = 5, .align = Align::kRight},
               {.title = "P90", .importance = 8, .width_min = 5, .align = Align::kRight},
               {.title = "P99", .importance = 8, .width_min = 5, .align = Align::kRight},
               {.title = "MOST", .importance = 5, .width_min = 5, .align = Align::kRight}});
  for (const auto& element : report["waits"].list()) {
    const JsonView one(element);
    if (one["count"].integer() == 0) continue;
    table.add({{one["name"].text()},
               {grouped(one["count"].real())},
               {seconds_text(one["mean"].real())},
               {quantile_text(one, Quantile::kMedian, "seconds")},
               {quantile_text(one, Quantile::kP90, "seconds")},
               {quantile_text(one, Quantile::kP99, "seconds")},
               {quantile_text(one, Quantile::kMost, "seconds")}});
  }
  return table.empty() ? "" : "\n" + table.render(traits);
}

constexpr std::size_t kTenantsShown = 10;  // of the largest; the page shows all

std::string tenants_table(const JsonView& report, const TerminalTraits& traits) {
  const auto& tenants = report["tenants"].list();
  if (tenants.size() < 2) return "";
  Table table({{.title = "TENANT", .importance = 10, .width_min = 8},
               {.title = "JOBS", .importance = 7, .width_min = 4, .align = Align::kRight},
               {.title = "PRODUCTIVE H", .importance = 9, .width_min = 6, .align = Align::kRight},
               {.title = "LOST H", .importance = 6, .width_min = 5, .align = Align::kRight},
               {.title = "MEAN WAIT", .importance = 8, .width_min = 5, .align = Align::kRight},
               {.title = "P90 WAIT", .importance = 5, .width_min = 5, .align = Align::kRight},
               {.title = "COST", .importance = 4, .width_min = 5, .align = Align::kRight}});
  for (std::size_t i = 0; i < std::min(tenants.size(), kTenantsShown); ++i) {
    const JsonView one(tenants[i]);
    table.add({{one["name"].text()},
               {grouped(one["jobs"].real())},
               {grouped(one["productive_hours"].real())},
               {grouped(one["lost_hours"].real())},
               {seconds_text(one["wait_mean_s"].real())},
               {seconds_text(one["wait_p90_s"].real())},
               {money_text(one["cost_usd"].real())}});
  }
  std::string text = "\n" + table.render(traits);
  if (tenants.size() > kTenantsShown)
    text += fmt::format("... and {} more\n", tenants.size() - kTenantsShown);
  return text;
}

std::string power_line(const JsonView& report) {
  const JsonView* fullest = nullptr;
  JsonView kept;
  double most = 0;
  for (const auto& element : report["sites"].list()) {
    const JsonView site(element);
    const double limit = site["limit_mw"].real();
    if (limit <= 0 || site["peak_mw"].real() / limit <= most) continue;
    most = site["peak_mw"].real() / limit;
    kept = site;
    fullest = &kept;
  }
  if (fullest == nullptr) return "";
  return fmt::format("\nFullest site: {}, peak {} of {} ({:.1f} %)\n",
                     printable((*fullest)["name"].text()), power_text((*fullest)["peak_mw"].real()),
                     power_text((*fullest)["limit_mw"].real()), 100 * most);
}

std::string spread_text(const JsonView& spread, std::string_view unit,
                        const TerminalTraits& traits) {
  const std::int64_t count = spread["count"].integer();
  if (count == 0) return "-";
  std::string text = figure_text(spread["mean"].real(), unit);
  if (count > 1)
    text += (traits.unicode ? " ± " : " +- ") + figure_text(spread["deviation"].real(), unit);
  return text;
}

Cell difference_cell(const JsonView& figure, const JsonView& one) {
  const std::string unit = figure["unit"].text();
  const double difference = one["difference"].real();
  std::string text = (difference < 0 ? "-" : "+") + figure_text(std::abs(difference), unit);
  if (unit == "percent") {
    text.resize(text.size() - 2);
    text += " points";
  } else if (one["percent"].real() != 0) {
    text += fmt::format(" ({:+.1f} %)", one["percent"].real());
  }
  if (difference == 0) text = "same";
  const std::string better = figure["better"].text();
  Colour colour = Colour::kNone;
  if (one["verdict"].text() == "beyond" && better != "neither" && difference != 0)
    colour = (difference > 0) == (better == "higher") ? Colour::kGreen : Colour::kRed;
  return {text, colour};
}

}  // namespace

std::string figure_text(double value, std::string_view unit) {
  if (unit == "percent") return fmt::format("{:.2f} %", value);
  if (unit == "seconds") return seconds_text(value);
  if (unit == "ratio") return three_digits(value) + "x";
  if (unit == "hours") return grouped(value) + " h";
  if (unit == "mwh") return energy_text(value);
  if (unit == "usd") return money_text(value);
  if (unit == "tonnes") return carbon_text(value);
  return grouped(value);
}

std::string render_run_report(const JsonView& report, const TerminalTraits& traits) {
  return paint(printable(setup_text(report["setup"])), Colour::kBold, traits) + "\n\n" +
         headline(report, traits) + ledger_table(report, traits) + waits_table(report, traits) +
         tenants_table(report, traits) + power_line(report);
}

std::string render_comparison(const JsonView& comparison, const TerminalTraits& traits) {
  const auto& groups = comparison["groups"].list();
  std::vector<Column> columns = {{.title = "FIGURE", .importance = 100, .width_min = 12}};
  std::string text;
  for (const auto& element : groups) {
    const JsonView group(element);
    const bool first = columns.size() == 1;
    const std::string name = group["name"].text();
    columns.push_back(
        {.title = printable(name), .importance = 90, .width_min = 8, .align = Align::kRight});
    if (!first) {
      columns.push_back(
          {.title = "DIFFERENCE", .importance = 80, .width_min = 8, .align = Align::kRight});
      columns.push_back({.title = "SPREAD", .importance = 70, .width_min = 6});
    }
    text += printable(fmt::format(
                "{}: {}, {}", name, group["setup"].text(),
                counted(static_cast<std::int64_t>(group["seeds"].list().size()), "seed"))) +
            "\n";
  }
  Table table(std::move(columns));
  for (const auto& element : comparison["figures"].list()) {
    const JsonView figure(element);
    const auto& spreads = figure["groups"].list();
    const auto& differences = figure["differences"].list();
    std::vector<Cell> row = {{figure["title"].text()}};
    for (std::size_t i = 0; i < groups.size() && i < spreads.size(); ++i) {
      row.push_back({spread_text(JsonView(spreads[i]), figure["unit"].text(), traits)});
      if (i == 0) continue;
      const JsonView one(i <= differences.size() ? differences[i - 1] : spreads[i]);
      const bool known = JsonView(spreads[i])["count"].integer() > 0 &&
                         JsonView(spreads[0])["count"].integer() > 0;
      const std::string verdict = one["verdict"].text();
      row.push_back(known ? difference_cell(figure, one) : Cell{"-"});
      row.push_back({known && verdict != "unknown" ? verdict : "-"});
    }
    if (row.size() == 3 * groups.size() - 1) table.add(std::move(row));
  }
  text += "\n" + table.render(traits);
  for (const auto& note : comparison["notes"].list())
    text += "\n" + printable(JsonView(note).text()) + "\n";
  return text;
}

}  // namespace mw
