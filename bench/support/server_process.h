// A control plane of one's own for a benchmark: `mw serve` on a temporary home, ended and removed
// with this object.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace mw::bench {

/// A folder under $TMPDIR, removed with this object.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

class ServerProcess {
 public:
  /// Starts `binary` serve on `home` and waits until it answers; ends the program when it does
  /// not within `patience_s`.
  ServerProcess(const std::string& binary, const std::filesystem::path& home,
                const std::vector<std::string>& arguments, int patience_s);
  /// Asks it to stop and waits.
  ~ServerProcess();
  ServerProcess(const ServerProcess&) = delete;
  ServerProcess& operator=(const ServerProcess&) = delete;

  [[nodiscard]] const std::string& url() const { return url_; }
  [[nodiscard]] const std::string& token() const { return token_; }
  [[nodiscard]] pid_t pid() const { return pid_; }
  /// Kills it, as a crash would: nothing is saved on the way out.
  void crash();
  /// From its start until it answered.
  [[nodiscard]] double seconds_to_ready() const { return seconds_to_ready_; }

 private:
  bool answers(const std::filesystem::path& home);

  pid_t pid_ = -1;
  std::string url_;
  std::string token_;
  double seconds_to_ready_ = 0;
};

}  // namespace mw::bench
