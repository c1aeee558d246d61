// How the parts of a running job speak: packets of JSON with open files beside them, over unix
// sockets in a folder that only its owner can enter. So everything is on one machine, tasks write
// straight to where srun's output goes, and the kernel says who the other side is: only processes
// of the same user are heard.
#pragma once

#include <boost/json/value.hpp>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace mw::face {

/// Owns an open file.
class OpenFile {
 public:
  OpenFile() = default;
  explicit OpenFile(int fd) : fd_(fd) {}
  OpenFile(OpenFile&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  OpenFile& operator=(OpenFile&& other) noexcept {
    if (this != &other) {
      close();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  ~OpenFile() { close(); }
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool valid() const { return fd_ >= 0; }
  void close();

 private:
  int fd_ = -1;
};

struct Packet {
  boost::json::value body;
  std::vector<OpenFile> files;
};

/// One side of a connection.
class PacketSocket {
 public:
  PacketSocket() = default;
  explicit PacketSocket(OpenFile file) : file_(std::move(file)) {}

  /// Connects to `name` in `folder`, however long the path is.
  /// Errors: kUnavailable: nobody listens there; kForbidden: it is somebody else's.
  static Result<PacketSocket> connect(const std::string& folder, const std::string& name);

  /// False when the other side is gone. REQUIRES: at most 8 files.
  bool send(const boost::json::value& body, const std::vector<int>& files = {}) const;
  /// As send(), but never waits: what cannot go now goes with flush(), in order. False when the
  /// other side is gone, or no descriptor is left to keep a file open by.
  bool post(const boost::json::value& body, const std::vector<int>& files = {});
  bool flush();
  /// What to poll for.
  [[nodiscard]] short events() const;
  /// Something waits for descriptors on their way elsewhere to arrive: no poll tells when.
  [[nodiscard]] bool is_crowded() const { return crowded_; }
  /// Waits for the next packet. Nothing: the other side is gone, or says what is no packet.
  [[nodiscard]] std::optional<Packet> receive() const;

  [[nodiscard]] int get() const { return file_.get(); }
  [[nodiscard]] bool valid() const { return file_.valid(); }
  void close() { file_.close(); }

 private:
  struct Waiting {
    std::string text;
    std::vector<OpenFile> files;
  };

  OpenFile file_;
  std::deque<Waiting> waiting_;
  bool crowded_ = false;
};

class PacketListener {
 public:
  /// Errors: kUnavailable, saying what the system said.
  static Result<PacketListener> listen(const std::string& folder, const std::string& name);
  /// The next who connects; not valid for one who is refused for being another user, and when no
  /// descriptor is left (errno says EMFILE or ENFILE).
  [[nodiscard]] PacketSocket accept() const;
  [[nodiscard]] int get() const { return file_.get(); }

 private:
  OpenFile file_;
};

/// A file without a name, with this in it: for what is too much for a packet.
OpenFile file_of(std::string_view text);
/// All of it, from its begin; nothing when it cannot be read.
std::optional<std::string> text_of(const OpenFile& file);

}  // namespace mw::face
