// The listening end of a link.
#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <list>
#include <memory>
#include <thread>

#include "checks/link.h"
#include "checks/link_wire.h"

namespace mw::checks {
namespace {

constexpr double kPeerMost_s = 60;
constexpr std::size_t kPeersMax = 16;

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  bool loopback = false;
};

Result<Address> parse_address(const std::string& text, std::uint16_t port) {
  Address address;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&address.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&address.storage);
  if (::inet_pton(AF_INET, text.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(port);
    address.length = sizeof *v4;
    address.loopback = (ntohl(v4->sin_addr.s_addr) >> 24U) == 127;
    return address;
  }
  if (::inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(port);
    address.length = sizeof *v6;
    address.loopback = IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) != 0;
    return address;
  }
  return Error{
      ErrorCode::kInvalid,
      fmt::format("expected the address to listen on, such as 10.0.0.17, found \"{}\"", text)};
}

void serve_peer(Wire& wire, const std::string& secret) {
  Nonce nonce{};
  Proof proof{};
  std::uint64_t wanted = 0;
  if (!make_nonce(nonce) || !wire.send(kHello.data(), kHello.size()) ||
      !wire.send(nonce.data(), nonce.size()) || !wire.receive(proof.data(), proof.size()) ||
      !wire.receive(&wanted, sizeof wanted)) {
    return;
  }
  const std::uint64_t count = be64toh(wanted);
  const unsigned char fine = same(proof, prove(secret, nonce)) && count <= kLinkBytesMax ? 1 : 0;
  if (!wire.send(&fine, 1) || fine == 0) return;
  for (int i = 0; i < kRoundTrips; ++i) {
    unsigned char ball = 0;
    if (!wire.receive(&ball, 1) || !wire.send(&ball, 1)) return;
  }
  if (!wire.drop_bytes(count) || !wire.send(&fine, 1)) return;
  if (!wire.send_bytes(count)) return;
  unsigned char last = 0;
  (void)wire.receive(&last, 1);  // so that nothing is cut off by closing
}

struct Peer {
  std::thread thread;
  std::atomic<bool> over = false;
};

}  // namespace

Result<void> serve_links(const LinkServer& server, int stop,
                         const std::function<void(std::uint16_t port)>& ready) {
  auto address = parse_address(server.address, server.port);
  if (!address) return address.error();
  if (!address->loopback && server.secret.empty()) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("{} can be reached from other machines, so a secret is needed: give "
                             "--secret FILE, the same on all nodes",
                             server.address)};
  }
  const auto failure = [&](const char* what) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("{} {}: {}", what, server.address, std::strerror(errno))};
  };
  const int listener = ::socket(address->storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (listener < 0) return failure("no socket for");
  const std::shared_ptr<const int> closer(&listener, [](const int* fd) { ::close(*fd); });
  const int yes = 1;
  (void)::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
  auto* plain = reinterpret_cast<sockaddr*>(&address->storage);
  if (::bind(listener, plain, address->length) != 0 || ::listen(listener, kPeersMax) != 0) {
    return failure("cannot listen on");
  }
  if (::getsockname(listener, plain, &address->length) != 0) return failure("no port on");
  const bool v4 = address->storage.ss_family == AF_INET;
  ready(ntohs(v4 ? reinterpret_cast<sockaddr_in*>(plain)->sin_port
                 : reinterpret_cast<sockaddr_in6*>(plain)->sin6_port));
  std::list<Peer> peers;
  const auto forget = [&](bool all) {
    for (auto at = peers.begin(); at != peers.end();) {
      if (!all && !at->over) {
        ++at;
        continue;
      }
      at->thread.join();
      at = peers.erase(at);
    }
  };
  for (;;) {
    pollfd waits[] = {{stop, POLLIN, 0}, {listener, POLLIN, 0}};
    if (::poll(waits, 2, -1) < 0 && errno != EINTR) break;
    if (waits[0].revents != 0) break;
    if (waits[1].revents == 0) continue;
    const int connected = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connected < 0) continue;
    forget(false);
    if (peers.size() >= kPeersMax) {
      ::close(connected);
      continue;
    }
    (void)::setsockopt(connected, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    Peer& peer = peers.emplace_back();
    peer.thread = std::thread([&peer, connected, secret = server.secret] {
      {
        Wire wire(connected, kPeerMost_s);
        serve_peer(wire, secret);
      }
      peer.over = true;
    });
  }
  forget(true);
  return {};
}

}  // namespace mw::checks
