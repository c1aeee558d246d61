// What is particular to the journal in SQLite: who may open which file, what snapshots cost and
// survive, and reading beside writing.
#include "journal/sqlite/sqlite_journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "journal/sqlite/connection.h"
#include "journal/sqlite/sqlite_test_support.h"
#include "journal/sqlite/state_json.h"
#include "loop/recovery.h"

namespace mw {
namespace {

using testing::batches_of;
using ::testing::HasSubstr;
using testing::History;
using testing::open_or_fail;
using testing::TemporaryFolder;

unsigned mode_of(const std::string& path) {
  struct stat file = {};
  EXPECT_EQ(::stat(path.c_str(), &file), 0) << path;
  return file.st_mode & 0777U;
}

TEST(SqliteJournal, ItsFilesAreForTheirOwnerOnly) {
  TemporaryFolder folder;
  const std::string path = folder / "journal.db";
  { std::ofstream(path) << ""; }  // made by someone careless
  ASSERT_EQ(::chmod(path.c_str(), 0644), 0);
  auto journal = open_or_fail(path);
  History history(1);
  ASSERT_TRUE(journal->append(history.next().view()).ok());
  for (const char* suffix : {"", "-wal", "-shm", ".lock"})
    EXPECT_EQ(mode_of(path + suffix), 0600U) << suffix;
}

TEST(SqliteJournal, OnlyOneMayWrite) {
  TemporaryFolder folder;
  const std::string path = folder / "journal.db";
  auto first = open_or_fail(path);
  const auto second = open_sqlite_journal(path);
  ASSERT_FALSE(second.ok());
  EXPECT_EQ(second.error().code, ErrorCode::kConflict);
  EXPECT_THAT(second.error().message,
              HasSubstr("is being written to by process " + std::to_string(::getpid())));
  // Reading beside it is welcome, and sees what is appended later.
  auto reader = open_or_fail(path, {.read_only = true});
  History history(1);
  const testing::MadeBatch batch = history.next();
  ASSERT_TRUE(first->append(batch.view()).ok());
  EXPECT_EQ(*reader->last_event(), EventSeq(batch.events.size()));
  const Result<void> refused = reader->append(history.next().view());
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kUnavailable);
  EXPECT_FALSE(reader->probe().ok());
  EXPECT_FALSE(reader->save_snapshot(history.state()).ok());
  first.reset();
  EXPECT_TRUE(open_sqlite_journal(path).ok()) << "the lock went with its holder";
}

TEST(SqliteJournal, RefusesAnotherSchemaByName) {
  TemporaryFolder folder;
  const std::string path = folder / "journal.db";
  open_or_fail(path);
  const struct {
    int schema;
    const char* says;
  } cases[] = {{7, "this mw (0.1.0) knows schemas up to 3"},
               {1, "this mw (0.1.0) reads schema 3 only"}};
  for (const auto& [schema, says] : cases) {
    sqlite::Connection(path, SQLite::OPEN_READWRITE, "")
        .run(("UPDATE meta SET value = " + std::to_string(schema) + " WHERE key = 'schema'")
                 .c_str());
    for (const bool read_only : {false, true}) {
      const auto journal = open_sqlite_journal(path, {.read_only = read_only, .version = "0.1.0"});
      ASSERT_FALSE(journal.ok());
      EXPECT_EQ(journal.error().code, ErrorCode::kUnsupported);
      EXPECT_THAT(journal.error().message, HasSubstr("has schema " + std::to_string(schema)));
      EXPECT_THAT(journal.error().message, HasSubstr(says));
    }
  }
}

TEST(SqliteJournal, LeavesFilesThatAreNotItsOwnAlone) {
  TemporaryFolder folder;
  const std::string database = folder / "other.db";
  sqlite::Connection(database, SQLite::OPEN_READWRITE | SQLite::OPEN_CREATE, "")
      .run("CREATE TABLE mine(x)");
  const std::string text = folder / "notes.txt";
  std::ofstream(text) << std::string(5000, 'a');
  for (const std::string& path : {database, text}) {
    const auto size = std::filesystem::file_size(path);
    for (const bool read_only : {false, true}) {
      const auto journal = open_sqlite_journal(path, {.read_only = read_only});
      ASSERT_FALSE(journal.ok()) << path;
      EXPECT_EQ(journal.error().code, ErrorCode::kInvalid) << journal.error().message;
    }
    EXPECT_EQ(std::filesystem::file_size(path), size);
  }
  EXPECT_EQ(open_sqlite_journal(folder / "none.db", {.read_only = true}).error().code,
            ErrorCode::kNotFound);
  EXPECT_EQ(open_sqlite_journal(folder / "no/such/folder.db").error().code,
            ErrorCode::kUnavailable);
}

TEST(SqliteJournal, IsReadableWithAnyClient) {
  TemporaryFolder folder;
  const std::string path = folder / "journal.db";
  auto journal = open_or_fail(path, {.version = "0.1.0"});
  History history(2);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(journal->append(history.next().view()).ok());
  sqlite::Connection client(path, SQLite::OPEN_READONLY, "");
  EXPECT_EQ(client.number("SELECT count(*) FROM batches WHERE core_version = '0.1.0'"), 100);
  EXPECT_EQ(client.number("SELECT count(*) FROM events"),
            static_cast<std::int64_t>(history.state().last_seq.value()));
  EXPECT_EQ(client.number("SELECT sum(kind != json_extract(body, '$.body.kind')) FROM events"), 0);
  EXPECT_EQ(client.number("SELECT sum(at_ns != json_extract(body, '$.at_ns')) FROM events"), 0);
  EXPECT_GT(client.number("SELECT sum(job = json_extract(body, '$.body.job')) FROM events"), 100);
  EXPECT_EQ(client.number("SELECT sum(kind != json_extract(body, '$.body.kind')) FROM inputs"), 0);
  EXPECT_GT(client.number("SELECT sum(state = json_extract(body, '$.state')) FROM ended_jobs"), 3);
}

// --- snapshots ----------------------------------------------------------------------------------

TEST(SqliteSnapshots, TheLastTwoAreKeptAndTheOlderServesWhenTheNewerIsDamaged) {
  TemporaryFolder folder;
  const std::string path = folder / "journal.db";
  std::vector<std::string> warnings;
  auto journal = open_or_fail(
      path, {.warn = [&](const std::string& warning) { warnings.push_back(warning); }});
  History history(3);
  std::vector<State> saved;
  for (int i = 0; i < 4; ++i) {
    ASSERT_TRUE(journal->append(history.next().view()).ok());
    saved.push_back(history.state());
    ASSERT_TRUE(journal->save_snapshot(saved.back()).ok());
  }
  sqlite::Connection other(path, SQLite::OPEN_READWRITE, "");
  EXPECT_EQ(other.number("SELECT count(*) FROM snapshots"), 2);
  EXPECT_EQ(other.number("SELECT count(DISTINCT snapshot) FROM snapshot_chunks"), 2);
  EXPECT_EQ(**journal->latest_snapshot(), saved[3]);

  // One digit of the newest is another.
  other.run(
      "UPDATE snapshot_chunks SET body = replace(body, '\"next_job\":', '\"next_job\":1') WHERE "
      "snapshot = 4");
  EXPECT_EQ(**journal->latest_snapshot(), saved[2]);
  ASSERT_EQ(warnings.size(), 1U);
  EXPECT_THAT(warnings[0],
              HasSubstr("snapshot 4 cannot be used and is passed over: piece 0 is damaged"));
  other.run("DELETE FROM snapshot_chunks WHERE snapshot = 3");
  EXPECT_FALSE(journal->latest_snapshot()->has_value()) << "none is left to be used";
  EXPECT_EQ(*recover(*journal), history.state()) << "all events are there, so nothing is lost";
}

TEST(SqliteSnapshots, OneThatWasNotFinishedIsNeverUsedAndGoesAway) {
  TemporaryFolder folder;
  const std::string path = folder / "journal.db";
  auto journal = open_or_fail(path);
  History history(3);
  ASSERT_TRUE(journal->append(history.next().view()).ok());
  sqlite::Connection other(path, SQLite::OPEN_READWRITE, "");
  other.run("INSERT INTO snapshots VALUES(1, 1, 0, 1, 0)");
  other.run("INSERT INTO snapshot_chunks VALUES(1, 0, 0, 'half')");
  EXPECT_FALSE(journal->latest_snapshot()->has_value());
  ASSERT_TRUE(journal->save_snapshot(history.state()).ok());
  EXPECT_EQ(**journal->latest_snapshot(), history.state());
  EXPECT_EQ(other.number("SELECT count(*) FROM snapshots"), 1);
  EXPECT_EQ(other.number("SELECT count(*) FROM snapshot_chunks WHERE body = 'half'"), 0);
}

/// A state with this many jobs that wait, and as many that have ended.
State large_state(std::uint32_t jobs) {
  Core core;
  const Instant now(1'000'000);
  JobSpec spec;
  spec.name = "large";
  spec.user = "someone";
  spec.command = {"python3", "train.py", "--steps", "200"};
  spec.environment = {{"OMP_NUM_THREADS", "1"}};
  spec.workdir = "/home/someone/work";
  std::vector<Input> inputs;
  for (std::uint32_t i = 0; i < jobs; ++i) inputs.push_back({RequestId(), SubmitJob{spec, ""}});
  core.step(now, inputs);
  inputs.clear();
  for (std::uint32_t i = 1; i <= jobs; ++i)
    inputs.push_back({RequestId(), CancelJob{JobId(i), false, "someone"}});
  core.step(now, inputs);
  inputs.clear();
  for (std::uint32_t i = 0; i < jobs; ++i) inputs.push_back({RequestId(), SubmitJob{spec, ""}});
  core.step(now, inputs);
  return core.state();
}

TEST(SqliteSnapshots, ALargeStateIsCutIntoPiecesAndComesBack) {
  TemporaryFolder folder;
  const std::string path = folder / "journal.db";
  auto journal = open_or_fail(path);
  const State state = large_state(10'000);
  ASSERT_EQ(state.jobs.size(), 20'000U);
  const auto began = std::chrono::steady_clock::now();
  ASSERT_TRUE(journal->save_snapshot(state).ok());
  const auto saved = std::chrono::steady_clock::now();
  const auto read = journal->latest_snapshot();
  const auto done = std::chrono::steady_clock::now();
  ASSERT_TRUE(read.ok() && read->has_value());
  EXPECT_TRUE(**read == state);
  EXPECT_GT(sqlite::Connection(path, SQLite::OPEN_READONLY, "")
                .number("SELECT count(*) FROM snapshot_chunks"),
            20);
  const auto ms = [](auto length) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(length).count();
  };
  RecordProperty("save_ms", std::to_string(ms(saved - began)));
  RecordProperty("read_ms", std::to_string(ms(done - saved)));
  std::printf("  snapshot of 20,000 jobs: saved in %ld ms, read in %ld ms\n",
              static_cast<long>(ms(saved - began)), static_cast<long>(ms(done - saved)));
}

TEST(SqliteSnapshots, AreSavedAndReadBesideAppends) {
  TemporaryFolder folder;
  auto journal = open_or_fail(folder / "journal.db");
  const State state = large_state(2000);
  std::atomic<bool> stop = false;
  std::atomic<int> saved = 0;
  std::atomic<int> read = 0;
  std::atomic<bool> failed = false;
  std::thread saver([&] {
    while (!stop) {
      failed = failed || !journal->save_snapshot(state).ok();
      ++saved;
    }
  });
  std::thread reader([&] {
    while (!stop) {
      const auto events = journal->events({EventSeq(), std::nullopt, std::nullopt, 10});
      failed = failed || !events.ok() || !journal->latest_snapshot().ok();
      ++read;
    }
  });
  History history(4);
  std::vector<testing::MadeBatch> made;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while ((saved < 3 || read < 3 || made.size() < 200) &&
         std::chrono::steady_clock::now() < deadline) {
    made.push_back(history.next());
    const Result<void> stored = journal->append(made.back().view());
    if (!stored) {
      ADD_FAILURE() << stored.error().message;
      break;
    }
  }
  stop = true;
  saver.join();
  reader.join();
  EXPECT_FALSE(failed);
  EXPECT_GE(saved, 3);
  EXPECT_GE(read, 3);
  testing::expect_same(batches_of(*journal), made);
}

}  // namespace
}  // namespace mw
