// Jobs that were handed to Slurm: what they ask for, and each one's way from its queue to its end.
#include "engines/slurm/adoption.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engines/slurm/adopted_attempt.h"
#include "engines/slurm/rest_format.h"

namespace mw::slurm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

SteadyTime at(int second) {
  return SteadyTime() + std::chrono::hours(1) + std::chrono::seconds(second);
}

TEST(Arrays, TasksAreReadAsSlurmWritesThem) {
  EXPECT_THAT(*array_tasks("3"), ElementsAre(3U));
  EXPECT_THAT(*array_tasks("0-2,7%2"), ElementsAre(0U, 1U, 2U, 7U));
  EXPECT_THAT(*array_tasks("1-9:4"), ElementsAre(1U, 5U, 9U));
  for (const char* text : {"a", "3-1", "1-", "1-9:0", "0-4294967295"}) {
    EXPECT_FALSE(array_tasks(text).ok()) << text;
  }
}

TEST(Dependencies, NameJobs) {
  EXPECT_THAT(jobs_awaited(""), IsEmpty());
  EXPECT_THAT(jobs_awaited("afterok:12(unfulfilled),after:13_4+5?afterany:14:15"),
              ElementsAre(12U, 13U, 14U, 15U));
  EXPECT_THAT(jobs_awaited("singleton"), IsEmpty());
}

// --- what is asked for --------------------------------------------------------------------------

class Request : public testing::Test {
 protected:
  Request() {
    EXPECT_TRUE(view.take({{"gpu", {"n1", "n2", "n3"}, true, true, {}, 90},
                           {"fast", {"n3"}, false, true, {}, {}}})
                    .ok());
    std::vector<SlurmNode> nodes;
    for (const char* name : {"n1", "n2", "n3"}) {
      nodes.push_back({name, "", {"h100", 8}, 64, 1, 4000, {"IDLE"}, ""});
      nodes.back().features = {"ib", "x86"};
    }
    nodes[2].gpus.type = "b200";
    nodes[2].features.emplace_back("new");
    view.take(nodes, [](const InputBody&) {});
    job.id = 12;
    job.user = "ada";
    job.partition = "gpu";
    job.state = "PENDING";
    job.held = true;
    job.submitted_s = 1000;
    job.request.emplace();
    job.job_name = "train";
    job.request->workdir = "/home/ada";
  }
  JobSpec spec() const {
    NodeChoices choices(view);
    auto made = adopted_spec(job, choices);
    EXPECT_TRUE(made.ok()) << made.error().message;
    return made ? *made : JobSpec();
  }
  std::string refusal() const {
    NodeChoices choices(view);
    const auto made = adopted_spec(job, choices);
    return made ? "taken" : made.error().message;
  }
  ClusterView view{"slurm", {}, {}};
  SlurmJob job;
};

TEST_F(Request, IsAnEqualShareOfEachNode) {
  job.request->nodes_min = job.request->nodes_max = 2;
  job.request->tasks = 8;
  job.request->cpus = 16;
  job.request->gres_per_node = "gres:gpu:4";
  job.request->memory_mib_per_cpu = 10;
  job.request->account = "physics";
  job.request->qos = "high";
  const JobSpec made = spec();
  EXPECT_EQ(made.gang.nodes, 2U);
  EXPECT_EQ(made.gang.tasks, 2U);
  EXPECT_EQ(made.gang.task.accelerators, kWholeAccelerator * 4);
  EXPECT_EQ(made.gang.task.cpus, kWholeCpu * 8);
  EXPECT_EQ(made.gang.task.memory, Bytes(std::int64_t{80} << 20));
  EXPECT_EQ(made.user, "ada");
  EXPECT_EQ(made.tenant, "physics");
  EXPECT_EQ(made.priority_class, "high");
  EXPECT_EQ(made.time_limit, minutes(90)) << "its partition's";
  EXPECT_EQ(made.restart.limit, 0U);
}

