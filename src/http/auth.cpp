#include "http/auth.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace mw::http {
namespace {

constexpr std::size_t kSecretBytes = 32;      // 256 bits, the strength of HMAC-SHA256
constexpr std::size_t kSecretLengthMin = 32;  // characters; shorter ones can be guessed
constexpr std::size_t kSecretLengthMax = 1024;

/// Closes its file descriptor.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int get() const { return fd_; }
  [[nodiscard]] bool ok() const { return fd_ >= 0; }

 private:
  int fd_;
};

std::string hex(const unsigned char* bytes, std::size_t size) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (std::size_t i = 0; i < size; ++i) {
    out += kDigits[bytes[i] >> 4];
    out += kDigits[bytes[i] & 15];
  }
  return out;
}

Error file_error(const std::filesystem::path& file, const char* doing, int code) {
  return Error{ErrorCode::kUnavailable,
               file.string() + ": cannot " + doing + ": " + std::strerror(code) + "."};
}

/// None when there is no such file.
Result<std::optional<std::string>> load_secret(const std::filesystem::path& path) {
  const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!file.ok()) {
    if (errno == ENOENT) return std::optional<std::string>();
    if (errno == ELOOP) {
      return Error{ErrorCode::kForbidden,
                   path.string() + ": is a symbolic link; a secret is kept in a plain file."};
    }
    return file_error(path, "open it", errno);
  }
  struct stat status {};
  if (::fstat(file.get(), &status) != 0) return file_error(path, "look at it", errno);
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kForbidden,
                 path.string() + ": is not a plain file; a secret is kept in one."};
  }
  if (status.st_uid != ::geteuid()) {
    return Error{ErrorCode::kForbidden,
                 path.string() + ": belongs to user " + std::to_string(status.st_uid) +
                     ", not to the user that runs this. Use a home of your own."};
  }
  if ((status.st_mode & 077) != 0) {
    std::array<char, 8> mode{};
    std::snprintf(mode.data(), mode.size(), "%04o", status.st_mode & 07777U);
    return Error{ErrorCode::kForbidden,
                 path.string() + ": has mode " + mode.data() +
                     ", so others may have read the secret. Delete it to have a new one made, "
                     "or `chmod 600` it if you know that nobody did."};
  }
  std::string text(kSecretLengthMax + 2, '\0');
  const ssize_t size = ::read(file.get(), text.data(), text.size());
  if (size < 0) return file_error(path, "read it", errno);
  text.resize(static_cast<std::size_t>(size));
  if (text.ends_with('\n')) text.pop_back();
  bool good = text.size() >= kSecretLengthMin && text.size() <= kSecretLengthMax;
  for (const char c : text) good = good && c > ' ' && c < '\x7f';
  if (!good) {
    return Error{ErrorCode::kInvalid,
                 path.string() +
                     ": does not hold a secret (32 to 1024 visible ASCII characters "
                     "on one line). Delete it to have a new one made."};
  }
  return std::optional<std::string>(std::move(text));
}

/// Writes the secret under a name of its own and links it into place, so that nobody ever sees
/// half a file and the first of several processes wins.
Result<void> make_secret(const std::filesystem::path& path) {
  std::array<unsigned char, kSecretBytes + 8> random{};
  if (RAND_bytes(random.data(), static_cast<int>(random.size())) != 1) {
    return Error{ErrorCode::kInternal,
                 "The system gives no random numbers, and without them there is no secret."};
  }
  const std::string secret = hex(random.data(), kSecretBytes) + "\n";
  const std::filesystem::path temporary =
      path.string() + ".new-" + hex(random.data() + kSecretBytes, 8);
  OPENSSL_cleanse(random.data(), random.size());
  {
    const File file(
        ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!file.ok()) return file_error(path, "create it", errno);
    errno = 0;
    const ssize_t written = ::write(file.get(), secret.data(), secret.size());
    if (written != static_cast<ssize_t>(secret.size()) || ::fsync(file.get()) != 0) {
      const int code = errno == 0 ? ENOSPC : errno;  // a short write sets no error
      ::unlink(temporary.c_str());
      return file_error(path, "write it", code);
    }
  }
  const int linked = ::link(temporary.c_str(), path.c_str());
  const int code = errno;
  ::unlink(temporary.c_str());
  if (linked != 0 && code != EEXIST) return file_error(path, "create it", code);
  const File folder(::open(path.parent_path().empty() ? "." : path.parent_path().c_str(),
                           O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder.ok()) ::fsync(folder.get());
  return {};
}

std::string signature(const std::string& key, const std::string& text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
  unsigned int size = 0;
  const auto* result =
      HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
           reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &size);
  MW_CHECK(result != nullptr);
  return hex(digest.data(), size);
}

