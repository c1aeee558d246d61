#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "cli/format.h"
#include "cli/render.h"
#include "cli/table.h"

namespace mw {
namespace {

/// Named one by one up to so many; the JSON has all of them.
constexpr std::size_t kNamedMax = 12;

std::string listed(const boost::json::array& list) {
  std::string out;
  for (std::size_t i = 0; i < list.size() && i < kNamedMax; ++i) {
    const JsonView each(list[i]);
    const std::string name = each.text();
    out += (i == 0 ? "" : ", ") + (name.empty() ? std::to_string(each.integer()) : name);
  }
  if (list.size() > kNamedMax) out += fmt::format(" and {} more", list.size() - kNamedMax);
  return out;
}

std::string whole_moment(const JsonView& value, Instant now) {
  const auto at = value.instant();
  return at ? fmt::format("{} ({})", clock_text(*at), ago_text(*at, now)) : "";
}

std::string for_whom(const JsonView& reservation) {
  std::string out;
  for (const auto& [one, list] : {std::pair{"tenant", &reservation["tenants"].list()},
                                  std::pair{"user", &reservation["users"].list()}}) {
    if (list->empty()) continue;
    out += fmt::format("{}{}{} {}", out.empty() ? "" : "; ", one, list->size() == 1 ? "" : "s",
                       listed(*list));
  }
  return out.empty() ? "everybody" : out;
}

std::string node_count(const JsonView& reservation) {
  const auto nodes = static_cast<std::int64_t>(reservation["nodes"].list().size());
  const std::int64_t out = reservation["nodes_out_of_use"].integer();
  return out == 0 ? std::to_string(nodes) : fmt::format("{} ({} out of use)", nodes, out);
}

}  // namespace

std::string render_reservations(const JsonView& list, Instant now, const TerminalTraits& traits) {
  using Align = Column::Align;
  Table table({{.title = "RESERVATION", .importance = 10, .width_min = 11},
               {.title = "START", .importance = 9, .width_min = 8},
               {.title = "END", .importance = 8, .width_min = 8},
               {.title = "NODES", .importance = 7, .width_min = 5, .align = Align::kRight},
               {.title = "RUNNING", .importance = 5, .width_min = 7, .align = Align::kRight},
               {.title = "WAITING", .importance = 4, .width_min = 7, .align = Align::kRight},
               {.title = "FOR", .importance = 6, .width_min = 8},
               {.title = "REASON", .importance = 3, .width_min = 8}});
  for (const auto& element : list["reservations"].list()) {
    const JsonView one(element);
    const bool begun = one["begun"].flag();
    table.add({{one["name"].text(), Colour::kBold},
               {whole_moment(one["start_ns"], now), begun ? Colour::kGreen : Colour::kNone},
               {whole_moment(one["end_ns"], now)},
               {node_count(one)},
               {std::to_string(one["running"].list().size())},
               {std::to_string(one["waiting"].integer())},
               {for_whom(one)},
               {one["reason"].text(), Colour::kDim}});
  }
  return table.empty() ? "No reservations.\n" : table.render(traits);
}

std::string render_reservation(const JsonView& one, Instant now, const TerminalTraits& traits) {
  std::string out = paint("Reservation " + printable(one["name"].text()), Colour::kBold, traits);
  out += one["begun"].flag() ? "  begun\n" : "  to come\n";
  const std::string by = one["by"].text();
  const std::int64_t waiting = one["waiting"].integer();
  return out +
         render_facts(
             {{"because", {one["reason"].text()}},
              {"start", {whole_moment(one["start_ns"], now)}},
              {"end", {whole_moment(one["end_ns"], now)}},
              {"made", {whole_moment(one["made_at_ns"], now) + (by.empty() ? "" : " by " + by)}},
              {"for", {for_whom(one)}},
              {"nodes", {node_count(one) + ": " + listed(one["nodes"].list())}},
              {"running", {listed(one["running"].list())}},
              {"waiting", {waiting == 0 ? "" : counted(waiting, "job")}},
              {"still there", {listed(one["others"].list())}}},
             2, traits);
}

}  // namespace mw
