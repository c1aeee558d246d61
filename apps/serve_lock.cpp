#include "serve_lock.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>

#include "cli/home.h"

namespace mw {
namespace {

Error cannot(const std::string& what, const std::filesystem::path& path) {
  return {ErrorCode::kUnavailable,
          "cannot " + what + " " + path.string() + ": " + std::strerror(errno)};
}

std::uint16_t port_of(const std::string& url) {
  const std::size_t colon = url.rfind(':');
  if (colon == std::string::npos) return 0;
  const unsigned long port = std::strtoul(url.c_str() + colon + 1, nullptr, 10);
  return port < 65536 ? static_cast<std::uint16_t>(port) : 0;
}

/// Of "http://[::1]:80" and its like.
std::string address_of(const std::string& url) {
  const std::size_t begin = url.find("://");
  const std::size_t end = url.rfind(':');
  if (begin == std::string::npos || end <= begin + 3) return "";
  std::string address = url.substr(begin + 3, end - begin - 3);
  std::erase_if(address, [](char c) { return c == '[' || c == ']'; });
  return address;
}

}  // namespace

Result<ServeLock> ServeLock::take(const std::filesystem::path& home) {
  const std::filesystem::path path = home / "serve.lock";
  const int fd = open(path.c_str(), O_CREAT | O_RDWR | O_CLOEXEC, 0600);
  if (fd < 0) return cannot("open", path);
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    const Error error = cannot("lock", path);
    const bool taken = errno == EWOULDBLOCK;
    close(fd);
    if (!taken) return error;
    const auto holder = lock_holder(home);
    const std::string pid = holder && *holder > 0 ? " (pid " + std::to_string(*holder) + ")" : "";
    return Error{ErrorCode::kConflict, "another control plane" + pid + " already serves " +
                                           home.string() +
                                           "; end it with \"mw down\", or use another --home"};
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd, 0) != 0 || pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    const Error error = cannot("write", path);
    close(fd);
    return error;
  }
  return ServeLock(fd);
}

ServeLock::ServeLock(ServeLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
ServeLock::~ServeLock() {
  if (fd_ >= 0) close(fd_);
}

std::string choose_address(const std::filesystem::path& home, const std::string& wanted,
                           EngineKind engine) {
  if (!wanted.empty()) return wanted;
  const auto endpoint = read_endpoint(home);
  const std::string address = endpoint ? address_of(*endpoint) : "";
  const bool remembered = engine == EngineKind::kSlurm && !address.empty();
  return remembered ? address : "127.0.0.1";
}

Result<std::uint16_t> choose_port(const std::filesystem::path& home, const std::string& address,
                                  std::uint16_t wanted) {
  if (wanted != 0) return wanted;
  if (const auto endpoint = read_endpoint(home)) {
    if (const std::uint16_t port = port_of(*endpoint); port != 0) return port;
  }
  sockaddr_in any{};
  any.sin_family = AF_INET;
  if (inet_pton(AF_INET, address.c_str(), &any.sin_addr) != 1)
    any.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof any;
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof any) != 0 ||
      getsockname(fd, reinterpret_cast<sockaddr*>(&any), &size) != 0) {
    const Error error{ErrorCode::kUnavailable,
                      "no free port on " + address + ": " + std::strerror(errno)};
    if (fd >= 0) close(fd);
    return error;
  }
  close(fd);
  return ntohs(any.sin_port);
}

Result<EngineKind> choose_engine(const std::filesystem::path& home,
                                 std::optional<EngineKind> wanted) {
  const std::filesystem::path path = home / "engine";
  std::optional<EngineKind> known;
  if (const auto line = read_first_line(path)) known = enum_from_name<EngineKind>(*line);
  // Homes of before there was a choice.
  if (!known && std::filesystem::exists(home / "journal.db")) known = EngineKind::kLocal;
  if (known && wanted && *known != *wanted) {
    return Error{ErrorCode::kConflict,
                 home.string() + " belongs to the engine \"" + std::string(name_of(*known)) +
                     "\": its jobs and nodes are nothing to \"" + std::string(name_of(*wanted)) +
                     "\"; use another --home"};
  }
  const EngineKind kind = wanted.value_or(known.value_or(EngineKind::kLocal));
  std::ofstream file(path, std::ios::trunc);
  file << name_of(kind) << "\n";
  if (!file.flush()) return cannot("write", path);
  return kind;
}

Result<void> write_endpoint(const std::filesystem::path& home, const std::string& url) {
  const std::filesystem::path path = home / "endpoint";
  const std::filesystem::path fresh = home / "endpoint.new";
  {
    std::ofstream file(fresh, std::ios::trunc);
    file << url << "\n";
    if (!file.flush()) return cannot("write", fresh);
  }
  if (rename(fresh.c_str(), path.c_str()) != 0) return cannot("rename to", path);
  return {};
}

}  // namespace mw
