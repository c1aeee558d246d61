#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <vector>

#include "cli/format.h"
#include "cli/policy_view.h"
#include "cli/table.h"
#include "codec/resilience_text.h"
#include "codec/text.h"
#include "codec/units.h"

namespace mw {
namespace {

using Align = Column::Align;

std::string yes(bool value) { return value ? "yes" : "-"; }

/// Two columns a level.
std::string indented(std::size_t depth, const std::string& name) {
  return std::string(2 * depth, ' ') + name;
}

std::string classes_table(const Policy& policy, const TerminalTraits& traits) {
  Table table({{.title = "CLASS", .importance = 10, .width_min = 8},
               {.title = "VALUE", .importance = 9, .width_min = 5, .align = Align::kRight},
               {.title = "PREEMPTS", .importance = 8, .width_min = 8},
               {.title = "PREEMPTIBLE", .importance = 7, .width_min = 11},
               {.title = "DEFAULT", .importance = 6, .width_min = 7}});
  std::vector<PriorityClass> classes = policy.classes;
  std::ranges::stable_sort(classes, std::ranges::greater(), &PriorityClass::value);
  for (const PriorityClass& one : classes) {
    table.add({{one.name, Colour::kBold},
               {std::to_string(one.value)},
               {yes(one.preempts)},
               {yes(one.preemptible)},
               {one.name == policy.default_class ? "default" : ""}});
  }
  return table.render(traits);
}

void add_rights(Table& table, std::size_t depth, const std::string& name,
                const TenantPolicy& tenant) {
  table.add({{indented(depth, name)},
             {share_text(tenant.quota)},
             {tenant.borrow_limit ? share_text(*tenant.borrow_limit) : "unlimited"},
             {std::to_string(tenant.weight)}});
}

std::string tenants_table(const Policy& policy, const TerminalTraits& traits) {
  Table table({{.title = "TENANT", .importance = 10, .width_min = 8},
               {.title = "QUOTA", .importance = 9, .width_min = 5, .align = Align::kRight},
               {.title = "MAY BORROW", .importance = 8, .width_min = 9, .align = Align::kRight},
               {.title = "WEIGHT", .importance = 7, .width_min = 6, .align = Align::kRight}});
  std::map<std::string, std::size_t> depths;  // parents come before their children
  for (const TenantPolicy& one : policy.tenants) {
    const std::size_t depth = one.parent.empty() ? 0 : depths[one.parent] + 1;
    depths[one.name] = depth;
    add_rights(table, depth, one.name, one);
  }
  if (policy.others) add_rights(table, 0, "(each other)", *policy.others);
  return table.render(traits) +
         (policy.others ? "" : "Jobs of tenants that are not named are refused.\n");
}

std::string keeping_text(const Policy& policy) {
  const Duration length = policy.keep_nodes_for.value_or(Duration());
  return length == Duration() ? "a gang that loses one is placed anew"
                              : fmt::format(
                                    "a gang's others are kept for it for {} while they are "
                                    "replaced",
                                    write_duration(length));
}

/// "2 a scale_up; enough for 99% a pod, at measured failures and 1d a repair".
std::string spares_text(const Policy& policy) {
  std::string out;
  for (const SpareRule& rule : policy.spares.value_or(std::vector<SpareRule>())) {
    const std::string_view level = name_of(rule.level);
    const std::string failures =
        rule.failures ? write_thousandths(*rule.failures) + " failures in a thousand node-days"
                      : "failures as measured";
    out += (out.empty() ? "" : "; ") +
           (rule.count ? fmt::format("{} a {}", *rule.count, level)
                       : fmt::format("enough for {} a {}, with {} and {} a repair",
                                     write_ppm(rule.confidence_ppm), level, failures,
                                     write_duration(rule.repair)));
  }
  if (!out.empty() && policy.lend_spares) out += "; lent to " + *policy.lend_spares;
  return out;
}

std::string preemption_text(const PreemptionRules& rules) {
  if (!rules.by_priority && !rules.reclaim) return "nothing is stopped for another job";
  const std::string_view what = !rules.reclaim       ? "for higher classes"
                                : !rules.by_priority ? "for tenants within their quota"
                                                     : "for higher classes, and for tenants "
                                                       "within their quota";
  return fmt::format("{}; not before an attempt ran {}; a restart costs {}", what,
                     write_duration(rules.runtime_min), write_duration(rules.restart_cost));
}

std::string ranking_text(const RankingRules& rules) {
  return fmt::format(
      "fragmentation {}%, room for several whole accelerators {}%, types {}%, empty nodes {}%",
      rules.fragmentation_percent, rules.whole_percent, rules.type_percent, rules.empty_percent);
}

std::string rules_text(const Policy& policy, const TerminalTraits& traits) {
  const ElasticRules& elastic = policy.elastic;
  const ConsolidationRules& moves = policy.consolidation;
  const std::uint32_t planned = policy.backfill.reservations;
  return render_facts(
      {{"fair share",
        {fmt::format("past use counts {}%, and half after {}", policy.fair_share.history_percent,
                     write_duration(policy.fair_share.half_life))}},
       {"backfill",
        {planned == 0 ? "nobody's start is planned"
                      : fmt::format("the start of the first {} in line is planned",
                                    planned == 1 ? "job" : fmt::format("{} jobs", planned))}},
       {"preemption", {preemption_text(policy.preemption)}},
       {"elastic jobs",
        {elastic.grow ? fmt::format("grow by {}% or more, at most every {}", elastic.gain_percent,
                                    write_duration(elastic.grow_interval))
                      : "do not grow"}},
       {"consolidation",
        {moves.enabled ? fmt::format("on; a move costs {}, a gain counts over {}",
                                     write_duration(moves.move_cost), write_duration(moves.horizon))
                       : "off"}},
       {"ranking", {ranking_text(policy.ranking)}},
       {"starvation",
        {policy.starvation_after == Duration(0)
             ? "nobody goes before others for having waited long"
             : fmt::format("who has waited {} goes before all others",
                           write_duration(policy.starvation_after))}},
       {"lost nodes", {keeping_text(policy)}},
       {"spares", {spares_text(policy)}}},
      0, traits);
}

}  // namespace

std::string render_policy(const Policy& policy, const TerminalTraits& traits) {
  return paint("Policy " + policy.name, Colour::kBold, traits) + "\n\n" +
         classes_table(policy, traits) + "\n" + tenants_table(policy, traits) + "\n" +
         rules_text(policy, traits);
}

std::string render_tenants(const JsonView& list, const TerminalTraits& traits) {
  Table table({{.title = "TENANT", .importance = 10, .width_min = 8},
               {.title = "QUOTA", .importance = 7, .width_min = 5, .align = Align::kRight},
               {.title = "LIMIT", .importance = 6, .width_min = 5, .align = Align::kRight},
               {.title = "IN USE", .importance = 9, .width_min = 6, .align = Align::kRight},
               {.title = "PAST", .importance = 4, .width_min = 4, .align = Align::kRight},
               {.title = "WEIGHT", .importance = 3, .width_min = 6, .align = Align::kRight},
               {.title = "SHARE", .importance = 5, .width_min = 5, .align = Align::kRight},
               {.title = "JOBS", .importance = 8, .width_min = 4, .align = Align::kRight}});
  const auto accelerators = [](const JsonView& milli) {
    return milli.present() ? share_text(AcceleratorShare(milli.integer())) : "-";
  };
  for (const auto& element : list["tenants"].list()) {
    const JsonView one(element);
    const bool over = one["over_quota"].flag();
    table.add({{indented(static_cast<std::size_t>(
                             std::clamp<std::int64_t>(one["depth"].integer(), 0, 64)),
                         one["tenant"].text())},
               {accelerators(one["quota_milli"])},
               {accelerators(one["limit_milli"])},
               {accelerators(one["in_use_milli"]), over ? Colour::kYellow : Colour::kNone},
               {accelerators(one["average_milli"])},
               {std::to_string(one["weight"].integer(1))},
               {fmt::format("{:.1f}%", 100 * one["share"].real())},
               {std::to_string(one["jobs_submitted"].integer() - one["jobs_finished"].integer())}});
  }
  return table.empty() ? "No tenants yet.\n" : table.render(traits);
}

}  // namespace mw
