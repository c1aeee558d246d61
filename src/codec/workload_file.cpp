#include "codec/workload_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>

#include "codec/units.h"
#include "codec/yaml_reader.h"
#include "codec/yaml_tree.h"

namespace mw {
namespace {

constexpr std::array<std::string_view, 12> kKeys = {
    "name",   "days",      "jobs",       "load",    "hours",   "sizes",
    "failed", "cancelled", "checkpoint", "classes", "tenants", "time_limits"};
constexpr std::array<std::string_view, 6> kSizeKeys = {"accelerators", "weight",    "durations",
                                                       "failed",       "cancelled", "checkpoint"};
constexpr std::array<std::string_view, 4> kDurationKeys = {"lognormal", "min", "max", "quantiles"};
constexpr std::array<std::string_view, 3> kPartKeys = {"weight", "median", "sigma"};
constexpr std::array<std::string_view, 2> kCheckpointKeys = {"interval", "cost"};
constexpr std::array<std::string_view, 2> kLimitKeys = {"known", "overestimate"};
constexpr std::size_t kHoursOfDay = 24;
constexpr std::size_t kHoursOfWeek = 168;
constexpr std::size_t kNamesMax = 10'000;

Result<std::int64_t> parse_weight(std::string_view text) {
  const auto weight = parse_decimal(text, 6, 0, kWorkloadWeightMax * LognormalPart::kWeightOne);
  if (weight) return *weight;
  return Error{
      ErrorCode::kInvalid,
      fmt::format("expected a weight from 0 to {}, with at most six decimals", kWorkloadWeightMax)};
}

/// "12.5%", in thousandths of a percent.
Result<std::int64_t> parse_share(std::string_view text) {
  if (text.ends_with('%')) {
    const auto share = parse_decimal(text.substr(0, text.size() - 1), 3, 0, kWholeShare);
    if (share) return *share;
  }
  return Error{ErrorCode::kInvalid, "expected a share from 0% to 100%, such as 12.5%"};
}

Result<Duration> parse_length(std::string_view text) {
  return parse_duration(text, Duration(1), kWorkloadLengthMax);
}

/// Reads one document into a WorkloadModel, gathering every problem on the way.
class WorkloadFileReader : private YamlReader {
 public:
  explicit WorkloadFileReader(std::string_view source_name) : YamlReader(source_name) {}

  Result<WorkloadModel> read(const YamlNode& root) {
    if (!is_map(root, "", "\"name: my-workload\"")) return failure();
    check_keys(root, "", kKeys);
    read_scalar(root, "", "name", model_.name, parse_name);
    read_whole(root, "", "days", model_.days, 1, kWorkloadDaysMax);
    read_rate(root);
    read_hours(root);
    read_ends(root, "", others_);
    read_sizes(root);
    read_names(root, "tenants", "\"research: 3\"", model_.tenants);
    read_names(root, "classes", "\"normal: 1\"", model_.classes);
    if (const YamlNode* limits = group(root, "time_limits", "\"known: 50%\"")) {
      check_keys(*limits, "time_limits", kLimitKeys);
      read_scalar(*limits, "time_limits", "known", model_.limits_known, parse_share);
      read_scalar(*limits, "time_limits", "overestimate", model_.limits_over_milli,
                  [](std::string_view text) { return parse_thousandths(text, 0, 1000); });
    }
    if (!good()) return failure();
    return std::move(model_);
  }

 private:
  void read_rate(const YamlNode& root) {
    const bool jobs = read_whole(root, "", "jobs", model_.jobs, 1, kWorkloadJobsMax);
    const bool load = read_scalar(root, "", "load", model_.load_milli, [](std::string_view text) {
      const auto read = parse_thousandths(text, 0, kWorkloadLoadMax);
      if (read && *read > 0) return read;
      return Result<std::int64_t>(Error{
          ErrorCode::kInvalid,
          fmt::format("expected a load over 0 and up to {}, such as 0.85", kWorkloadLoadMax)});
    });
    if (jobs != load) return;
    problem(jobs ? *root.find("load") : root, jobs ? "load" : "jobs",
            jobs ? "expected either jobs or load, found both"
                 : "expected how often jobs come: either jobs (so many in the days) or load (share "
                   "of the fleet), found neither");
  }

