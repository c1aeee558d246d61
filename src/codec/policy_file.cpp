#include "codec/policy_file.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <vector>

#include "codec/resilience_text.h"
#include "codec/suggest.h"
#include "codec/units.h"
#include "codec/yaml_reader.h"
#include "codec/yaml_tree.h"

namespace mw {
namespace {

constexpr std::array<std::string_view, 15> kKeys = {
    "name",       "classes",          "default_class",  "tenants", "others",
    "fair_share", "backfill",         "preemption",     "elastic", "consolidation",
    "ranking",    "starvation_after", "keep_nodes_for", "spares",  "lend_spares"};
constexpr std::array<std::string_view, 5> kSpareKeys = {"level", "count", "confidence", "failures",
                                                        "repair"};
constexpr std::array<std::string_view, 3> kClassKeys = {"value", "preempts", "preemptible"};
constexpr std::array<std::string_view, 4> kTenantKeys = {"quota", "borrow_limit", "weight",
                                                         "tenants"};
constexpr std::array<std::string_view, 3> kOthersKeys = {"quota", "borrow_limit", "weight"};
constexpr std::array<std::string_view, 2> kFairShareKeys = {"half_life", "history"};
constexpr std::array<std::string_view, 1> kBackfillKeys = {"reservations"};
constexpr std::array<std::string_view, 4> kPreemptionKeys = {"by_priority", "reclaim",
                                                             "runtime_min", "restart_cost"};
constexpr std::array<std::string_view, 3> kElasticKeys = {"grow", "grow_interval", "gain"};
constexpr std::array<std::string_view, 3> kConsolidationKeys = {"enabled", "move_cost", "horizon"};
constexpr std::array<std::string_view, 4> kRankingKeys = {"fragmentation", "whole_accelerators",
                                                          "types", "empty_nodes"};

Result<AcceleratorShare> parse_share(std::string_view text) {
  const auto share = parse_thousandths(text, 0, kTenantQuotaMax);
  if (share) return AcceleratorShare(*share);
  return Error{ErrorCode::kInvalid,
               fmt::format("expected a number of accelerators from 0 to {}, with at most three "
                           "decimals",
                           kTenantQuotaMax)};
}

Result<std::optional<AcceleratorShare>> parse_borrow_limit(std::string_view text) {
  if (text == "unlimited") return std::optional<AcceleratorShare>();
  const auto share = parse_share(text);
  if (share) return std::optional(*share);
  return Error{ErrorCode::kInvalid, share.error().message + ", or unlimited"};
}

Result<std::int64_t> parse_rule_percent(std::string_view text) {
  return parse_percent(text, 0, kPercentMax);
}

Result<FabricLevel> parse_spare_level(std::string_view text) {
  const auto level = enum_from_name<FabricLevel>(text);
  if (level && *level > FabricLevel::kNode && *level < FabricLevel::kFleet) return *level;
  return Error{ErrorCode::kInvalid, "expected scale_up, leaf, pod, spine or site"};
}

/// Reads one document into a Policy, gathering every problem on the way.
class PolicyFileReader : private YamlReader {
 public:
  explicit PolicyFileReader(std::string_view source_name) : YamlReader(source_name) {}

  Result<Policy> read(const YamlNode& root) {
    if (!is_map(root, "", "\"name: my-policy\"")) return failure();
    check_keys(root, "", kKeys);
    read_scalar(root, "", "name", policy_.name, parse_name);
    read_classes(root);
    read_default_class(root);
    read_tenants(root);
    read_others(root);
    read_fair_share(root);
    read_preemption(root);
    read_movers(root);
    read_ranking(root);
    read_duration(root, "", "starvation_after", policy_.starvation_after, kPolicyDurationMax);
    read_duration(root, "", "keep_nodes_for", *policy_.keep_nodes_for, kPolicyDurationMax);
    read_spares(root);
    read_lending(root);
    if (!good()) return failure();
    return std::move(policy_);
  }

