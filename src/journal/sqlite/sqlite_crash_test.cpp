// The process is killed at random moments, over and over, on one and the same file. Every batch
// that was acknowledged is there afterwards; the one in flight is there whole or not at all.
#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <ctime>

#include "journal/sqlite/sqlite_test_support.h"
#include "loop/recovery.h"

namespace mw {
namespace {

using testing::batches_of;
using testing::History;
using testing::MadeBatch;
using testing::TemporaryFolder;

constexpr std::uint64_t kSeed = 21;
constexpr int kRounds = 40;

/// The first `count` batches of the one history that all rounds continue.
std::vector<MadeBatch> history_of(std::size_t count, History& history) {
  std::vector<MadeBatch> made;
  while (made.size() < count) made.push_back(history.next(12));
  return made;
}

/// Runs in the child: goes on after `stored` batches and says on `out` when one is durable.
[[noreturn]] void append_until_killed(const std::string& path, std::size_t stored, int out) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto journal = open_sqlite_journal(path);
  if (!journal) ::_exit(3);
  History history(kSeed);
  (void)history_of(stored, history);
  for (std::size_t i = 0;; ++i) {
    if (!(*journal)->append(history.next(12).view())) ::_exit(4);
    const char acknowledged = 'a';
    if (::write(out, &acknowledged, 1) != 1) ::_exit(5);
    if (i % 7 == 3 && !(*journal)->save_snapshot(history.state())) ::_exit(6);
  }
}

/// Lets the child acknowledge `wanted` batches and a random moment more, then kills it.
/// Result: how many it acknowledged in all.
std::size_t run_and_kill(const std::string& path, std::size_t stored, std::size_t wanted,
                         std::int64_t moment_ns) {
  int ends[2];
  EXPECT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    append_until_killed(path, stored, ends[1]);
  }
  ::close(ends[1]);
  std::size_t acknowledged = 0;
  char byte = 0;
  while (acknowledged < wanted && ::read(ends[0], &byte, 1) == 1) ++acknowledged;
  // The moment of the kill, not a wait for anything: whatever happened by then is right.
  const timespec moment = {0, static_cast<long>(moment_ns)};
  ::nanosleep(&moment, nullptr);
  ::kill(child, SIGKILL);
  while (::read(ends[0], &byte, 1) == 1) ++acknowledged;
  ::close(ends[0]);
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself with " << WEXITSTATUS(status);
  return acknowledged;
}

TEST(SqliteCrash, NothingAcknowledgedIsLostAndNothingIsThereInPart) {
  TemporaryFolder folder;
  const std::string path = folder / "journal.db";
  Random random(99);
  std::size_t stored = 0;
  std::size_t in_flight = 0;
  for (int round = 0; round < kRounds && !HasFailure(); ++round) {
    SCOPED_TRACE(round);
    const std::size_t wanted = random.below(25);
    const std::size_t acknowledged =
        run_and_kill(path, stored, wanted, random.between(0, 3'000'000));
    if (round % 4 == 1) {
      // Whoever only looks finds the same, with the log still as the killed process left it.
      auto reader = testing::open_or_fail(path, {.read_only = true});
      ASSERT_NE(reader, nullptr);
      ASSERT_GE(batches_of(*reader).size(), stored + acknowledged);
    }
    auto journal = testing::open_or_fail(path);
    ASSERT_NE(journal, nullptr);
    const std::vector<StoredBatch> found = batches_of(*journal);
    ASSERT_GE(found.size(), stored + acknowledged) << "an acknowledged batch is lost";
    ASSERT_LE(found.size(), stored + acknowledged + 1) << "more than the one in flight";
    in_flight += found.size() - stored - acknowledged;
    History history(kSeed);
    const std::vector<MadeBatch> expected = history_of(found.size(), history);
    testing::expect_same(found, expected);
    const auto recovered = recover(*journal);
    ASSERT_TRUE(recovered.ok()) << recovered.error().message;
    ASSERT_EQ(*recovered, history.state());
    stored = found.size();
  }
  EXPECT_GT(stored, 100U);
  RecordProperty("found_in_flight", std::to_string(in_flight));
}

}  // namespace
}  // namespace mw