TEST_F(Request, GetsAsFewNodesAsHoldItWhenItDoesNotSay) {
  job.request->tasks = 100;
  job.request->cpus = 100;
  EXPECT_EQ(spec().gang.nodes, 2U) << "of 64 CPUs";
  job.request->tasks = job.request->cpus = 3;
  job.request->gres_per_job = "gres:gpu:24";
  EXPECT_EQ(spec().gang.nodes, 3U);
  EXPECT_EQ(spec().gang.task.accelerators, kWholeAccelerator * 8);
  job.request->gres_per_job = "";
  job.request->tasks_per_node = 1;
  EXPECT_EQ(spec().gang.nodes, 3U);
}

TEST_F(Request, WithoutMemoryHasAllOfTheNodes) {
  EXPECT_EQ(spec().gang.task.memory, Bytes(std::int64_t{4000} << 20));
  job.request->memory_mib_per_node = 0;
  EXPECT_EQ(spec().gang.task.memory, Bytes(std::int64_t{4000} << 20));
  job.request->memory_mib_per_node = 7;
  EXPECT_EQ(spec().gang.task.memory, Bytes(std::int64_t{7} << 20));
}

TEST_F(Request, MemoryAndCpusByGpuFollowFromItsGpus) {
  job.request->nodes_min = job.request->nodes_max = 2;
  job.request->tasks = job.request->cpus = 2;
  job.request->gres_per_job = "gres:gpu:8";
  job.request->memory_mib_per_gpu = 100;
  job.request->cpus_per_gpu = 6;
  EXPECT_EQ(spec().gang.task.memory, Bytes(std::int64_t{400} << 20));
  EXPECT_EQ(spec().gang.task.cpus, kWholeCpu * 24);
}

TEST_F(Request, CpusOfATaskBesideItsGpusAreNoOtherResource) {
  job.request->tasks = 2;
  job.request->cpus = 8;
  job.request->gres_per_task = "cpu:4,gres/gpu:h100:2";
  EXPECT_EQ(spec().gang.task.accelerators, kWholeAccelerator * 4);
  job.request->gres_per_task = "cpu:4,license/x:1";
  EXPECT_THAT(refusal(), HasSubstr("license/x:1"));
}

TEST_F(Request, ThreadsOfACoreMatterWhereThereAreSeveral) {
  job.request->threads_per_core = 1;
  EXPECT_EQ(refusal(), "taken");
  std::vector<SlurmNode> nodes{{"n1", "", {"h100", 8}, 64, 2, 4000, {"IDLE"}, ""}};
  view.take(nodes, [](const InputBody&) {});
  EXPECT_THAT(refusal(), HasSubstr("1 of 2 threads"));
}

TEST_F(Request, ADeadlineIsKept) {
  EXPECT_EQ(spec().deadline, Instant());
  job.request->deadline_s = 5000;
  EXPECT_EQ(spec().deadline, Instant(seconds(5000).count()));
}

TEST_F(Request, ConstraintsBecomeTypesWhereTheySayTheSame) {
  job.request->features = "ib&x86";
  EXPECT_THAT(spec().gang.types, IsEmpty()) << "all nodes have both";
  job.request->features = "new|old";
  EXPECT_THAT(spec().gang.types, ElementsAre(TypeChoice{"b200"}));
  job.request->features = "";
  job.partition = "fast";
  EXPECT_THAT(spec().gang.types, ElementsAre(TypeChoice{"b200"}));
  job.request->gres_per_node = "gres:gpu:h100:1";
  EXPECT_THAT(refusal(), HasSubstr("no node for it has accelerators of type h100"));
}

