// Which control groups are chosen, on made-up machines: trees of plain files under a temporary
// root.
#include "engines/local/containment.h"

#include <gmock/gmock.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "engines/local/cgroup_mounts.h"
#include "engines/local/posix.h"

namespace mw::local {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr TaskShape kShape{.accelerators = kWholeAccelerator,
                           .cpus = CpuShare(1500),
                           .memory = Bytes(64 << 20),
                           .accelerator_type = {}};

class ContainmentTest : public ::testing::Test {
 protected:
  ContainmentTest() {
    std::string pattern = std::filesystem::temp_directory_path() / "mw-containment-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) std::abort();
    root_ = pattern;
    home_ = root_ + "/home";
    std::filesystem::create_directory(home_);
  }
  ~ContainmentTest() override {
    std::error_code error;
    std::filesystem::remove_all(root_, error);
  }

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  /// A machine as systemd sets it up.
  void make_unified() const {
    write("/proc/self/cgroup", "0::/user.slice/app.scope\n");
    write("/proc/self/mountinfo",
          "25 30 0:23 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
          "26 30 0:24 / /tmp rw - tmpfs tmpfs rw\n");
    write("/sys/fs/cgroup/user.slice/app.scope/cgroup.procs", "1\n");
    write("/sys/fs/cgroup/user.slice/app.scope/cgroup.controllers", "cpu memory pids\n");
    write("/sys/fs/cgroup/user.slice/app.scope/cgroup.subtree_control", "");
  }
  /// An older one, with or without version 2 beside it.
  void make_version_1(bool hybrid) const {
    std::string groups = "5:memory:/session\n4:cpu,cpuacct:/\n3:pids:/\n1:name=systemd:/\n";
    std::string mounts =
        "31 30 0:31 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n"
        "32 30 0:32 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
        "33 30 0:33 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n";
    write("/sys/fs/cgroup/memory/session/cgroup.procs", "1\n");
    write("/sys/fs/cgroup/cpu,cpuacct/cgroup.procs", "1\n");
    write("/sys/fs/cgroup/pids/cgroup.procs", "1\n");
    if (hybrid) {
      groups += "0::/\n";
      mounts += "34 30 0:34 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
      write("/sys/fs/cgroup/unified/cgroup.procs", "1\n");
    }
    write("/proc/self/cgroup", groups);
    write("/proc/self/mountinfo", mounts);
  }
  [[nodiscard]] std::vector<TaskCgroup> groups_of(const Containment& containment) const {
    return containment.for_task(JobId(7), AttemptNumber(2), Rank(3), kShape);
  }