 private:
  /// A name that is a key of a map. False, and a problem, when it is no name.
  bool is_name(const YamlNode& map, std::size_t i, std::string_view group) {
    const auto name = parse_name(map.keys[i]);
    if (name) return true;
    problem(map.key_positions[i], group,
            fmt::format("{}, found {}", name.error().message, in_quotes(map.keys[i])));
    return false;
  }

  // --- classes ----------------------------------------------------------------------------------

  void read_classes(const YamlNode& root) {
    const YamlNode* classes = group(root, "classes", "\"high: {value: 100, preempts: true}\"");
    if (classes == nullptr) return;
    policy_.classes.clear();
    if (classes->keys.empty() || classes->keys.size() > kClassesMax) {
      problem(*classes, "classes",
              fmt::format("expected 1 to {} classes, found {}", kClassesMax, classes->keys.size()));
      return;
    }
    for (std::size_t i = 0; i < classes->keys.size(); ++i) {
      if (!is_name(*classes, i, "classes")) continue;
      PriorityClass one;
      one.name = classes->keys[i];
      const std::string path = YamlReader::path("classes", one.name);
      const YamlNode& node = classes->children[i];
      if (node.kind != YamlNode::Kind::kNull && is_map(node, path, "\"value: 100\"")) {
        check_keys(node, path, kClassKeys);
        read_whole(node, path, "value", one.value, -kClassValueMax, kClassValueMax);
        read_scalar(node, path, "preempts", one.preempts, parse_bool);
        read_scalar(node, path, "preemptible", one.preemptible, parse_bool);
      }
      policy_.classes.push_back(std::move(one));
    }
  }

  void read_default_class(const YamlNode& root) {
    const bool said = read_scalar(root, "", "default_class", policy_.default_class, parse_name);
    if (policy_.classes.empty() || find_class(policy_, "") != nullptr) return;
    std::vector<std::string_view> names;
    for (const PriorityClass& one : policy_.classes) names.emplace_back(one.name);
    const std::string_view meant = closest(policy_.default_class, names);
    problem(said ? *root.find("default_class") : *root.find("classes"), "default_class",
            fmt::format("expected one of the classes ({}), found {}{}", fmt::join(names, ", "),
                        in_quotes(policy_.default_class),
                        !said           ? ", which it is unless the file says another"
                        : meant.empty() ? ""
                                        : fmt::format("; did you mean {}?", in_quotes(meant))));
  }

  // --- tenants ----------------------------------------------------------------------------------

  void read_tenants(const YamlNode& root) {
    const YamlNode* tenants = group(root, "tenants", "\"research: {quota: 64}\"");
    if (tenants != nullptr) read_tenants_of(*tenants, "tenants", "", 1);
  }

  /// Reads the tenants below `parent`, and what is below each. Returns the sum of their quotas.
  AcceleratorShare read_tenants_of(const YamlNode& tenants, const std::string& path,
                                   const std::string& parent, std::size_t depth) {
    AcceleratorShare sum;
    if (depth > kTenantDepthMax) {
      problem(tenants, path,
              fmt::format("expected tenants at most {} deep, found one more", kTenantDepthMax));
      return sum;
    }
    for (std::size_t i = 0; i < tenants.keys.size(); ++i) {
      const std::string& name = tenants.keys[i];
      if (!is_name(tenants, i, path)) continue;
      const std::string at = YamlReader::path(path, name);
      const auto [known, is_new] = tenant_paths_.emplace(name, at);
      if (!is_new) {
        problem(tenants.key_positions[i], path,
                fmt::format("the tenant {} is named twice: also as {}", in_quotes(name),
                            known->second));
        continue;
      }
      if (policy_.tenants.size() == kTenantsMax) {
        problem(
            tenants.key_positions[i], path,
            fmt::format("expected at most {} tenants; with this one there are more", kTenantsMax));
        return sum;
      }
      sum += read_tenant(tenants.children[i], at, name, parent, depth);
    }
    return sum;
  }

