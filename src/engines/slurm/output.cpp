#include "engines/slurm/output.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "engines/slurm/job_script.h"
#include "engines/slurm/unix_user.h"

namespace mw::slurm {
namespace {

class File {
 public:
  explicit File(const std::string& path)
      : fd_(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)) {}
  ~File() {
    if (fd_ >= 0) ::close(fd_);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  [[nodiscard]] int fd() const { return fd_; }

 private:
  int fd_;
};

/// Has `user` ended up as the owner of what is open?
bool belongs_to(const struct stat& info, const std::string& user) {
  const std::optional<UnixUser> entry = find_unix_user(user);
  return entry && info.st_uid == entry->id && S_ISREG(info.st_mode);
}

}  // namespace

Result<LogChunk> read_output(const AttemptStore& store, const LogQuery& query) {
  const AttemptKey key(query.job, query.attempt);
  const bool ended = store.has_ended(key);
  if (const auto record = store.find(key)) return read_output(*record, query, ended);
  return Error{ErrorCode::kNotFound,
               fmt::format("no output of job {}, attempt {} is known here: it has not been "
                           "handed to Slurm, or that was long ago",
                           query.job.value(), query.attempt.value())};
}

std::optional<int> read_exit(const std::string& directory, const std::string& user) {
  const File file(exit_file(directory));
  struct stat info {};
  if (file.fd() < 0 || ::fstat(file.fd(), &info) != 0 || !belongs_to(info, user)) {
    return std::nullopt;
  }
  std::array<char, 16> text{};
  const ssize_t length = ::pread(file.fd(), text.data(), text.size(), 0);
  int code = 0;
  if (length <= 0 || std::from_chars(text.data(), text.data() + length, code).ec != std::errc()) {
    return std::nullopt;
  }
  return code;
}

Result<LogChunk> read_output(const AttemptRecord& record, const LogQuery& query, bool ended) {
  const bool script = record.directory.empty();  // handed to Slurm itself: it writes where it wants
  if (script && (record.output.empty() || query.rank != Rank(0) || query.standard_error)) {
    return Error{ErrorCode::kNotFound,
                 "a job that was handed to Slurm writes where its script says; here its standard "
                 "output is read, as that of rank 0, where the file's name can be told"};
  }
  // The end first: output that is read after it was seen is all there will be.
  ended = ended || (!script && ::access(exit_file(record.directory).c_str(), F_OK) == 0);
  const std::string path =
      script ? record.output : output_file(record.directory, query.rank, query.standard_error);
  const File file(path);
  if (file.fd() < 0 && (errno == ENOENT || errno == ENOTDIR)) {
    return Error{
        ErrorCode::kNotFound,
        fmt::format("no output of job {}, attempt {}, rank {} is here: it has not started, "
                    "or {} cannot be seen from this machine",
                    query.job.value(), query.attempt.value(), query.rank.value(), path)};
  }
  struct stat info {};
  if (file.fd() < 0 || ::fstat(file.fd(), &info) != 0) {
    return Error{ErrorCode::kForbidden, fmt::format("cannot read {}: {}; it is the user's own",
                                                    path, std::strerror(errno))};
  }
  if (!belongs_to(info, record.user)) {
    return Error{ErrorCode::kForbidden,
                 fmt::format("{} is not a file of user {}", path, record.user)};
  }
  LogChunk chunk;
  chunk.offset = query.offset;
  chunk.data.resize(query.limit);
  const ssize_t got =
      ::pread(file.fd(), chunk.data.data(), chunk.data.size(), static_cast<off_t>(query.offset));
  if (got < 0) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("cannot read {}: {}", path, std::strerror(errno))};
  }
  chunk.data.resize(static_cast<std::size_t>(got));
  const auto end = query.offset + static_cast<std::uint64_t>(got);
  chunk.complete = ended && end >= static_cast<std::uint64_t>(info.st_size);
  return chunk;
}

}  // namespace mw::slurm
