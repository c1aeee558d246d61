// Who may ask. People and programs show the API token, which lives in a file that only its owner
// can read; each attempt of a job gets a token of its own, derived from a key, so that a job can
// report on itself and do nothing else. Nothing here ever prints a secret.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "base/id.h"
#include "base/result.h"

namespace mw::http {

/// Compares in a time that depends on the lengths only.
bool equal_in_constant_time(std::string_view a, std::string_view b);

/// The secret in `file`; made of 256 random bits, in hexadecimal, when there is no file yet.
/// Safe when several processes start at once: all get the same.
/// Errors: kForbidden when others than the owner can read it, when it is not ours or not a plain
/// file; kInvalid when what it holds is no secret; kUnavailable when it cannot be read or written.
Result<std::string> load_or_make_secret(const std::filesystem::path& file);

/// Makes and checks "mwa1.JOB.ATTEMPT.HEX", HEX = HMAC-SHA256(key, "attempt:JOB:ATTEMPT").
class AttemptTokens {
 public:
  explicit AttemptTokens(std::string key) : key_(std::move(key)) {}

  struct Claim {
    JobId job;
    AttemptNumber attempt;
    bool operator==(const Claim&) const = default;
  };
  [[nodiscard]] std::string make(JobId job, AttemptNumber attempt) const;
  /// None when it is not one of ours.
  [[nodiscard]] std::optional<Claim> check(std::string_view token) const;

 private:
  std::string key_;
};

/// Makes and checks "mwu1.USER.HEX", HEX = HMAC-SHA256(key, "user:USER"): with it a person speaks
/// as that user and nobody else. It stays good until the key is replaced, which ends all of them.
class UserTokens {
 public:
  explicit UserTokens(std::string key) : key_(std::move(key)) {}

  /// Errors: kInvalid, for a name that no user of a system has.
  [[nodiscard]] Result<std::string> make(const std::string& user) const;
  /// Whose it is; none when it is not one of ours.
  [[nodiscard]] std::optional<std::string> check(std::string_view token) const;

 private:
  std::string key_;
};

/// Does the host name in a Host header mean this machine? Other names are how a web page reaches
/// a server on its visitor's loopback (DNS rebinding).
bool is_loopback_host(std::string_view host);
/// "127.0.0.1:80" -> "127.0.0.1"; "[::1]:80" -> "::1".
std::string_view host_without_port(std::string_view authority);

}  // namespace mw::http
