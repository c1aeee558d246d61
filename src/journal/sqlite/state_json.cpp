#include "journal/sqlite/state_json.h"

#include <algorithm>
#include <boost/json/monotonic_resource.hpp>
#include <limits>
#include <set>
#include <utility>

#include "codec/event_json.h"
#include "codec/json.h"

namespace mw::sqlite {
namespace {

using json_detail::Key;

/// Fields that grow with the work there is, and are cut between elements.
template <class T>
inline constexpr bool kIsLong = false;
template <class T>
inline constexpr bool kIsLong<JobTable<T>> = true;
template <class T>
inline constexpr bool kIsLong<JobMap<T>> = true;
template <class T>
inline constexpr bool kIsLong<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsLong<std::deque<T>> = true;
template <class V>
inline constexpr bool kIsLong<std::map<JobId, V>> = true;
template <>
inline constexpr bool kIsLong<FaultTable> = true;

/// Writes pieces, each an object that holds some of the fields or a part of one.
class PieceWriter {
 public:
  PieceWriter(std::size_t bytes, const std::function<bool(const std::string&)>& sink)
      : bytes_(bytes), sink_(sink) {
    out_.reserve(std::min<std::size_t>(bytes, 1U << 20U));
  }

  template <class T>
  void whole(std::string_view key, const T& value) {
    begin_field(key);
    append_json(out_, value);
    cut_if_long({});
  }

  template <class T>
  void list(std::string_view key, const JobTable<T>& table) {
    begin_list(key);
    table.visit(JobId(), [&](const T& value) {
      element(key, value);
      return more_;
    });
    out_.push_back(']');
  }
  template <class V>
  void list(std::string_view key, const std::map<JobId, V>& map) {
    pairs(key, map);
  }
  void list(std::string_view key, const FaultTable& faults) { pairs(key, faults); }
  template <class V>
  void list(std::string_view key, const JobMap<V>& map) {
    pairs(key, map);
  }
  template <class Map>
  void pairs(std::string_view key, const Map& map) {
    begin_list(key);
    for (const auto& [id, value] : map) {
      separate();
      out_.push_back('[');
      append_json(out_, id);
      out_.push_back(',');
      append_json(out_, value);
      out_.push_back(']');
      cut_if_long(key);
      if (!more_) break;
    }
    out_.push_back(']');
  }
  template <class List>
  void list(std::string_view key, const List& values) {
    begin_list(key);
    for (const auto& value : values) {
      element(key, value);
      if (!more_) break;
    }
    out_.push_back(']');
  }

  void finish() {
    if (more_ && out_ != "{") emit();
  }

 private:
  void separate() {
    if (out_.back() != '[' && out_.back() != '{') out_.push_back(',');
  }
  void begin_field(std::string_view key) {
    separate();
    out_.append("\"").append(key).append("\":");
  }
  void begin_list(std::string_view key) {
    begin_field(key);
    out_.push_back('[');
  }
  template <class T>
  void element(std::string_view key, const T& value) {
    separate();
    append_json(out_, value);
    cut_if_long(key);
  }
  /// `list`: the one that we are in, which goes on in the next piece; empty: none.
  void cut_if_long(std::string_view list) {
    if (!more_ || out_.size() < bytes_) return;
    if (!list.empty()) out_.push_back(']');
    emit();
    if (!list.empty()) begin_list(list);
  }
  void emit() {
    out_.push_back('}');
    more_ = sink_(out_);
    out_ = "{";
  }

  std::size_t bytes_;
  const std::function<bool(const std::string&)>& sink_;
  std::string out_ = "{";
  bool more_ = true;
};

/// Adds the elements of one piece to a list.
class PieceReader {
 public:
  explicit PieceReader(std::string_view field) : place_{nullptr, field, 0} {}

  template <class T>
  bool whole(const boost::json::value& in, T& out) {
    return reader_.read(in, place_, out);
  }

