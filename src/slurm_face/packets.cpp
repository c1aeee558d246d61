#include "slurm_face/packets.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstring>

#include "codec/json.h"

namespace mw::face {
namespace {

constexpr std::size_t kFilesMax = 8;
constexpr std::size_t kPacketBytesMax = std::size_t{128} << 10;

/// A path may be longer than an address can hold; a folder that is open has a short name.
struct Address {
  OpenFile folder;
  sockaddr_un address{};
  socklen_t size = 0;
};

Result<Address> address_of(const std::string& folder, const std::string& name) {
  Address at;
  at.folder = OpenFile(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (!at.folder.valid()) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("cannot open {}: {}", folder, std::strerror(errno))};
  }
  const std::string path = fmt::format("/proc/self/fd/{}/{}", at.folder.get(), name);
  at.address.sun_family = AF_UNIX;
  std::memcpy(static_cast<void*>(at.address.sun_path), path.c_str(), path.size() + 1);
  at.size = static_cast<socklen_t>(sizeof(sa_family_t) + path.size() + 1);
  return at;
}

bool is_ours(int fd) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.uid == ::geteuid();
}

}  // namespace

void OpenFile::close() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

Result<PacketSocket> PacketSocket::connect(const std::string& folder, const std::string& name) {
  const auto at = address_of(folder, name);
  if (!at) return at.error();
  OpenFile file(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto* const generic = reinterpret_cast<const sockaddr*>(&at->address);
  if (!file.valid() || ::connect(file.get(), generic, at->size) != 0) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("nobody listens at {}/{}: {}", folder, name, std::strerror(errno))};
  }
  if (!is_ours(file.get())) {
    return Error{ErrorCode::kForbidden, fmt::format("{}/{} is another user's", folder, name)};
  }
  return PacketSocket(std::move(file));
}

namespace {

/// 0, or errno.
int send_packet(int socket, std::string& text, const std::vector<int>& files, int flags) {
  iovec data{text.data(), text.size()};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kFilesMax)> control{};
  if (!files.empty()) {
    message.msg_control = control.data();
    message.msg_controllen = CMSG_SPACE(sizeof(int) * files.size());
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int) * files.size());
    std::memcpy(CMSG_DATA(header), files.data(), sizeof(int) * files.size());
  }
  while (true) {
    if (::sendmsg(socket, &message, MSG_NOSIGNAL | flags) >= 0) return 0;
    if (errno != EINTR) return errno;
  }
}

}  // namespace

bool PacketSocket::send(const boost::json::value& body, const std::vector<int>& files) const {
  std::string text = boost::json::serialize(body);
  return send_packet(file_.get(), text, files, 0) == 0;
}

bool PacketSocket::post(const boost::json::value& body, const std::vector<int>& files) {
  Waiting packet{boost::json::serialize(body), {}};
  for (const int file : files) {
    packet.files.emplace_back(::fcntl(file, F_DUPFD_CLOEXEC, 0));
    if (!packet.files.back().valid()) return false;
  }
  waiting_.push_back(std::move(packet));
  return flush();
}

bool PacketSocket::flush() {
  crowded_ = false;
  while (!waiting_.empty()) {
    Waiting& next = waiting_.front();
    std::vector<int> files;
    for (const OpenFile& file : next.files) files.push_back(file.get());
    const int failure = send_packet(file_.get(), next.text, files, MSG_DONTWAIT);
    crowded_ = failure == ETOOMANYREFS;
    if (failure == EAGAIN || failure == EWOULDBLOCK || failure == ENOBUFS || crowded_) return true;
    waiting_.pop_front();
    if (failure != 0) return false;
  }
  return true;
}

short PacketSocket::events() const {
  return static_cast<short>(waiting_.empty() || crowded_ ? POLLIN : POLLIN | POLLOUT);
}

std::optional<Packet> PacketSocket::receive() const {
  std::string text(kPacketBytesMax, '\0');
  iovec data{text.data(), text.size()};
  alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int) * kFilesMax)> control{};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control.data();
  message.msg_controllen = control.size();
  ssize_t size = -1;
  while ((size = ::recvmsg(file_.get(), &message, MSG_CMSG_CLOEXEC)) < 0) {
    if (errno != EINTR) return {};
  }
  Packet packet;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(header) + i * sizeof(int), sizeof fd);
      packet.files.emplace_back(fd);
    }
  }
  if (size == 0 || (message.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) return {};
  text.resize(static_cast<std::size_t>(size));
  auto body = parse_json(text, {.any_bytes = true});
  if (!body) return {};
  packet.body = std::move(*body);
  return packet;
}

Result<PacketListener> PacketListener::listen(const std::string& folder, const std::string& name) {
  const auto at = address_of(folder, name);
  if (!at) return at.error();
  PacketListener listener;
  listener.file_ = OpenFile(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  const auto* const generic = reinterpret_cast<const sockaddr*>(&at->address);
  if (!listener.file_.valid() || ::bind(listener.file_.get(), generic, at->size) != 0 ||
      ::listen(listener.file_.get(), 128) != 0) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("cannot listen at {}/{}: {}", folder, name, std::strerror(errno))};
  }
  return listener;
}

PacketSocket PacketListener::accept() const {
  errno = 0;
  OpenFile file(::accept4(file_.get(), nullptr, nullptr, SOCK_CLOEXEC));
  if (!file.valid() || !is_ours(file.get())) return {};
  return PacketSocket(std::move(file));
}

OpenFile file_of(std::string_view text) {
  OpenFile file(::memfd_create("mw-slurm", MFD_CLOEXEC));
  while (file.valid() && !text.empty()) {
    const ssize_t written = ::write(file.get(), text.data(), text.size());
    if (written < 0) return {};
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return file;
}

std::optional<std::string> text_of(const OpenFile& file) {
  std::string text;
  std::array<char, 65'536> part{};
  while (true) {
    const ssize_t got =
        ::pread(file.get(), part.data(), part.size(), static_cast<off_t>(text.size()));
    if (got < 0) return {};
    if (got == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(got));
  }
}

}  // namespace mw::face