  void read_hours(const YamlNode& root) {
    const YamlNode* node = root.find("hours");
    if (node == nullptr) return;
    const auto values = list(root, "", "hours", "\"[1, 1, 2, 3]\"");
    if (node->kind != YamlNode::Kind::kList) return;
    if (values.size() != kHoursOfDay && values.size() != kHoursOfWeek) {
      problem(*node, "hours",
              fmt::format("expected {} weights, of the hours of a day, or {}, of a week; found {}",
                          kHoursOfDay, kHoursOfWeek, values.size()));
      return;
    }
    model_.hours.clear();
    for (const YamlNode& value : values) model_.hours.push_back(read_weight(value, "hours"));
    if (std::ranges::all_of(model_.hours, [](std::int64_t weight) { return weight == 0; }))
      problem(*node, "hours", "expected some weight over 0, found none");
  }

  std::int64_t read_weight(const YamlNode& node, std::string_view path) {
    const auto weight = node.kind == YamlNode::Kind::kScalar
                            ? parse_weight(node.text)
                            : Result<std::int64_t>(parse_weight("").error());
    if (weight) return *weight;
    problem(node, path, fmt::format("{}, found {}", weight.error().message, describe(node)));
    return 0;
  }

  /// How jobs end and what they save: of all, or of one size.
  void read_ends(const YamlNode& map, std::string_view at, SizeClass& size) {
    read_scalar(map, at, "failed", size.failed, parse_share);
    read_scalar(map, at, "cancelled", size.cancelled, parse_share);
    if (size.failed + size.cancelled > kWholeShare) {
      const YamlNode* node = map.find("cancelled");
      problem(node != nullptr ? *node : map, path(at, "cancelled"),
              "expected no more than 100% together with failed, found more");
    }
    const YamlNode* checkpoint = group(map, at, "checkpoint", "\"interval: 1h\"");
    if (checkpoint == nullptr) return;
    const std::string name = path(at, "checkpoint");
    check_keys(*checkpoint, name, kCheckpointKeys);
    read_duration(*checkpoint, name, "interval", size.checkpoint_interval, kWorkloadLengthMax);
    read_duration(*checkpoint, name, "cost", size.checkpoint_cost, kWorkloadLengthMax);
  }

  void read_sizes(const YamlNode& root) {
    const auto sizes =
        list(root, "", "sizes", "\"- {accelerators: 8, weight: 1, durations: ...}\"");
    if (sizes.empty() || sizes.size() > kWorkloadSizesMax) {
      const YamlNode* node = root.find("sizes");
      problem(node == nullptr ? root : *node, "sizes",
              fmt::format("expected 1 to {} sizes, found {}", kWorkloadSizesMax, sizes.size()));
      return;
    }
    bool weighty = false;
    for (std::size_t i = 0; i < sizes.size(); ++i) {
      read_size(sizes[i], fmt::format("sizes[{}]", i));
      weighty = weighty || (!model_.sizes.empty() && model_.sizes.back().weight > 0);
    }
    if (!weighty) problem(*root.find("sizes"), "sizes", "expected some weight over 0, found none");
  }

  void read_size(const YamlNode& node, const std::string& at) {
    if (!is_map(node, at, "\"accelerators: 8\"")) return;
    check_keys(node, at, kSizeKeys);
    SizeClass size = others_;
    if (!read_whole(node, at, "accelerators", size.accelerators, 1, kWorkloadAcceleratorsMax))
      problem(node, path(at, "accelerators"), "expected a whole number of them, found nothing");
    read_scalar(node, at, "weight", size.weight, parse_weight);
    read_ends(node, at, size);
    if (!model_.sizes.empty() && model_.sizes.back().accelerators >= size.accelerators) {
      problem(node, path(at, "accelerators"),
              fmt::format("expected more than the {} of the size before it, found {}",
                          model_.sizes.back().accelerators, size.accelerators));
    }
    const YamlNode* durations =
        group(node, at, "durations", "\"lognormal: [{median: 10m, sigma: 1.5}]\"");
    if (durations != nullptr) {
      read_durations(*durations, path(at, "durations"), size.durations);
    } else if (node.find("durations") == nullptr) {
      problem(node, path(at, "durations"), "expected how long such jobs run, found nothing");
    }
    model_.sizes.push_back(std::move(size));
  }

