// Recovery gives the state that there was; verification passes what is right, and names the
// first thing that is not.
#include "loop/recovery.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "loop/memory_journal.h"
#include "loop/recovery_test_history.h"

namespace mw {
namespace {

using ::testing::HasSubstr;
using testing::History;
using testing::MadeBatch;

constexpr int kBatches = 120;

std::vector<MadeBatch> make(History& history) {
  std::vector<MadeBatch> batches;
  for (int i = 0; i < kBatches; ++i) batches.push_back(history.next());
  return batches;
}

void store(Journal& journal, const std::vector<MadeBatch>& batches) {
  for (const MadeBatch& batch : batches) ASSERT_TRUE(journal.append(batch.view()).ok());
}

TEST(Recovery, OfNothingIsANewState) {
  MemoryJournal journal;
  const auto state = recover(journal);
  ASSERT_TRUE(state.ok());
  EXPECT_EQ(*state, State());
  EXPECT_TRUE(verify(journal, {}).ok());
}

TEST(Recovery, GivesTheStateThatThereWas) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    History history(seed);
    MemoryJournal journal;
    for (int i = 0; i < kBatches; ++i) {
      const MadeBatch batch = history.next();
      ASSERT_TRUE(journal.append(batch.view()).ok());
      if (i == 50) { ASSERT_TRUE(journal.save_snapshot(history.state()).ok()); }
      if (i % 20 != 0) continue;
      const auto state = recover(journal);
      ASSERT_TRUE(state.ok()) << state.error().message;
      ASSERT_EQ(*state, history.state());
    }
    std::uint64_t told = 0;
    const auto report = verify(journal, [&](std::uint64_t events) { told = events; });
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_EQ(report->batches, static_cast<std::uint64_t>(kBatches));
    EXPECT_EQ(report->events, history.state().last_seq.value());
    EXPECT_EQ(told, report->events);
  }
}

std::string fault_after(const std::function<void(std::vector<MadeBatch>&)>& spoil) {
  History history(3);
  std::vector<MadeBatch> batches = make(history);
  spoil(batches);
  MemoryJournal journal;
  store(journal, batches);
  const auto report = verify(
      journal, {}, [](const Event& event) { return "<" + std::to_string(event.at.count()) + ">"; });
  EXPECT_FALSE(report.ok());
  if (report.ok()) return "";
  EXPECT_EQ(report.error().code, ErrorCode::kInternal);
  return report.error().message;
}

TEST(Verify, NamesTheFirstEventThatIsNotWhatTheInputsGive) {
  const std::string message = fault_after([](std::vector<MadeBatch>& batches) {
    batches[10].events[0].at = batches[10].events[0].at + nanoseconds(1);
  });
  EXPECT_THAT(message,
              HasSubstr("batch 11 of the journal does not say what its inputs give: event "));
  EXPECT_THAT(message, HasSubstr(" is stored as <"));
  EXPECT_THAT(message, HasSubstr(">, and the inputs give <"));
}

TEST(Verify, NamesAnEventTooManyAndOneTooFew) {
  EXPECT_THAT(fault_after([](auto& batches) {
                batches.back().events.push_back({batches.back().now, {}, ControllerTookOver{"x"}});
              }),
              HasSubstr("and the inputs give nothing"));
  EXPECT_THAT(fault_after([](auto& batches) { batches.back().events.pop_back(); }),
              HasSubstr("is stored as nothing, and"));
}

TEST(Verify, NamesABatchThatIsMissingOrOutOfTime) {
  EXPECT_THAT(fault_after([](auto& batches) { batches.erase(batches.begin() + 5); }),
              HasSubstr("batch 6 of the journal begins with event"));
  EXPECT_THAT(fault_after([](auto& batches) { batches[5].now = Instant(1); }),
              HasSubstr("batch 6 of the journal is earlier"));
}

TEST(Verify, FindsASnapshotThatSaysSomethingElse) {
  History history(3);
  MemoryJournal journal;
  store(journal, make(history));
  State wrong = history.state();
  wrong.tenants.intern("nobody", wrong.policy);
  ASSERT_TRUE(journal.save_snapshot(wrong).ok());
  const auto report = verify(journal, {});
  ASSERT_FALSE(report.ok());
  EXPECT_THAT(report.error().message, HasSubstr("\"tenants\" differs"));
}

TEST(Recovery, RefusesASnapshotFromTheFutureAndAGap) {
  History history(4);
  const std::vector<MadeBatch> batches = make(history);
  MemoryJournal ahead;
  ASSERT_TRUE(ahead.append(batches[0].view()).ok());
  ASSERT_TRUE(ahead.save_snapshot(history.state()).ok());
  EXPECT_THAT(recover(ahead).error().message, HasSubstr("but the journal ends with event"));

  MemoryJournal gap;
  ASSERT_TRUE(gap.append(batches[0].view()).ok());
  ASSERT_TRUE(gap.append(batches[2].view()).ok());
  EXPECT_THAT(recover(gap).error().message, HasSubstr("is missing from the journal"));
}

}  // namespace
}  // namespace mw