  template <class T>
  bool list(const boost::json::value& in, JobTable<T>& out) {
    std::vector<T> values;
    if (!reader_.read(in, place_, values)) return false;
    for (T& value : values) {
      const JobId id = value.id;
      if (out.find(id) != nullptr) {
        return reader_.fail(place_, "job " + std::to_string(id.value()) + " is there twice");
      }
      out.insert(id, std::move(value));
    }
    return true;
  }
  template <class V>
  bool list(const boost::json::value& in, std::map<JobId, V>& out) {
    std::map<JobId, V> values;
    if (!reader_.read(in, place_, values)) return false;
    out.merge(values);
    if (values.empty()) return true;
    return reader_.fail(place_,
                        "job " + std::to_string(values.begin()->first.value()) + " is there twice");
  }
  bool list(const boost::json::value& in, FaultTable& out) {
    FaultTable values;
    if (!reader_.read(in, place_, values)) return false;
    out.merge(values);
    return values.empty() || reader_.fail(place_, "a place is there twice");
  }
  template <class V>
  bool list(const boost::json::value& in, JobMap<V>& out) {
    std::map<JobId, V> values;
    if (!reader_.read(in, place_, values)) return false;
    for (auto& [id, value] : values) {
      if (out.emplace(id, std::move(value)).second) continue;
      return reader_.fail(place_, "job " + std::to_string(id.value()) + " is there twice");
    }
    return true;
  }
  template <class List>
  bool list(const boost::json::value& in, List& out) {
    List values;
    if (!reader_.read(in, place_, values)) return false;
    out.insert(out.end(), std::make_move_iterator(values.begin()),
               std::make_move_iterator(values.end()));
    return true;
  }

  bool fail(std::string_view what) { return reader_.fail(place_, what); }
  Error take_error() { return reader_.take_error(); }

