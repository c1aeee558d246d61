// As whom we speak to slurmrestd. Over its socket it takes us for the user that it runs as, and
// everything is done as that one. With the cluster's own JWT key a token is made for each request,
// in the name of the user whose job it is about: so who submits is who runs, and Slurm itself sees
// to it. A token names one user, lives for minutes, and is never written down.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace mw::slurm {

class Identity {
 public:
  /// Over a socket.  `user`: who slurmrestd runs as.
  static Identity of_socket(std::string user);
  /// By tokens.  `self`: for what is about no user's job, such as lists.
  /// Errors: kForbidden when others than its owner can read the key; kUnavailable when we cannot;
  ///         kInvalid when it is no key.
  static Result<Identity> with_key(const std::filesystem::path& key, std::string self);

  /// With the key if one is given, else as the owner of the socket at "unix:/PATH".
  /// Errors: as with_key(); kInvalid for another address without a key; kUnavailable when there is
  ///         no socket.
  static Result<Identity> for_address(const std::string& address, const std::filesystem::path& key,
                                      std::string self);

  /// Lists and the like are asked for as this one.
  [[nodiscard]] const std::string& self() const { return self_; }
  /// Errors: kForbidden, when a job of `user` cannot be run as that user.
  [[nodiscard]] Result<void> may_act_as(const std::string& user) const;
  /// With which Slurm's own commands ask as that user; empty: as who we are.
  [[nodiscard]] std::string token(const std::string& user, Instant now) const;
  /// The headers that say who asks, "Name: value".
  [[nodiscard]] std::vector<std::string> headers(const std::string& user, Instant now) const;

 private:
  Identity(std::string self, std::string key) : self_(std::move(self)), key_(std::move(key)) {}
  std::string self_;
  std::string key_;  ///< empty: over a socket
};

/// RFC 7519 with HMAC-SHA256, and the claim "sun" that Slurm reads the user's name from.
std::string make_token(const std::string& key, const std::string& user, Instant now,
                       Duration lifetime);

}  // namespace mw::slurm
