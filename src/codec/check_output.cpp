#include "codec/check_output.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <cmath>
#include <optional>
#include <string_view>

#include "codec/json.h"

namespace mw {
namespace {

namespace json = boost::json;

constexpr std::size_t kDetailMax = 300;

std::string_view text_at(const json::object& object, std::string_view key) {
  const json::value* value = object.if_contains(json::string_view(key.data(), key.size()));
  if (value == nullptr || !value->is_string()) return {};
  return {value->get_string().data(), value->get_string().size()};
}

/// One line of printable ASCII: journals and terminals show it.
std::string clean(std::string_view text) {
  std::string out(text.substr(0, kDetailMax));
  for (char& c : out) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte > 0x7E) c = '?';
  }
  return out;
}

std::optional<std::int64_t> whole(const json::value* value) {
  if (value == nullptr || !value->is_number()) return std::nullopt;
  const double number = value->to_number<double>();
  if (!std::isfinite(number) || std::fabs(number) > static_cast<double>(kMeasureValueMax)) {
    return std::nullopt;
  }
  if (value->is_int64()) return value->get_int64();
  return static_cast<std::int64_t>(std::llround(number));
}

Result<Measure> read_measure(const json::value& value) {
  const auto wrong = [](const std::string& what) { return Error{ErrorCode::kInvalid, what}; };
  if (!value.is_object()) return wrong("a measure is no object");
  const json::object& object = value.get_object();
  Measure measure;
  measure.name = text_at(object, "name");
  if (!is_measure_name(measure.name)) {
    return wrong("a measure has no name of letters, digits, \".\", \"_\" and \"-\"");
  }
  const auto number = whole(object.if_contains("value"));
  if (!number) return wrong(measure.name + " has no value that is a number up to 1e18");
  measure.value = *number;
  const std::string_view unit = text_at(object, "unit");
  if (unit.size() > kMeasureNameBytesMax) return wrong(measure.name + " has too long a unit");
  measure.unit = clean(unit);
  if (const std::string_view better = text_at(object, "better"); !better.empty()) {
    const auto known = enum_from_name<BetterValue>(better);
    if (!known) return wrong(measure.name + ": expected higher, lower or neither for better");
    measure.better = *known;
  }
  return measure;
}

/// What a line says, if it is an object with one of our keys.
std::optional<json::object> as_word(std::string_view line) {
  const std::size_t begin = line.find_first_not_of(" \t\r");
  if (begin == std::string_view::npos || line[begin] != '{') return std::nullopt;
  auto parsed = parse_json(line.substr(begin));
  if (!parsed || !parsed->is_object()) return std::nullopt;
  json::object& object = parsed->get_object();
  if (!object.contains("measures") && !object.contains("outcome")) return std::nullopt;
  return std::move(object);
}

CheckOutcome outcome_of(const CheckExit& ended) {
  if (!ended.ran || ended.code == kUnableExit) return CheckOutcome::kUnable;
  return ended.code == 0 ? CheckOutcome::kPassed : CheckOutcome::kFailed;
}

CheckSaid unable(const std::string& why) { return {{CheckOutcome::kUnable, {}}, clean(why)}; }

}  // namespace

CheckSaid read_check(const CheckExit& ended) {
  CheckSaid said{{outcome_of(ended), {}}, ended.detail};
  std::optional<json::object> word;
  std::string_view other;
  std::string_view left = ended.output;
  while (!left.empty()) {
    const std::size_t end = left.find('\n');
    const std::string_view line = left.substr(0, end);
    left = end == std::string_view::npos ? std::string_view() : left.substr(end + 1);
    if (auto found = as_word(line)) {
      word = std::move(found);
    } else if (line.find_first_not_of(" \t\r") != std::string_view::npos) {
      other = line;
    }
  }
  if (!word) return said;
  // An end that was not its own choice (a signal, its time) is not taken back by what it said.
  if (const std::string_view outcome = text_at(*word, "outcome"); !outcome.empty() && ended.code) {
    const auto known = enum_from_name<CheckOutcome>(outcome);
    if (!known || *known == CheckOutcome::kStopped) {
      return unable("its outcome is none of passed, failed and unable");
    }
    // A program that fails and says that it passed has failed.
    said.result.outcome =
        *known == CheckOutcome::kPassed && ended.code != 0 ? said.result.outcome : *known;
  }
  if (ended.code) {
    const std::string_view detail = text_at(*word, "detail");
    said.detail = clean(detail.empty() ? other : detail);
  }
  const json::value* measures = word->if_contains("measures");
  if (measures == nullptr) return said;
  if (!measures->is_array()) return unable("its measures are no list");
  for (const json::value& each : measures->get_array()) {
    auto measure = read_measure(each);
    if (!measure) return unable(measure.error().message);
    if (said.result.measures.size() == kMeasuresMax) return unable("it has more than 64 measures");
    said.result.measures.push_back(std::move(*measure));
  }
  return said;
}

}  // namespace mw
