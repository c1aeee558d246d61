#include "codec/event_json.h"

#include <boost/json/monotonic_resource.hpp>

#include "codec/json.h"

namespace mw {
namespace {

template <class T>
std::string row_of(const T& value) {
  std::string out;
  out.reserve(512);
  append_json(out, value);
  return out;
}

template <class T>
Result<T> parse_row(std::string_view row) {
  // Most rows fit this buffer whole, so that reading one allocates only what it keeps.
  unsigned char buffer[8192];
  boost::json::monotonic_resource memory(buffer, sizeof buffer);
  const auto tree =
      parse_json(row, {.bytes_max = kRowBytesMax, .any_bytes = true, .storage = &memory});
  if (!tree.ok()) return tree.error();
  return from_json<T>(*tree);
}

}  // namespace

std::string event_row(const Event& event) { return row_of(event); }
void append_event_row(std::string& out, const Event& event) { append_json(out, event); }
Result<Event> parse_event_row(std::string_view row) { return parse_row<Event>(row); }

std::string input_row(const Input& input) { return row_of(input); }
void append_input_row(std::string& out, const Input& input) { append_json(out, input); }
Result<Input> parse_input_row(std::string_view row) { return parse_row<Input>(row); }

boost::json::value event_body_json(const EventBody& body) { return to_json(body); }

std::string_view kind_of(const EventBody& body) {
  return std::visit([](const auto& value) -> std::string_view { return value.kKind; }, body);
}
std::string_view kind_of(const InputBody& body) {
  return std::visit([](const auto& value) -> std::string_view { return value.kKind; }, body);
}

}  // namespace mw
