#include "http/client/sse_parser.h"

namespace mw {

SseParser::Outcome SseParser::feed(std::string_view bytes, const Visitor& visitor) {
  for (const char c : bytes) {
    if (after_carriage_return_) {
      after_carriage_return_ = false;
      if (c == '\n') continue;
    }
    if (c != '\n' && c != '\r') {
      line_ += c;
      if (line_.size() + pending_.data.size() > event_bytes_max_) return Outcome::kTooLong;
      continue;
    }
    after_carriage_return_ = c == '\r';
    const bool go_on = take_line(visitor);
    line_.clear();
    if (!go_on) return Outcome::kStopped;
  }
  return Outcome::kGoOn;
}

bool SseParser::take_line(const Visitor& visitor) {
  std::string_view line = line_;
  if (at_start_) {
    at_start_ = false;
    if (line.starts_with("\xEF\xBB\xBF")) line.remove_prefix(3);
  }
  if (line.empty()) {
    bool go_on = true;
    if (has_data_) {
      pending_.data.pop_back();  // the line feed after the last data line
      if (pending_.event.empty()) pending_.event = "message";
      go_on = visitor(pending_);
    }
    pending_.event.clear();
    pending_.data.clear();
    has_data_ = false;
    return go_on;
  }
  const std::size_t colon = line.find(':');
  const std::string_view field = line.substr(0, colon);
  std::string_view value;
  if (colon != std::string_view::npos) value = line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "data") {
    pending_.data.append(value).push_back('\n');
    has_data_ = true;
  } else if (field == "event") {
    pending_.event = value;
  } else if (field == "id" && value.find('\0') == std::string_view::npos) {
    pending_.id = value;
  }
  return true;
}

}  // namespace mw
