// The link between two nodes: one listens, the other measures. TCP, so it is what every job can
// have; not what an adapter could do with verbs.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/quantity.h"
#include "base/result.h"
#include "checks/report.h"

namespace mw::checks {

struct LinkServer {
  std::string address = "127.0.0.1";  ///< beyond loopback a secret is needed
  std::uint16_t port = 0;             ///< 0: any that is free
  std::string secret{};               ///< empty: nobody has to prove anything
};

/// Listens, calls `ready` with the port, and serves until `stop` can be read (a descriptor), at
/// most 16 peers at once, each for a minute at most. Errors: kInvalid: no address, or no secret
/// where one is needed; kUnavailable: it cannot listen.
Result<void> serve_links(const LinkServer& server, int stop,
                         const std::function<void(std::uint16_t port)>& ready);

struct LinkPeer {
  std::string host;
  std::uint16_t port = 0;
};

/// Sends and receives `size` bytes with each peer in turn, and times small messages. Measures of
/// the worst peer: link.send and link.receive in B/s, link.round_trip in ns (the median of 200);
/// the detail names it. A peer that cannot be reached, or breaks off, has failed.
Report check_links(const std::vector<LinkPeer>& peers, const std::string& secret, Bytes size);

/// The same with those that stand in one rack, any of which may be the one that is broken: so the
/// figures are those of the median peer, and this node has failed only when most of them could not
/// be measured with. The detail names the others that could not. Without peers there is nothing to
/// measure, and it passes.
Report check_rack(const std::vector<LinkPeer>& peers, const std::string& secret, Bytes size);

}  // namespace mw::checks
