#include "codec/fault_trace.h"

#include <fmt/format.h>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <deque>
#include <map>
#include <tuple>
#include <utility>

#include "codec/csv.h"
#include "codec/json.h"
#include "codec/units.h"

namespace mw {
namespace {

constexpr double kNsPerDay = 8.64e13;

std::string found(const boost::json::value* value) {
  if (value == nullptr) return "nothing";
  switch (value->kind()) {
    case boost::json::kind::null:
      return "null";
    case boost::json::kind::bool_:
      return value->get_bool() ? "true" : "false";
    case boost::json::kind::string:
      return in_quotes(std::string_view(value->get_string()));
    case boost::json::kind::array:
      return "a list";
    case boost::json::kind::object:
      return "an object";
    default:
      return fmt::format("{}", value->to_number<double>());
  }
}

/// One element of the list; keeps its first problem.
class EventReader {
 public:
  EventReader(const boost::json::value& event, std::size_t index, const std::string& file)
      : file_(file), index_(index), event_(event.if_object()) {
    if (event_ == nullptr) wrong("", "an object with node_id, event_time, ...", &event);
  }

  std::string text(std::string_view field, const boost::json::object* of = nullptr,
                   std::string_view inside = "") {
    const boost::json::value* value = find(of == nullptr ? event_ : of, field);
    const boost::json::string* string = value == nullptr ? nullptr : value->if_string();
    if (string != nullptr && !string->empty() && string->size() <= kFaultTextMax)
      return std::string(std::string_view(*string));
    wrong(fmt::format("{}{}", inside, field), fmt::format("1 to {} characters", kFaultTextMax),
          value);
    return "";
  }
  Duration days(std::string_view field) {
    const boost::json::value* value = find(event_, field);
    if (value != nullptr && value->is_number()) {
      const double number = value->to_number<double>();
      if (number >= 0 && number <= static_cast<double>(kFaultTraceDaysMax))
        return Duration(std::llround(number * kNsPerDay));
    }
    wrong(field, fmt::format("a number of days from 0 to {}", kFaultTraceDaysMax), value);
    return Duration(0);
  }
  const boost::json::object* object(std::string_view field) {
    const boost::json::value* value = find(event_, field);
    const boost::json::object* object = value == nullptr ? nullptr : value->if_object();
    if (object == nullptr) wrong(field, "an object with Level, Class and Desc", value);
    return object;
  }
  void wrong(std::string_view field, std::string_view expected, const boost::json::value* value) {
    note(field, fmt::format("expected {}, found {}", expected, found(value)));
  }
  void note(std::string_view field, std::string_view what) {
    if (!checked_.ok()) return;
    checked_ = Error{ErrorCode::kInvalid, fmt::format("{}: [{}]{}{}: {}", file_, index_,
                                                      field.empty() ? "" : ".", field, what)};
  }
  [[nodiscard]] const Result<void>& checked() const { return checked_; }

 private:
  static const boost::json::value* find(const boost::json::object* in, std::string_view field) {
    return in == nullptr ? nullptr : in->if_contains({field.data(), field.size()});
  }

  const std::string& file_;
  std::size_t index_;
  const boost::json::object* event_;
  Result<void> checked_;
};

class TraceReader {
 public:
  explicit TraceReader(const std::string& file) : file_(file) {}

  Result<void> add(const boost::json::value& event, std::size_t index) {
    EventReader reader(event, index, file_);
    const std::string node = reader.text("node_id");
    const Duration at = reader.days("event_time");
    const std::string type = reader.text("event_type");
    const boost::json::object* kind = reader.object("fault_type");
    // Without the object its fields have been found missing already.
    const boost::json::object none;
    if (kind == nullptr) kind = &none;
    const std::string level = reader.text("Level", kind, "fault_type.");
    const std::string component = reader.text("Class", kind, "fault_type.");
    const std::string what = reader.text("Desc", kind, "fault_type.");
    if (!reader.checked().ok()) return reader.checked();
    if (at < trace_.length) {
      reader.note("event_time", "expected events in the order of their times");
    } else if (type == "fault_start") {
      trace_.length = at;
      const auto number = nodes_.emplace(node, static_cast<std::uint32_t>(nodes_.size()));
      open_[{node, level, component, what}].push_back(trace_.faults.size());
      trace_.faults.push_back({number.first->second, at, Duration(-1), component, what});
    } else if (type == "fault_end") {
      trace_.length = at;
      auto& begun = open_[{node, level, component, what}];
      if (begun.empty()) {
        reader.note("event_type", "the end of a fault that has not begun");
      } else {
        TraceFault& fault = trace_.faults[begun.front()];
        fault.repair = at - fault.at;
        begun.pop_front();
      }
    } else {
      reader.note("event_type",
                  fmt::format("expected fault_start or fault_end, found {}", in_quotes(type)));
    }
    return reader.checked();
  }

  FaultTrace finish() {
    trace_.nodes = static_cast<std::uint32_t>(nodes_.size());
    for (TraceFault& fault : trace_.faults) {
      if (fault.repair < Duration(0)) fault.repair = trace_.length - fault.at;
    }
    return std::move(trace_);
  }

 private:
  const std::string& file_;
  FaultTrace trace_;
  std::map<std::string, std::uint32_t> nodes_;
  /// Beginnings without an end, by server and type.
  std::map<std::tuple<std::string, std::string, std::string, std::string>, std::deque<std::size_t>>
      open_;
};

}  // namespace

Result<FaultTrace> parse_fault_trace(std::string_view text, const std::string& file) {
  const auto json = parse_json(text, {.bytes_max = kFaultTraceBytesMax});
  if (!json) return Error{json.error().code, fmt::format("{}: {}", file, json.error().message)};
  const boost::json::array* events = json->if_array();
  if (events == nullptr || events->empty()) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("{}: expected a list of faults' beginnings and ends, found {}", file,
                             events == nullptr ? found(&*json) : "an empty one")};
  }
  TraceReader reader(file);
  for (std::size_t i = 0; i < events->size(); ++i) {
    if (Result<void> added = reader.add((*events)[i], i); !added) return added.error();
  }
  return reader.finish();
}

Result<FaultTrace> read_fault_trace(const std::string& path) {
  const auto text = read_list_file(path);
  if (!text) return text.error();
  return parse_fault_trace(*text, path);
}

}  // namespace mw
