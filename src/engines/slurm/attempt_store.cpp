#include "engines/slurm/attempt_store.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <fstream>
#include <optional>
#include <random>

#include "engines/local/posix.h"

namespace mw::slurm {
namespace {

namespace fs = std::filesystem;
namespace json = boost::json;

/// Whoever comes after a crash, even of the machine, sees the old one or the new one.
Result<void> store(const fs::path& path, std::string_view text) {
  return local::replace_file(path, text, local::Durability::kPower);
}

std::optional<AttemptRecord> read_record(const fs::path& path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  json::error_code fault;
  const json::value value = json::parse(text, fault);
  if (fault || !value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  const auto number = [&](std::string_view key) -> std::int64_t {
    const json::value* found = object.if_contains(key);
    return found != nullptr && found->is_int64() ? found->get_int64() : 0;
  };
  const auto words = [&](std::string_view key) -> std::string {
    const json::value* found = object.if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string()) : "";
  };
  return AttemptRecord{Epoch(static_cast<std::uint64_t>(number("epoch"))), words("user"),
                       words("directory"), Instant(number("handed_over_ns")),
                       static_cast<SlurmJobId>(number("slurm_job"))};
}

}  // namespace

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
    if (const auto written = store(id, home_id_ + "\n"); !written) return written;
  }
  for (const fs::directory_entry& entry : fs::directory_iterator(folder_, fault)) {
    unsigned long long job = 0;
    unsigned attempt = 0;
    char more = 0;
    const std::string name = entry.path().filename();
    if (std::sscanf(name.c_str(), "%llu.%u%c", &job, &attempt, &more) != 2) continue;
    if (auto record = read_record(entry.path())) {
      records_[{JobId(job), AttemptNumber(attempt)}] = std::move(*record);
    }
  }
  return {};
}

const AttemptRecord* AttemptStore::find(AttemptKey key) const {
  const auto found = records_.find(key);
  return found == records_.end() ? nullptr : &found->second;
}

Result<void> AttemptStore::put(AttemptKey key, const AttemptRecord& record) {
  const json::object object = {{"epoch", record.epoch.value()},
                               {"user", record.user},
                               {"directory", record.directory},
                               {"handed_over_ns", record.handed_over.count()},
                               {"slurm_job", record.slurm_job}};
  if (const auto written = store(path_of(key), json::serialize(object) + "\n"); !written) {
    return written;
  }
  records_[key] = record;
  ended_.erase(key);
  return {};
}

void AttemptStore::end(AttemptKey key) {
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