  std::string root_;
  std::string home_;
};

TEST_F(ContainmentTest, NoGroupsAtAllIsSaid) {
  Containment containment(ContainmentChoice::kBest, home_, root_);
  containment.prepare();
  EXPECT_THAT(groups_of(containment), IsEmpty());
  EXPECT_FALSE(containment.limits_memory());
  EXPECT_THAT(containment.describe(), HasSubstr("process group and subreaper"));
}

TEST_F(ContainmentTest, HybridTracksByVersion2AndLimitsByVersion1BelowOurOwnGroup) {
  make_version_1(true);
  Containment containment(ContainmentChoice::kBest, home_, root_);
  containment.prepare();
  const auto groups = groups_of(containment);
  ASSERT_THAT(groups, SizeIs(3));
  EXPECT_THAT(groups[0].directory, HasSubstr("/sys/fs/cgroup/unified/mw-"));
  EXPECT_TRUE(groups[0].tracks && groups[0].unified && !groups[0].memory);
  EXPECT_THAT(groups[1].directory, HasSubstr("/sys/fs/cgroup/memory/session/mw-"));
  EXPECT_TRUE(groups[1].memory && !groups[1].tracks && !groups[1].unified);
  EXPECT_EQ(groups[1].settings[0], (CgroupSetting{"memory.limit_in_bytes", "67108864", false}));
  EXPECT_EQ(groups[2].settings[0], (CgroupSetting{"cpu.shares", "1536", false}));
  for (const TaskCgroup& group : groups) {
    EXPECT_EQ(group.directory.substr(group.directory.rfind('/')), "/7.2.3");
  }
}

TEST_F(ContainmentTest, Version1AloneTracksToo) {
  make_version_1(false);
  Containment containment(ContainmentChoice::kBest, home_, root_);
  containment.prepare();
  const auto groups = groups_of(containment);
  ASSERT_THAT(groups, SizeIs(3));
  EXPECT_THAT(groups[0].directory, HasSubstr("/sys/fs/cgroup/pids/mw-"));
  EXPECT_TRUE(groups[0].tracks);
  EXPECT_FALSE(groups[0].unified);
}

TEST_F(ContainmentTest, Version2LimitsWhenItsControllersAreGivenToUs) {
  make_unified();
  Containment containment(ContainmentChoice::kBest, home_, root_);
  const std::string own = "/sys/fs/cgroup/user.slice/app.scope";
  const std::string ours = std::filesystem::path(groups_of(containment)[0].directory)
                               .parent_path()
                               .string()
                               .substr(root_.size());
  // As the kernel shows it when the controllers are enabled.
  write(own + "/cgroup.subtree_control", "cpu memory\n");
  write(ours + "/cgroup.subtree_control", "cpu memory\n");
  containment.prepare();
  EXPECT_TRUE(containment.limits_memory());
  const auto groups = groups_of(containment);
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_TRUE(groups[0].tracks && groups[0].unified && groups[0].memory);
  EXPECT_EQ(groups[0].settings[0], (CgroupSetting{"memory.max", "67108864", false}));
  EXPECT_EQ(groups[0].settings.back(), (CgroupSetting{"cpu.weight", "150", false}));
}

TEST_F(ContainmentTest, Version2WithoutControllersStillTracksAndSaysThatItDoesNotLimit) {
  make_unified();
  Containment containment(ContainmentChoice::kBest, home_, root_);
  containment.prepare();
  const auto groups = groups_of(containment);
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_TRUE(groups[0].tracks && groups[0].unified && !groups[0].memory);
  EXPECT_THAT(groups[0].settings, IsEmpty());
  EXPECT_THAT(containment.describe(), HasSubstr("memory not limited"));
}

TEST_F(ContainmentTest, AReadOnlyTreeIsNotUsed) {
  make_version_1(true);
  // A file stands where the mount is said to be: nothing can be made in it, whoever we are.
  write("/proc/self/mountinfo", "34 30 0:34 / /proc/self/cgroup ro - cgroup2 cgroup2 ro\n");
  Containment containment(ContainmentChoice::kBest, home_, root_);
  containment.prepare();
  EXPECT_THAT(containment.describe(), HasSubstr("process group and subreaper"));
}

TEST_F(ContainmentTest, TwoHomesDoNotMeet) {
  make_version_1(true);
  std::filesystem::create_directory(root_ + "/home2");
  Containment one(ContainmentChoice::kBest, home_, root_);
  Containment two(ContainmentChoice::kBest, root_ + "/home2", root_);
  EXPECT_NE(groups_of(one)[0].directory, groups_of(two)[0].directory);
  EXPECT_EQ(groups_of(one)[0].directory,
            groups_of(Containment(ContainmentChoice::kBest, home_, root_))[0].directory);
}

TEST_F(ContainmentTest, ATaskWithoutDemandsIsOnlyTracked) {
  make_version_1(true);
  Containment containment(ContainmentChoice::kBest, home_, root_);
  const auto groups =
      containment.for_task(JobId(1), AttemptNumber(1), Rank(0),
                           {.accelerators = {}, .cpus = {}, .memory = {}, .accelerator_type = {}});
  ASSERT_THAT(groups, SizeIs(1));
  EXPECT_TRUE(groups[0].tracks);
}

TEST_F(ContainmentTest, StaleGroupsGoAndWantedAndForeignOnesStay) {
  make_version_1(true);
  Containment containment(ContainmentChoice::kBest, home_, root_);
  containment.prepare();
  const std::string ours = std::filesystem::path(groups_of(containment)[0].directory).parent_path();
  for (const char* const name : {"/1.1.0", "/2.1.0", "/other"}) {
    std::filesystem::create_directory(ours + name);
  }
  containment.remove_stale([](JobId job, AttemptNumber) { return job == JobId(2); });
  EXPECT_FALSE(std::filesystem::exists(ours + "/1.1.0"));
  EXPECT_TRUE(std::filesystem::exists(ours + "/2.1.0"));
  EXPECT_TRUE(std::filesystem::exists(ours + "/other"));
}

TEST_F(ContainmentTest, LimitsOfGroupsAboveUsCount) {
  make_unified();
  const std::string slice = "/sys/fs/cgroup/user.slice";
  write(slice + "/memory.max", "1000000\n");
  write(slice + "/app.scope/memory.max", "max\n");
  write(slice + "/app.scope/cpu.max", "150000 100000\n");
  const CgroupLimits limits = cgroup_limits(cgroup_hierarchies(root_));
  ASSERT_TRUE(limits.memory.has_value());
  EXPECT_EQ(*limits.memory, Bytes(1'000'000));
  ASSERT_TRUE(limits.cpus.has_value());
  EXPECT_EQ(*limits.cpus, CpuShare(1500));
}

TEST_F(ContainmentTest, AGroupMountedFromFurtherDownIsFound) {
  // In a container, the mount shows only the container's part of the tree.
  write("/proc/self/cgroup", "0::/docker/abc/app\n");
  write("/proc/self/mountinfo", "25 30 0:23 /docker/abc /sys/fs/cgroup rw - cgroup2 none rw\n");
  const auto hierarchies = cgroup_hierarchies(root_);
  ASSERT_THAT(hierarchies, SizeIs(1));
  EXPECT_EQ(hierarchies[0].own, root_ + "/sys/fs/cgroup/app");
}

TEST_F(ContainmentTest, OutOfMemoryKillsAreReadFromBothVersions) {
  write("/v2/memory.events", "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n");
  write("/v1/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n");
  TaskCgroup group{
      .directory = root_ + "/v2", .unified = true, .tracks = true, .memory = true, .settings = {}};
  EXPECT_EQ(out_of_memory_kills(group), 2U);
  group.directory = root_ + "/v1";
  group.unified = false;
  EXPECT_EQ(out_of_memory_kills(group), 1U);
  group.directory = root_ + "/none";
  EXPECT_EQ(out_of_memory_kills(group), 0U);
}

}  // namespace
}  // namespace mw::local
