// The date of a response, as HTTP writes it.
#pragma once

#include <cstdint>
#include <string>

namespace mw::http {

/// "Sun, 06 Nov 1994 08:49:37 GMT" of seconds since 1970. In English whatever the locale is.
/// Source: RFC 9110, 5.6.7.
std::string http_date(std::int64_t seconds);

}  // namespace mw::http
