// What the tests of the SQLite journal share: a folder that goes with the test, and what a
// journal holds, in a form that can be compared.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "journal/sqlite/sqlite_journal.h"
#include "loop/recovery_test_history.h"

namespace mw::testing {

class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "mw-journal-XXXXXX").string();
    EXPECT_NE(::mkdtemp(name.data()), nullptr);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] std::string operator/(const std::string& name) const {
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<Journal> open_or_fail(const std::string& path,
                                             const SqliteJournalOptions& options = {}) {
  Result<std::unique_ptr<Journal>> journal = open_sqlite_journal(path, options);
  if (!journal) {
    ADD_FAILURE() << journal.error().message;
    return nullptr;
  }
  return std::move(*journal);
}

/// All batches in the journal.
inline std::vector<StoredBatch> batches_of(Journal& journal) {
  std::vector<StoredBatch> all;
  const Result<void> visited = journal.visit_batches([&](const StoredBatch& batch) {
    all.push_back(batch);
    return true;
  });
  EXPECT_TRUE(visited.ok()) << (visited.ok() ? "" : visited.error().message);
  return all;
}

inline void expect_same(const std::vector<StoredBatch>& stored,
                        const std::vector<MadeBatch>& made) {
  ASSERT_EQ(stored.size(), made.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    EXPECT_EQ(stored[i].now, made[i].now);
    EXPECT_EQ(stored[i].first_event, made[i].first_event);
    EXPECT_EQ(stored[i].inputs, made[i].inputs);
    EXPECT_EQ(stored[i].events, made[i].events);
  }
}

}  // namespace mw::testing
