// What every journal promises, over every one that there is.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "journal/sqlite/sqlite_test_support.h"
#include "loop/memory_journal.h"
#include "loop/recovery.h"

namespace mw {
namespace {

using testing::batches_of;
using testing::expect_same;
using testing::History;
using testing::MadeBatch;
using testing::TemporaryFolder;

struct Kind {
  const char* name;
  std::function<std::unique_ptr<Journal>(const std::string& path)> open;
};

class JournalContract : public ::testing::TestWithParam<Kind> {
 protected:
  void store(int count, std::size_t inputs_max = 4) {
    for (int i = 0; i < count; ++i) {
      made.push_back(history.next(inputs_max));
      const Result<void> stored = journal->append(made.back().view());
      ASSERT_TRUE(stored.ok()) << stored.error().message;
    }
  }
  [[nodiscard]] std::vector<StoredEvent> all_events() const {
    std::vector<StoredEvent> all;
    for (const MadeBatch& batch : made) {
      EventSeq seq = batch.first_event;
      for (const Event& event : batch.events) {
        all.push_back({seq, event});
        seq = seq.next();
      }
    }
    return all;
  }
  static std::vector<std::uint64_t> numbers(const std::vector<StoredEvent>& events) {
    std::vector<std::uint64_t> found;
    for (const StoredEvent& event : events) found.push_back(event.seq.value());
    return found;
  }

