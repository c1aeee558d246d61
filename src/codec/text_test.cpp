#include "codec/text.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>
#include <vector>

#include "codec/json_test_values.h"

namespace mw {
namespace {

TEST(Text, Durations) {
  const std::vector<std::pair<Duration, std::string>> cases = {
      {Duration(0), "0 s"},
      {nanoseconds(999), "999 ns"},
      {microseconds(1), "1 us"},
      {microseconds(1500), "1.5 ms"},
      {milliseconds(350), "350 ms"},
      {milliseconds(999) + microseconds(999), "999 ms"},
      {seconds(1), "1 s"},
      {milliseconds(1550), "1.5 s"},
      {milliseconds(59'999), "59 s"},
      {seconds(60), "1m 00s"},
      {seconds(200), "3m 20s"},
      {seconds(3600 + 125), "1h 02m"},
      {hours(24 * 2 + 4), "2d 04h"},
      {seconds(-200), "-3m 20s"},
      {Duration(std::numeric_limits<std::int64_t>::min()), "-106751d 23h"},
      {Duration(std::numeric_limits<std::int64_t>::max()), "106751d 23h"},
  };
  for (const auto& [length, expected] : cases)
    EXPECT_EQ(duration_text(length), expected) << length.count();
}

TEST(Text, Bytes) {
  const std::vector<std::pair<std::int64_t, std::string>> cases = {
      {0, "0 B"},
      {1023, "1023 B"},
      {1024, "1 KiB"},
      {1536, "1.5 KiB"},
      {std::int64_t{16} << 30, "16 GiB"},
      {(std::int64_t{1} << 20) - 1, "1023 KiB"},
      {-2048, "-2 KiB"},
      {std::numeric_limits<std::int64_t>::max(), "7.9 EiB"},
      {std::numeric_limits<std::int64_t>::min(), "-8 EiB"},
  };
  for (const auto& [size, expected] : cases) EXPECT_EQ(bytes_text(Bytes(size)), expected) << size;
}

TEST(Text, SharesAndAcceleratorTime) {
  const std::vector<std::pair<std::int64_t, std::string>> shares = {
      {0, "0"},        {1000, "1"},
      {500, "0.5"},    {125, "0.125"},
      {10, "0.01"},    {2050, "2.05"},
      {-1500, "-1.5"}, {std::numeric_limits<std::int64_t>::min(), "-9223372036854775.808"},
  };
  for (const auto& [share, expected] : shares) {
    EXPECT_EQ(share_text(AcceleratorShare(share)), expected);
    EXPECT_EQ(share_text(CpuShare(share)), expected);
  }
  EXPECT_EQ(accelerator_time_text(AcceleratorTime()), "0 accelerator-seconds");
  EXPECT_EQ(accelerator_time_text(kWholeAccelerator * seconds(1)), "1 accelerator-second");
  EXPECT_EQ(accelerator_time_text(AcceleratorShare(500) * seconds(25)), "12.5 accelerator-seconds");
  EXPECT_EQ(accelerator_time_text(AcceleratorTime(std::numeric_limits<Int128>::min())),
            "-1844674407370955161.5 accelerator-seconds");
}

AcceleratorShare whole(std::int64_t accelerators) { return accelerators * kWholeAccelerator; }

TEST(Text, WhyAJobWaits) {
  const Instant now = Instant() + hours(1);
  const std::vector<std::pair<PendingReason, std::string>> cases = {
      {NotYetConsidered{}, "It is about to be considered."},
      {NoRoomNow{Resource::kAccelerators, 8, 6, 3, FabricLevel::kSite, ""},
       "Not enough free accelerators: of its 8 tasks, 6 would fit now on the 3 ready nodes; it "
       "starts when all fit."},
      {NoRoomNow{Resource::kMemory, 1, 0, 1, FabricLevel::kSite, ""},
       "Not enough free memory: of its 1 task, none would fit now on the 1 ready node; it starts "
       "when all fit."},
      {NoRoomNow{Resource::kNodes, 2, 0, 0, FabricLevel::kSite, ""},
       "No node is ready for it now."},
      {NoRoomNow{Resource::kNodes, 64, 60, 300, FabricLevel::kPod, "here-block-pod2"},
       "It needs 64 tasks' worth of room in one pod; the best, here-block-pod2, has room for 60 "
       "(nodes bind); it starts when all fit."},
      {PowerShort{"here-row-7", PowerLevel::kRow, Watts(440'000'000), Watts(431'000'000), 8, 6},
       "Not enough power at here-row-7 (row): 431kW of 440kW are drawn or reserved; of its 8 "
       "tasks, "
       "6 may run within all limits."},
      {NoSuchSite{{"NO", "SE"}, {"tx1 in US-TX"}},
       "It may run at NO, SE only; there is tx1 in US-TX."},
      {FleetTooSmall{Resource::kCpus, 4, 2},
       "The fleet is too small: it needs 4 tasks, and only 2 would fit if everything were free "
       "(cpus bind). "
       "Ask for less, or add nodes."},
      {NoSuchAccelerator{"H100", {"cpu", "MI300X"}},
       "No node has accelerators of type \"H100\"; there are cpu, MI300X."},
      {NoSuchAccelerator{"H100", {}},
       "No node has accelerators of type \"H100\"; there are none at all."},
      {IsHeld{"alice"}, "It is held by alice; release it to let it start."},
      {WaitsToRestart{now + seconds(90), 2, 3},
       "It failed, and starts again in 1m 30s (restart 2 of 3)."},
      {WaitsToRestart{now, 1, 3}, "It failed, and is about to start again (restart 1 of 3)."},
      {OverQuota{"lab", whole(48), whole(64), whole(60), whole(8)},
       "Tenant lab uses 60 of the 64 accelerators that it may use (48 of them by quota), and this "
       "job needs 8; it starts when enough jobs of the tenant have ended."},
      {OverQuota{"lab", whole(48), whole(48), AcceleratorShare(47'500), whole(1)},
       "Tenant lab uses 47.5 of the 48 accelerators that it may use, and this job needs 1; it "
       "starts when enough jobs of the tenant have ended."},
      {OverQuota{"lab", whole(48), whole(48), whole(0), whole(64)},
       "It needs 64 accelerators, and all of tenant lab may use no more than 48. Ask for less, or "
       "have the policy changed."},
      {AwaitsTime{now + hours(2)}, "It is not to start before 1970-01-01T03:00:00Z, in 2h 00m."},
      {AwaitsTime{now}, "It is not to start before 1970-01-01T01:00:00Z."},
      {AwaitsJobs{{JobId(4)}}, "It starts after job 4, which has not ended yet."},
      {AwaitsJobs{{JobId(4), JobId(5)}}, "It starts after jobs 4 and 5, which have not ended yet."},
      {AwaitsJobs{std::vector<JobId>(5, JobId(7))},
       "It starts after jobs 7, 7, 7, 7 and 7, which have not ended yet."},
      {AwaitsJobs{std::vector<JobId>(9, JobId(7))},
       "It starts after jobs 7, 7, 7, 7 and 5 others, which have not ended yet."},
      {KeptForOthers{JobId(81), now + minutes(80), 12},
       "It would fit, but 12 nodes are kept for job 81, which goes before it and is to start by "
       "1970-01-01T02:20:00Z, in 1h 20m."},
      {AwaitsVictims{{JobId(3), JobId(4)}},
       "Its place is being cleared: jobs 3 and 4 are being stopped for it."},
      {AwaitsVictims{}, "The jobs that were stopped for it have ended."},
      {AwaitsReservation{"demo", now + hours(2)},
       "It runs in reservation demo, which begins 1970-01-01T03:00:00Z, in 2h 00m."},
      {KeptByReservation{"demo", now, now + hours(2), 4},
       "It would fit, but 4 nodes are reserved (demo, from 1970-01-01T01:00:00Z, to "
       "1970-01-01T03:00:00Z, in 2h 00m), and it would have to be gone by the start; a job with a "
       "shorter time limit may use them."},
      {ReservationEndsFirst{"demo", now + hours(2), hours(3)},
       "It may take 3h 00m, and reservation demo ends 1970-01-01T03:00:00Z, in 2h 00m: it cannot "
       "start any more, and is given up then."},
      {ReservationTooSmall{"demo", 2, 8, 4},
       "The 2 nodes of reservation demo cannot hold it even when empty: it needs room for 8 tasks, "
       "and they have it for 4."},
      {AwaitsReplacement{7, 1, now + minutes(30)},
       "It has lost 1 node, and nothing that is free can take its place; its other 7 nodes are "
       "kept for it until 1970-01-01T01:30:00Z, in 30m 00s."},
  };
  for (const auto& [reason, expected] : cases) EXPECT_EQ(text(reason, now), expected);
}

/// A refusal of something that is not there, or not right.
Refusal about(ErrorCode code, RefusalKind kind, std::string wanted, JobId job = {}) {
  Refusal refusal;
  refusal.code = code;
  refusal.kind = kind;
  refusal.wanted = std::move(wanted);
  refusal.job = job;
  return refusal;
}

Refusal short_of(NodesShort figures) {
  Refusal refusal = about(ErrorCode::kConflict, RefusalKind::kTooFewNodes, "demo");
  refusal.nodes_short = figures;
  return refusal;
}

TEST(Text, WhyItWasRefused) {
  const std::vector<std::pair<Refusal, std::string>> cases = {
      {{ErrorCode::kNotFound, RefusalKind::kNoSuchJob, JobId(9), "", JobState::kPending, {}},
       "Job 9 does not exist."},
      {{ErrorCode::kNotFound, RefusalKind::kNoSuchNode, {}, "n7", JobState::kPending, {}},
       "There is no node named \"n7\"; see \"mw nodes\"."},
      {{ErrorCode::kConflict,
        RefusalKind::kJobAlreadyFinished,
        JobId(9),
        "",
        JobState::kTimedOut,
        {}},
       "Job 9 has ended already (timed_out)."},
      {{ErrorCode::kConflict, RefusalKind::kStaleAttempt, JobId(9), "", JobState::kRunning,
        AttemptNumber(2)},
       "The report is of an earlier attempt of job 9; attempt 2 is the current one."},
      {{ErrorCode::kConflict, RefusalKind::kStaleAttempt, JobId(9), "", JobState::kFailed, {}},
       "Job 9 (failed) has no attempt that this report could be of."},
      {about(ErrorCode::kInvalid, RefusalKind::kNoSuchClass, "urgent"),
       "The policy has no priority class \"urgent\"; see \"mw policy show\"."},
      {about(ErrorCode::kForbidden, RefusalKind::kNoSuchTenant, "team-a"),
       "The policy has no tenant \"team-a\" and takes none that it does not name; see \"mw policy "
       "show\"."},
      {about(ErrorCode::kNotFound, RefusalKind::kNoSuchDependency, "", JobId(12)),
       "Job 12, after which it is to start, does not exist, or ended long ago."},
      {about(ErrorCode::kInvalid, RefusalKind::kPolicyInvalid, "tenant a is named twice"),
       "The policy cannot be used: tenant a is named twice."},
      {about(ErrorCode::kConflict, RefusalKind::kReservationExists, "demo"),
       "There is a reservation \"demo\" already; use another name."},
      {short_of({8, 10, 3, 1, 2, 0, 4}),
       "Reservation \"demo\" needs 8 nodes, and only 3 can be had: of 10 that would suit, 4 with "
       "work that need not have ended by then, 2 in another reservation at that time, 1 drained or "
       "lost. With --force it also gets nodes that are in use or kept."},
  };
  for (const auto& [refusal, expected] : cases) EXPECT_EQ(text(refusal), expected);

  // Each kind has a text of its own.
  std::set<std::string> texts;
  for (std::size_t kind = 0; kind < EnumNames<RefusalKind>::value.size(); ++kind) {
    Refusal refusal;
    refusal.kind = static_cast<RefusalKind>(kind);
    texts.insert(text(refusal));
  }
  EXPECT_EQ(texts.size(), EnumNames<RefusalKind>::value.size());
}

TEST(Text, HowATaskEnded) {
  const std::vector<std::pair<TaskExit, std::string>> cases = {
      {{0, 0, false, ""}, "exited with code 0"},
      {{3, 0, false, ""}, "exited with code 3"},
      {{0, 9, false, ""}, "was killed by signal 9 (SIGKILL)"},
      {{0, 77, false, ""}, "was killed by signal 77"},
      {{0, 9, true, ""}, "was killed because it used more memory than it may"},
      {{0, 0, false, "its supervisor is gone"}, "ended: its supervisor is gone"},
      {{127, 0, false, "python3: not found"}, "exited with code 127: python3: not found"},
  };
  for (const auto& [exit, expected] : cases) EXPECT_EQ(text(exit), expected);
}

TEST(Text, WhatHappened) {
  const Placement two = {NodeSlice{NodeId(3), 0, 4, {}}, NodeSlice{NodeId(4), 4, 1, {}}};
  const Placement six(std::vector<NodeSlice>(6, NodeSlice{NodeId(1), 0, 1, {}}));
  JobSpec spec;
  spec.name = "charlm";
  spec.user = "alice";
  spec.gang.tasks = 2;
  JobSpec elastic = spec;
  elastic.gang.tasks_min = 1;
  elastic.groups.resize(2);
  Policy policy;
  policy.name = "lab";
  ReservationSpec reserved;
  reserved.name = "demo";
  reserved.reason = "a visit";
  reserved.start = Instant() + hours(1);
  reserved.duration = hours(2);
  const std::vector<std::pair<EventBody, std::string>> cases = {
      {ControllerTookOver{"0.1.0"}, "A control plane (version 0.1.0) took over"},
      {NodeJoined{NodeId(3),
                  NodeSpec{"n3", "here", "cpu", 2, CpuShare(2500), Bytes(std::int64_t{16} << 30)}},
       "Node n3 joined: 2 accelerators of type cpu, 2.5 CPUs, 16 GiB"},
      {NodeContact{NodeId(3), true}, "Contact with node 3 was lost"},
      {NodeMoved{NodeId(3), NodePhase::kDraining, "fan", "bob"},
       "node 3 drains: it takes no new work, decided by bob: fan"},
      {JobSubmitted{JobId(1), spec, ""},
       "Submitted by alice as \"charlm\": 2 tasks with 1 accelerator each"},
      {JobSubmitted{JobId(1), elastic, ""},
       "Submitted by alice as \"charlm\": 1 to 2 tasks with 1 accelerator each, and 2 further "
       "groups"},
      {JobBlocked{JobId(1), IsHeld{"x"}}, "Waits: It is held by x; release it to let it start."},
      {CapacityKept{JobId(1), two, {{NodeId(4), 8, 4}}, Instant() + hours(1)},
       "2 nodes are kept for it until 1970-01-01T01:00:00Z; a replacement is needed for 1 other, "
       "node 4"},
      {CapacityLetGo{JobId(1)}, "Its nodes are kept for it no longer; it is placed anew"},
      {CrashLoopFound{JobId(1), 4, {3, 0, false, ""}, {NodeId(0), NodeId(2)}},
       "It failed 4 times in the same way with nothing saved between (its first failing task "
       "exited with code 3), on different nodes (node 0, node 2): the job is broken, not a node; "
       "it is not started again"},
      {CrashLoopFound{JobId(1), 4, {}, {NodeId(0), NodeId(2)}},
       "It could not be started 4 times, on different nodes (node 0, node 2): it is for the job or "
       "for the engine, not a node; it is not started again"},
      {AttemptEnded{JobId(1),
                    AttemptNumber(2),
                    EndCause::kStartFailed,
                    {},
                    kWholeAccelerator * seconds(30),
                    true,
                    "no room",
                    {},
                    NodeId(4)},
       "Attempt 2 ended: it could not be started on node 4 (no room); kept 30 "
       "accelerator-seconds of work; its accelerators are kept for the next attempt"},
      {RanksCompared{JobId(1),
                     AttemptNumber(1),
                     8,
                     milliseconds(250),
                     milliseconds(1),
                     Rank(5),
                     milliseconds(300),
                     {Rank(5)}},
       "8 ranks compared: 0.25 s a step (the median), rank 5 0.3 s; 1 rank out of line"},
      {SparesChanged{{NodeId(1), NodeId(2)}, {NodeId(3)}},
       "2 nodes are spares now, node 1 among them; 1 node is no spare any more, node 3"},
      {AttemptPlaced{JobId(1), AttemptNumber(2), Epoch(5), two, Checkpoint{120, "/c"}},
       "Attempt 2 placed on node 3 (ranks 0-3), node 4 (rank 4), from its checkpoint at step 120"},
      {AttemptPlaced{JobId(1), AttemptNumber(1), Epoch(5), six, {}},
       "Attempt 1 placed on node 1 (rank 0), node 1 (rank 0), node 1 (rank 0), node 1 (rank 0) and "
       "2 other nodes, "
       "from the beginning"},
      {TaskEnded{JobId(1), AttemptNumber(1), Rank(3), TaskExit{0, 9, false, ""}},
       "Rank 3 of attempt 1 was killed by signal 9 (SIGKILL)"},
      {AttemptStopping{JobId(1), AttemptNumber(1), EndCause::kTimeLimit, seconds(10), ""},
       "Attempt 1 is being stopped: it reached its time limit; its tasks have 10 s to end"},
      {AttemptEnded{JobId(1), AttemptNumber(1), EndCause::kTaskFailed,
                    kWholeAccelerator * seconds(12), kWholeAccelerator * seconds(30), true,
                    "rank 1 exited with code 3"},
       "Attempt 1 ended: a task failed (rank 1 exited with code 3); kept 30 accelerator-seconds of "
       "work, "
       "lost 12 accelerator-seconds; its accelerators are kept for the next attempt"},
      {AttemptStopping{JobId(1), AttemptNumber(1), EndCause::kPreempted, seconds(10), ""},
       "Attempt 1 is being stopped: it gives way to another job; its tasks have 10 s to end"},
      {AttemptEnded{JobId(1), AttemptNumber(1), EndCause::kResized, {}, {}, false, ""},
       "Attempt 1 ended: it changes its size; kept 0 accelerator-seconds of work"},
      {AttemptEnded{JobId(1), AttemptNumber(1), EndCause::kMoved, {}, {}, false, ""},
       "Attempt 1 ended: it moves, so that another job has room; kept 0 accelerator-seconds of "
       "work"},
      {RestartPlanned{JobId(1), 1, Instant(), Checkpoint{120, "/c"}},
       "Will start again from its checkpoint at step 120 (restart 1)"},
      {RestartPlanned{JobId(1), 0, Instant(), Checkpoint{120, "/c"}, false},
       "Will start again from its checkpoint at step 120, when it is its turn"},
      {JobFinished{JobId(1), JobState::kCancelled, "alice"}, "Cancelled by alice"},
      {JobFinished{JobId(1), JobState::kTimedOut, ""}, "Ended by its time limit"},
      {JobFinished{JobId(1), JobState::kTimedOut, "its deadline"},
       "Given up because of its deadline"},
      {ProgressNoted{JobId(1), AttemptNumber(1), Rank(0),
                     Progress{10, 200, {}, 2.5, 1234.5, "tokens"}},
       "Progress of rank 0: step 10 of 200, loss 2.5, 1234.5 tokens/s"},
      {ProgressNoted{JobId(1), AttemptNumber(1), Rank(0), {}},
       "Progress of rank 0: a sign of life"},
      {CheckpointKept{JobId(1), AttemptNumber(1), Checkpoint{10, "/c/10"}},
       "Attempt 1 saved a checkpoint: step 10 (/c/10)"},
      {JobEligible{JobId(1)}, "Stands in line now: what it waited for has come"},
      {JobBoosted{JobId(1)}, "Goes before all others from now on, for it has waited so long"},
      {CapacityClaimed{JobId(1),
                       ClaimPurpose::kBackfill,
                       Instant() + hours(1),
                       std::vector<ClaimedNode>(2),
                       {}},
       "2 nodes are kept for it from 1970-01-01T01:00:00Z on, when it is to start"},
      {CapacityClaimed{JobId(1),
                       ClaimPurpose::kPreemption,
                       Instant() + hours(1),
                       std::vector<ClaimedNode>(1),
                       {JobId(4)}},
       "1 node is kept for it; to make room, job 4 is being stopped"},
      {ClaimDropped{JobId(1)}, "No nodes are kept for it any more"},
      {PolicyChanged{policy, "alice"}, "The policy is now \"lab\", decided by alice"},
      {ReservationMade{reserved, {NodeId(1), NodeId(2)}, "ada"},
       "Reservation demo (a visit): 2 nodes are set aside from 1970-01-01T01:00:00Z to "
       "1970-01-01T03:00:00Z by ada"},
      {ReservationBegun{"demo"},
       "Reservation demo has begun: only its jobs are placed on its nodes now"},
      {ReservationMended{"demo", {NodeId(1)}, {NodeId(3)}},
       "Reservation demo has other nodes in place of 1 node out of use"},
      {ReservationEnded{"demo", ""}, "Reservation demo is over; its nodes are free for all"},
      {ReservationEnded{"demo", "ada"},
       "Reservation demo was deleted by ada; its nodes are free for all"},
      {IdleCauseChanged{LedgerCategory::kIdleShape},
       "Free accelerators are idle because what waits does not fit on them"},
  };
  for (const auto& [body, expected] : cases) EXPECT_EQ(text(body), expected);
  EXPECT_EQ(text(EventBody(NodeContact{NodeId(3), false}), [](NodeId) { return "gpu-3"; }),
            "Contact with gpu-3 is back");
}

// Each cause of an end is told in words of its own.
TEST(Text, EveryCauseHasItsWords) {
  std::set<std::string> texts;
  for (std::size_t cause = 0; cause < EnumNames<EndCause>::value.size(); ++cause) {
    texts.insert(text(EventBody(AttemptEnded{
        JobId(1), AttemptNumber(1), static_cast<EndCause>(cause), {}, {}, false, ""})));
  }
  EXPECT_EQ(texts.size(), EnumNames<EndCause>::value.size());
}

// Whatever is in an event, its text is one line with something in it.
TEST(Text, EveryEventIsOneLine) {
  for (std::uint64_t seed = 1; seed <= 5000; ++seed) {
    Random random(seed);
    EventBody body;
    test_values::fill(random, body);
    const std::string line = text(body);
    ASSERT_FALSE(line.empty()) << seed;
    ASSERT_EQ(line.find_first_of("\n\r\x1b"), std::string::npos) << seed;
  }
}

}  // namespace
}  // namespace mw