  /// Reads one tenant and all below it. Returns what it has a right to.
  AcceleratorShare read_tenant(const YamlNode& node, const std::string& at, const std::string& name,
                               const std::string& parent, std::size_t depth) {
    // By its place, for those below it make the list grow.
    const std::size_t index = policy_.tenants.size();
    TenantPolicy& tenant = policy_.tenants.emplace_back();
    tenant.name = name;
    tenant.parent = parent;
    if (node.kind == YamlNode::Kind::kNull) return tenant.quota;  // "vision:" says only that it is
    if (!is_map(node, at, "\"quota: 64\"")) return tenant.quota;
    check_keys(node, at, kTenantKeys);
    const bool has_quota = read_rights(node, at, tenant);
    const YamlNode* below = group(node, at, "tenants", "\"vision: {quota: 32}\"");
    if (below == nullptr) return policy_.tenants[index].quota;
    const AcceleratorShare sum =
        read_tenants_of(*below, YamlReader::path(at, "tenants"), name, depth + 1);
    // Without a quota of its own it has a right to what those below it have. A smaller one would
    // be raised to that when it is decided by; the file should not say what does not hold.
    const AcceleratorShare quota = policy_.tenants[index].quota;
    if (!has_quota) return sum;
    if (quota < sum) {
      problem(*node.find("quota"), YamlReader::path(at, "quota"),
              fmt::format("expected at least the {} accelerators that those below it have "
                          "together, found {}",
                          write_thousandths(sum.count()), write_thousandths(quota.count())));
    }
    return quota;
  }

  /// Reads what a tenant may use. True when its quota is given.
  bool read_rights(const YamlNode& node, std::string_view at, TenantPolicy& tenant) {
    const bool has_quota = read_scalar(node, at, "quota", tenant.quota, parse_share);
    read_scalar(node, at, "borrow_limit", tenant.borrow_limit, parse_borrow_limit);
    read_whole(node, at, "weight", tenant.weight, 1, kTenantWeightMax);
    return has_quota;
  }

  void read_others(const YamlNode& root) {
    const YamlNode* node = root.find("others");
    if (node == nullptr) return;
    if (node->kind == YamlNode::Kind::kScalar && node->text == "refused") {
      policy_.others.reset();
    } else if (node->kind == YamlNode::Kind::kMap) {
      check_keys(*node, "others", kOthersKeys);
      read_rights(*node, "others", *policy_.others);
    } else {
      problem(*node, "others",
              fmt::format("expected refused, or keys and values such as \"quota: 0\", found {}",
                          describe(*node)));
    }
  }

  // --- rules ------------------------------------------------------------------------------------

  void read_fair_share(const YamlNode& root) {
    if (const YamlNode* node = group(root, "fair_share", "\"half_life: 7d\"")) {
      check_keys(*node, "fair_share", kFairShareKeys);
      read_scalar(*node, "fair_share", "half_life", policy_.fair_share.half_life,
                  [](std::string_view text) {
                    return parse_duration(text, kHalfLifeMin, kPolicyDurationMax);
                  });
      read_scalar(*node, "fair_share", "history", policy_.fair_share.history_percent,
                  parse_rule_percent);
    }
    if (const YamlNode* node = group(root, "backfill", "\"reservations: 8\"")) {
      check_keys(*node, "backfill", kBackfillKeys);
      read_whole(*node, "backfill", "reservations", policy_.backfill.reservations, 0,
                 kReservationsMax);
    }
  }

  void read_preemption(const YamlNode& root) {
    const YamlNode* node = group(root, "preemption", "\"runtime_min: 5m\"");
    if (node == nullptr) return;
    check_keys(*node, "preemption", kPreemptionKeys);
    PreemptionRules& rules = policy_.preemption;
    read_scalar(*node, "preemption", "by_priority", rules.by_priority, parse_bool);
    read_scalar(*node, "preemption", "reclaim", rules.reclaim, parse_bool);
    read_duration(*node, "preemption", "runtime_min", rules.runtime_min, kPolicyDurationMax);
    read_duration(*node, "preemption", "restart_cost", rules.restart_cost, kPolicyDurationMax);
  }

