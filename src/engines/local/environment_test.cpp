#include "engines/local/environment.h"

#include <gmock/gmock.h>

#include <cstdlib>

namespace mw::local {
namespace {

using ::testing::Contains;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::StartsWith;

class EnvironmentTest : public ::testing::Test {
 protected:
  EnvironmentTest() {
    spec_->name = "train";
    spec_->gang.tasks = 4;
    spec_->gang.task.cpus = CpuShare(2500);
    attempt_.job = attempt_.record = JobId(9);
    attempt_.attempt = AttemptNumber(1);
    // Two devices for each task.
    attempt_.placement = {{NodeId(0),
                           0,
                           2,
                           {{0, kWholeAccelerator},
                            {1, kWholeAccelerator},
                            {2, kWholeAccelerator},
                            {3, kWholeAccelerator}}},
                          {NodeId(1),
                           2,
                           2,
                           {{4, kWholeAccelerator},
                            {5, kWholeAccelerator},
                            {6, kWholeAccelerator},
                            {7, kWholeAccelerator}}}};
    attempt_.node_names = {"a", "b"};
    node_.vendor = AcceleratorVendor::kNvidia;
  }
  std::vector<std::string> variables(std::size_t slice, std::uint32_t local_rank) {
    attempt_.spec = spec_;
    return task_environment({.attempt = attempt_,
                             .slice = slice,
                             .local_rank = local_rank,
                             .node = &node_,
                             .master_port = 29'500,
                             .url = "http://127.0.0.1:1",
                             .endpoint_file = "/home/endpoint",
                             .token = "t",
                             .mw_binary = "/bin/mw"},
                            inherited_);
  }
  std::shared_ptr<JobSpec> spec_ = std::make_shared<JobSpec>();
  DesiredAttempt attempt_;
  LocalNode node_;
  std::vector<std::string> inherited_ = {"PATH=/bin", "COLOUR=inherited"};
};

TEST_F(EnvironmentTest, HoldsWhatTorchrunAndMpiProgramsExpect) {
  EXPECT_THAT(
      variables(1, 1),
      IsSupersetOf({"RANK=3", "WORLD_SIZE=4", "LOCAL_RANK=1", "LOCAL_WORLD_SIZE=2", "GROUP_RANK=1",
                    "NODE_RANK=1", "GROUP_WORLD_SIZE=2", "NNODES=2", "MASTER_ADDR=127.0.0.1",
                    "MASTER_PORT=29500", "TORCHELASTIC_RESTART_COUNT=0", "OMPI_COMM_WORLD_RANK=3",
                    "OMPI_COMM_WORLD_SIZE=4", "OMPI_COMM_WORLD_LOCAL_RANK=1",
                    "OMPI_COMM_WORLD_LOCAL_SIZE=2", "PMI_RANK=3", "PMI_SIZE=4"}));
}

TEST_F(EnvironmentTest, HoldsMillwrightsOwn) {
  EXPECT_THAT(
      variables(0, 0),
      IsSupersetOf({"MILLWRIGHT_URL=http://127.0.0.1:1", "MILLWRIGHT_ENDPOINT_FILE=/home/endpoint",
                    "MILLWRIGHT_TOKEN=t", "MILLWRIGHT_JOB_ID=9", "MILLWRIGHT_JOB_NAME=train",
                    "MILLWRIGHT_ATTEMPT=1", "MILLWRIGHT_ARRAY_INDEX=0", "MILLWRIGHT_ARRAY_COUNT=1",
                    "MILLWRIGHT_RANK=0", "MILLWRIGHT_TASKS=4", "MILLWRIGHT_NODE=a",
                    "MILLWRIGHT_DEVICES=0,1", "MILLWRIGHT_BIN=/bin/mw"}));
  EXPECT_THAT(variables(0, 0), Not(Contains(StartsWith("MILLWRIGHT_CHECKPOINT"))));
}

TEST_F(EnvironmentTest, ShowsEachTaskItsOwnDevices) {
  EXPECT_THAT(variables(0, 1), Contains("CUDA_VISIBLE_DEVICES=2,3"));
  EXPECT_THAT(variables(1, 1), IsSupersetOf({"CUDA_VISIBLE_DEVICES=6,7", "MILLWRIGHT_DEVICES=6,7",
                                             "CUDA_DEVICE_ORDER=PCI_BUS_ID"}));
  node_.first_device = 8;  // a declared node, the machine's second half
  EXPECT_THAT(variables(0, 0),
              IsSupersetOf({"CUDA_VISIBLE_DEVICES=8,9", "MILLWRIGHT_DEVICES=0,1"}));
}

TEST_F(EnvironmentTest, NamesTheVendorsVariable) {
  node_.vendor = AcceleratorVendor::kAmd;
  EXPECT_THAT(variables(1, 0),
              IsSupersetOf({"ROCR_VISIBLE_DEVICES=4,5", "HIP_VISIBLE_DEVICES=0,1"}));
  EXPECT_THAT(variables(1, 0), Not(Contains(StartsWith("CUDA_"))));
  node_.vendor = AcceleratorVendor::kNone;
  EXPECT_THAT(variables(1, 0), Not(Contains(StartsWith("ROCR_"))));
  EXPECT_THAT(variables(1, 0), Not(Contains(StartsWith("CUDA_"))));
}

TEST_F(EnvironmentTest, HidesDevicesFromATaskWithoutAny) {
  attempt_.placement.change()[0].devices.clear();
  EXPECT_THAT(variables(0, 0), Contains("CUDA_VISIBLE_DEVICES="));
}

TEST_F(EnvironmentTest, TheJobOverridesDefaultsButNotItsPlace) {
  EXPECT_THAT(variables(0, 0),
              IsSupersetOf({"OMP_NUM_THREADS=2", "COLOUR=inherited", "PATH=/bin"}));
  spec_->environment = {{"COLOUR", "own"}, {"OMP_NUM_THREADS", "1"}, {"RANK", "99"}};
  EXPECT_THAT(variables(0, 0), IsSupersetOf({"OMP_NUM_THREADS=1", "COLOUR=own", "RANK=0"}));
}

TEST_F(EnvironmentTest, LessThanACpuIsStillOneThread) {
  spec_->gang.task.cpus = CpuShare(500);
  EXPECT_THAT(variables(0, 0), Contains("OMP_NUM_THREADS=1"));
}

TEST_F(EnvironmentTest, OnlyListedVariablesAreInherited) {
  ASSERT_EQ(::setenv("MW_TEST_SECRET", "x", 1), 0);
  ASSERT_EQ(::setenv("MW_TESTED", "y", 1), 0);
  EXPECT_THAT(inherited_environment({"MW_TESTED"}), ::testing::ElementsAre("MW_TESTED=y"));
  EXPECT_THAT(inherited_environment({"MW_TEST_*"}), ::testing::ElementsAre("MW_TEST_SECRET=x"));
  ::unsetenv("MW_TEST_SECRET");
  ::unsetenv("MW_TESTED");
}

TEST_F(EnvironmentTest, AFreePortIsAPort) { EXPECT_GT(free_port(), 1023); }

}  // namespace
}  // namespace mw::local
