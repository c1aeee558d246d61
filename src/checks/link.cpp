// The measuring end of links.
#include "checks/link.h"

#include <endian.h>
#include <fmt/format.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <optional>

#include "checks/link_wire.h"

namespace mw::checks {
namespace {

constexpr const char* kName = "link";
constexpr double kPeerMost_s = 60;

struct Figures {
  std::int64_t send = 0;
  std::int64_t receive = 0;
  std::int64_t round_trip = 0;
};

Error at_peer(const LinkPeer& peer, const std::string& what) {
  return Error{ErrorCode::kUnavailable, fmt::format("{}:{}: {}", peer.host, peer.port, what)};
}

Result<int> connect_to(const LinkPeer& peer) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const std::string port = std::to_string(peer.port);
  if (const int error = ::getaddrinfo(peer.host.c_str(), port.c_str(), &hints, &found);
      error != 0) {
    return at_peer(peer, ::gai_strerror(error));
  }
  int connected = -1;
  int why = ECONNREFUSED;
  const timeval most{10, 0};  // for a peer that does not answer at all
  for (const addrinfo* at = found; at != nullptr && connected < 0; at = at->ai_next) {
    const int fd = ::socket(at->ai_family, at->ai_socktype | SOCK_CLOEXEC, at->ai_protocol);
    if (fd < 0) continue;
    (void)::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &most, sizeof most);
    if (::connect(fd, at->ai_addr, at->ai_addrlen) == 0) {
      connected = fd;
    } else {
      why = errno == EINPROGRESS ? ETIMEDOUT : errno;
      ::close(fd);
    }
  }
  ::freeaddrinfo(found);
  if (connected < 0) return at_peer(peer, std::strerror(why));
  const int yes = 1;
  (void)::setsockopt(connected, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  return connected;
}

Result<Figures> measure(const LinkPeer& peer, const std::string& secret, std::uint64_t count) {
  const auto connected = connect_to(peer);
  if (!connected) return connected.error();
  Wire wire(*connected, kPeerMost_s);
  auto hello = kHello;
  Nonce nonce{};
  if (!wire.receive(hello.data(), hello.size()) || hello != kHello ||
      !wire.receive(nonce.data(), nonce.size())) {
    return at_peer(peer, "it is no mw check link --serve");
  }
  const Proof proof = prove(secret, nonce);
  const std::uint64_t wanted = htobe64(count);
  unsigned char fine = 0;
  if (!wire.send(proof.data(), proof.size()) || !wire.send(&wanted, sizeof wanted) ||
      !wire.receive(&fine, 1)) {
    return at_peer(peer, "it broke off");
  }
  if (fine != 1) return at_peer(peer, "it has another secret");
  std::vector<double> trips;
  for (int i = 0; i < kRoundTrips; ++i) {
    const Stopwatch watch;
    unsigned char ball = 1;
    if (!wire.send(&ball, 1) || !wire.receive(&ball, 1)) return at_peer(peer, "it broke off");
    trips.push_back(watch.seconds());
  }
  std::nth_element(trips.begin(), trips.begin() + kRoundTrips / 2, trips.end());
  const Stopwatch sending;
  if (!wire.send_bytes(count) || !wire.receive(&fine, 1)) {
    return at_peer(peer, fmt::format("it broke off after {:.1f} s of sending", sending.seconds()));
  }
  const double send_s = sending.seconds();
  const Stopwatch receiving;
  if (!wire.drop_bytes(count)) {
    return at_peer(peer,
                   fmt::format("it broke off after {:.1f} s of receiving", receiving.seconds()));
  }
  const double receive_s = receiving.seconds();
  (void)wire.send(&fine, 1);
  const auto bytes = static_cast<double>(count);
  return Figures{rate(bytes, send_s), rate(bytes, receive_s),
                 rate(trips[kRoundTrips / 2] * 1e9, 1.0)};
}

}  // namespace

Report check_links(const std::vector<LinkPeer>& peers, const std::string& secret, Bytes size) {
  Report report{kName};
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  Figures worst{kMost, kMost, 0};
  for (const LinkPeer& peer : peers) {
    const auto figures = measure(peer, secret, static_cast<std::uint64_t>(size.count()));
    if (!figures) return failed(kName, figures.error().message);
    if (figures->send < worst.send) {
      report.detail = fmt::format("the slowest of {} peers is {}", peers.size(), peer.host);
    }
    worst.send = std::min(worst.send, figures->send);
    worst.receive = std::min(worst.receive, figures->receive);
    worst.round_trip = std::max(worst.round_trip, figures->round_trip);
  }
  if (peers.size() == 1) report.detail.clear();
  report.measures = {{"link.send", worst.send, "B/s", BetterValue::kHigher},
                     {"link.receive", worst.receive, "B/s", BetterValue::kHigher},
                     {"link.round_trip", worst.round_trip, "ns", BetterValue::kLower}};
  return report;
}

Report check_rack(const std::vector<LinkPeer>& peers, const std::string& secret, Bytes size) {
  Report report{kName};
  if (peers.empty()) {
    report.detail = "no other node of its rack is in service: nothing to measure";
    return report;
  }
  std::vector<Figures> measured;
  std::string without;
  for (const LinkPeer& peer : peers) {
    const auto figures = measure(peer, secret, static_cast<std::uint64_t>(size.count()));
    if (figures) {
      measured.push_back(*figures);
    } else {
      without += (without.empty() ? "" : "; ") + figures.error().message;
    }
  }
  const std::size_t failures = peers.size() - measured.size();
  if (!without.empty()) {
    report.detail =
        fmt::format("not measured with {} of {} peers: {}", failures, peers.size(), without);
  }
  if (2 * failures > peers.size() || measured.empty()) return failed(kName, report.detail);
  const auto median = [&](std::int64_t Figures::*figure) {
    const auto middle = measured.begin() + static_cast<std::ptrdiff_t>((measured.size() - 1) / 2);
    std::nth_element(measured.begin(), middle, measured.end(),
                     [&](const Figures& a, const Figures& b) { return a.*figure < b.*figure; });
    return (*middle).*figure;
  };
  report.measures = {{"link.send", median(&Figures::send), "B/s", BetterValue::kHigher},
                     {"link.receive", median(&Figures::receive), "B/s", BetterValue::kHigher},
                     {"link.round_trip", median(&Figures::round_trip), "ns", BetterValue::kLower}};
  return report;
}

}  // namespace mw::checks
