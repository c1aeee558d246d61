#include "http/message.h"

#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <charconv>

#include "codec/yaml_tree.h"

namespace mw::http {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

Error bad_target(std::string_view what) {
  return Error{ErrorCode::kInvalid, "The request target " + std::string(what) + "."};
}

}  // namespace

std::string_view Request::header(std::string_view name) const {
  for (const auto& field : headers) {
    if (field.first == name) return field.second;
  }
  return {};
}

std::size_t Request::header_count(std::string_view name) const {
  std::size_t count = 0;
  for (const auto& field : headers) count += field.first == name ? 1 : 0;
  return count;
}

std::string_view Request::text(std::string_view parameter) const {
  const auto found = parameters.find(parameter);
  return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

std::optional<std::uint64_t> Request::number(std::string_view parameter) const {
  const auto found = parameters.find(parameter);
  if (found == parameters.end()) return std::nullopt;
  std::uint64_t value = 0;
  const std::string& text = found->second;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  MW_CHECK(error == std::errc() && end == text.data() + text.size());
  return value;
}

bool Request::flag(std::string_view parameter) const {
  const std::string_view value = text(parameter);
  return value == "1" || value == "true";
}

Response json_response(const boost::json::value& value, int status) {
  Response response;
  response.status = status;
  response.body = boost::json::serialize(value);
  return response;
}

Response error_response(const Error& error) {
  return error_response(row(error.code).http_status, error);
}

Response error_response(int status, const Error& error) {
  // A message may quote what a client sent, and JSON is UTF-8.
  std::string message = error.message;
  for (std::size_t from = 0, bad = 0;; from += bad) {
    bad = invalid_utf8_at(std::string_view(message).substr(from));
    if (bad == std::string_view::npos) break;
    message[from + bad] = '?';
  }
  Response response =
      json_response({{"error", {{"code", name_of(error.code)}, {"message", message}}}}, status);
  if (status == 401) response.headers.emplace_back("WWW-Authenticate", "Bearer");
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  return response;
}

Result<std::string> percent_decode(std::string_view text, bool plus_is_space) {
  std::string out;
  out.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      out += ' ';
    } else if (text[i] != '%') {
      out += text[i];
    } else {
      const int high = i + 2 < text.size() ? hex_digit(text[i + 1]) : -1;
      const int low = i + 2 < text.size() ? hex_digit(text[i + 2]) : -1;
      if (high < 0 || low < 0)
        return bad_target("has a '%' that is not followed by two hexadecimal digits");
      const int byte = high * 16 + low;
      if (byte == 0) return bad_target("contains an encoded NUL");
      out += static_cast<char>(byte);
      i += 2;
    }
  }
  return out;
}

Result<Target> parse_target(std::string_view target) {
  if (target.starts_with("http://")) {
    target.remove_prefix(7);
    const std::size_t slash = target.find_first_of("/?");
    target.remove_prefix(slash == std::string_view::npos ? target.size() : slash);
    if (target.empty()) target = "/";
  }
  if (!target.starts_with('/')) return bad_target("does not begin with '/'");
  target = target.substr(0, target.find('#'));

  Target parts;
  const std::size_t mark = target.find('?');
  std::string_view path = target.substr(1, mark == std::string_view::npos ? mark : mark - 1);
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    auto segment = percent_decode(path.substr(0, slash), false);
    if (!segment) return segment.error();
    parts.segments.push_back(std::move(*segment));
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
    if (path.empty()) parts.segments.emplace_back();  // a slash at the end is another path
  }
  std::string_view query =
      mark == std::string_view::npos ? std::string_view() : target.substr(mark + 1);
  while (!query.empty()) {
    const std::size_t end = query.find('&');
    const std::string_view pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    auto name = percent_decode(pair.substr(0, equals), true);
    if (!name) return name.error();
    auto value = percent_decode(
        equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1), true);
    if (!value) return value.error();
    parts.query.emplace_back(std::move(*name), std::move(*value));
  }
  return parts;
}

}  // namespace mw::http