  void read_durations(const YamlNode& node, const std::string& at, DurationModel& model) {
    check_keys(node, at, kDurationKeys);
    const YamlNode* lognormal = node.find("lognormal");
    const YamlNode* quantiles = node.find("quantiles");
    if ((lognormal == nullptr) == (quantiles == nullptr)) {
      problem(node, at,
              fmt::format("expected either lognormal or quantiles, found {}",
                          lognormal == nullptr ? "neither" : "both"));
      return;
    }
    if (quantiles != nullptr) {
      for (const std::string_view key : {"min", "max"}) {
        if (const YamlNode* limit = node.find(key))
          problem(*limit, path(at, key), "expected only with lognormal, found it with quantiles");
      }
      read_quantiles(node, at, model);
      return;
    }
    read_scalar(node, at, "min", model.min, parse_length);
    read_scalar(node, at, "max", model.max, parse_length);
    if (model.max < model.min) problem(node, path(at, "max"), "expected at least min, found less");
    const auto parts = list(node, at, "lognormal", "\"[{median: 10m, sigma: 1.5}]\"");
    if (parts.empty() || parts.size() > kWorkloadPartsMax) {
      problem(*lognormal, path(at, "lognormal"),
              fmt::format("expected 1 to {} parts, found {}", kWorkloadPartsMax, parts.size()));
    }
    std::int64_t sum = 0;
    for (const YamlNode& part : parts) {
      const std::string name = path(at, "lognormal");
      LognormalPart one;
      if (!is_map(part, name, "\"median: 10m\"")) continue;
      check_keys(part, name, kPartKeys);
      read_scalar(part, name, "weight", one.weight, parse_weight);
      if (!read_scalar(part, name, "median", one.median, parse_length))
        problem(part, path(name, "median"), "expected a length such as 10m, found nothing");
      read_scalar(part, name, "sigma", one.sigma_milli, [](std::string_view text) {
        return parse_thousandths(text, 0, kWorkloadSigmaMax);
      });
      sum += one.weight / LognormalPart::kWeightOne + (one.weight > 0 ? 1 : 0);
      model.lognormal.push_back(one);
    }
    if (sum == 0 && !parts.empty())
      problem(*lognormal, path(at, "lognormal"), "expected some weight over 0, found none");
  }

  void read_quantiles(const YamlNode& node, const std::string& at, DurationModel& model) {
    const std::string name = path(at, "quantiles");
    const YamlNode* map = group(node, at, "quantiles", "\"0: 10s, 50: 5m, 100: 7d\"");
    if (map == nullptr) return;
    for (std::size_t i = 0; i < map->keys.size(); ++i) {
      QuantilePoint point;
      const auto percent = parse_decimal(map->keys[i], 3, 0, kWholeShare);
      if (!percent) {
        problem(
            map->key_positions[i], name,
            fmt::format("expected a percent from 0 to 100 with at most three decimals, found {}",
                        in_quotes(map->keys[i])));
        return;
      }
      point.at = *percent;
      read_scalar(*map, name, map->keys[i], point.length, parse_length);
      if (!model.quantiles.empty() &&
          (point.at <= model.quantiles.back().at || point.length < model.quantiles.back().length)) {
        problem(map->key_positions[i], name,
                "expected percents that rise and lengths that do not fall, found otherwise");
        return;
      }
      model.quantiles.push_back(point);
    }
    if (model.quantiles.size() < 2 || model.quantiles.size() > kWorkloadPartsMax ||
        model.quantiles.front().at != 0 || model.quantiles.back().at != kWholeShare) {
      problem(*map, name,
              fmt::format("expected 2 to {} points, the first at 0 and the last at 100, found {}",
                          kWorkloadPartsMax, model.quantiles.size()));
    }
  }

