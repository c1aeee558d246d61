#include "cli/forecast_view.h"

#include <fmt/format.h>

#include <array>
#include <boost/json/array.hpp>
#include <cmath>
#include <string_view>
#include <utility>

#include "cli/format.h"
#include "cli/table.h"
#include "codec/text.h"

namespace mw {
namespace {

using Align = Column::Align;

/// "2026-11-22 04:42:08  in 1h 20m"; what it says of one that is not known.
std::string start_text(const JsonView& at, Instant asked) {
  const auto instant = at.instant();
  if (!instant) return "not within the horizon";
  const Duration wait = *instant - asked;
  if (wait.count() <= 0) return clock_text(*instant) + "  at once";
  return fmt::format("{}  in {}", clock_text(*instant), duration_text(wait));
}

std::string whole_seconds(Duration length) {
  return duration_text(seconds(length.count() / seconds(1).count()));
}

/// How the futures were made, in a sentence.
std::string basis_text(const JsonView& view, std::int64_t futures) {
  const Duration past(view["arrivals_past_ns"].integer());
  const std::string arrivals =
      past.count() > 0 ? "jobs go on coming in as in the past " + duration_text(past)
                       : std::string("no further jobs come in, for too short a past is known");
  const std::string basis =
      fmt::format("From {}, in which {}", counted(futures, "possible future"), arrivals);
  if (!view["put_right"].flag()) return basis + ".";
  return fmt::format("{}, put right by what {} were worth.", basis,
                     counted(view["past_forecasts"].integer(), "earlier forecast"));
}

struct FigureName {
  const char* name;
  const char* title;
};
constexpr std::array<FigureName, 9> kFigures = {{{"wait_mean_s", "wait, mean"},
                                                 {"wait_p90_s", "wait, p90"},
                                                 {"jobs_started", "jobs started"},
                                                 {"jobs_finished", "jobs finished"},
                                                 {"utilisation_percent", "utilisation"},
                                                 {"goodput_percent", "goodput"},
                                                 {"lost_accelerator_hours", "lost work"},
                                                 {"energy_mwh", "energy"},
                                                 {"cost_usd", "cost"}}};

std::string with_deviation(const std::string& name, const JsonView& figure, const char* kind) {
  const std::string prefix(kind);
  return figure_text(name, figure[prefix + "_mean"].real()) + " +- " +
         figure_text(name, figure[prefix + "_deviation"].real());
}

std::string moved_table(const JsonView& report, const TerminalTraits& traits) {
  Table table({{.title = "JOB", .importance = 10},
               {.title = "NAME", .importance = 5, .width_min = 6},
               {.title = "STARTS NOW", .importance = 7, .width_min = 8},
               {.title = "WITH THE CHANGE", .importance = 8, .width_min = 8},
               {.title = "MOVES", .importance = 9, .align = Align::kRight}});
  const auto at = [](const JsonView& view) {
    const auto instant = view.instant();
    return instant ? clock_text(*instant) : std::string("not within the horizon");
  };
  for (const auto& element : report["moved"].list()) {
    const JsonView job(element);
    const Duration later(job["later_ns"].integer());
    table.add({{std::to_string(job["job"].integer())},
               {job["name"].text()},
               {at(job["base_ns"])},
               {at(job["changed_ns"])},
               {whole_seconds(Duration(std::abs(later.count()))) +
                (later.count() < 0 ? " sooner" : " later")}});
  }
  return table.empty() ? std::string() : "\n" + table.render(traits);
}

}  // namespace

std::string figure_title(const std::string& name) {
  for (const FigureName& each : kFigures) {
    if (name == each.name) return each.title;
  }
  return name;
}

std::string figure_text(const std::string& name, double value) {
  const std::string sign = value < 0 ? "-" : "";
  if (name.ends_with("_s"))
    return sign + duration_text(Duration(std::llround(std::abs(value)) * seconds(1).count()));
  if (name.ends_with("_percent")) return fmt::format("{:.1f}%", value);
  if (name.ends_with("_accelerator_hours")) return fmt::format("{:.1f} accelerator-h", value);
  if (name.ends_with("_mwh")) return fmt::format("{:.2f} MWh", value);
  if (name.ends_with("_usd")) return fmt::format("{:.2f} USD", value);
  return fmt::format("{:.1f}", value);
}

std::string render_start(const JsonView& forecast, const std::string& name) {
  const Instant asked = forecast["asked_at_ns"].instant().value_or(Instant());
  const JsonView start = forecast["start"];
  const std::int64_t futures = start["futures"].integer();
  const Duration horizon(forecast["horizon_ns"].integer());
  const auto middle = start["p50_ns"].instant();
  std::string text;
  if (const auto left_at = start["left_at_ns"].instant()) {
    text = fmt::format(
        "When {} starts is not known: one possible future takes longer than there was time for. In "
        "what was run of it, it had not started by {} (in {}). More time: --seconds 30.\n",
        name, clock_text(*left_at), whole_seconds(*left_at - asked));
    if (forecast["reason"].present())
      text += "Now it waits: " + printable(forecast["text"].text()) + "\n";
    return text;
  }
  if (!middle) {
    text =
        fmt::format("{} does not start within {} in most futures.\n", name, duration_text(horizon));
  } else if (*middle <= asked) {
    text = fmt::format("{} starts at once.\n", name);
  } else {
    text = fmt::format("{} starts in about {}.\n", name, whole_seconds(*middle - asked));
  }
  for (const auto& [key, title] :
       {std::pair("p10_ns", "p10"), std::pair("p50_ns", "p50"), std::pair("p90_ns", "p90")}) {
    const bool is_known = std::string_view(key) == "p50_ns" || start["spread_known"].flag(true);
    text += fmt::format("  {}  {}\n", title,
                        is_known ? start_text(start[key], asked)
                                 : "not known from so few futures; more: --seconds 20");
  }
  text += basis_text(forecast, futures);
  if (const std::int64_t never = start["not_started"].integer(); never > 0) {
    text +=
        fmt::format(" In {} of them it does not start within {}.", never, duration_text(horizon));
  }
  text += "\n";
  if (forecast["reason"].present())
    text += "Now it waits: " + printable(forecast["text"].text()) + "\n";
  if (const std::string blockers = forecast["blockers"]["text"].text(); !blockers.empty())
    text += printable(blockers) + "\n";
  const auto& sooner = forecast["sooner"].list();
  if (sooner.empty()) return text;
  text += "It would start sooner, if it were submitted anew\n";
  for (const auto& element : sooner) {
    const JsonView change(element);
    const JsonView gain = change["sooner_ns"];
    text += fmt::format("  {}: {}{}\n", printable(change["text"].text()),
                        start_text(change["start"]["p50_ns"], asked),
                        gain.present()
                            ? fmt::format(", {} sooner", whole_seconds(Duration(gain.integer())))
                            : std::string());
  }
  return text;
}

std::string render_what_if(const JsonView& report, const TerminalTraits& traits) {
  std::string text;
  for (const auto& note : report["notes"].list()) text += printable(JsonView(note).text()) + ".\n";
  Table table({{.title = "FIGURE", .importance = 10, .width_min = 8},
               {.title = "AS IT IS", .importance = 8, .align = Align::kRight},
               {.title = "WITH THE CHANGE", .importance = 9, .align = Align::kRight},
               {.title = "DIFFERENCE", .importance = 7, .align = Align::kRight},
               {.title = "BEYOND THE SPREAD", .importance = 6}});
  for (const auto& element : report["figures"].list()) {
    const JsonView figure(element);
    const std::string name = figure["name"].text();
    const bool beyond = figure["beyond_spread"].flag();
    table.add({{figure_title(name)},
               {with_deviation(name, figure, "base")},
               {with_deviation(name, figure, "changed")},
               {with_deviation(name, figure, "difference")},
               {beyond ? "yes" : "no", beyond ? Colour::kYellow : Colour::kNone}});
  }
  text += table.render(traits);
  for (const auto& element : report["added"].list()) {
    const JsonView job(element);
    const auto middle = job["start"]["p50_ns"].instant();
    text += fmt::format("\nThe job {} would start at {}.", printable(job["name"].text()),
                        middle ? clock_text(*middle) : std::string("no time within the horizon"));
  }
  if (!report["added"].list().empty()) text += "\n";
  text += moved_table(report, traits);
  text += fmt::format("\n{} They go on for {}.\n", basis_text(report, report["futures"].integer()),
                      duration_text(Duration(report["horizon_ns"].integer())));
  return text;
}

}  // namespace mw
