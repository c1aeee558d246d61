#include "engines/slurm/identity.h"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pwd.h>
#include <sys/stat.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

#include "codec/units.h"
#include "engines/slurm/unix_user.h"

namespace mw::slurm {
namespace {

/// Long enough for one request and clocks that differ, short enough to be of no use afterwards.
constexpr Duration kTokenLifetime = minutes(5);
constexpr std::size_t kKeyBytesMin = 16;

std::string base64url(std::string_view bytes) {
  std::string text(4 * ((bytes.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()),
                                     reinterpret_cast<const unsigned char*>(bytes.data()),
                                     static_cast<int>(bytes.size()));
  text.resize(static_cast<std::size_t>(length));
  while (text.ends_with('=')) text.pop_back();
  for (char& c : text) {
    if (c == '+') c = '-';
    if (c == '/') c = '_';
  }
  return text;
}

std::string hmac_sha256(const std::string& key, const std::string& message) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest;
  unsigned int length = 0;
  ::HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(message.data()), message.size(), digest.data(),
         &length);
  return {reinterpret_cast<const char*>(digest.data()), length};
}

/// A name that may stand in a header and in JSON as it is.
bool is_user_name(std::string_view name) {
  constexpr std::string_view kAllowed =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-@$";
  return !name.empty() && name.find_first_not_of(kAllowed) == std::string_view::npos;
}

}  // namespace

std::string make_token(const std::string& key, const std::string& user, Instant now,
                       Duration lifetime) {
  const std::int64_t at = now.count() / seconds(1).count();
  const std::string header = R"({"alg":"HS256","typ":"JWT"})";
  const std::string claims =
      fmt::format(R"({{"exp":{},"iat":{},"sun":"{}"}})", at + lifetime / seconds(1), at, user);
  const std::string message = base64url(header) + "." + base64url(claims);
  return message + "." + base64url(hmac_sha256(key, message));
}

Identity Identity::of_socket(std::string user) { return {std::move(user), ""}; }

Result<Identity> Identity::with_key(const std::filesystem::path& key, std::string self) {
  struct stat info {};
  if (::stat(key.c_str(), &info) != 0) {
    return Error{ErrorCode::kUnavailable, fmt::format("--slurm-jwt-key: cannot read {}: {}",
                                                      key.string(), std::strerror(errno))};
  }
  if ((info.st_mode & 077) != 0) {
    return Error{
        ErrorCode::kForbidden,
        fmt::format("--slurm-jwt-key: {} can be read by others than its owner, and whoever "
                    "reads it can be any user of the cluster; \"chmod 600\" it",
                    key.string())};
  }
  std::ifstream file(key, std::ios::binary);
  std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  if (!file.is_open()) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("--slurm-jwt-key: cannot read {}: {}; a copy of the cluster's key "
                             "(jwt_key of slurm.conf) that belongs to this user will do",
                             key.string(), std::strerror(errno))};
  }
  if (bytes.size() < kKeyBytesMin) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("--slurm-jwt-key: {} is too short to be a key", key.string())};
  }
  return Identity(std::move(self), std::move(bytes));
}

Result<Identity> Identity::for_address(const std::string& address, const std::filesystem::path& key,
                                       std::string self) {
  constexpr std::string_view kUnix = "unix:";
  if (!key.empty()) return with_key(key, std::move(self));
  if (!address.starts_with(kUnix)) {
    return Error{ErrorCode::kInvalid,
                 fmt::format("--slurm {}: over the network slurmrestd wants tokens; give the "
                             "cluster's key with --slurm-jwt-key",
                             address)};
  }
  const std::string path = address.substr(kUnix.size());
  struct stat info {};
  if (::stat(path.c_str(), &info) != 0) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("--slurm: {}: {}; is slurmrestd running? For example: slurmrestd -a "
                             "rest_auth/local unix:{}",
                             path, std::strerror(errno), path)};
  }
  const passwd* entry = ::getpwuid(info.st_uid);
  return of_socket(entry != nullptr ? entry->pw_name : std::to_string(info.st_uid));
}

Result<void> Identity::may_act_as(const std::string& user) const {
  if (!is_user_name(user)) {
    return Error{ErrorCode::kForbidden, "no name of a user: " + in_quotes(user)};
  }
  if (key_.empty()) {
    if (user == self_) return {};
    return Error{ErrorCode::kForbidden,
                 fmt::format("the job is of user {}, and over this socket slurmrestd runs "
                             "everything as {}; to run jobs as the users who submit them, serve "
                             "with --slurm-jwt-key",
                             user, self_)};
  }
  const std::optional<UnixUser> entry = find_unix_user(user);
  if (!entry) {
    return Error{ErrorCode::kForbidden,
                 fmt::format("no user {} is known on the control plane's machine", user)};
  }
  if (entry->id == 0) {
    return Error{ErrorCode::kForbidden, "jobs are not run as root; submit as another user"};
  }
  return {};
}

std::string Identity::token(const std::string& user, Instant now) const {
  return key_.empty() ? "" : make_token(key_, user, now, kTokenLifetime);
}

std::vector<std::string> Identity::headers(const std::string& user, Instant now) const {
  if (key_.empty()) return {};
  return {"X-SLURM-USER-NAME: " + user, "X-SLURM-USER-TOKEN: " + token(user, now)};
}

}  // namespace mw::slurm
