#include "http/client/url.h"

#include <arpa/inet.h>

#include <charconv>

namespace mw {
namespace {

Error bad_url(std::string_view url, const std::string& why) {
  return Error{ErrorCode::kInvalid, "\"" + std::string(url) +
                                        "\" is not the URL of a control plane: " + why +
                                        ". It looks like http://127.0.0.1:41234."};
}

bool is_loopback_v4(const std::string& host) {
  in_addr address{};
  return ::inet_pton(AF_INET, host.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127;
}

}  // namespace

Result<HttpEndpoint> parse_base_url(std::string_view url) {
  std::string_view rest = url;
  for (const char c : url) {
    if (static_cast<unsigned char>(c) <= ' ' || c == '\x7f') {
      return bad_url(url, "it contains a space or control character");
    }
  }
  if (rest.starts_with("https://")) {
    return Error{ErrorCode::kUnsupported,
                 "\"" + std::string(url) +
                     "\": https is not offered yet. Use the control plane of "
                     "this machine over http, or an SSH tunnel to another one's."};
  }
  constexpr std::string_view kScheme = "http://";
  if (!rest.starts_with(kScheme)) return bad_url(url, "it does not begin with http://");
  rest.remove_prefix(kScheme.size());

  HttpEndpoint endpoint;
  const std::size_t slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  if (slash != std::string_view::npos) endpoint.base_path = rest.substr(slash);
  while (endpoint.base_path.ends_with('/')) endpoint.base_path.pop_back();
  if (endpoint.base_path.find_first_of("?#") != std::string::npos) {
    return bad_url(url, "it has a query or a fragment");
  }

  std::string_view host = authority;
  std::string_view port;
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    if (bracket == std::string_view::npos)
      return bad_url(url, "the ']' after the address is missing");
    host = authority.substr(1, bracket - 1);
    port = authority.substr(bracket + 1);
    if (!port.empty() && port.front() != ':')
      return bad_url(url, "after ']' only a port may follow");
  } else {
    const std::size_t colon = authority.find(':');
    host = authority.substr(0, colon);
    if (colon != std::string_view::npos) port = authority.substr(colon);
  }
  endpoint.port = 80;
  if (!port.empty()) {
    port.remove_prefix(1);
    const auto [end, error] =
        std::from_chars(port.data(), port.data() + port.size(), endpoint.port);
    if (error != std::errc() || end != port.data() + port.size() || endpoint.port == 0) {
      return bad_url(url, "the port is not a number from 1 to 65535");
    }
  }
  if (host.empty()) return bad_url(url, "the host is missing");
  if (host == "localhost") {
    endpoint.host = "127.0.0.1";
  } else if (host == "::1" || is_loopback_v4(std::string(host))) {
    endpoint.host = host;
  } else {
    return Error{
        ErrorCode::kUnsupported,
        "\"" + std::string(url) +
            "\" is not on this machine, and without TLS the token would "
            "be readable on the way. Use 127.0.0.1, [::1] or localhost, or an SSH tunnel."};
  }
  endpoint.authority = authority;
  return endpoint;
}

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      out += c;
    } else {
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

std::string query_string(const HttpFields& query) {
  std::string out;
  for (const auto& [name, value] : query) {
    out += out.empty() ? '?' : '&';
    out += percent_encode(name);
    out += '=';
    out += percent_encode(value);
  }
  return out;
}

}  // namespace mw