  void read_names(const YamlNode& root, std::string_view key, std::string_view example,
                  std::vector<NamedWeight>& names) {
    const YamlNode* map = group(root, key, example);
    if (map == nullptr) return;
    if (map->keys.empty() || map->keys.size() > kNamesMax) {
      problem(*map, key,
              fmt::format("expected 1 to {} names, found {}", kNamesMax, map->keys.size()));
      return;
    }
    bool weighty = false;
    for (std::size_t i = 0; i < map->keys.size(); ++i) {
      const auto name = parse_name(map->keys[i]);
      if (!name) {
        problem(map->key_positions[i], key,
                fmt::format("{}, found {}", name.error().message, in_quotes(map->keys[i])));
      }
      names.push_back({map->keys[i], read_weight(map->children[i], path(key, map->keys[i]))});
      weighty = weighty || names.back().weight > 0;
    }
    if (!weighty) problem(*map, key, "expected some weight over 0, found none");
  }

  WorkloadModel model_;
  SizeClass others_;  ///< what sizes are that do not say otherwise
};

std::string weight_text(std::int64_t weight) { return write_decimal(weight, 6); }
std::string share_text(std::int64_t share) { return write_decimal(share, 3) + "%"; }

void write_names(std::string& text, std::string_view key, const std::vector<NamedWeight>& names) {
  if (names.empty()) return;
  text += fmt::format("{}:\n", key);
  for (const NamedWeight& one : names)
    text += fmt::format("  \"{}\": {}\n", one.name, weight_text(one.weight));
}

void write_durations(std::string& text, const DurationModel& model) {
  std::string inner;
  if (!model.quantiles.empty()) {
    for (const QuantilePoint& point : model.quantiles) {
      inner += fmt::format("{}{}: {}", inner.empty() ? "" : ", ", write_decimal(point.at, 3),
                           write_duration(point.length));
    }
    text += fmt::format("    durations:\n      quantiles: {{{}}}\n", inner);
    return;
  }
  for (const LognormalPart& part : model.lognormal) {
    inner += fmt::format("{}{{weight: {}, median: {}, sigma: {}}}", inner.empty() ? "" : ", ",
                         weight_text(part.weight), write_duration(part.median),
                         write_thousandths(part.sigma_milli));
  }
  text += fmt::format("    durations:\n      lognormal: [{}]\n      min: {}\n      max: {}\n",
                      inner, write_duration(model.min), write_duration(model.max));
}

}  // namespace

Result<WorkloadModel> parse_workload_file(std::string_view text, std::string_view source_name) {
  const auto root = parse_yaml(text, source_name, {.bytes_max = kWorkloadFileBytesMax});
  if (!root) return root.error();
  return WorkloadFileReader(source_name).read(*root);
}

std::string write_workload_file(const WorkloadModel& model, std::string_view comment) {
  std::string text;
  while (!comment.empty()) {
    const std::size_t end = comment.find('\n');
    text += fmt::format("# {}\n", comment.substr(0, end));
    comment = end == std::string_view::npos ? std::string_view() : comment.substr(end + 1);
  }
  if (!model.name.empty()) text += fmt::format("name: \"{}\"\n", model.name);
  text += fmt::format("days: {}\n", model.days);
  text += model.jobs > 0 ? fmt::format("jobs: {}\n", model.jobs)
                         : fmt::format("load: {}\n", write_thousandths(model.load_milli));
  if (model.hours.size() > 1) {
    text += "hours: [";
    for (std::size_t i = 0; i < model.hours.size(); ++i) {
      text += i == 0 ? "" : i % kHoursOfDay == 0 ? ",\n        " : ", ";
      text += weight_text(model.hours[i]);
    }
    text += "]\n";
  }
  text += "sizes:\n";
  for (const SizeClass& size : model.sizes) {
    text += fmt::format(
        "  - accelerators: {}\n    weight: {}\n    failed: {}\n    cancelled: {}\n"
        "    checkpoint: {{interval: {}, cost: {}}}\n",
        size.accelerators, weight_text(size.weight), share_text(size.failed),
        share_text(size.cancelled), write_duration(size.checkpoint_interval),
        write_duration(size.checkpoint_cost));
    write_durations(text, size.durations);
  }
  write_names(text, "tenants", model.tenants);
  write_names(text, "classes", model.classes);
  text += fmt::format("time_limits: {{known: {}, overestimate: {}}}\n",
                      share_text(model.limits_known), write_thousandths(model.limits_over_milli));
  return text;
}

}  // namespace mw