  TemporaryFolder folder;
  std::unique_ptr<Journal> journal = GetParam().open(folder / "journal.db");
  History history{11};
  std::vector<MadeBatch> made;
};

TEST_P(JournalContract, ANewOneIsEmpty) {
  EXPECT_EQ(*journal->last_event(), EventSeq());
  EXPECT_FALSE(journal->latest_snapshot()->has_value());
  EXPECT_TRUE(journal->events({})->empty());
  EXPECT_TRUE(journal->ended_jobs(JobId(), 10)->empty());
  EXPECT_FALSE(journal->ended_job(JobId(1))->has_value());
  EXPECT_TRUE(batches_of(*journal).empty());
  EXPECT_TRUE(journal->probe().ok());
  EXPECT_EQ(*journal->last_event(), EventSeq()) << "probing is no event";
}

TEST_P(JournalContract, KeepsEveryBatchAsItWas) {
  store(200);
  expect_same(batches_of(*journal), made);
  EXPECT_EQ(*journal->last_event(), history.state().last_seq);
  std::vector<StoredEvent> seen;
  const auto visited = journal->visit_events(EventSeq(7), [&](const StoredEvent& event) {
    seen.push_back(event);
    return true;
  });
  ASSERT_TRUE(visited.ok());
  const auto all = all_events();
  ASSERT_EQ(seen.size(), all.size() - 7);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    ASSERT_EQ(seen[i].seq, all[i + 7].seq);
    ASSERT_EQ(seen[i].event, all[i + 7].event);
  }
}

TEST_P(JournalContract, AVisitorCanStop) {
  store(10);
  int events = 0;
  ASSERT_TRUE(journal->visit_events({}, [&](const StoredEvent&) { return ++events < 3; }).ok());
  EXPECT_EQ(events, 3);
  int batches = 0;
  ASSERT_TRUE(journal->visit_batches([&](const StoredBatch&) { return ++batches < 2; }).ok());
  EXPECT_EQ(batches, 2);
}

/// Whether a job's story has this event, said once more and as plainly as can be.
bool is_about(const Event& event, JobId job) {
  const auto* submitted = std::get_if<JobSubmitted>(&event.body);
  if (submitted == nullptr) return job_of(event) == job;
  for (std::uint32_t i = 0; i < submitted->spec->array; ++i) {
    if (submitted->job.value() + i == job.value()) return true;
  }
  return false;
}

TEST_P(JournalContract, FiltersEvents) {
  store(300);
  const auto all = all_events();
  bool array_seen = false;
  for (std::uint64_t id = 1; id < history.state().next_job.value() + 2; ++id) {
    for (const std::uint64_t after : {std::uint64_t{0}, all.size() / 2}) {
      for (const std::size_t limit : {std::size_t{1}, std::size_t{3}, std::size_t{1000}}) {
        std::vector<std::uint64_t> expected;
        for (const StoredEvent& event : all) {
          if (event.seq.value() > after && is_about(event.event, JobId(id)) &&
              expected.size() < limit) {
            expected.push_back(event.seq.value());
            array_seen = array_seen || (std::holds_alternative<JobSubmitted>(event.event.body) &&
                                        job_of(event.event) != JobId(id));
          }
        }
        const auto found = journal->events({EventSeq(after), JobId(id), std::nullopt, limit});
        ASSERT_TRUE(found.ok());
        ASSERT_EQ(numbers(*found), expected)
            << "job " << id << " after " << after << " limit " << limit;
      }
    }
  }
  EXPECT_TRUE(array_seen) << "no array was among them: the test shows less than it should";

  std::vector<std::uint64_t> of_node;
  for (const StoredEvent& event : all) {
    if (node_of(event.event) == NodeId(1)) of_node.push_back(event.seq.value());
  }
  ASSERT_FALSE(of_node.empty());
  EXPECT_EQ(numbers(*journal->events({EventSeq(), std::nullopt, NodeId(1), 10'000})), of_node);
  EXPECT_TRUE(journal->events({EventSeq(), JobId(1), NodeId(1), 10})->empty());
  EXPECT_EQ(journal->events({EventSeq(), std::nullopt, std::nullopt, 5})->size(), 5U);
  EXPECT_TRUE(journal->events({EventSeq(~0ULL), std::nullopt, std::nullopt, 5})->empty());
  EXPECT_TRUE(journal->events({EventSeq(), JobId(~0ULL), std::nullopt, 5})->empty());
}

TEST_P(JournalContract, KeepsEndedJobs) {
  store(400);
  std::map<JobId, EndedJob> expected;
  for (const MadeBatch& batch : made) {
    for (const EndedJob& ended : batch.ended) expected.emplace(ended.job.id, ended);
  }
  ASSERT_GT(expected.size(), 20U);
  std::vector<JobId> listed;
  for (JobId before;;) {
    const auto page = journal->ended_jobs(before, 7);
    ASSERT_TRUE(page.ok());
    for (const EndedJob& ended : *page) {
      ASSERT_EQ(ended, expected.at(ended.job.id));
      if (!listed.empty()) { ASSERT_LT(ended.job.id, listed.back()); }
      listed.push_back(ended.job.id);
    }
    if (page->size() < 7) break;
    before = page->back().job.id;
  }
  EXPECT_EQ(listed.size(), expected.size());
  for (const auto& [id, ended] : expected) ASSERT_EQ(journal->ended_job(id)->value(), ended);
  EXPECT_FALSE(journal->ended_job(JobId(999'999))->has_value());
}

TEST_P(JournalContract, RecoversFromSnapshotsAndWithout) {
  for (int round = 0; round < 5; ++round) {
    store(60);
    const auto recovered = recover(*journal);
    ASSERT_TRUE(recovered.ok()) << recovered.error().message;
    ASSERT_EQ(*recovered, history.state());
    ASSERT_TRUE(journal->save_snapshot(history.state()).ok());
    const auto snapshot = journal->latest_snapshot();
    ASSERT_TRUE(snapshot.ok() && snapshot->has_value());
    ASSERT_EQ(**snapshot, history.state()) << "a snapshot is the state, indexes and all";
  }
  const auto report = verify(*journal, {});
  ASSERT_TRUE(report.ok()) << report.error().message;
  EXPECT_EQ(report->events, history.state().last_seq.value());
}

INSTANTIATE_TEST_SUITE_P(
    Journals, JournalContract,
    ::testing::Values(
        Kind{"Memory", [](const std::string&) { return std::make_unique<MemoryJournal>(); }},
        Kind{"Sqlite", [](const std::string& path) { return testing::open_or_fail(path); }}),
    [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace mw