 private:
  json_detail::Place place_;
  json_detail::Reader reader_;
};

Error damaged(std::string what) { return {ErrorCode::kInvalid, std::move(what)}; }
std::string job_name(JobId job) { return "job " + std::to_string(job.value()); }

Result<void> check_placement(const State& state, const std::string& whose,
                             const Placement& placement) {
  for (const NodeSlice& slice : placement) {
    if (slice.node.value() >= state.nodes.size())
      return damaged(whose + " is on a node that is not there");
    for (const DeviceShare& device : slice.devices) {
      if (device.device >= state.topology->shape(slice.node).accelerators) {
        return damaged(whose + " is on a device that is not there");
      }
    }
  }
  return {};
}

/// That the fleet can be unfolded, so that everything else can be held against it.
Result<void> check_fleet(const FleetSource& fleet) {
  std::uint64_t nodes = 0;
  std::set<std::string> names;
  if (fleet.declared) {
    const std::string fault = fault_of(*fleet.declared);
    if (!fault.empty()) return damaged("the fleet is unsound: " + fault);
    for (const SiteSpec& site : fleet.declared->sites) {
      for (const BlockSpec& block : site.blocks) nodes += std::uint64_t{block.nodes} * block.count;
    }
  }
  std::optional<NodeId> before;
  for (const DescribedNode& each : fleet.described) {
    const bool sound = each.node.value() <= nodes && (!before || *before < each.node) &&
                       each.spec.accelerators <= kUnfoldedAcceleratorsMax &&
                       each.spec.cpus.count() >= 0 && each.spec.memory.count() >= 0 &&
                       each.spec.cpus.count() <= std::numeric_limits<std::int32_t>::max() &&
                       names.insert(each.spec.name).second;
    if (!sound) return damaged("node " + std::to_string(each.node.value()) + " is unsound");
    if (each.node.value() == nodes) ++nodes;
    before = each.node;
  }
  return {};
}

/// The same of what is remembered of failures.
Result<void> check_resilience(const State& state) {
  const Resilience& memory = state.resilience;
  const auto is_node = [&](NodeId node) { return node.value() < state.nodes.size(); };
  for (const auto& [job, gap] : memory.gaps) {
    const bool nodes = std::all_of(gap.lost.begin(), gap.lost.end(),
                                   [&](const LostSlice& lost) { return is_node(lost.node); });
    if (!state.holds.contains(job) || gap.lost.empty() || !nodes)
      return damaged("what " + job_name(job) + " has lost is unsound");
  }
  for (const auto& [job, history] : memory.crashes) {
    const bool suspects = !history.suspects || std::ranges::all_of(*history.suspects, is_node);
    if (state.jobs.find(job) == nullptr || !suspects ||
        !std::ranges::all_of(history.nodes, is_node))
      return damaged("the failures of " + job_name(job) + " are unsound");
  }
  for (const auto& [job, pace] : memory.paces) {
    const auto attempt = state.attempts.find(job);
    const auto ranks = attempt == state.attempts.end() ? 0 : attempt->second.exited.size();
    if (ranks == 0 || (!pace.rounds.empty() && pace.rounds.rbegin()->first.value() >= ranks))
      return damaged("the pace of " + job_name(job) + " is unsound");
  }
  const auto has_ranks = [&](JobId job, const auto& pieces) {
    const auto attempt = state.attempts.find(job);
    return attempt != state.attempts.end() && std::ranges::all_of(pieces, [&](const auto& each) {
             return std::uint64_t{each.first_rank} + each.tasks <= attempt->second.exited.size();
           });
  };
  for (const auto& [job, leaving] : memory.leaving) {
    const bool nodes = std::ranges::all_of(leaving.lost, is_node, &LostSlice::node);
    if (!nodes || !has_ranks(job, leaving.lost))
      return damaged("what leaves of " + job_name(job) + " is unsound");
  }
  for (const auto& [job, kept] : memory.kept) {
    if (!has_ranks(job, kept)) return damaged("what is kept of " + job_name(job) + " is unsound");
  }
  const auto unknown = [&](const auto& nodes) {
    return std::ranges::any_of(nodes, [&](const auto& each) { return !is_node(each.first); });
  };
  if (unknown(memory.node_crashes) || unknown(memory.incidents) ||
      !std::ranges::all_of(memory.spares, is_node)) {
    return damaged("something is remembered of a node that is not there");
  }
  return {};
}

/// That everything named in the state is in it, so that nothing looks for what is not there.
Result<void> check_references(const State& state) {
  if (state.topology->size() != state.nodes.size()) {
    return damaged("the fleet has " + std::to_string(state.topology->size()) + " nodes, and " +
                   std::to_string(state.nodes.size()) + " are in the state");
  }
  for (std::size_t i = 0; i < state.nodes.size(); ++i) {
    if (state.nodes[i].id.value() != i)
      return damaged("nodes[" + std::to_string(i) + "] has another id");
  }
  Result<void> result;
  state.jobs.visit(JobId(), [&](const Job& job) {
    if (state.records.count(job.record) == 0) result = damaged(job_name(job.id) + " has no record");
    return result.ok();
  });
  for (const auto& [id, attempt] : state.attempts) {
    if (attempt.job != id || state.jobs.find(id) == nullptr)
      return damaged("an attempt of " + job_name(id) + ", which is not there");
    if (const auto placed = check_placement(state, job_name(id), attempt.placement); !placed)
      return placed;
  }
  for (const auto& [id, hold] : state.holds) {
    if (hold.job != id || state.jobs.find(id) == nullptr)
      return damaged("a hold for " + job_name(id) + ", which is not there");
    if (const auto placed = check_placement(state, job_name(id), hold.placement); !placed)
      return placed;
  }
  for (const auto& [node, remedy] : state.health.remedies) {
    if (node.value() >= state.nodes.size()) return damaged("a remedy of a node that is not there");
  }
  for (const auto& [node, until] : state.health.watched) {
    if (node.value() >= state.nodes.size()) return damaged("a node is watched that is not there");
  }
  if (const auto known = check_resilience(state); !known) return known;
  for (const JobId id : state.finished) {
    if (state.jobs.find(id) == nullptr)
      return damaged("finished " + job_name(id) + " is not there");
  }
  return result;
}

template <class T>
std::string row_of(const T& value) {
  std::string out;
  append_json(out, value);
  return out;
}

template <class T>
Result<T> parse_row(std::string_view row) {
  unsigned char buffer[8192];
  boost::json::monotonic_resource memory(buffer, sizeof buffer);
  const auto tree =
      parse_json(row, {.bytes_max = kRowBytesMax, .any_bytes = true, .storage = &memory});
  if (!tree.ok()) return tree.error();
  return from_json<T>(*tree);
}

}  // namespace

void write_state(const State& state, std::size_t chunk_bytes,
                 const std::function<bool(const std::string& chunk)>& sink) {
  PieceWriter writer(chunk_bytes, sink);
  const auto fields = state.field_references();
  const auto one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
    constexpr std::string_view key = Key<State, I>::plain();
    if constexpr (kIsLong<json_detail::FieldType<State, I>>)
      writer.list(key, std::get<I>(fields));
    else
      writer.whole(key, std::get<I>(fields));
  };
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    (one(std::integral_constant<std::size_t, I>()), ...);
  }
  (std::make_index_sequence<kFieldCount<State>>());
  writer.finish();
}