TEST_F(Request, WhatCannotBeSaidIsRefusedByName) {
  const SlurmRequest plain = *job.request;
  const auto refused = [&](auto change) {
    job.request = plain;
    change(*job.request);
    return refusal();
  };
  EXPECT_THAT(refused([](SlurmRequest& r) { r.features = "none"; }), HasSubstr("no node"));
  EXPECT_THAT(refused([](SlurmRequest& r) { r.features = "[a*2&b*1]"; }), HasSubstr("brackets"));
  EXPECT_THAT(refused([](SlurmRequest& r) { r.nodes_required = "n1"; }), HasSubstr("-w n1"));
  EXPECT_THAT(refused([](SlurmRequest& r) { r.nodes_excluded = "n1"; }), HasSubstr("-x n1"));
  EXPECT_THAT(refused([](SlurmRequest& r) { r.licenses = "abc:1"; }), HasSubstr("abc:1"));
  EXPECT_THAT(refused([](SlurmRequest& r) { r.reservation = "x"; }), HasSubstr("reservation x"));
  EXPECT_THAT(refused([](SlurmRequest& r) { r.others = "--tmp"; }), HasSubstr("with --tmp,"));
  EXPECT_THAT(refused([](SlurmRequest& r) { r.het_job = 11; }), HasSubstr("heterogeneous"));
  EXPECT_THAT(refused([](SlurmRequest& r) { r.gres_per_node = "gres:shard:1"; }),
              HasSubstr("shard:1"));
  job.request = plain;
  job.partition = "other";
  EXPECT_THAT(refusal(), HasSubstr("none that is used here"));
}

TEST_F(Request, IsKnownByAKeyThatNobodyElseCanGive) {
  const AdoptedJob origin = adopted_job(job, "12_3", JobId(5));
  const std::string key = adoption_key(origin);
  EXPECT_TRUE(is_adopted(key)) << key;
  EXPECT_EQ(adopted_job(key), origin);
  const auto changed = [&](auto change) {
    SlurmJob other = job;
    change(*other.request);
    return adoption_key(adopted_job(other, "12_3", JobId(5))) != key;
  };
  EXPECT_TRUE(changed([](SlurmRequest& r) { r.memory_mib_per_node = 8; }));
  EXPECT_TRUE(changed([](SlurmRequest& r) { r.features = "ib"; }));
  EXPECT_TRUE(changed([](SlurmRequest& r) { r.gres_per_node = "gres:gpu:h100:1"; }));
  EXPECT_TRUE(changed([](SlurmRequest& r) { r.exclusive = true; }));
  EXPECT_TRUE(changed([](SlurmRequest& r) { r.memory_mib_per_gpu = 8; }));
  EXPECT_TRUE(changed([](SlurmRequest& r) { r.others = "--tmp"; }));
  EXPECT_FALSE(changed([](SlurmRequest& r) { r.dependency = "afterok:3"; })) << "Slurm does that";
  EXPECT_NE(adoption_key(adopted_job(job, "12_3", JobId(6))), key) << "of another one's place";
  EXPECT_EQ(adopted_job("slurm 12 1000 again"), std::nullopt);
  EXPECT_EQ(adopted_job(" slurm 12 x again"), std::nullopt);
}

TEST_F(Request, AHoldOfItsUserIsTold) {
  job.admin_comment = "millwright:held";
  EXPECT_FALSE(held_by_user(job));
  job.comment = "about cats millwright:hold";
  EXPECT_TRUE(held_by_user(job));
  job.comment = "millwright:release";
  EXPECT_FALSE(held_by_user(job));
  job.comment = "";
  job.admin_comment = "millwright:user";
  EXPECT_TRUE(held_by_user(job));
}

TEST_F(Request, SaysWhereItsScriptWrites) {
  EXPECT_EQ(output_of(job, "12"), "/home/ada/slurm-12.out");
  EXPECT_EQ(output_of(job, "12_3"), "/home/ada/slurm-12_3.out");
  job.request->output = "/x/%x-%u.%j";
  EXPECT_EQ(output_of(job, "12"), "/x/train-ada.12");
  EXPECT_EQ(output_of(job, "12_3"), "") << "an element's own number comes when it is let go";
  job.request->output = "%N";
  EXPECT_EQ(output_of(job, "12"), "");
}