  /// Growing, and moving together.
  void read_movers(const YamlNode& root) {
    if (const YamlNode* node = group(root, "elastic", "\"grow: true\"")) {
      check_keys(*node, "elastic", kElasticKeys);
      ElasticRules& rules = policy_.elastic;
      read_scalar(*node, "elastic", "grow", rules.grow, parse_bool);
      read_duration(*node, "elastic", "grow_interval", rules.grow_interval, kPolicyDurationMax);
      read_scalar(*node, "elastic", "gain", rules.gain_percent, parse_rule_percent);
    }
    if (const YamlNode* node = group(root, "consolidation", "\"enabled: true\"")) {
      check_keys(*node, "consolidation", kConsolidationKeys);
      ConsolidationRules& rules = policy_.consolidation;
      read_scalar(*node, "consolidation", "enabled", rules.enabled, parse_bool);
      read_duration(*node, "consolidation", "move_cost", rules.move_cost, kPolicyDurationMax);
      read_duration(*node, "consolidation", "horizon", rules.horizon, kPolicyDurationMax);
    }
  }

  void read_ranking(const YamlNode& root) {
    const YamlNode* node = group(root, "ranking", "\"fragmentation: 100%\"");
    if (node == nullptr) return;
    check_keys(*node, "ranking", kRankingKeys);
    RankingRules& rules = policy_.ranking;
    read_scalar(*node, "ranking", "fragmentation", rules.fragmentation_percent, parse_rule_percent);
    read_scalar(*node, "ranking", "whole_accelerators", rules.whole_percent, parse_rule_percent);
    read_scalar(*node, "ranking", "types", rules.type_percent, parse_rule_percent);
    read_scalar(*node, "ranking", "empty_nodes", rules.empty_percent, parse_rule_percent);
  }

  void read_spares(const YamlNode& root) {
    const auto rules = list(root, "", "spares", "\"- {level: pod, count: 2}\"");
    if (rules.size() > kSpareRulesMax) {
      problem(*root.find("spares"), "spares",
              fmt::format("expected at most {} rules, found {}", kSpareRulesMax, rules.size()));
      return;
    }
    for (std::size_t i = 0; i < rules.size(); ++i) {
      const YamlNode& node = rules[i];
      const std::string at = fmt::format("spares[{}]", i);
      if (!is_map(node, at, "\"level: pod\"")) continue;
      check_keys(node, at, kSpareKeys);
      SpareRule rule;
      read_scalar(node, at, "level", rule.level, parse_spare_level);
      read_whole(node, at, "count", rule.count, 0, kSparesMax);
      read_scalar(node, at, "confidence", rule.confidence_ppm, parse_ppm);
      read_scalar(node, at, "failures", rule.failures,
                  [](std::string_view text) -> Result<std::optional<std::uint32_t>> {
                    if (text == "measured") return std::optional<std::uint32_t>();
                    const auto rate = parse_failure_rate(text);
                    if (!rate) return rate.error();
                    return std::optional(*rate);
                  });
      read_scalar(node, at, "repair", rule.repair, [](std::string_view text) {
        return parse_duration(text, seconds(1), kPolicyDurationMax);
      });
      if (rule.confidence_ppm >= 1'000'000) {
        problem(*node.find("confidence"), at, "expected less than 100%: no number is certain");
      }
      if (!policy_.spares) policy_.spares.emplace();
      policy_.spares->push_back(rule);
    }
  }

  void read_lending(const YamlNode& root) {
    std::string name;
    if (!read_scalar(root, "", "lend_spares", name, parse_name) || name.empty() || name == "none") {
      return;
    }
    const PriorityClass* found = find_class(policy_, name);
    if (found == nullptr || !found->preemptible) {
      problem(*root.find("lend_spares"), "lend_spares",
              fmt::format("expected a class of this policy whose jobs may be stopped "
                          "(preemptible: true), or none; found {}",
                          in_quotes(name)));
      return;
    }
    policy_.lend_spares = name;
  }

  Policy policy_;
  std::map<std::string, std::string> tenant_paths_;  ///< by name: where in the file it stands
};

}  // namespace

Result<Policy> parse_policy_file(std::string_view text, std::string_view source_name) {
  const auto root = parse_yaml(text, source_name, {.bytes_max = kPolicyFileBytesMax});
  if (!root) return root.error();
  return PolicyFileReader(source_name).read(*root);
}

}  // namespace mw
