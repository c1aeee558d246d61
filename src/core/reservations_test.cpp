// Reservations, case by case: which nodes they get and when they are refused, what may be placed on
// them before, during and after, and what is told of it. Nodes have two accelerators each.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "core/blockers.h"
#include "core/core_test_support.h"
#include "core/reservations.h"

namespace mw {
namespace {

using testing::CheckedCore;
using testing::find;

constexpr Instant at(std::int64_t s) { return Instant() + seconds(1000 + s); }

/// A fleet "n0".."n<count - 1>", and short ways to say what happens to it.
class Scene {
 public:
  explicit Scene(int count) {
    std::vector<Input> inputs;
    for (int i = 0; i < count; ++i) {
      inputs.push_back({RequestId(), NodeSeen{testing::node_spec("n" + std::to_string(i), 2)}});
    }
    core.step(at(0), std::move(inputs));
  }

  /// A job over `nodes` whole nodes, at `s`; 0 seconds: no time limit.
  JobId submit(std::int64_t s, std::uint32_t nodes, std::int64_t limit_s,
               const std::string& reservation = "", const std::string& tenant = "default") {
    JobSpec spec = testing::job_spec(nodes * 2);
    spec.gang.nodes = nodes;
    spec.time_limit = seconds(limit_s);
    spec.grace = seconds(0);
    spec.tenant = tenant;
    if (!reservation.empty()) spec.reservation = reservation;
    return submit(s, spec);
  }
  JobId submit(std::int64_t s, const JobSpec& spec) {
    events = core.step(at(s), SubmitJob{spec, ""});
    const auto* made = find<JobSubmitted>(events);
    return made == nullptr ? JobId() : made->job;
  }
  /// From `from` to `to`, of the first `nodes` that will do.
  const Refusal* reserve(std::int64_t s, const std::string& name, std::int64_t from,
                         std::int64_t to, std::uint32_t nodes, bool force = false) {
    ReservationSpec spec;
    spec.name = name;
    spec.start = at(from);
    spec.duration = at(to) - at(from);
    spec.nodes = nodes;
    spec.force = force;
    return reserve(s, spec);
  }
  const Refusal* reserve(std::int64_t s, const ReservationSpec& spec) {
    events = core.step(at(s), ReserveNodes{spec, "ada"});
    const auto* refused = find<Refused>(events);
    return refused == nullptr ? nullptr : &refused->refusal;
  }
  void tick(std::int64_t s) { events = core.tick(at(s)); }
  /// Every task of the job ends well.
  void finish(std::int64_t s, JobId job) {
    const Attempt attempt = core.state().attempts.at(job);
    std::vector<Input> inputs;
    for (std::uint32_t rank = 0; rank < attempt.exited.size(); ++rank) {
      inputs.push_back({RequestId(), TaskExited{job, attempt.epoch, Rank(rank), TaskExit{}}});
    }
    events = core.step(at(s), std::move(inputs));
  }

  [[nodiscard]] JobState state(JobId job) const { return core.state().jobs.at(job).state; }
  [[nodiscard]] bool runs(JobId job) const { return core.state().attempts.contains(job); }
  /// The nodes as text, such as "0 2".
  [[nodiscard]] std::string nodes_of(const std::string& name) const {
    std::string text;
    for (const NodeId node : core.state().reservations.at(name).nodes) {
      text += (text.empty() ? "" : " ") + std::to_string(node.value());
    }
    return text;
  }
  [[nodiscard]] std::string nodes_of(JobId job) const {
    std::string text;
    for (const NodeSlice& slice : core.state().attempts.at(job).placement) {
      text += (text.empty() ? "" : " ") + std::to_string(slice.node.value());
    }
    return text;
  }
  [[nodiscard]] std::string why(JobId job, std::int64_t s) const {
    return std::visit([](const auto& reason) { return std::string(reason.kKind); },
                      explain(core.state(), job, at(s)));
  }
  [[nodiscard]] AcceleratorShare held() const {
    return core.state().ledger.rates()[LedgerCategory::kHeld];
  }