// --- its way ------------------------------------------------------------------------------------

class Run : public testing::Test {
 protected:
  Run() {
    auto spec = std::make_shared<JobSpec>();
    spec->user = "ada";
    desired.job = JobId(7);
    desired.attempt = AttemptNumber(1);
    desired.epoch = Epoch(9);
    desired.spec = spec;
    desired.node_names = {"n1"};
    desired.client_key = " slurm 12 1000 again 1x0+1000+0 0 default";
    make();
  }
  void make() { run.emplace(desired, SlurmAttempt::Limits{minutes(5), seconds(5)}); }
  static SlurmJob job(const std::string& state, bool held = false, std::uint32_t restarts = 0) {
    SlurmJob made;
    made.id = 12;
    made.user = "ada";
    made.state = state;
    made.held = held;
    made.restarts = restarts;
    return made;
  }
  void see(const SlurmJob& job, int second) { run->seen(job, at(second), at(second)); }
  void let_go(int second) {
    see(job("PENDING", true), second);
    EXPECT_EQ(run->next_step(at(second)), AdoptedStep::kRelease);
    run->release_asked(at(second));
    run->release_answered({}, at(second));
  }
  void stop(EndCause cause, int second) {
    desired.goal = AttemptGoal::kStop;
    desired.cause = cause;
    run->want(desired);
    run->advance(at(second));
  }
  template <class T>
  const T* reported(int second) {
    said = run->reports(at(second));
    for (const InputBody& each : said) {
      if (const auto* found = std::get_if<T>(&each)) return found;
    }
    return nullptr;
  }
  DesiredAttempt desired;
  std::optional<AdoptedAttempt> run;
  std::vector<InputBody> said;
};

TEST_F(Run, FromTheQueueToItsEnd) {
  EXPECT_EQ(run->next_step(at(0)), AdoptedStep::kNothing) << "it has not been seen";
  EXPECT_FALSE(run->released());
  let_go(1);
  EXPECT_TRUE(run->released());
  EXPECT_EQ(run->next_step(at(2)), AdoptedStep::kNothing);
  see(job("RUNNING"), 3);
  EXPECT_NE(reported<AttemptStarted>(3), nullptr);
  SlurmJob failed = job("FAILED");
  failed.exit_code = 3;
  see(failed, 4);
  EXPECT_EQ(reported<AttemptExited>(4)->exit.exit_code, 3);
  EXPECT_THAT(run->reports(at(5)), IsEmpty());
  EXPECT_THAT(run->reports(at(10)), SizeIs(1)) << "until it is forgotten";
}

TEST_F(Run, AnAnswerThatIsLostIsWaitedForBeforeItIsAskedAgain) {
  see(job("PENDING", true), 1);
  run->release_asked(at(1));
  run->release_answered(Error{ErrorCode::kTimeout, "?"}, at(2));
  see(job("PENDING", true), 3);
  EXPECT_EQ(run->next_step(at(3)), AdoptedStep::kNothing) << "it may be on its way";
  see(job("PENDING", true), 20);
  EXPECT_EQ(run->next_step(at(20)), AdoptedStep::kRelease);
}

TEST_F(Run, AfterARestartOfOursItIsKnownAgain) {
  run->was_released(0, at(1));
  see(job("RUNNING"), 2);
  EXPECT_EQ(run->next_step(at(2)), AdoptedStep::kNothing);
  EXPECT_NE(reported<AttemptStarted>(2), nullptr);

  make();
  run->was_released(0, at(1));
  see(job("RUNNING", false, 1), 2);
  EXPECT_EQ(run->next_step(at(2)), AdoptedStep::kRequeue) << "that is not the run that was decided";
}

