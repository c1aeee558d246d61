// The agent with real files and a control plane that answers as the test tells it to: order,
// sequence numbers, what survives a restart, what is dropped, following a log over its rotation.
#include "agent/agent.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "agent/agent_loop.h"
#include "agent/agent_test_support.h"

namespace mw::agent {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const std::string kXid = "NVRM: Xid (PCI:0000:5e:00): 79, GPU has fallen off the bus.";
constexpr Instant kNow(1'790'000'000'000'000'000);
constexpr Agent::Moment kMoment{kNow, Instant(5'000'000'000'000)};

std::vector<std::string> queued(const AgentState& state) {
  std::vector<std::string> all;
  for (const QueuedReport& one : state.queue) {
    all.push_back(one.code + (one.device ? " " + std::to_string(*one.device) : "") + " x" +
                  std::to_string(one.count) + (one.cleared ? " over" : ""));
  }
  return all;
}

KernelLine line_of(std::string_view message) { return split_kernel_line(message); }

Agent make_agent(const FakeRoot& root, AgentState state = {}, std::size_t room = 1000) {
  return Agent({.node = "n17",
                .queue_room = room,
                .root = root.path(),
                .sources = all_sources(std::nullopt)},
               std::move(state));
}

TEST(Agent, NumbersFollowTheClockAndNeverGoBack) {
  const FakeRoot root;
  Agent agent = make_agent(root);
  agent.note_line(line_of(kXid), kMoment);
  const std::uint64_t first = agent.state().queue.at(0).sequence;
  EXPECT_EQ(first, static_cast<std::uint64_t>(kNow.count()));
  agent.begin_round();
  agent.note_line(line_of(kXid), {kNow - hours(1), kMoment.since_boot});  // the clock was set back
  EXPECT_EQ(agent.state().queue.at(1).sequence, first + 1);
  // The state is lost: later is larger all the same.
  Agent other = make_agent(root);
  other.note_line(line_of(kXid), {kNow + seconds(1), kMoment.since_boot});
  EXPECT_GT(other.state().queue.at(0).sequence, first + 1);
}

TEST(Agent, AStormOfLinesIsOneReportARound) {
  const FakeRoot root;
  root.accelerator("0000:3b:00.0");
  root.accelerator("0000:5e:00.0");
  Agent agent = make_agent(root);
  agent.look(kMoment);
  agent.begin_round();
  for (int i = 0; i < 1000; ++i) agent.note_line(line_of(kXid), kMoment);
  EXPECT_THAT(queued(agent.state()), ElementsAre("nvidia.xid.79 1 x1000"));
  agent.begin_round();
  agent.note_line(line_of(kXid), kMoment);
  EXPECT_THAT(queued(agent.state()), ElementsAre("nvidia.xid.79 1 x1000", "nvidia.xid.79 1 x1"));
}

TEST(Agent, ConditionsAreToldWhenTheyChangeAndEndWithTheirLastPart) {
  const FakeRoot root;
  Agent agent = make_agent(root);
  const std::string port = "mlx5_core 0000:05:00.0 mlx5_";
  const auto link = [&](const char* which, const char* what) {
    agent.begin_round();
    agent.note_line(line_of(port + which + ": Port: 1 Link " + what), kMoment);
  };
  link("0", "ACTIVE");
  EXPECT_THAT(queued(agent.state()), IsEmpty());
  link("0", "DOWN");
  link("0", "DOWN");
  link("1", "DOWN");
  link("0", "ACTIVE");
  EXPECT_THAT(queued(agent.state()), ElementsAre("net.ib.down x1", "net.ib.down x1"));
  link("1", "ACTIVE");
  EXPECT_THAT(queued(agent.state()),
              ElementsAre("net.ib.down x1", "net.ib.down x1", "net.ib.down x1 over"));
}

TEST(Agent, AConditionThatHoldsIsToldAgainNowAndThen) {
  const FakeRoot root;
  Agent agent = make_agent(root);
  const auto down = [&](Duration later, const char* what) {
    agent.begin_round();
    agent.note_line(line_of(std::string("infiniband mlx5_0: Port: 1 Link ") + what),
                    {kMoment.now + later, kMoment.since_boot + later});
  };
  down(Duration(), "DOWN");
  down(minutes(9), "DOWN");
  EXPECT_THAT(queued(agent.state()), ElementsAre("net.ib.down x1"));
  down(minutes(11), "DOWN");
  down(minutes(20), "DOWN");
  EXPECT_THAT(queued(agent.state()), ElementsAre("net.ib.down x1", "net.ib.down x0"))
      << "it holds, and has not happened again";
  down(minutes(21), "ACTIVE");
  down(minutes(40), "DOWN");
  EXPECT_THAT(queued(agent.state()), ElementsAre("net.ib.down x1", "net.ib.down x0",
                                                 "net.ib.down x1 over", "net.ib.down x1"));
}

TEST(Agent, WhatTheLogToldACounterDoesNotTellAgain) {
  const FakeRoot root;
  const std::string file = "/sys/bus/pci/devices/0000:c1:00.0/ras/umc_err_count";
  root.accelerator("0000:c1:00.0", "0x1002", "0x120000");
  root.write(file, "ue: 0\nce: 0\n");
  Agent agent = make_agent(root);
  agent.look(kMoment);
  agent.note_line(line_of("amdgpu 0000:c1:00.0: amdgpu: 1 uncorrectable hardware errors detected "
                          "in umc block"),
                  kMoment);
  root.write(file, "ue: 1\nce: 0\n");
  agent.look({kNow + seconds(15), kMoment.since_boot + seconds(15)});
  EXPECT_THAT(queued(agent.state()), ElementsAre("amd.ras.uncorrectable 0 x1"));
  root.write(file, "ue: 2\nce: 0\n");
  agent.begin_round();
  agent.look({kNow + minutes(5), kMoment.since_boot + minutes(5)});
  EXPECT_THAT(queued(agent.state()),
              ElementsAre("amd.ras.uncorrectable 0 x1", "amd.ras.uncorrectable 0 x1"));
}

TEST(Agent, ARecordOfTheKernelHappenedWhenItSays) {
  const FakeRoot root;
  Agent agent = make_agent(root);
  // 4990 s after the boot, and it is 5000 s now.
  agent.note_line(line_of("4,7,4990000000,-;" + kXid), kMoment);
  EXPECT_EQ(agent.state().queue.at(0).at, kNow - seconds(10));
  agent.begin_round();
  agent.note_line(line_of("4,8,999999999999999999,-;" + kXid), kMoment);
  EXPECT_EQ(agent.state().queue.at(1).at, kNow);
}

TEST(Outbox, DropsTheOldestOfTheLeastSevereAndEndsLast) {
  AgentState state;
  Outbox outbox(state, "n17", 3);
  const auto add = [&](const char* code, FaultSeverity severity,
                       SightingKind kind = SightingKind::kHappened) {
    outbox.begin_round();
    outbox.add({.code = code, .kind = kind, .severity = severity}, kNow);
  };
  add("a", FaultSeverity::kInfo);
  add("b", FaultSeverity::kCritical);
  add("c", FaultSeverity::kInfo);
  add("d", FaultSeverity::kWarning);
  EXPECT_THAT(queued(state), ElementsAre("b x1", "c x1", "d x1"));
  add("e", FaultSeverity::kInfo, SightingKind::kEnds);
  EXPECT_THAT(queued(state), ElementsAre("b x1", "d x1", "e x1 over"));
  add("f", FaultSeverity::kInfo);  // the least is the new one
  EXPECT_THAT(queued(state), ElementsAre("b x1", "d x1", "e x1 over"));
  EXPECT_EQ(state.dropped, 3U);
}

TEST(Outbox, WritesWhatTheControlPlaneTakes) {
  AgentState state;
  Outbox outbox(state, "n17", 3);
  outbox.add({.code = "nvidia.xid.79", .detail = "a \"word\""}, Instant(1'000'000'000));
  EXPECT_EQ(outbox.body(1),
            R"({"faults":[{"code":"nvidia.xid.79","node":"n17","count":1,"detail":"a \"word\"",)"
            R"("source":"agent:n17","sequence":1000000000,"at":"1970-01-01T00:00:01Z",)"
            R"("cleared":false}]})");
}

TEST(StateFile, KeepsEverythingAndPutsDamageAside) {
  const FakeRoot root;
  const auto folder = root.at("/state/agent");
  std::string damaged;
  AgentState state;
  state.sequence_last = 18'000'000'000'000'000'000U;
  state.log = {.file_system = 1, .inode = 2, .offset = 3, .boot = "b", .record_next = 4};
  state.counters["edac/mc0/ce_count"] = 7;
  state.conditions["net.ib.down  mlx5_0/1"] = true;
  state.accelerators = {"0000:3b:00.0"};
  state.dropped = 5;
  state.queue.push_back({.sequence = 6, .at = kNow, .code = "x", .device = 1, .detail = "\"\\"});
  {
    auto file = StateFile::open(folder, "n17");
    ASSERT_TRUE(file.ok());
    EXPECT_EQ(*file->load(damaged), AgentState());
    ASSERT_TRUE(file->save(state).ok());
    const auto second = StateFile::open(folder, "n17");
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, ErrorCode::kConflict);
    EXPECT_TRUE(StateFile::open(folder, "n18").ok());
  }
  const auto again = StateFile::open(folder, "n17");
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(*again->load(damaged), state);
  EXPECT_EQ(damaged, "");
  root.write("/state/agent/n17.json", "{\"sequence_last\": 1, \"queue");
  EXPECT_EQ(*again->load(damaged), AgentState());
  EXPECT_THAT(damaged, HasSubstr("n17.json.damaged"));
}

class LogTest : public ::testing::Test {
 protected:
  /// As a new agent, or the same one, reads it.
  std::vector<std::string> read(KernelLog& log) {
    std::vector<std::string> lines;
    trouble_ = log.read(
        position_, [&](const KernelLine& line) { lines.emplace_back(line.message.substr(0, 20)); });
    return lines;
  }
  [[nodiscard]] KernelLog::Options options(LogStart start = LogStart::kBeginning) const {
    return {.file = root_.at("/kern.log"), .start = start, .boot = "b"};
  }
  FakeRoot root_;
  LogPosition position_;
  std::string trouble_;
};

TEST_F(LogTest, IsFollowedLineByLineOverRotationAndRestarts) {
  KernelLog log(options());
  EXPECT_THAT(read(log), IsEmpty());
  EXPECT_THAT(trouble_, HasSubstr("cannot read the kernel's log"));
  root_.write("/kern.log", "one\ntwo\nthr");
  EXPECT_THAT(read(log), ElementsAre("one", "two"));
  EXPECT_EQ(trouble_, "");
  root_.append("/kern.log", "ee\n");
  EXPECT_THAT(read(log), ElementsAre("three"));
  // Renamed, written to once more, and a new one in its place.
  std::filesystem::rename(root_.at("/kern.log"), root_.at("/kern.log.1"));
  root_.append("/kern.log.1", "four\n");
  root_.write("/kern.log", "five\n");
  EXPECT_THAT(read(log), ElementsAre("four", "five"));
  // Truncated in its place.
  root_.write("/kern.log", "six\n");
  EXPECT_THAT(read(log), ElementsAre("six"));
  // Another agent goes on, over a rotation that it did not see.
  root_.append("/kern.log", "seven\n");
  std::filesystem::rename(root_.at("/kern.log"), root_.at("/kern.log.1"));
  root_.write("/kern.log", "eight\n");
  KernelLog other(options(LogStart::kEnd));
  EXPECT_THAT(read(other), ElementsAre("seven", "eight"));
  EXPECT_THAT(read(other), IsEmpty());
}

TEST_F(LogTest, IsBegunAtItsEndUnlessToldOtherwise) {
  root_.write("/kern.log", "old\n");
  KernelLog log(options(LogStart::kEnd));
  EXPECT_THAT(read(log), IsEmpty());
  root_.append("/kern.log", "new\n");
  EXPECT_THAT(read(log), ElementsAre("new"));
}

TEST_F(LogTest, SurvivesLinesWithoutEnd) {
  root_.write("/kern.log", std::string(1'000'000, 'x') + "\n" + kXid + "\n");
  KernelLog log(options());
  // What is inside of a line is never taken for the beginning of one, not by another agent either.
  EXPECT_THAT(read(log), ElementsAre(std::string(20, 'x'), kXid.substr(0, 20)));
  root_.append("/kern.log", std::string(70'000, 'y') + kXid);
  EXPECT_THAT(read(log), ElementsAre(std::string(20, 'y')));
  root_.append("/kern.log", kXid + "\nlast\n");
  KernelLog other(options());
  EXPECT_THAT(read(other), ElementsAre("last"));
  std::filesystem::create_directory(root_.at("/folder"));
  KernelLog folder({.file = root_.at("/folder"), .boot = "b"});
  EXPECT_THAT(read(folder), IsEmpty());
  EXPECT_THAT(trouble_, HasSubstr("neither a file nor a device"));
}

/// A loop whose control plane answers what `answer_` says; all bodies are kept.
class LoopTest : public ::testing::Test {
 protected:
  AgentPorts ports() {
    return {.send = [this](const std::string& body) -> Result<SendAnswer> {
              bodies_.push_back(body);
              return answer_;
            },
            .ask_date = [this]() -> Result<SendAnswer> { return answer_; },
            .say = [this](const std::string& text) { said_.push_back(text); }};
  }
  FakeRoot root_;
  Result<SendAnswer> answer_ = SendAnswer();
  std::vector<std::string> bodies_;
  std::vector<std::string> said_;
};

TEST_F(LoopTest, WhatIsNotAcknowledgedIsSentAgainAsTheSame) {
  const auto folder = root_.at("/state");
  root_.write("/kern.log", kXid + "\n");
  std::string damaged;
  {
    const auto file = StateFile::open(folder, "n17");
    ASSERT_TRUE(file.ok());
    Agent agent = make_agent(root_);
    KernelLog log({.file = root_.at("/kern.log"), .start = LogStart::kBeginning, .boot = "b"});
    AgentLoop loop({}, agent, &log, &*file, ports());
    ASSERT_TRUE(loop.see().ok());
    answer_ = Error{ErrorCode::kUnavailable, "nobody answers"};
    EXPECT_FALSE(loop.send_all().ok());
  }
  // The agent is started again; the line is not read again.
  const auto file = StateFile::open(folder, "n17");
  ASSERT_TRUE(file.ok());
  Agent agent = make_agent(root_, *file->load(damaged));
  KernelLog log({.file = root_.at("/kern.log"), .start = LogStart::kBeginning, .boot = "b"});
  AgentLoop loop({}, agent, &log, &*file, ports());
  ASSERT_TRUE(loop.see().ok());
  answer_ = SendAnswer();
  ASSERT_TRUE(loop.send_all().ok());
  ASSERT_EQ(bodies_.size(), 2U);
  EXPECT_EQ(bodies_[0], bodies_[1]);
  EXPECT_THAT(bodies_[0], HasSubstr("nvidia.xid.79"));
  EXPECT_THAT(file->load(damaged)->queue, IsEmpty());
}

TEST_F(LoopTest, ARefusedReportDoesNotHoldUpTheOthersButAnUnknownNodeWaits) {
  Agent agent = make_agent(root_);
  AgentLoop loop({}, agent, nullptr, nullptr, ports());
  for (const char* number : {"13", "31", "79"}) {
    agent.note_line(line_of("NVRM: Xid (PCI:0000:5e:00): " + std::string(number) + ", x"), kMoment);
  }
  answer_ = SendAnswer{.refused = {{0, ErrorCode::kNotFound, "There is no node n17."}}};
  const auto sent = loop.send_all();
  ASSERT_FALSE(sent.ok());
  EXPECT_THAT(sent.error().message, HasSubstr("There is no node n17."));
  EXPECT_EQ(agent.state().queue.size(), 3U);
  EXPECT_THAT(said_, IsEmpty());
  answer_ = Error{ErrorCode::kInvalid, "faults[1].code: expected ..."};
  EXPECT_TRUE(loop.send_all().ok());  // each alone, and each refused for good
  EXPECT_EQ(agent.state().queue.size(), 0U);
  EXPECT_EQ(bodies_.size(), 5U);
  EXPECT_EQ(said_.size(), 3U);
}

TEST_F(LoopTest, RunsUntilItIsToldToStop) {
  const auto file = StateFile::open(root_.at("/state"), "n17");
  ASSERT_TRUE(file.ok());
  root_.write("/kern.log", kXid + "\n");
  Agent agent = make_agent(root_);
  KernelLog log({.file = root_.at("/kern.log"), .start = LogStart::kBeginning, .boot = "b"});
  int stop[2];
  ASSERT_EQ(::pipe2(stop, O_CLOEXEC), 0);
  ASSERT_EQ(::write(stop[1], "x", 1), 1);  // asked before it begins: it does one turn
  answer_ = SendAnswer{.date = "Sun, 06 Nov 1994 08:49:37 GMT"};
  AgentLoop loop({}, agent, &log, &*file, ports());
  EXPECT_TRUE(loop.run(stop[0]).ok());
  ::close(stop[0]);
  ::close(stop[1]);
  ASSERT_EQ(bodies_.size(), 2U);
  EXPECT_THAT(bodies_[0], HasSubstr("nvidia.xid.79"));
  EXPECT_THAT(bodies_[1], HasSubstr("host.clock.skew"));
}

}  // namespace
}  // namespace mw::agent
