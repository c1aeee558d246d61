// One control plane a home: the lock, and the endpoint that stays the same across restarts.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "base/result.h"
#include "cli/cli.h"

namespace mw {

/// Holds HOME/serve.lock (flock) with our pid in it, for as long as this lives.
class ServeLock {
 public:
  /// Errors: kConflict when another control plane serves this home, naming its pid.
  static Result<ServeLock> take(const std::filesystem::path& home);
  ServeLock(ServeLock&& other) noexcept;
  ServeLock& operator=(ServeLock&&) = delete;
  ~ServeLock();

 private:
  explicit ServeLock(int fd) : fd_(fd) {}
  int fd_;
};

/// The address to listen on: `wanted`; else on Slurm, whose nodes have to reach it, the one in
/// HOME/endpoint; else loopback.
std::string choose_address(const std::filesystem::path& home, const std::string& wanted,
                           EngineKind engine);

/// The port to serve on: `wanted`, else the one in HOME/endpoint, else any that is free now.
/// Errors: kUnavailable when there is none.
Result<std::uint16_t> choose_port(const std::filesystem::path& home, const std::string& address,
                                  std::uint16_t wanted);

/// The engine of this home: `wanted`, else the one that HOME/engine names, else local. Notes it
/// there.
/// Errors: kConflict when the home was served with another one; kUnavailable when it cannot be
///         noted.
Result<EngineKind> choose_engine(const std::filesystem::path& home,
                                 std::optional<EngineKind> wanted);

/// Writes HOME/endpoint, by rename: a reader sees the old line or the new one.
Result<void> write_endpoint(const std::filesystem::path& home, const std::string& url);

}  // namespace mw
