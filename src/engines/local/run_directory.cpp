#include "engines/local/run_directory.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <optional>

#include "engines/local/posix.h"

namespace mw::local {
namespace {

namespace fs = std::filesystem;

/// The name as a number; nothing for what we did not name.
template <class Integer>
std::optional<Integer> number_of(const std::string& name) {
  Integer value = 0;
  const auto parsed = std::from_chars(name.data(), name.data() + name.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != name.data() + name.size()) return std::nullopt;
  return value;
}

Result<void> make_directory(const fs::path& path) {
  if (::mkdir(path.c_str(), 0700) == 0 || errno == EEXIST) return {};
  return system_error(ErrorCode::kUnavailable, "make the folder", path.string(), errno);
}

}  // namespace

RunDirectory::RunDirectory(const fs::path& home, std::size_t keep)
    : root_(home / "run"), keep_(keep) {}

Result<std::vector<AttemptKey>> RunDirectory::open() {
  const auto made = make_directory(root_);
  if (!made.ok()) return made.error();
  std::vector<AttemptKey> open;
  std::vector<std::pair<fs::file_time_type, AttemptKey>> ended;
  for (const DirectoryEntry& job : list_directory(root_.string())) {
    const auto job_number = number_of<JobId::rep>(job.name);
    if (!job_number) continue;
    for (const DirectoryEntry& attempt : list_directory((root_ / job.name).string())) {
      const auto number = number_of<AttemptNumber::rep>(attempt.name);
      if (!number) continue;
      const AttemptKey key(*job_number, *number);
      std::error_code error;
      const auto when = fs::last_write_time(ended_mark(key), error);
      if (error) {
        open.push_back(key);
      } else {
        ended.emplace_back(when, key);
      }
    }
  }
  std::sort(open.begin(), open.end());
  std::sort(ended.begin(), ended.end());
  ended_.clear();
  for (const auto& [when, key] : ended) ended_.push_back(key);
  return open;
}

fs::path RunDirectory::attempt(AttemptKey key) const {
  return root_ / std::to_string(key.first.value()) / std::to_string(key.second.value());
}

fs::path RunDirectory::rank(AttemptKey key, Rank rank) const {
  return attempt(key) / std::to_string(rank.value());
}

fs::path RunDirectory::ended_mark(AttemptKey key) const { return attempt(key) / "ended"; }

std::uint32_t RunDirectory::ranks(AttemptKey key) const {
  std::uint32_t count = 0;
  for (const DirectoryEntry& entry : list_directory(attempt(key).string())) {
    const auto rank = number_of<Rank::rep>(entry.name);
    if (rank && entry.is_directory) count = std::max(count, *rank + 1);
  }
  return count;
}

void RunDirectory::discard_ended(AttemptKey key) {
  if (std::erase(ended_, key) > 0) remove(key);
}

Result<void> RunDirectory::create(AttemptKey key) {
  const fs::path path = attempt(key);
  auto made = make_directory(path.parent_path());
  if (!made.ok()) return made;
  return make_directory(path);
}

Result<void> RunDirectory::take_over(AttemptKey key, const std::vector<KeptRanks>& kept) {
  auto made = create(key);
  for (const KeptRanks& each : kept) {
    for (std::uint32_t i = 0; made.ok() && i < each.tasks; ++i) {
      made = link(key, Rank(each.first_rank + i), each.attempt);
    }
  }
  return made;
}

Result<void> RunDirectory::link(AttemptKey key, Rank rank, AttemptNumber started_in) {
  std::error_code error;
  const fs::path from = this->rank({key.first, started_in}, rank);
  const fs::path to = this->rank(key, rank);
  if (!fs::exists(from, error) || fs::exists(fs::symlink_status(to, error))) return {};
  // Relative: a home may be moved while nothing runs.
  const fs::path target =
      fs::path("..") / std::to_string(started_in.value()) / std::to_string(rank.value());
  fs::create_symlink(target, to, error);
  if (!error) return {};
  return system_error(ErrorCode::kUnavailable, "link the folder", to.string(), error.value());
}

void RunDirectory::mark_ended(AttemptKey key) {
  const UniqueFd mark(::open(ended_mark(key).c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  ended_.push_back(key);
  for (; ended_.size() > keep_; ended_.pop_front()) remove(ended_.front());
}

void RunDirectory::remove(AttemptKey key) const {
  std::error_code error;
  fs::remove_all(attempt(key), error);
  // The job's folder goes with its last attempt, and stays while there are others.
  fs::remove(attempt(key).parent_path(), error);
}

}  // namespace mw::local