TEST_F(Run, SlurmMayNotStartItAgainByItself) {
  let_go(1);
  see(job("RUNNING"), 2);
  see(job("PENDING", false, 1), 3);
  EXPECT_EQ(run->next_step(at(3)), AdoptedStep::kHold);
  run->asked(AdoptedStep::kHold, at(3));
  see(job("PENDING", true, 1), 4);
  EXPECT_NE(reported<RequeueJob>(4), nullptr) << "nobody is to blame";
  EXPECT_NE(reported<AttemptGone>(10), nullptr);
  ASSERT_THAT(said, SizeIs(1)) << "a second one would stop the next attempt";
  run->want(desired);
  EXPECT_NE(reported<RequeueJob>(11), nullptr) << "who asks anew may not have heard it";
  desired.goal = AttemptGoal::kStop;
  run->want(desired);
  EXPECT_EQ(reported<RequeueJob>(12), nullptr) << "it was heard";
  EXPECT_NE(reported<AttemptGone>(80), nullptr);
}

TEST_F(Run, WhatOthersLetGoIsTakenBack) {
  see(job("PENDING", false), 1);
  EXPECT_EQ(run->next_step(at(1)), AdoptedStep::kHold);
  see(job("RUNNING"), 2);
  EXPECT_EQ(run->next_step(at(2)), AdoptedStep::kRequeue);
}

TEST_F(Run, StopsAsItsCauseSays) {
  const auto step_for = [&](EndCause cause, const char* key) {
    desired.goal = AttemptGoal::kRun;
    desired.client_key = key;
    make();
    let_go(1);
    see(job("RUNNING"), 2);
    stop(cause, 3);
    return run->next_step(at(3));
  };
  const char* again = " slurm 12 1000 again";
  EXPECT_EQ(step_for(EndCause::kCancelled, again), AdoptedStep::kCancel);
  EXPECT_EQ(step_for(EndCause::kPreempted, again), AdoptedStep::kRequeue);
  EXPECT_EQ(step_for(EndCause::kPreempted, " slurm 12 1000 once"), AdoptedStep::kCancel);
  EXPECT_EQ(step_for(EndCause::kTimeLimit, again), AdoptedStep::kNothing) << "Slurm does that";
  EXPECT_EQ(run->next_step(at(200)), AdoptedStep::kCancel) << "and if not, we do";
}

TEST_F(Run, AtSlurmsLimitItWaitsForOursToBeToldSo) {
  let_go(1);
  see(job("RUNNING"), 2);
  see(job("TIMEOUT"), 3);
  EXPECT_EQ(reported<AttemptExited>(4), nullptr);
  stop(EndCause::kTimeLimit, 5);
  EXPECT_NE(reported<AttemptExited>(5), nullptr);
}

TEST_F(Run, WhatSlurmDoesNotStartIsPlacedAnew) {
  let_go(1);
  SlurmJob waits = job("PENDING");
  waits.reason = "Resources";
  see(waits, 2);
  EXPECT_EQ(run->next_step(at(100)), AdoptedStep::kNothing);
  see(waits, 400);
  EXPECT_EQ(run->next_step(at(400)), AdoptedStep::kHold);
  run->asked(AdoptedStep::kHold, at(400));
  see(job("PENDING", true), 401);
  EXPECT_NE(reported<RequeueJob>(401), nullptr);
  EXPECT_THAT(std::get<AttemptGone>(said.back()).detail, HasSubstr("Resources"));
}

TEST_F(Run, WhatWasStoppedBeforeItWasLetGoStaysWhereItIs) {
  see(job("PENDING", true), 1);
  stop(EndCause::kDrained, 2);
  EXPECT_NE(reported<AttemptGone>(2), nullptr);
  EXPECT_EQ(run->next_step(at(3)), AdoptedStep::kNothing);
}

TEST_F(Run, WhoeverCancelsItThereMeansTheJob) {
  let_go(1);
  see(job("RUNNING"), 2);
  see(job("CANCELLED"), 3);
  EXPECT_NE(reported<CancelJob>(3), nullptr);
}

}  // namespace
}  // namespace mw::slurm