Result<void> StateReader::add(std::string_view chunk) {
  boost::json::monotonic_resource memory(chunk.size() * 2 + 4096);
  const auto tree =
      parse_json(chunk, {.bytes_max = kRowBytesMax, .any_bytes = true, .storage = &memory});
  if (!tree.ok()) return tree.error();
  if (!tree->is_object()) return damaged("a piece of the state is not an object");
  auto fields = state_.field_references();
  for (const auto& pair : tree->get_object()) {
    const std::string_view key = pair.key();
    PieceReader reader(key);
    bool known = false;
    bool ok = false;
    const auto one = [&]<std::size_t I>(std::integral_constant<std::size_t, I>) {
      if (key != Key<State, I>::plain()) return false;
      known = true;
      if constexpr (kIsLong<json_detail::FieldType<State, I>>)
        ok = reader.list(pair.value(), std::get<I>(fields));
      else
        ok = seen_[I] ? reader.fail("is there twice")
                      : reader.whole(pair.value(), std::get<I>(fields));
      seen_[I] = true;
      return true;
    };
    [&]<std::size_t... I>(std::index_sequence<I...>) {
      (void)(one(std::integral_constant<std::size_t, I>()) || ...);
    }
    (std::make_index_sequence<kFieldCount<State>>());
    if (!known) return damaged("the state has no field \"" + std::string(key.substr(0, 40)) + "\"");
    if (!ok) return reader.take_error();
  }
  return {};
}

Result<State> StateReader::finish() {
  for (std::size_t i = 0; i < seen_.size(); ++i) {
    if (!seen_[i])
      return damaged("the field \"" + std::string(json_detail::kKeys<State>[i]) + "\" is missing");
  }
  if (const Result<void> fleet = check_fleet(state_.fleet); !fleet) return fleet.error();
  state_.topology.replace(make_topology(state_.fleet));
  if (const Result<void> whole = check_references(state_); !whole) return whole.error();
  rebuild_indexes(state_);
  return std::move(state_);
}

std::string job_row(const Job& job) { return row_of(job); }
Result<Job> parse_job_row(std::string_view row) { return parse_row<Job>(row); }
std::string spec_row(const JobSpec& spec) { return row_of(spec); }
Result<JobSpec> parse_spec_row(std::string_view row) { return parse_row<JobSpec>(row); }

std::uint64_t digest_of(std::string_view text) {
  std::uint64_t digest = 0xCBF29CE484222325U;
  for (const char c : text) digest = (digest ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  return digest;
}

}  // namespace mw::sqlite
