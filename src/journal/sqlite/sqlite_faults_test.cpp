// When the store fails: nothing half-done stays, the message says what to do, and work goes on
// when the store is back.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "journal/sqlite/connection.h"
#include "journal/sqlite/fault_vfs.h"
#include "journal/sqlite/sqlite_test_support.h"
#include "loop/recovery.h"

namespace mw {
namespace {

using testing::batches_of;
using testing::expect_same;
using testing::FaultVfs;
using ::testing::HasSubstr;
using testing::History;
using testing::MadeBatch;
using testing::open_or_fail;
using testing::TemporaryFolder;

struct Fault {
  int code;
  const char* says;
};

class EveryFault : public ::testing::TestWithParam<Fault> {};

// The n-th write of an append fails, for every n that there is.
TEST_P(EveryFault, LeavesNothingBehindAndWorkGoesOn) {
  History history(5);
  const std::vector<MadeBatch> made = {history.next(8), history.next(64), history.next(8)};
  int failures = 0;
  for (int writes = 0;; ++writes) {
    SCOPED_TRACE(writes);
    ASSERT_LT(writes, 500) << "the append never succeeds";
    FaultVfs vfs;
    TemporaryFolder folder;
    const std::string path = folder / "journal.db";
    {
      auto journal = open_or_fail(path, {.vfs = FaultVfs::kName});
      ASSERT_TRUE(journal->append(made[0].view()).ok());
      vfs.fail_after(writes, GetParam().code);
      const Result<void> stored = journal->append(made[1].view());
      if (stored.ok() && vfs.refused() == 0) break;  // more writes than it needs
      ASSERT_FALSE(stored.ok());
      ++failures;
      EXPECT_EQ(stored.error().code, ErrorCode::kUnavailable) << stored.error().message;
      EXPECT_THAT(stored.error().message, HasSubstr(path));
      EXPECT_THAT(stored.error().message, HasSubstr(GetParam().says));
      EXPECT_EQ(*journal->last_event(), EventSeq(made[0].events.size()));
      EXPECT_FALSE(journal->probe().ok()) << "it still fails, and probing says so";
      EXPECT_FALSE(journal->save_snapshot(history.state()).ok());
      vfs.heal();
      const Result<void> probed = journal->probe();
      ASSERT_TRUE(probed.ok()) << probed.error().message;
      expect_same(batches_of(*journal), {made[0]});
      ASSERT_TRUE(journal->append(made[1].view()).ok());
      ASSERT_TRUE(journal->append(made[2].view()).ok());
    }
    auto again = open_or_fail(path);
    expect_same(batches_of(*again), made);
    EXPECT_EQ(*recover(*again), history.state());
  }
  EXPECT_GE(failures, 5) << "hardly anything failed: the faults do not reach the journal";
}

INSTANTIATE_TEST_SUITE_P(Faults, EveryFault,
                         ::testing::Values(Fault{SQLITE_FULL, "the disk is full"},
                                           Fault{SQLITE_IOERR_WRITE, "its disk reports an error"},
                                           Fault{SQLITE_IOERR_FSYNC, "its disk reports an error"},
                                           Fault{SQLITE_READONLY, "read-only"}),
                         [](const auto& test) {
                           switch (test.param.code) {
                             case SQLITE_FULL:
                               return "Full";
                             case SQLITE_IOERR_WRITE:
                               return "Write";
                             case SQLITE_IOERR_FSYNC:
                               return "Sync";
                             default:
                               return "ReadOnly";
                           }
                         });

/// A file system of its own, where this user may mount one.
class SmallDisk {
 public:
  explicit SmallDisk(const std::string& path) : path_(path) {
    std::filesystem::create_directory(path_);
    mounted_ = ::mount("tmpfs", path_.c_str(), "tmpfs", 0, "size=2m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  [[nodiscard]] bool mounted() const { return mounted_; }

 private:
  std::string path_;
  bool mounted_ = false;
};

TEST(SqliteFaults, AFullDiskStopsItUntilThereIsRoom) {
  TemporaryFolder folder;
  const SmallDisk disk(folder / "disk");
  if (!disk.mounted())
    GTEST_SKIP() << "this user may not mount a small disk; EveryFault/Full shows the same without";
  const std::string filler = folder / "disk/filler";
  std::ofstream(filler) << std::string(1 << 20, 'x');
  const std::string path = folder / "disk/journal.db";
  auto journal = open_or_fail(path);
  History history(6);
  std::vector<MadeBatch> made;
  Result<void> stored;
  MadeBatch next;
  while (true) {
    next = history.next(64);
    stored = journal->append(next.view());
    if (!stored) break;
    made.push_back(next);
    ASSERT_LT(made.size(), 1000U) << "the disk never fills";
  }
  EXPECT_EQ(stored.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(stored.error().message, HasSubstr("the disk is full"));
  EXPECT_FALSE(journal->probe().ok());
  expect_same(batches_of(*journal), made);

  std::filesystem::remove(filler);
  const Result<void> probed = journal->probe();
  ASSERT_TRUE(probed.ok()) << probed.error().message;
  ASSERT_TRUE(journal->append(next.view()).ok());
  made.push_back(next);
  expect_same(batches_of(*journal), made);
  EXPECT_TRUE(verify(*journal, {}).ok());
}

TEST(SqliteFaults, ALockOfSomebodyElseIsNamed) {
  TemporaryFolder folder;
  const std::string path = folder / "journal.db";
  auto journal = open_or_fail(path);
  History history(7);
  const MadeBatch batch = history.next();
  sqlite::Connection other(path, SQLite::OPEN_READWRITE, "");
  other.run("BEGIN IMMEDIATE");
  const Result<void> stored = journal->append(batch.view());
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(stored.error().message, HasSubstr("locked by another program"));
  other.run("ROLLBACK");
  EXPECT_TRUE(journal->append(batch.view()).ok());
}

TEST(SqliteFaults, AFileThatWasTakenAwayIsNotWrittenTo) {
  TemporaryFolder folder;
  const std::string path = folder / "journal.db";
  auto journal = open_or_fail(path);
  History history(8);
  ASSERT_TRUE(journal->append(history.next().view()).ok());
  std::filesystem::rename(path, path + ".away");
  const MadeBatch batch = history.next();
  const Result<void> stored = journal->append(batch.view());
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().code, ErrorCode::kUnavailable);
  EXPECT_THAT(stored.error().message, HasSubstr("was deleted or replaced"));
  std::filesystem::rename(path + ".away", path);
  EXPECT_TRUE(journal->append(batch.view()).ok());
  EXPECT_EQ(batches_of(*journal).size(), 2U);
}

TEST(SqliteFaults, ABatchThatDoesNotFollowIsRefused) {
  TemporaryFolder folder;
  auto journal = open_or_fail(folder / "journal.db");
  History history(9);
  MadeBatch batch = history.next();
  batch.first_event = EventSeq(2);
  const Result<void> stored = journal->append(batch.view());
  ASSERT_FALSE(stored.ok());
  EXPECT_EQ(stored.error().code, ErrorCode::kInternal);
  EXPECT_EQ(*journal->last_event(), EventSeq());
}

// What the disk gave back is not what was written: it is told apart, not made into a state.
TEST(SqliteFaults, ADamagedRowIsNamed) {
  TemporaryFolder folder;
  const std::string path = folder / "journal.db";
  auto journal = open_or_fail(path);
  History history(10);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(journal->append(history.next().view()).ok());
  sqlite::Connection other(path, SQLite::OPEN_READWRITE, "");
  other.run("UPDATE events SET body = replace(body, 'at_ns', 'at_nz') WHERE seq = 3");
  const auto events = journal->events({});
  ASSERT_FALSE(events.ok());
  EXPECT_EQ(events.error().code, ErrorCode::kInternal);
  EXPECT_THAT(events.error().message, HasSubstr("event 3 cannot be read: unknown key \"at_nz\""));
  EXPECT_FALSE(recover(*journal).ok());
  other.run("DELETE FROM events WHERE seq = 3");
  EXPECT_THAT(recover(*journal).error().message, HasSubstr("event 3 is missing from the journal"));
  EXPECT_FALSE(verify(*journal, {}).ok());
}

}  // namespace
}  // namespace mw
