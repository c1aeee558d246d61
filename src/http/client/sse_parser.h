// Server-sent events out of a byte stream that may be cut anywhere.
// Source: WHATWG HTML, section 9.2.6 "Interpreting an event stream".
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace mw {

struct SseEvent {
  std::string id;     ///< the last one seen, as the standard says
  std::string event;  ///< "message" when the stream names none
  std::string data;
  bool operator==(const SseEvent&) const = default;
};

class SseParser {
 public:
  /// Called for each whole event; returns false to have no more.
  using Visitor = std::function<bool(const SseEvent&)>;

  /// `event_bytes_max`: longer lines or events make feed() fail rather than fill memory.
  explicit SseParser(std::size_t event_bytes_max = std::size_t{16} << 20)
      : event_bytes_max_(event_bytes_max) {}

  enum class Outcome { kGoOn, kStopped, kTooLong };
  /// Takes the next bytes; an unfinished event waits for more.
  Outcome feed(std::string_view bytes, const Visitor& visitor);

 private:
  bool take_line(const Visitor& visitor);

  std::size_t event_bytes_max_;
  std::string line_;
  SseEvent pending_;
  bool has_data_ = false;
  bool after_carriage_return_ = false;  ///< a line feed now belongs to the line that ended
  bool at_start_ = true;                ///< a byte order mark may still come
};

}  // namespace mw
