// The little of URLs that a client of the control plane needs: where it listens, and how a path
// and a query are written. No name is looked up: http without TLS is spoken to this machine only,
// because whoever could read it would have the token.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace mw {

/// Names and values of a query or of headers, in order.
using HttpFields = std::vector<std::pair<std::string, std::string>>;

/// Where a control plane listens.
struct HttpEndpoint {
  std::string host;  ///< an IP literal without brackets: 127.0.0.1, ::1
  std::uint16_t port = 0;
  std::string authority;  ///< as it stands in the Host header: "127.0.0.1:41234", "[::1]:80"
  std::string base_path;  ///< "" or "/prefix", without a slash at its end
};

/// Reads "http://127.0.0.1:41234" (also localhost, [::1], a path as prefix).
/// Errors: kInvalid for what is no URL; kUnsupported for https and for hosts that are not this one.
Result<HttpEndpoint> parse_base_url(std::string_view url);

/// Percent-encodes everything but RFC 3986's unreserved characters: right for one segment of a
/// path and for a name or value of a query.
std::string percent_encode(std::string_view text);

/// "?name=value&..." with everything escaped; empty when there is nothing.
std::string query_string(const HttpFields& query);

}  // namespace mw
