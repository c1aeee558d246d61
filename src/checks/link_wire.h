// How two ends of a link speak. The listener says kHello and a nonce; the other one proves that it
// knows the secret (HMAC-SHA256 of the nonce), and says how many bytes are to go each way. Then
// small messages go to and fro, the bytes go one way, then the other. Nothing secret is sent.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "checks/report.h"

namespace mw::checks {

inline constexpr std::array<unsigned char, 8> kHello = {'m', 'w', 'l', 'i', 'n', 'k', '1', '\n'};
inline constexpr std::size_t kNonceBytes = 32;
inline constexpr std::size_t kProofBytes = 32;
inline constexpr int kRoundTrips = 200;
inline constexpr std::uint64_t kLinkBytesMax = std::uint64_t{1} << 36U;

using Nonce = std::array<unsigned char, kNonceBytes>;
using Proof = std::array<unsigned char, kProofBytes>;

/// A connected socket, closed at the end. Every call gives up at a deadline.
class Wire {
 public:
  explicit Wire(int descriptor, double deadline_s) : descriptor_(descriptor), most_s_(deadline_s) {}
  ~Wire();
  Wire(const Wire&) = delete;
  Wire& operator=(const Wire&) = delete;
  /// All of it, or false.
  [[nodiscard]] bool send(const void* data, std::size_t size);
  [[nodiscard]] bool receive(void* data, std::size_t size);
  /// So many bytes that nobody looks at.
  [[nodiscard]] bool send_bytes(std::uint64_t count);
  [[nodiscard]] bool drop_bytes(std::uint64_t count);

 private:
  [[nodiscard]] bool wait(short events);
  int descriptor_;
  double most_s_;
  Stopwatch watch_;
};

/// Errors: false when the system has no random bytes to give.
bool make_nonce(Nonce& nonce);
Proof prove(const std::string& secret, const Nonce& nonce);
/// In a time that does not depend on where they differ.
bool same(const Proof& a, const Proof& b);

}  // namespace mw::checks
