#include "twin/faults.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "codec/scenario_file.h"
#include "twin/portable_math.h"
#include "twin/trace_codes.h"

namespace mw {
namespace {

/// A stream for each name. Source: FNV-1a, 64 bits.
Random stream_of(std::uint64_t seed, std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char byte : name) {
    hash = (hash ^ static_cast<unsigned char>(byte)) * 0x100000001B3U;
  }
  return Random(Random(seed).next() ^ hash).fork();
}

Instant end_of(Duration length) {
  return length.count() > 0 ? Instant() + length : Instant::never();
}

/// Faults of one kind: with a rate for each group, and the groups independent of one another, the
/// next one comes at the sum of the rates and strikes any of them.
class PoissonFaults final : public FaultSource {
 public:
  PoissonFaults(const FaultComponent& component, std::shared_ptr<const FaultGroups> groups,
                std::uint64_t seed, Duration length)
      : component_(component),
        groups_(std::move(groups)),
        random_(stream_of(seed, component.name)),
        end_(end_of(length)) {
    constexpr double kRateUnit = 8.64e13 * 1000 * 1e6;  // a millionth in a thousand days, in ns
    const double rate = static_cast<double>(component.rate) * static_cast<double>(groups_->size());
    if (rate > 0) gap_ = kRateUnit / rate;
  }

  std::optional<NodeFault> next() override {
    if (gap_ == 0 || at_ == Instant::never()) return std::nullopt;
    const double gap = exponential(random_) * gap_;
    constexpr double kFar = 9e18;  // an Instant ends a little later
    at_ = gap < kFar ? at_ + Duration(static_cast<std::int64_t>(gap)) : Instant::never();
    if (at_ == Instant::never() || at_ > end_) {
      at_ = Instant::never();
      return std::nullopt;
    }
    NodeFault fault;
    fault.at = at_;
    const auto nodes = groups_->nodes(random_.below(groups_->size()));
    fault.nodes.assign(nodes.begin(), nodes.end());
    fault.effect = component_.effect;
    fault.speed_milli = component_.speed_milli;
    fault.component = component_.name;
    fault.code = component_.code;
    fault.mended_by = component_.mended_by;
    if (component_.effect != FaultEffect::kTask && component_.effect != FaultEffect::kNone)
      fault.repair = draw_repair(component_.repair, random_);
    return fault;
  }

 private:
  const FaultComponent component_;
  const std::shared_ptr<const FaultGroups> groups_;
  Random random_;
  const Instant end_;
  double gap_ = 0;  ///< mean, in ns; 0: there are none
  Instant at_;
};

/// Window number n of all is at every x n / groups, and of group n modulo their number.
class PlannedFaults final : public FaultSource {
 public:
  PlannedFaults(const MaintenancePlan& plan, std::shared_ptr<const FaultGroups> groups,
                Duration length)
      : plan_(plan), groups_(std::move(groups)), end_(end_of(length)) {}

  std::optional<NodeFault> next() override {
    if (groups_->size() == 0) return std::nullopt;
    const Int128 at =
        Int128{plan_.every.count()} * (number_ + 1) / static_cast<std::int64_t>(groups_->size());
    if (at >= std::numeric_limits<std::int64_t>::max()) return std::nullopt;
    NodeFault fault;
    fault.at = Instant(static_cast<std::int64_t>(at));
    fault.notice = std::min(plan_.notice, fault.at - Instant());
    if (fault.known_at() > end_) return std::nullopt;
    const auto nodes = groups_->nodes(static_cast<std::size_t>(number_) % groups_->size());
    fault.nodes.assign(nodes.begin(), nodes.end());
    fault.repair = plan_.window;
    fault.component = plan_.name;
    fault.planned = true;
    ++number_;
    return fault;
  }

 private:
  const MaintenancePlan plan_;
  const std::shared_ptr<const FaultGroups> groups_;
  const Instant end_;
  std::int64_t number_ = 0;
};

class ReplayedFaults final : public FaultSource {
 public:
  ReplayedFaults(const FaultTrace& trace, std::uint32_t nodes, const Topology& topology,
                 std::uint64_t seed, Duration length, ReplayAs as)
      : trace_(trace), as_(as), end_(end_of(length)) {
    const std::vector<std::uint32_t> places = dealt_places(nodes, seed);
    const std::uint32_t copies = (topology.size() + nodes - 1) / nodes;
    for (std::uint32_t copy = 0; copy < copies; ++copy) {
      const auto shift = static_cast<std::int64_t>(Int128{trace.length.count()} * copy / copies);
      for (std::uint32_t i = 0; i < trace.faults.size(); ++i) {
        const TraceFault& fault = trace.faults[i];
        const std::uint64_t position = std::uint64_t{copy} * nodes + places[fault.node];
        if (position >= topology.size()) continue;
        std::int64_t at = fault.at.count() + shift;
        if (copy > 0 && at >= trace.length.count()) at -= trace.length.count();
        entries_.push_back({Duration(at), topology.at(static_cast<Position>(position)), i});
      }
    }
    std::stable_sort(entries_.begin(), entries_.end(),
                     [](const Entry& a, const Entry& b) { return a.at < b.at; });
  }

