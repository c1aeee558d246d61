#include "checks/link_wire.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

namespace mw::checks {
namespace {

constexpr std::size_t kPiece = std::size_t{1} << 18U;

}  // namespace

Wire::~Wire() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

bool Wire::wait(short events) {
  for (;;) {
    const double left = most_s_ - watch_.seconds();
    if (left <= 0) return false;
    pollfd waits{descriptor_, events, 0};
    const int ready = ::poll(&waits, 1, static_cast<int>(left * 1000) + 1);
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return false;
  }
}

bool Wire::send(const void* data, std::size_t size) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  while (size > 0) {
    const ssize_t count = ::send(descriptor_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count > 0) {
      bytes += count;
      size -= static_cast<std::size_t>(count);
    } else if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (!wait(POLLOUT)) return false;
    } else {
      return false;
    }
  }
  return true;
}

bool Wire::receive(void* data, std::size_t size) {
  auto* bytes = static_cast<unsigned char*>(data);
  while (size > 0) {
    const ssize_t count = ::recv(descriptor_, bytes, size, MSG_DONTWAIT);
    if (count > 0) {
      bytes += count;
      size -= static_cast<std::size_t>(count);
    } else if (count < 0 && (errno == EAGAIN || errno == EINTR)) {
      if (!wait(POLLIN)) return false;
    } else {
      return false;
    }
  }
  return true;
}

bool Wire::send_bytes(std::uint64_t count) {
  const std::vector<unsigned char> piece(kPiece, 0x5A);
  for (; count > 0; count -= std::min<std::uint64_t>(count, kPiece)) {
    if (!send(piece.data(), std::min<std::uint64_t>(count, kPiece))) return false;
  }
  return true;
}

bool Wire::drop_bytes(std::uint64_t count) {
  std::vector<unsigned char> piece(kPiece);
  for (; count > 0; count -= std::min<std::uint64_t>(count, kPiece)) {
    if (!receive(piece.data(), std::min<std::uint64_t>(count, kPiece))) return false;
  }
  return true;
}

bool make_nonce(Nonce& nonce) { return RAND_bytes(nonce.data(), kNonceBytes) == 1; }

Proof prove(const std::string& secret, const Nonce& nonce) {
  Proof proof{};
  unsigned length = kProofBytes;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()), nonce.data(), nonce.size(),
       proof.data(), &length);
  return proof;
}

bool same(const Proof& a, const Proof& b) {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace mw::checks
