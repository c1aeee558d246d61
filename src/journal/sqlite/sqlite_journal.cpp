#include "journal/sqlite/sqlite_journal.h"

#include <filesystem>
#include <utility>

#include "journal/sqlite/reader.h"
#include "journal/sqlite/schema.h"
#include "journal/sqlite/write_lock.h"
#include "journal/sqlite/writer.h"

namespace mw {
namespace {

class SqliteJournal final : public Journal {
 public:
  /// `lock` and `writer`: absent when it is opened for looking only.
  SqliteJournal(std::string path, const SqliteJournalOptions& options,
                std::optional<sqlite::WriteLock> lock, std::unique_ptr<sqlite::Writer> writer)
      : path_(std::move(path)),
        lock_(std::move(lock)),
        reader_(path_, options.vfs, options.warn),
        writer_(std::move(writer)) {}

  Result<void> append(const Batch& batch) override {
    return writer_ ? writer_->append(batch) : read_only();
  }
  Result<void> probe() override { return writer_ ? writer_->probe() : read_only(); }
  Result<void> save_snapshot(const State& state) override {
    return writer_ ? writer_->save_snapshot(state) : read_only();
  }
  Result<std::optional<State>> latest_snapshot() override { return reader_.latest_snapshot(); }
  Result<void> visit_events(EventSeq after,
                            const std::function<bool(const StoredEvent&)>& visitor) override {
    return reader_.visit_events(after, visitor);
  }
  Result<void> visit_batches(const std::function<bool(const StoredBatch&)>& visitor) override {
    return reader_.visit_batches(visitor);
  }
  Result<std::vector<StoredEvent>> events(const EventQuery& query) override {
    return reader_.events(query);
  }
  Result<EventSeq> last_event() override { return reader_.last_event(); }
  Result<std::vector<EndedJob>> ended_jobs(JobId before, std::size_t limit) override {
    return reader_.ended_jobs(before, limit);
  }
  Result<std::optional<EndedJob>> ended_job(JobId job) override { return reader_.ended_job(job); }

 private:
  [[nodiscard]] Result<void> read_only() const {
    return Error{ErrorCode::kUnavailable, "the journal " + path_ + " was opened for reading only"};
  }

  std::string path_;
  std::optional<sqlite::WriteLock> lock_;  ///< outlives the connections
  sqlite::Reader reader_;
  std::unique_ptr<sqlite::Writer> writer_;
};

Result<std::unique_ptr<Journal>> open_to_read(const std::string& path,
                                              const SqliteJournalOptions& options) {
  std::error_code code;
  if (!std::filesystem::exists(path, code)) {
    return Error{ErrorCode::kNotFound,
                 "there is no journal at " + path + ". It is made by the first \"mw up\"."};
  }
  sqlite::Reader reader(path, options.vfs, {});
  const Result<void> known = reader.with_connection([&](sqlite::Connection& connection) {
    return sqlite::check_schema(connection, path, options.version);
  });
  if (!known) return known.error();
  return std::unique_ptr<Journal>(
      std::make_unique<SqliteJournal>(path, options, std::nullopt, nullptr));
}

Result<std::unique_ptr<Journal>> open_to_write(const std::string& path,
                                               const SqliteJournalOptions& options) {
  Result<sqlite::WriteLock> lock = sqlite::WriteLock::take(path);
  if (!lock) return lock.error();
  if (const Result<void> made = sqlite::make_private_file(path); !made) return made.error();
  return sqlite::guarded(path, [&]() -> Result<std::unique_ptr<Journal>> {
    auto connection =
        std::make_unique<sqlite::Connection>(path, SQLite::OPEN_READWRITE, options.vfs);
    if (const auto ready = sqlite::prepare_schema(*connection, path, options.version); !ready)
      return ready.error();
    if (const auto synced = sqlite::sync_folder_of(path); !synced) return synced.error();
    auto writer = std::make_unique<sqlite::Writer>(path, std::move(connection), options.version);
    return std::unique_ptr<Journal>(
        std::make_unique<SqliteJournal>(path, options, std::move(*lock), std::move(writer)));
  });
}

}  // namespace

Result<std::unique_ptr<Journal>> open_sqlite_journal(const std::string& path,
                                                     const SqliteJournalOptions& options) {
  return options.read_only ? open_to_read(path, options) : open_to_write(path, options);
}

}  // namespace mw
