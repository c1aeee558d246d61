// What the adopter makes of a list of jobs, and of what the core has said before. Slurm itself is
// not there: nothing here gets as far as asking it.
#include "engines/slurm/adopter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>

#include "codec/timestamp.h"
#include "engines/slurm/adoption.h"
#include "engines/slurm/submission.h"

namespace mw::slurm {
namespace {

using testing::IsEmpty;
using testing::SizeIs;

class Adoption : public testing::Test {
 protected:
  Adoption() {
    folder = std::filesystem::temp_directory_path() /
             ("mw-adopter-" + std::to_string(getpid()) + "-" +
              testing::UnitTest::GetInstance()->current_test_info()->name());
    EXPECT_TRUE(view.take({{"gpu", {"n1", "n2"}, true, true, {}, 90}}).ok());
    view.take({node("n1"), node("n2")}, [](const InputBody&) {});
    begin();
    job.id = 12;
    job.user = "ada";
    job.partition = "gpu";
    job.state = "PENDING";
    job.held = true;
    job.submitted_s = 1000;
    job.admin_comment = "millwright:held";
    job.request.emplace();
    job.job_name = "train";
    job.request->workdir = "/home/ada";
    job.request->minutes = 30;
  }
  ~Adoption() override { std::filesystem::remove_all(folder); }
  static SlurmNode node(const char* name) {
    return {name, "", {"h100", 8}, 64, 1, 4000, {"IDLE"}, ""};
  }
  /// A control plane begins, with what the ones before left on disk.
  void begin() {
    adopter.reset();
    store.emplace(folder, 10);
    ASSERT_TRUE(store->open().ok());
    adopter.emplace(Adopter::Surroundings{client, pool, view, *store},
                    std::vector<std::string>{"gpu"}, SlurmAttempt::Limits{minutes(5), seconds(5)});
  }
  std::vector<InputBody> look() {
    std::vector<InputBody> said;
    std::vector<SlurmJob> all = others;
    all.push_back(job);
    adopter->look(all, std::chrono::steady_clock::now(),
                  [&](InputBody body) { said.push_back(std::move(body)); });
    return said;
  }
  /// The job that is asked for, which the core then takes under that number.
  SubmitJob taken(JobId id) {
    const auto said = look();
    if (said.size() != 1 || !std::holds_alternative<SubmitJob>(said[0])) {
      ADD_FAILURE() << "it is not asked for";
      return {};
    }
    const auto submit = std::get<SubmitJob>(said[0]);
    tell(submit, id, JobState::kPending);
    return submit;
  }
  void tell(const SubmitJob& submit, JobId id, JobState state) {
    AdoptedFate fate;
    fate.client_key = submit.client_key;
    fate.job = id;
    fate.spec = std::make_shared<JobSpec>(submit.spec);
    fate.state = state;
    if (is_final(state)) fate.finished_at = Instant(mw::seconds(2000).count());
    adopter->fate(fate);
  }
  template <class T>
  bool says() {
    const auto said = look();
    return said.size() == 1 && std::holds_alternative<T>(said[0]);
  }

