#include "engines/slurm/attempt_store.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <optional>
#include <random>

namespace mw::slurm {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

Error cannot(const std::string& what, const fs::path& path) {
  return {ErrorCode::kUnavailable,
          fmt::format("cannot {} {}: {}", what, path.string(), std::strerror(errno))};
}

bool write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(fd, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return false;
    text.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Replaces the file as a whole: a reader, or whoever comes after a crash, sees the old or the new.
Result<void> replace_file(const fs::path& path, std::string_view text) {
  const fs::path fresh = path.string() + ".new";
  const int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (fd < 0) return cannot("write", fresh);
  const bool written = write_all(fd, text) && ::fdatasync(fd) == 0;
  const int fault = errno;
  ::close(fd);
  errno = fault;
  if (!written || ::rename(fresh.c_str(), path.c_str()) != 0) return cannot("write", path);
  const int folder = ::open(path.parent_path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder >= 0) {
    ::fsync(folder);
    ::close(folder);
  }
  return {};
}

/// None: there is no such file, or it is no object.
std::optional<json::object> read_object(const fs::path& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  json::error_code fault;
  json::value value = json::parse(text, fault);
  if (fault || !value.is_object()) return std::nullopt;
  return std::move(value.get_object());
}

std::optional<AttemptRecord> read_record(const fs::path& path) {
  const auto read = read_object(path);
  if (!read) return std::nullopt;
  const json::object& object = *read;
  const auto number = [&](std::string_view key) -> std::int64_t {
    const json::value* found = object.if_contains(key);
    return found != nullptr && found->is_int64() ? found->get_int64() : 0;
  };
  const auto words = [&](std::string_view key) -> std::string {
    const json::value* found = object.if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
  };
  return AttemptRecord{Epoch(static_cast<std::uint64_t>(number("epoch"))),
                       words("user"),
                       words("directory"),
                       Instant(number("handed_over_ns")),
                       static_cast<SlurmJobId>(number("slurm_job")),
                       static_cast<std::uint32_t>(number("runs_before")),
                       words("output")};
}

constexpr const char* kDrainsFile = "drains";

const char* name_of(JobNote note) { return note == JobNote::kHeld ? "held" : "withdrawn"; }

}  // namespace

fs::path AttemptStore::path_of(JobId job, JobNote note) const {
  return folder_ / fmt::format("{}.{}", job.value(), name_of(note));
}

fs::path AttemptStore::path_of(AttemptKey key) const {
  return folder_ / fmt::format("{}.{}", key.first.value(), key.second.value());
}

Result<void> AttemptStore::open() {
  std::error_code fault;
  fs::create_directories(folder_, fault);
  if (fault) {
    return Error{ErrorCode::kUnavailable,
                 fmt::format("cannot make {}: {}", folder_.string(), fault.message())};
  }
  ::chmod(folder_.c_str(), 0700);
  const fs::path id = folder_ / "id";
  std::ifstream(id) >> home_id_;
  if (home_id_.size() != 8) {
    home_id_ = fmt::format("{:08x}", std::random_device()());
    if (auto written = replace_file(id, home_id_ + "\n"); !written) return written;
  }
  if (const auto drains = read_object(folder_ / kDrainsFile)) {
    for (const auto& [node, reason] : *drains) {
      if (reason.is_string()) drains_.emplace(node, reason.get_string());
    }
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, fault)) {
    unsigned long long job = 0;
    unsigned attempt = 0;
    char more = 0;
    const std::string name = entry.path().filename();
    if (std::sscanf(name.c_str(), "%llu.", &job) != 1) continue;
    for (const JobNote note : {JobNote::kHeld, JobNote::kWithdrawn}) {
      if (entry.path() == path_of(JobId(job), note)) notes_.emplace(JobId(job), note);
    }
    if (std::sscanf(name.c_str(), "%llu.%u%c", &job, &attempt, &more) != 2) continue;
    if (auto record = read_record(entry.path())) {
      records_[{JobId(job), AttemptNumber(attempt)}] = std::move(*record);
    }
  }
  return {};
}

std::optional<AttemptRecord> AttemptStore::find(AttemptKey key) const {
  const std::scoped_lock lock(mutex_);
  const auto found = records_.find(key);
  return found == records_.end() ? std::nullopt : std::optional(found->second);
}

bool AttemptStore::has_ended(AttemptKey key) const {
  const std::scoped_lock lock(mutex_);
  return ended_.contains(key);
}

Result<void> AttemptStore::put(AttemptKey key, const AttemptRecord& record) {
  const json::object object = {
      {"epoch", record.epoch.value()}, {"user", record.user},
      {"directory", record.directory}, {"handed_over_ns", record.handed_over.count()},
      {"slurm_job", record.slurm_job}, {"runs_before", record.runs_before},
      {"output", record.output}};
  if (auto written = replace_file(path_of(key), json::serialize(object) + "\n"); !written) {
    return written;
  }
  const std::scoped_lock lock(mutex_);
  records_[key] = record;
  ended_.erase(key);
  return {};
}

CarriedDrains AttemptStore::drains() const {
  const std::scoped_lock lock(mutex_);
  return drains_;
}

Result<void> AttemptStore::put_drains(const CarriedDrains& drains) {
  const std::scoped_lock lock(mutex_);
  if (drains == drains_) return {};
  json::object object;
  for (const auto& [node, reason] : drains) object[node] = reason;
  auto written = replace_file(folder_ / kDrainsFile, json::serialize(object) + "\n");
  if (written) drains_ = drains;
  return written;
}

bool AttemptStore::has_pinned(const SlurmJob& job) const {
  if (job.request->nodes_required.empty()) return false;
  const std::scoped_lock lock(mutex_);
  return std::ranges::any_of(records_, [&](const auto& each) {
    const SlurmJobId known = each.second.slurm_job;
    return known == job.id || (job.array != 0 && known == job.array);
  });
}

Result<void> AttemptStore::note(JobId job, JobNote note) {
  if (noted(job, note)) return {};
  if (auto written = replace_file(path_of(job, note), ""); !written) return written;
  const std::scoped_lock lock(mutex_);
  notes_.emplace(job, note);
  return {};
}

bool AttemptStore::noted(JobId job, JobNote note) const {
  const std::scoped_lock lock(mutex_);
  return notes_.contains({job, note});
}

void AttemptStore::drop(JobId job, JobNote note) {
  const std::scoped_lock lock(mutex_);
  if (notes_.erase({job, note}) > 0) ::unlink(path_of(job, note).c_str());
}

void AttemptStore::end(AttemptKey key) {
  const std::scoped_lock lock(mutex_);
  if (!records_.contains(key)) return;
  ended_.insert(key);
  while (ended_.size() > kept_) {
    const AttemptKey oldest = *ended_.begin();
    ::unlink(path_of(oldest).c_str());
    records_.erase(oldest);
    ended_.erase(ended_.begin());
  }
}

}  // namespace mw::slurm
