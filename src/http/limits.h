// What a client may use of the server before it is cut off.
#pragma once

#include <cstddef>

#include "base/time.h"

namespace mw::http {

struct Limits {
  std::size_t body_bytes = std::size_t{1} << 20;
  std::size_t header_bytes = std::size_t{16} << 10;  ///< request line and headers together
  std::size_t connections = 512;                     ///< more are told 503 and closed
  Duration header_timeout = seconds(10);  ///< from the first byte of a request to its last header
  Duration body_timeout = seconds(30);
  Duration idle_timeout = seconds(60);    ///< between requests; the first byte of the first one too
  Duration answer_timeout = seconds(30);  ///< what answers later is told to be unknown: 504
  Duration write_timeout = seconds(30);   ///< for a response, or a piece of a stream, to be taken
  Duration heartbeat = seconds(15);       ///< of a stream that has nothing to say
  Duration drain_timeout = seconds(5);    ///< for what is under way when the server stops
};

}  // namespace mw::http