  std::filesystem::path folder;
  std::atomic<bool> stop = true;
  SlurmClient client{"unix:/nonexistent", Identity::of_socket("root"), stop};
  ClientPool pool{"unix:/nonexistent", Identity::of_socket("root"), stop, 1};
  ClusterView view{"slurm", {}, {}};
  std::optional<AttemptStore> store;
  std::optional<Adopter> adopter;
  SlurmJob job;
  std::vector<SlurmJob> others;
};

TEST_F(Adoption, WhatAControlPlaneSubmittedIsNotAdopted) {
  job.comment = write_mark({"1a2b3c4d", JobId(3), AttemptNumber(1), Epoch(4)});
  EXPECT_THAT(look(), IsEmpty());
  job.comment = "";
  EXPECT_TRUE(says<SubmitJob>());
}

TEST_F(Adoption, AJobThatIsChangedIsGivenUpAndAskedForUnderAnotherKey) {
  const SubmitJob first = taken(JobId(7));
  job.request->minutes = 60;
  EXPECT_TRUE(says<CancelJob>());
  tell(first, JobId(7), JobState::kCancelled);
  const SubmitJob second = taken(JobId(8));
  EXPECT_NE(second.client_key, first.client_key);
  job.request->minutes = 30;
  EXPECT_TRUE(says<CancelJob>());
  tell(second, JobId(8), JobState::kCancelled);
  const SubmitJob third = taken(JobId(9));
  EXPECT_NE(third.client_key, first.client_key) << "that job has ended";
  EXPECT_EQ(third.spec, first.spec);
}

TEST_F(Adoption, AStartThatIsPutOffIsAChange) {
  const std::int64_t now_s = wall_clock().count() / mw::seconds(1).count();
  job.request->begin_s = now_s - 3;
  const SubmitJob first = taken(JobId(7));
  job.request->begin_s = now_s - 1;
  EXPECT_THAT(look(), IsEmpty()) << "Slurm sets that when it may start";
  job.request->begin_s = now_s + 3600;
  EXPECT_TRUE(says<CancelJob>());
  tell(first, JobId(7), JobState::kCancelled);
  const SubmitJob second = taken(JobId(8));
  EXPECT_EQ(second.spec->not_before, Instant(mw::seconds(now_s + 3600).count()));
  job.request->begin_s = now_s;
  EXPECT_TRUE(says<CancelJob>());
}

TEST_F(Adoption, OfASingletonOneRunsAtATime) {
  job.request->dependency = "singleton";
  others = {job, job};
  others[0].id = 11;
  others[0].request.reset();
  others[0].state = "RUNNING";
  others[1].id = 13;
  EXPECT_THAT(look(), IsEmpty()) << "behind 11";
  others[0].state = "COMPLETED";
  others.pop_back();
  EXPECT_TRUE(says<SubmitJob>());
}

TEST_F(Adoption, ElementsOfASingletonArrayAreAskedForOneByOne) {
  job.array = 12;
  job.request->array_tasks = "0-9";
  job.request->dependency = "singleton";
  EXPECT_THAT(look(), SizeIs(1));
}

TEST_F(Adoption, AChangeThatIsTakenBackIsNotACancelOfItsUser) {
  const SubmitJob first = taken(JobId(7));
  job.request->features = "none";
  EXPECT_TRUE(says<CancelJob>());
  job.request->features = "";
  begin();
  tell(first, JobId(7), JobState::kCancelled);
  EXPECT_NE(taken(JobId(8)).client_key, first.client_key);
}

TEST_F(Adoption, OtherNodesAreNoChangeOfAJob) {
  const SubmitJob first = taken(JobId(7));
  SlurmNode large = node("n1");
  large.memory_mib = 8000;
  SlurmNode larger = node("n2");
  larger.memory_mib = 9000;
  view.take({large, larger}, [](const InputBody&) {});
  begin();
  tell(first, JobId(7), JobState::kPending);
  EXPECT_THAT(look(), IsEmpty());
}

TEST_F(Adoption, ANumberThatIsAnotherJobsByNowIsNotCancelled) {
  const SubmitJob first = taken(JobId(7));
  DesiredAttempt desired;
  desired.job = JobId(7);
  desired.attempt = AttemptNumber(1);
  desired.epoch = Epoch(9);
  desired.spec = std::make_shared<JobSpec>(first.spec);
  desired.node_names = {"n1"};
  desired.client_key = first.client_key;
  desired.goal = AttemptGoal::kStop;
  desired.cause = EndCause::kCancelled;
  ASSERT_TRUE(store->put({JobId(7), AttemptNumber(1)}, {Epoch(9), "ada", "", Instant()}).ok());
  adopter->want(desired, std::chrono::steady_clock::now());
  job.submitted_s = 1500;
  EXPECT_THAT(look(), IsEmpty());
  std::vector<InputBody> said;
  adopter->service(true, [&](InputBody body) { said.push_back(std::move(body)); });
  ASSERT_THAT(said, SizeIs(1));
  EXPECT_TRUE(std::holds_alternative<AttemptGone>(said[0]));
}

TEST_F(Adoption, AUsersHoldOutlivesTheControlPlane) {
  const SubmitJob first = taken(JobId(7));
  job.comment = "millwright:hold";
  EXPECT_TRUE(says<HoldJob>());
  begin();
  job.comment = "millwright:release";
  tell(first, JobId(7), JobState::kPending);
  EXPECT_TRUE(says<ReleaseJob>());
}

TEST_F(Adoption, AHoldThatIsNotOfTheUserIsLeft) {
  const SubmitJob first = taken(JobId(7));
  begin();
  tell(first, JobId(7), JobState::kPending);
  EXPECT_THAT(look(), IsEmpty());
}

TEST_F(Adoption, WhatIsPutBackIntoTheQueueIsKnownWithoutComparingClocks) {
  const SubmitJob first = taken(JobId(7));
  look();
  tell(first, JobId(7), JobState::kFailed);
  job.submitted_s = 1500;  // by Slurm's clock, which is behind: it ended at 2000 by ours
  job.restarts = 1;
  EXPECT_NE(taken(JobId(8)).client_key, first.client_key);
}

}  // namespace
}  // namespace mw::slurm