  std::optional<NodeFault> next() override {
    if (entries_.empty()) return std::nullopt;
    const Entry& entry = entries_[next_];
    const TraceFault& of = trace_.faults[entry.fault];
    NodeFault fault;
    fault.at = round_ + entry.at;
    if (fault.at == Instant::never() || fault.at > end_) return std::nullopt;
    fault.nodes = {entry.node};
    fault.repair = of.repair;
    fault.component = of.component;
    if (as_ == ReplayAs::kTold) {
      const TraceCode& known = code_of(of);
      fault.code = known.code;
      fault.effect = known.effect;
    }
    if (++next_ == entries_.size()) {
      next_ = 0;
      round_ = round_ + trace_.length;
    }
    return fault;
  }

 private:
  struct Entry {
    Duration at;
    NodeId node;
    std::uint32_t fault;
  };

  /// For each node of the trace its place among those that were watched: a shuffle, for nodes that
  /// fail are not neighbours because they failed one after the other.
  static std::vector<std::uint32_t> dealt_places(std::uint32_t nodes, std::uint64_t seed) {
    std::vector<std::uint32_t> places(nodes);
    for (std::uint32_t i = 0; i < nodes; ++i) places[i] = i;
    Random random = stream_of(seed, "replay");
    for (std::uint32_t i = nodes; i > 1; --i) std::swap(places[i - 1], places[random.below(i)]);
    return places;
  }

  const FaultTrace trace_;
  const ReplayAs as_;
  const Instant end_;
  std::vector<Entry> entries_;
  std::size_t next_ = 0;
  Instant round_;
};

/// Several sources as one; of equal times the first source's comes first.
class MergedFaults final : public FaultSource {
 public:
  explicit MergedFaults(std::vector<std::unique_ptr<FaultSource>> sources)
      : sources_(std::move(sources)) {
    for (const auto& source : sources_) heads_.push_back(source->next());
  }

  std::optional<NodeFault> next() override {
    std::optional<std::size_t> first;
    for (std::size_t i = 0; i < heads_.size(); ++i) {
      if (heads_[i] && (!first || heads_[i]->known_at() < heads_[*first]->known_at())) first = i;
    }
    if (!first) return std::nullopt;
    return std::exchange(heads_[*first], sources_[*first]->next());
  }

 private:
  std::vector<std::unique_ptr<FaultSource>> sources_;
  std::vector<std::optional<NodeFault>> heads_;
};

}  // namespace

Duration draw_repair(const RepairTime& repair, Random& random) {
  const double part = uniform(random);
  if (!repair.quantiles.empty()) {
    const double place = part * static_cast<double>(repair.quantiles.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const auto low = static_cast<double>(repair.quantiles[below].count());
    const auto high = static_cast<double>(repair.quantiles[below + 1].count());
    return Duration(static_cast<std::int64_t>(low + (high - low) * (place - double(below))));
  }
  if (repair.mean <= repair.median) return repair.median;
  // The mean of a lognormal is its median times e^(sigma^2 / 2).
  const auto median = static_cast<double>(repair.median.count());
  const double sigma =
      std::sqrt(2 * portable_log(static_cast<double>(repair.mean.count()) / median));
  const double drawn = median * portable_exp(sigma * normal_quantile(part));
  return Duration(
      static_cast<std::int64_t>(std::min(drawn, static_cast<double>(kRepairMax.count()))));
}

std::unique_ptr<FaultSource> replayed_faults(const FaultTrace& trace, std::uint32_t nodes,
                                             const Topology& topology, std::uint64_t seed,
                                             Duration length, ReplayAs as) {
  MW_CHECK(trace.nodes <= nodes && trace.length.count() > 0);
  return std::make_unique<ReplayedFaults>(trace, nodes, topology, seed, length, as);
}

Result<std::unique_ptr<FaultSource>> open_faults(const FaultSpec& spec, const Topology& topology,
                                                 std::uint64_t seed, Duration length) {
  std::map<FaultScope, std::shared_ptr<const FaultGroups>> groups;
  const auto groups_of = [&](FaultScope scope) {
    auto& known = groups[scope];
    if (!known) known = std::make_shared<const FaultGroups>(topology, scope);
    return known;
  };
  std::vector<std::unique_ptr<FaultSource>> sources;
  for (const FaultComponent& component : spec.components) {
    sources.push_back(
        std::make_unique<PoissonFaults>(component, groups_of(component.scope), seed, length));
  }
  for (const MaintenancePlan& plan : spec.maintenance) {
    sources.push_back(std::make_unique<PlannedFaults>(plan, groups_of(plan.scope), length));
  }
  if (spec.replay) {
    const auto trace = read_fault_trace(spec.replay->file);
    if (!trace) return trace.error();
    if (trace->nodes > spec.replay->nodes || trace->length.count() == 0) {
      return Error{
          ErrorCode::kInvalid,
          spec.replay->file + ": " +
              (trace->length.count() == 0
                   ? "expected faults over some time, found all of them at 0"
                   : "expected faults of at most the " + std::to_string(spec.replay->nodes) +
                         " nodes that were watched, found those of " +
                         std::to_string(trace->nodes))};
    }
    sources.push_back(replayed_faults(*trace, spec.replay->nodes, topology, seed, length,
                                      spec.replay->codes ? ReplayAs::kTold : ReplayAs::kDown));
  }
  return std::unique_ptr<FaultSource>(std::make_unique<MergedFaults>(std::move(sources)));
}

}  // namespace mw