  CheckedCore core;
  std::vector<Event> events;
};

// --- which nodes --------------------------------------------------------------------------------

TEST(ReservationNodes, AreFreeByTheStartOrRefusedWithFigures) {
  struct Case {
    const char* what;
    std::function<void(Scene&)> before;
    std::uint32_t wanted;
    bool force;
    std::string nodes;     ///< that it gets; empty: refused
    NodesShort figures{};  ///< when it is refused
  };
  const std::vector<Case> cases = {
      {"an empty fleet", [](Scene&) {}, 2, false, "0 1", {}},
      {"more than there are", [](Scene&) {}, 5, false, "", {5, 4, 4, 0, 0, 0, 0}},
      {"work that ends before", [](Scene& s) { s.submit(1, 3, 90); }, 4, false, "0 1 2 3", {}},
      {"work that ends after",
       [](Scene& s) { s.submit(1, 3, 110); },
       2,
       false,
       "",
       {2, 4, 1, 0, 0, 0, 3}},
      {"work without a limit", [](Scene& s) { s.submit(1, 1, 0); }, 3, false, "1 2 3", {}},
      {"by force", [](Scene& s) { s.submit(1, 3, 0); }, 2, true, "0 3", {}},
      {"a drained node",
       [](Scene& s) {
         s.core.step(at(1), DrainNode{"n0", "", ""});
       },
       4,
       true,
       "",
       {4, 4, 3, 1, 0, 0, 0}},
      {"another reservation then",
       [](Scene& s) { s.reserve(1, "other", 150, 250, 2); },
       3,
       true,
       "",
       {3, 4, 2, 0, 2, 0, 0}},
      {"another reservation before",
       [](Scene& s) { s.reserve(1, "other", 50, 100, 4); },
       4,
       false,
       "0 1 2 3",
       {}},
      {"a planned start",
       [](Scene& s) {
         s.submit(1, 2, 50);
         s.submit(1, 4, 80);
       },
       1,
       false,
       "",
       {1, 4, 0, 0, 0, 4, 0}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    Scene scene(4);
    c.before(scene);
    const Refusal* refused = scene.reserve(2, "mine", 100, 200, c.wanted, c.force);
    if (!c.nodes.empty()) {
      ASSERT_EQ(refused, nullptr);
      EXPECT_EQ(scene.nodes_of("mine"), c.nodes);
    } else {
      ASSERT_NE(refused, nullptr);
      EXPECT_EQ(refused->kind, RefusalKind::kTooFewNodes);
      EXPECT_EQ(refused->nodes_short, c.figures);
    }
  }
}

TEST(ReservationNodes, StandInTheSmallestPlaceThatHasThem) {
  FleetSpec fleet;
  fleet.name = "test";
  fleet.shapes.push_back({});
  fleet.shapes[0].name = "s";
  fleet.shapes[0].accelerator_type = "a";
  fleet.shapes[0].accelerators = 1;
  SiteSpec site;
  site.name = "here";
  BlockSpec block;
  block.name = "b";
  block.shape = "s";
  block.nodes = 9;
  block.fabric = {{FabricLevel::kLeaf, 3}};
  site.blocks.push_back(block);
  fleet.sites.push_back(site);
  Scene scene(0);
  scene.core.step(at(0), DeclareFleet{fleet, ""});
  // Leaf 0 has two left, leaf 1 all three, leaf 2 two.
  scene.submit(1, testing::job_spec(1));
  ASSERT_EQ(scene.reserve(1, "three", 100, 200, 3), nullptr);
  EXPECT_EQ(scene.nodes_of("three"), "3 4 5");
  ASSERT_EQ(scene.reserve(1, "two", 100, 200, 2), nullptr);
  EXPECT_EQ(scene.nodes_of("two"), "1 2");
  // What is left is in one place, and too little.
  EXPECT_NE(scene.reserve(1, "four", 100, 200, 4), nullptr);
}

TEST(ReservationNodes, ThatAreListedHaveToExistAndBeFree) {
  Scene scene(3);
  scene.submit(1, 1, 0);
  ReservationSpec spec;
  spec.name = "mine";
  spec.start = at(100);
  spec.duration = seconds(100);
  spec.node_list = {"n2", "n0", "n2"};
  const Refusal* refused = scene.reserve(1, spec);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->nodes_short, (NodesShort{2, 2, 1, 0, 0, 0, 1}));
  spec.node_list.push_back("nowhere");
  refused = scene.reserve(1, spec);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->kind, RefusalKind::kNoSuchNode);
  EXPECT_EQ(refused->node, "nowhere");
  spec.node_list.pop_back();
  spec.force = true;
  ASSERT_EQ(scene.reserve(1, spec), nullptr);
  EXPECT_EQ(scene.nodes_of("mine"), "0 2");
}

TEST(ReservationNodes, ThatAreDrainedAreInUseUntilWhatRunsThereHasEnded) {
  Scene scene(2);
  const JobId job = scene.submit(1, 1, 0);
  scene.core.step(at(2), DrainNode{"n0", "", ""});
  ReservationSpec spec;
  spec.name = "mine";
  spec.start = at(100);
  spec.duration = seconds(100);
  spec.node_list = {"n0"};
  const Refusal* refused = scene.reserve(3, spec);
  ASSERT_NE(refused, nullptr);
  EXPECT_EQ(refused->nodes_short, (NodesShort{1, 1, 0, 0, 0, 0, 1}));
  scene.finish(4, job);
  ASSERT_EQ(scene.reserve(5, spec), nullptr);
  EXPECT_EQ(scene.nodes_of("mine"), "0");
}

TEST(ReservationNodes, ThatAreDrainedAndInUseAreTakenByForceWhenListed) {
  Scene scene(2);
  scene.submit(1, 1, 0);
  scene.core.step(at(2), DrainNode{"n0", "", ""});
  ReservationSpec spec;
  spec.name = "mine";
  spec.start = at(100);
  spec.duration = seconds(100);
  spec.node_list = {"n0"};
  spec.force = true;
  ASSERT_EQ(scene.reserve(3, spec), nullptr);
  EXPECT_EQ(scene.nodes_of("mine"), "0");
}

TEST(ReservationNodes, OutOfUseAreReplacedWhenTheyWereChosen) {
  Scene scene(3);
  ASSERT_EQ(scene.reserve(1, "chosen", 100, 200, 2), nullptr);
  const JobId job = scene.submit(2, 1, 0);  // on the third
  ASSERT_EQ(scene.nodes_of(job), "2");
  scene.core.step(at(3), DrainNode{"n0", "", ""});
  EXPECT_EQ(scene.nodes_of("chosen"), "0 1") << "there is none to replace it";
  scene.finish(4, job);
  EXPECT_EQ(scene.nodes_of("chosen"), "1 2");
  // The drained one is nobody's: it goes to whoever comes once it is back.
  scene.core.step(at(5), ResumeNode{"n0", ""});
  EXPECT_EQ(scene.nodes_of(scene.submit(6, 1, 0)), "0");
  // Lost while it is in use: the attempt ends, and there is nothing in place of the node.
  scene.tick(100);
  const JobId own = scene.submit(101, 2, 0, "chosen");
  ASSERT_EQ(scene.nodes_of(own), "1 2");
  scene.core.step(at(102), NodeLost{"n2"});
  EXPECT_EQ(scene.nodes_of("chosen"), "1 2");
}

// --- what is placed when ------------------------------------------------------------------------

TEST(Reservation, OnlyWhatIsGoneByTheStartIsPlacedOnItsNodes) {
  struct Case {
    std::int64_t submitted, limit;
    bool starts;
  };
  // From 100 to 200.
  const std::vector<Case> cases = {{10, 90, true},  {10, 91, false}, {10, 0, false},
                                   {99, 1, true},   {99, 2, false},  {100, 1, false},
                                   {199, 1, false}, {200, 1, true},  {200, 0, true}};
  for (const Case& c : cases) {
    SCOPED_TRACE(std::to_string(c.submitted) + " for " + std::to_string(c.limit));
    Scene scene(1);
    ASSERT_EQ(scene.reserve(1, "r", 100, 200, 1), nullptr);
    const JobId job = scene.submit(c.submitted, 1, c.limit);
    EXPECT_EQ(scene.runs(job), c.starts);
    if (!c.starts) {
      EXPECT_EQ(scene.why(job, c.submitted), "kept_by_reservation");
      EXPECT_EQ(blockers_of(scene.core.state(), job, at(c.submitted)).reservations,
                std::vector<std::string>{"r"});
      scene.tick(200);
      EXPECT_TRUE(scene.runs(job)) << "it is free for all after its end";
    }
  }
}

TEST(Reservation, ItsJobsWaitForTheStartAndRunOnItsNodesAlone) {
  Scene scene(2);
  ASSERT_EQ(scene.reserve(1, "r", 100, 200, 1), nullptr);
  const JobId job = scene.submit(2, 1, 50, "r");
  EXPECT_EQ(scene.why(job, 2), "awaits_reservation");
  EXPECT_FALSE(scene.runs(job));
  EXPECT_EQ(scene.core.core().next_wakeup(), at(100));
  const JobId wide = scene.submit(3, 2, 50, "r");
  scene.tick(100);
  ASSERT_TRUE(scene.runs(job));
  EXPECT_EQ(scene.nodes_of(job), "0");
  EXPECT_EQ(scene.why(wide, 100), "reservation_too_small");
  // A third has to wait for the first, though another node is free.
  const JobId next = scene.submit(101, 1, 50, "r");
  EXPECT_EQ(scene.why(next, 101), "no_room_now");
  scene.finish(140, job);
  EXPECT_TRUE(scene.runs(next));
  EXPECT_EQ(scene.nodes_of(next), "0");
}

TEST(Reservation, EndsItsJobsInTime) {
  Scene scene(2);
  ASSERT_EQ(scene.reserve(1, "r", 100, 200, 2), nullptr);
  JobSpec spec = testing::job_spec(2);
  spec.reservation = "r";
  spec.grace = seconds(10);
  const JobId endless = scene.submit(100, spec);
  spec.time_limit = seconds(91);
  const JobId refused = scene.submit(100, spec);
  EXPECT_EQ(refused, JobId());
  EXPECT_EQ(find<Refused>(scene.events)->refusal.kind, RefusalKind::kReservationTooShort);
  spec.time_limit = seconds(90);
  spec.not_before = at(100);
  const JobId limited = scene.submit(100, spec);
  EXPECT_TRUE(scene.runs(endless));
  EXPECT_TRUE(scene.runs(limited));
  spec.time_limit = seconds(80);
  spec.not_before = Instant();
  const JobId late = scene.submit(105, spec);
  scene.tick(115);
  EXPECT_EQ(scene.why(late, 115), "reservation_ends_first");
  // Without a limit it is stopped, so that it is gone by the end.
  scene.tick(190);
  const auto* stopping = find<AttemptStopping>(scene.events);
  ASSERT_NE(stopping, nullptr);
  EXPECT_EQ(stopping->cause, EndCause::kTimeLimit);
  EXPECT_EQ(stopping->by, "the end of reservation r");
  scene.finish(195, endless);
  EXPECT_EQ(scene.state(endless), JobState::kTimedOut);
  EXPECT_EQ(find<JobFinished>(scene.events)->by, "the end of reservation r");
  // What waits ends with it.
  scene.tick(200);
  EXPECT_EQ(scene.state(late), JobState::kTimedOut);
  EXPECT_TRUE(scene.core.state().reservations.empty());
}

/// Whoever is behind with the steps: when the job had to be stopped and the end are both over.
TEST(Reservation, StopsItsJobsThoughTheStepComesAfterItsEnd) {
  for (const bool deleted : {false, true}) {
    SCOPED_TRACE(deleted ? "deleted then" : "over");
    Scene scene(1);
    ASSERT_EQ(scene.reserve(1, "r", 100, 200, 1), nullptr);
    JobSpec spec = testing::job_spec(2);
    spec.reservation = "r";
    spec.grace = seconds(10);
    const JobId endless = scene.submit(100, spec);
    ASSERT_TRUE(scene.runs(endless));
    // Its node is free by then: the job is gone.
    ASSERT_EQ(scene.reserve(150, "next", 200, 300, 1), nullptr);
    if (deleted) {
      scene.events = scene.core.step(at(205), ReleaseReservation{"r", "ada"});
    } else {
      scene.tick(205);
    }
    const auto* stopping = find<AttemptStopping>(scene.events);
    ASSERT_NE(stopping, nullptr);
    EXPECT_EQ(stopping->cause, EndCause::kTimeLimit);
    EXPECT_EQ(stopping->by, "the end of reservation r");
    scene.finish(206, endless);
    EXPECT_EQ(scene.state(endless), JobState::kTimedOut);
    EXPECT_TRUE(scene.runs(scene.submit(207, 1, 20, "next")));
  }
}

/// What runs in one that is deleted goes on, be it after the start of the next.
TEST(Reservation, DeletedItLetsItsJobsGoOnWhereTheNextBegins) {
  Scene scene(1);
  ASSERT_EQ(scene.reserve(1, "r", 100, 200, 1), nullptr);
  const JobId endless = scene.submit(100, 1, 0, "r");
  ASSERT_TRUE(scene.runs(endless));
  ASSERT_EQ(scene.reserve(150, "next", 200, 300, 1), nullptr);
  scene.core.step(at(160), ReleaseReservation{"r", "ada"});
  scene.tick(200);
  EXPECT_FALSE(scene.core.state().attempts.at(endless).stopping.has_value());
  const JobId own = scene.submit(201, 1, 20, "next");
  EXPECT_FALSE(scene.runs(own));
  scene.finish(240, endless);
  EXPECT_TRUE(scene.runs(own));
}

TEST(Reservation, IsForWhomItWasMade) {
  Policy policy;
  policy.tenants = {{"lab", "", AcceleratorShare(4000), std::nullopt, 1},
                    {"team", "lab", AcceleratorShare(4000), std::nullopt, 1}};
  struct Case {
    std::string tenant, user;
    std::vector<std::string> tenants, users;
    bool allowed;
  };
  const std::vector<Case> cases = {
      {"x", "bob", {}, {}, true},          {"x", "bob", {"lab"}, {}, false},
      {"lab", "bob", {"lab"}, {}, true},   {"team", "bob", {"lab"}, {}, true},
      {"lab", "bob", {"team"}, {}, false}, {"x", "bob", {"lab"}, {"bob"}, true},
      {"x", "eve", {}, {"bob"}, false}};
  for (const Case& c : cases) {
    Scene scene(1);
    scene.core.step(at(0), SetPolicy{policy, ""});
    ReservationSpec reservation;
    reservation.name = "r";
    reservation.duration = seconds(100);
    reservation.nodes = 1;
    reservation.tenants = c.tenants;
    reservation.users = c.users;
    ASSERT_EQ(scene.reserve(1, reservation), nullptr);
    JobSpec spec = testing::job_spec(1);
    spec.tenant = c.tenant;
    spec.user = c.user;
    spec.reservation = "r";
    const JobId job = scene.submit(2, spec);
    EXPECT_EQ(job != JobId(), c.allowed) << c.tenant << " " << c.user;
    const auto* refused = find<Refused>(scene.events);
    if (c.allowed) {
      EXPECT_TRUE(scene.runs(job));
    } else {
      EXPECT_EQ(refused->refusal.kind, RefusalKind::kReservationForbidden);
    }
  }
}

TEST(Reservation, WhatIsAskedInVainIsRefused) {
  Scene scene(2);
  const auto kind = [&](const Refusal* refused) {
    return refused == nullptr ? std::string("none") : std::string(name_of(refused->kind));
  };
  EXPECT_EQ(kind(scene.reserve(50, "past", 10, 50, 1)), "reservation_past");
  EXPECT_EQ(kind(scene.reserve(50, "r", 10, 80, 1)), "none");
  EXPECT_EQ(scene.core.state().reservations.at("r").spec.start, at(50));
  EXPECT_EQ(kind(scene.reserve(51, "r", 60, 80, 1)), "reservation_exists");
  const JobId job = scene.submit(52, 1, 0, "r");
  scene.events = scene.core.step(at(53), ReleaseReservation{"r", "ada"});
  EXPECT_TRUE(scene.runs(job)) << "what runs goes on";
  EXPECT_EQ(kind(scene.reserve(54, "r", 60, 80, 1)), "reservation_in_use");
  EXPECT_EQ(scene.submit(55, 1, 0, "r"), JobId());
  EXPECT_EQ(find<Refused>(scene.events)->refusal.kind, RefusalKind::kNoSuchReservation);
  scene.events = scene.core.step(at(56), ReleaseReservation{"r", "ada"});
  EXPECT_EQ(find<Refused>(scene.events)->refusal.kind, RefusalKind::kNoSuchReservation);
  // It is not stopped at the end of what is no more, and does not start again.
  scene.tick(90);
  EXPECT_FALSE(scene.core.state().attempts.at(job).stopping.has_value());
  scene.events = scene.core.step(at(91), RequeueJob{job, "bob"});
  scene.finish(92, job);
  EXPECT_EQ(scene.state(job), JobState::kTimedOut);
}

TEST(Reservation, DeletedItsWaitingJobsAreCancelled) {
  Scene scene(1);
  ASSERT_EQ(scene.reserve(1, "r", 100, 200, 1), nullptr);
  const JobId job = scene.submit(2, 1, 10, "r");
  const JobId other = scene.submit(3, 1, 0);
  EXPECT_FALSE(scene.runs(other));
  scene.events = scene.core.step(at(4), ReleaseReservation{"r", "ada"});
  EXPECT_EQ(scene.state(job), JobState::kCancelled);
  EXPECT_TRUE(scene.runs(other));
}

TEST(Reservation, TakenByForceLetsRunningWorkGoOn) {
  Scene scene(1);
  const JobId old = scene.submit(1, 1, 0);
  ASSERT_EQ(scene.reserve(2, "r", 10, 100, 1, true), nullptr);
  scene.tick(10);
  EXPECT_FALSE(scene.core.state().attempts.at(old).stopping.has_value());
  const JobId own = scene.submit(11, 1, 20, "r");
  EXPECT_FALSE(scene.runs(own));
  scene.finish(40, old);
  EXPECT_TRUE(scene.runs(own));
}

TEST(Reservation, IdleNodesCountAsHeldFromStartToEnd) {
  Scene scene(2);
  ASSERT_EQ(scene.reserve(1, "r", 100, 200, 1), nullptr);
  EXPECT_EQ(scene.held(), AcceleratorShare(0));
  scene.tick(100);
  EXPECT_EQ(scene.held(), AcceleratorShare(2000));
  const JobId job = scene.submit(101, 1, 10, "r");
  EXPECT_EQ(scene.held(), AcceleratorShare(0));
  scene.finish(105, job);
  EXPECT_EQ(scene.held(), AcceleratorShare(2000));
  scene.tick(200);
  EXPECT_EQ(scene.held(), AcceleratorShare(0));
}

// --- plans and preemption -----------------------------------------------------------------------

TEST(Reservation, NothingElseIsPromisedItsNodes) {
  Scene scene(2);
  scene.submit(1, 2, 60);
  ASSERT_EQ(scene.reserve(2, "r", 100, 200, 2), nullptr);
  // It would start at 61 and end at 101: it is not planned, and starts after the reservation.
  const JobId long_one = scene.submit(3, 2, 40);
  EXPECT_FALSE(scene.core.state().claims.contains(long_one));
  // This one fits in between, and is of another class than the first.
  JobSpec spec = testing::job_spec(4);
  spec.time_limit = seconds(39);
  spec.grace = seconds(0);
  spec.priority = 1;
  const JobId short_one = scene.submit(4, spec);
  ASSERT_TRUE(scene.core.state().claims.contains(short_one));
  EXPECT_EQ(scene.core.state().claims.at(short_one).at, at(61));
  // What is before it is late, so its own start would be: it is not kept any longer.
  scene.tick(61);
  ASSERT_TRUE(scene.core.state().claims.contains(short_one));
  scene.tick(62);
  EXPECT_FALSE(scene.core.state().claims.contains(short_one));
  EXPECT_EQ(scene.why(long_one, 62), "no_room_now");
}

TEST(Reservation, ItsJobsAndOthersTakeNothingFromEachOther) {
  Policy policy;
  policy.classes[0].preemptible = true;
  policy.preemption.runtime_min = Duration();
  ASSERT_EQ(policy.classes[0].name, "best-effort");
  for (const bool inside : {true, false}) {
    SCOPED_TRACE(inside ? "the victim is inside" : "the victim is outside");
    Scene scene(2);
    scene.core.step(at(0), SetPolicy{policy, ""});
    JobSpec filler = testing::job_spec(2);
    filler.gang.nodes = 1;
    filler.priority_class = "best-effort";
    JobSpec urgent = filler;
    urgent.priority_class = "high";
    // n0 is reserved; the other is full of something that nobody may stop.
    ASSERT_EQ(scene.reserve(1, "r", 1, 100, 1), nullptr);
    JobSpec blocker = filler;
    blocker.priority_class = "high";
    (inside ? filler : blocker).reservation = "r";
    ASSERT_TRUE(scene.runs(scene.submit(2, blocker)));
    const JobId victim = scene.submit(3, filler);
    ASSERT_TRUE(scene.runs(victim));
    if (!inside) urgent.reservation = "r";
    const JobId job = scene.submit(4, urgent);
    EXPECT_FALSE(scene.runs(job));
    EXPECT_FALSE(scene.core.state().attempts.at(victim).stopping.has_value());
    // Within the same, the class decides.
    urgent.reservation = filler.reservation;
    scene.submit(5, urgent);
    EXPECT_TRUE(scene.core.state().attempts.at(victim).stopping.has_value());
  }
}

TEST(Reservation, HoldsNothingForARestartThatWouldBeInTheWay) {
  Scene scene(2);
  const JobId job = scene.submit(1, 1, 0);
  ASSERT_EQ(scene.nodes_of(job), "0");
  ReservationSpec spec;
  spec.name = "r";
  spec.start = at(50);
  spec.duration = seconds(50);
  spec.node_list = {"n0"};
  spec.force = true;
  ASSERT_EQ(scene.reserve(2, spec), nullptr);
  scene.core.step(at(3), AttemptGone{job, scene.core.epoch(job.value()), false, "gone"});
  EXPECT_TRUE(scene.core.state().holds.empty());
  scene.tick(10);
  ASSERT_TRUE(scene.runs(job));
  EXPECT_EQ(scene.nodes_of(job), "1");
}

TEST(Reservation, ARecoveredCoreIsTheSame) {
  Scene scene(3);
  scene.reserve(1, "r", 50, 100, 2);
  scene.submit(2, 1, 10, "r");
  scene.submit(3, 1, 0, "r");
  scene.submit(4, 2, 0);
  for (const std::int64_t s : {5, 50, 60, 100}) {
    scene.tick(s);
    const State before = scene.core.state();
    scene.core.crash();
    EXPECT_EQ(scene.core.state(), before);
    State rebuilt = before;
    rebuild_indexes(rebuilt);
    EXPECT_EQ(rebuilt, before);
  }
}

}  // namespace
}  // namespace mw
