#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "cli/format.h"
#include "cli/render.h"
#include "cli/table.h"
#include "codec/text.h"

namespace mw {
namespace {

std::string category_name(std::string name) {
  std::ranges::replace(name, '_', ' ');
  return name;
}

/// "3/8": free of all.
std::string accelerators_text(const JsonView& node) {
  return fmt::format("{}/{}",
                     share_text(AcceleratorShare(node["accelerators_free_milli"].integer())),
                     node["accelerators"].integer());
}
std::string cpus_text(const JsonView& node) {
  return fmt::format("{}/{}", share_text(CpuShare(node["cpus_free_milli"].integer())),
                     share_text(CpuShare(node["cpus_milli"].integer())));
}
std::string node_memory_text(const JsonView& node) {
  return fmt::format("{}/{}", bytes_text(Bytes(node["memory_free_bytes"].integer())),
                     bytes_text(Bytes(node["memory_bytes"].integer())));
}

std::string phase_text(const JsonView& node) {
  const std::string phase = node["phase"].text();
  const std::string then = node["drain"]["then"].text();
  const std::string goal = then.empty() || then == phase ? "" : ", then " + then;
  return phase + goal + (node["lost"].flag() ? ", lost" : "") +
         (node["spare"].flag() ? ", spare" : "");
}
Colour phase_colour(const JsonView& node) {
  if (node["lost"].flag()) return Colour::kRed;
  return node["phase"].text() == "ready" ? Colour::kGreen : Colour::kYellow;
}

/// Why it is in its phase, and who said so.
std::string reason_text(const JsonView& node) {
  const std::string reason = node["reason"].text();
  const std::string by = node["by"].text();
  return by.empty() ? reason : reason.empty() ? "by " + by : fmt::format("{} (by {})", reason, by);
}

/// "reboot because of nvidia.xid.79, has begun".
std::string remedy_text(const JsonView& node) {
  const JsonView remedy = node["remedy"];
  const std::string action = category_name(remedy["action"].text());
  if (action.empty()) return "";
  const std::string code = remedy["code"].text();
  return action + (code.empty() ? "" : " because of " + code) +
         (remedy["begun"].flag() ? ", has begun" : ", is planned");
}

std::string drain_text(const JsonView& node) {
  const std::string mode = node["drain"]["mode"].text();
  const auto deadline = node["drain"]["deadline_ns"].instant();
  if (mode.empty()) return "";
  return mode + (deadline ? ", until " + clock_text(*deadline) : "");
}

std::string jobs_text(const JsonView& node) {
  std::string out;
  for (const auto& job : node["jobs"].list())
    out += (out.empty() ? "" : ",") + std::to_string(JsonView(job).integer());
  return out;
}

}  // namespace

std::string render_nodes(const JsonView& list, Instant now, const TerminalTraits& traits) {
  using Align = Column::Align;
  Table table({{.title = "NODE", .importance = 10, .width_min = 8},
               {.title = "PHASE", .importance = 9, .width_min = 8},
               {.title = "TYPE", .importance = 5, .width_min = 6},
               {.title = "FREE", .importance = 8, .width_min = 4, .align = Align::kRight},
               {.title = "CPUS", .importance = 4, .width_min = 5, .align = Align::kRight},
               {.title = "MEMORY", .importance = 3, .width_min = 8, .align = Align::kRight},
               {.title = "JOBS", .importance = 6, .width_min = 6},
               {.title = "SITE", .importance = 1, .width_min = 4},
               {.title = "SINCE", .importance = 2, .width_min = 6, .align = Align::kRight},
               {.title = "REASON", .importance = 7, .width_min = 10}});
  for (const auto& element : list["nodes"].list()) {
    const JsonView node(element);
    const auto since = node["phase_since_ns"].instant();
    table.add({{node["name"].text()},
               {phase_text(node), phase_colour(node)},
               {node["accelerator_type"].text()},
               {accelerators_text(node)},
               {cpus_text(node)},
               {node_memory_text(node)},
               {jobs_text(node)},
               {node["site"].text()},
               {since ? ago_text(*since, now) : ""},
               {reason_text(node), Colour::kDim}});
  }
  return table.empty() ? "No nodes.\n" : table.render(traits);
}

std::string render_node(const JsonView& node, Instant now, const TerminalTraits& traits) {
  const auto since = node["phase_since_ns"].instant();
  std::string out = paint("Node " + printable(node["name"].text()), Colour::kBold, traits);
  out += "  " + paint(phase_text(node), phase_colour(node), traits) + "\n";
  out += render_facts(
      {{"because", {reason_text(node)}},
       {"drain", {drain_text(node)}},
       {"remedy", {remedy_text(node)}},
       {"faults", {node["faults"].integer(0) == 0 ? "" : std::to_string(node["faults"].integer())}},
       {"since", {since ? fmt::format("{} ({})", clock_text(*since), ago_text(*since, now)) : ""}},
       {"site", {node["site"].text()}},
       {"accelerators",
        {accelerators_text(node) + " free, type " + node["accelerator_type"].text()}},
       {"cpus", {cpus_text(node) + " free"}},
       {"memory", {node_memory_text(node) + " free"}},
       {"jobs", {jobs_text(node)}}},
      2, traits);
  return out;
}

std::string render_ledger(const JsonView& ledger, const TerminalTraits& traits) {
  using Align = Column::Align;
  Table categories({{.title = "CATEGORY", .importance = 10, .width_min = 10},
                    {.title = "NOW", .importance = 7, .width_min = 4, .align = Align::kRight},
                    {.title = "TIME", .importance = 8, .width_min = 8, .align = Align::kRight},
                    {.title = "SHARE", .importance = 9, .width_min = 6, .align = Align::kRight},
                    {.title = "", .importance = 1, .width_min = 10}});
  for (const auto& element : ledger["categories"].list()) {
    const JsonView row(element);
    const double percent = row["percent"].real();
    const std::string name = row["category"].text();
    const Colour colour = name == "productive"  ? Colour::kGreen
                          : name == "lost_work" ? Colour::kRed
                                                : Colour::kNone;
    categories.add({{category_name(name), colour},
                    {share_text(AcceleratorShare(row["now_milli"].integer()))},
                    {accelerator_seconds_text(row["accelerator_s"].real())},
                    {fmt::format("{:.1f}%", percent)},
                    {bar_text(percent / 100, 22, traits.unicode), colour}});
  }
  std::string out = categories.render(traits);
  out += fmt::format(
      "\n{} accelerators, {} in all; every one is in exactly one category at each instant: {}.\n",
      share_text(AcceleratorShare(ledger["capacity_milli"].integer())),
      accelerator_seconds_text(ledger["capacity_accelerator_s"].real()),
      ledger["balanced"].flag() ? paint("the sum is exact", Colour::kGreen, traits)
                                : paint("THE SUM IS NOT EXACT", Colour::kRed, traits));
  Table tenants(
      {{.title = "TENANT", .importance = 10, .width_min = 8},
       {.title = "SUBMITTED", .importance = 5, .width_min = 5, .align = Align::kRight},
       {.title = "FINISHED", .importance = 6, .width_min = 5, .align = Align::kRight},
       {.title = "PRODUCTIVE", .importance = 9, .width_min = 8, .align = Align::kRight},
       {.title = "STARTING", .importance = 3, .width_min = 8, .align = Align::kRight},
       {.title = "CHECKPOINTING", .importance = 2, .width_min = 8, .align = Align::kRight},
       {.title = "LOST WORK", .importance = 8, .width_min = 8, .align = Align::kRight}});
  for (const auto& element : ledger["tenants"].list()) {
    const JsonView row(element);
    const JsonView usage = row["usage"];
    tenants.add({{row["tenant"].text()},
                 {std::to_string(row["jobs_submitted"].integer())},
                 {std::to_string(row["jobs_finished"].integer())},
                 {accelerator_seconds_text(usage["productive_accelerator_s"].real())},
                 {accelerator_seconds_text(usage["starting_accelerator_s"].real())},
                 {accelerator_seconds_text(usage["checkpointing_accelerator_s"].real())},
                 {accelerator_seconds_text(usage["lost_work_accelerator_s"].real())}});
  }
  return tenants.empty() ? out : out + "\n" + tenants.render(traits);
}

std::string render_event(const JsonView& event, const TerminalTraits& traits) {
  const auto at = event["at_ns"].instant();
  const std::string kind = event["kind"].text();
  const std::string line =
      fmt::format("{:>7}  {}  {:<20} {}", event["seq"].integer(), at ? clock_text(*at) : "", kind,
                  printable(event["text"].text()));
  return (traits.width > 0 ? clip(line, traits.width, traits.unicode) : line) + "\n";
}

}  // namespace mw