std::string attempt_signature(const std::string& key, JobId job, AttemptNumber attempt) {
  return signature(
      key, "attempt:" + std::to_string(job.value()) + ":" + std::to_string(attempt.value()));
}

/// As POSIX has them, and what directories of users add.
bool is_user_name(std::string_view name) {
  if (name.empty() || name.size() > 64 || name.front() == '-' || name.front() == '.') return false;
  for (const char c : name) {
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!letter && !(c >= '0' && c <= '9') && c != '_' && c != '-' && c != '.' && c != '@') {
      return false;
    }
  }
  return true;
}

/// A decimal number without sign or leading zero, up to the next dot, which is taken too.
template <class Number>
bool take_number(std::string_view& text, Number& number) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const auto size = static_cast<std::size_t>(end - text.data());
  if (error != std::errc() || text.front() == '0' || size >= text.size() || *end != '.')
    return false;
  text.remove_prefix(size + 1);
  return true;
}

}  // namespace

bool equal_in_constant_time(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Result<std::string> load_or_make_secret(const std::filesystem::path& file) {
  auto loaded = load_secret(file);
  if (loaded && !loaded->has_value()) {
    if (auto made = make_secret(file); !made) return made.error();
    loaded = load_secret(file);
  }
  if (!loaded) return loaded.error();
  if (!loaded->has_value()) {
    return Error{ErrorCode::kUnavailable,
                 file.string() + ": was deleted while it was being made. Try again."};
  }
  return std::move(**loaded);
}

std::string AttemptTokens::make(JobId job, AttemptNumber attempt) const {
  return "mwa1." + std::to_string(job.value()) + "." + std::to_string(attempt.value()) + "." +
         attempt_signature(key_, job, attempt);
}

std::optional<AttemptTokens::Claim> AttemptTokens::check(std::string_view token) const {
  constexpr std::string_view kPrefix = "mwa1.";
  if (!token.starts_with(kPrefix)) return std::nullopt;
  token.remove_prefix(kPrefix.size());
  JobId::rep job = 0;
  AttemptNumber::rep attempt = 0;
  if (!take_number(token, job) || !take_number(token, attempt)) return std::nullopt;
  const Claim claim{JobId(job), AttemptNumber(attempt)};
  if (!equal_in_constant_time(token, attempt_signature(key_, claim.job, claim.attempt)))
    return std::nullopt;
  return claim;
}

Result<std::string> UserTokens::make(const std::string& user) const {
  if (!is_user_name(user)) {
    return Error{ErrorCode::kInvalid,
                 "expected the name of a user: up to 64 of the characters A-Z a-z 0-9 _ - . @"};
  }
  return "mwu1." + user + "." + signature(key_, "user:" + user);
}

std::optional<std::string> UserTokens::check(std::string_view token) const {
  constexpr std::string_view kPrefix = "mwu1.";
  if (!token.starts_with(kPrefix)) return std::nullopt;
  token.remove_prefix(kPrefix.size());
  const std::size_t dot = token.rfind('.');  // a user's name may have some, too
  if (dot == std::string_view::npos) return std::nullopt;
  std::string user(token.substr(0, dot));
  token.remove_prefix(dot + 1);
  if (!is_user_name(user)) return std::nullopt;
  if (!equal_in_constant_time(token, signature(key_, "user:" + user))) return std::nullopt;
  return user;
}

bool is_loopback_host(std::string_view host) {
  std::string lower(host);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  in_addr address{};
  return lower == "localhost" || lower == "::1" ||
         (::inet_pton(AF_INET, lower.c_str(), &address) == 1 && ntohl(address.s_addr) >> 24 == 127);
}

std::string_view host_without_port(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t bracket = authority.find(']');
    return bracket == std::string_view::npos ? authority : authority.substr(1, bracket - 1);
  }
  return authority.substr(0, authority.find(':'));
}

}  // namespace mw::http
