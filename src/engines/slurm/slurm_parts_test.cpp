// The small parts of the Slurm engine: lists of hosts, switches, marks, scripts, tokens.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "codec/hostlist.h"
#include "engines/slurm/identity.h"
#include "engines/slurm/job_script.h"
#include "engines/slurm/rule_switch.h"
#include "engines/slurm/submission.h"
#include "engines/slurm/topology_conf.h"

namespace mw::slurm {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

TEST(RuleSwitch, IsBesideSlurmConfWhereThereIsARule) {
  const std::string conf = "SLURM_CONF              = /etc/slurm/slurm.conf\n";
  const auto with = rule_switch("X = 1\nJobSubmitPlugins        = require_timelimit,lua\n" + conf);
  ASSERT_TRUE(with.ok()) << with.error().message;
  EXPECT_EQ(*with, "/etc/slurm/millwright.off");
  EXPECT_EQ(*rule_switch("JobSubmitPlugins        = (null)\n" + conf), std::nullopt);
  EXPECT_FALSE(rule_switch("JobSubmitPlugins = lua\nSLURM_CONFIG = /etc/x\n").ok());
}

class Submission : public testing::Test {
 protected:
  Submission() {
    EXPECT_TRUE(view.take({{"short", {"n1"}, true, true, 60, {}}}).ok());
    view.take({{"n1", "10.0.0.1", {"h100", 8}, 64, 1, 4000, {"IDLE"}, ""}},
              [](const InputBody&) {});
    spec->grace = minutes(1);
  }
  Result<SlurmSubmission> made() const {
    DesiredAttempt desired;
    desired.spec = spec;
    desired.node_names = {"n1"};
    desired.placement = Placement({{NodeId(0), 0, 1, {}}});
    return make_submission(desired, view, {}, {"1a2b3c4d", JobId(1), AttemptNumber(1), Epoch(1)});
  }
  ClusterView view{"slurm", {}, {}};
  std::shared_ptr<JobSpec> spec = std::make_shared<JobSpec>();
};

TEST_F(Submission, ATimeLimitIsNotCutToItsPartitions) {
  EXPECT_EQ(made()->minutes, 60) << "without one it has the partition's";
  spec->time_limit = minutes(10);
  EXPECT_EQ(made()->minutes, 13) << "ours comes first";
  spec->time_limit = minutes(59);
  EXPECT_EQ(made()->minutes, 60);
  spec->time_limit = minutes(61);
  EXPECT_THAT(made().error().message, HasSubstr("more than partition short of Slurm allows: 1h"));
}

TEST_F(Submission, GoesToThePartitionThatLetsItRunSoLong) {
  ASSERT_TRUE(
      view.take({{"short", {"n1"}, true, true, 60, {}}, {"long", {"n1"}, false, true, {}, {}}})
          .ok());
  spec->time_limit = minutes(61);
  EXPECT_EQ(made()->partition, "long");
  spec->time_limit = minutes(9);
  EXPECT_EQ(made()->partition, "short");
}

TEST(Machines, AreSeveralWhereAddressesDiffer) {
  ClusterView view{"slurm", {}, {}};
  ASSERT_TRUE(view.take({{"gpu", {"n1", "n2"}, true, true, {}, {}}}).ok());
  std::vector<SlurmNode> nodes = {{"n1", "127.0.0.1", {"h100", 8}, 64, 1, 4000, {"IDLE"}, ""},
                                  {"n2", "127.0.0.1", {"h100", 8}, 64, 1, 4000, {"IDLE"}, ""}};
  EXPECT_FALSE(view.has_several_machines());
  view.take(nodes, [](const InputBody&) {});
  EXPECT_FALSE(view.has_several_machines());
  nodes[1].address = "10.0.0.2";
  view.take(nodes, [](const InputBody&) {});
  EXPECT_TRUE(view.has_several_machines());
}

TEST(Use, OfOtherTypesOfGpusThanTheNodesOwnIsNotCounted) {
  ClusterView view{"slurm", {}, {}};
  ASSERT_TRUE(view.take({{"gpu", {"n1"}, true, true, {}, {}}}).ok());
  view.take({{"n1", "", gpus_in("gpu:a100:4,gpu:t4:2"), 64, 1, 4000, {"IDLE"}, ""}},
            [](const InputBody&) {});
  SlurmJob job;
  job.state = "RUNNING";
  const auto used = [&](const char* gres) {
    job.allocations = {{"n1", 1, 0, 100, gpus_by_type(gres)}};
    std::uint32_t accelerators = 0;
    view.take_use(
        {job}, [](const SlurmJob&) { return false; },
        [&](const InputBody& body) {
          accelerators = std::get<NodeUseReported>(body).use.accelerators;
        });
    return accelerators;
  };
  EXPECT_EQ(used("gpu:a100:3(IDX:0-2),gpu:t4:1(IDX:4)"), 3U);
  EXPECT_EQ(used("gpu:2"), 2U) << "of no type that is told";
  EXPECT_EQ(used("gpu:t4:2(IDX:4-5)"), 0U);
}

TEST(Hostlist, IsExpandedAsSlurmWritesIt) {
  EXPECT_THAT(*expand_hostlist(""), IsEmpty());
  EXPECT_THAT(*expand_hostlist("login"), ElementsAre("login"));
  EXPECT_THAT(*expand_hostlist("n[1-3,07],m2"), ElementsAre("n1", "n2", "n3", "n07", "m2"));
  EXPECT_THAT(*expand_hostlist("n[008-011]"), ElementsAre("n008", "n009", "n010", "n011"));
  EXPECT_THAT(*expand_hostlist("r[1-2]n[1-2].x"),
              ElementsAre("r1n1.x", "r1n2.x", "r2n1.x", "r2n2.x"));
}

TEST(Hostlist, WhatIsNoneIsRefused) {
  for (const char* text :
       {"n[", "n]", "n[]", "n[3-1]", "n[a-b]", "n[1-]", "n[0-99999999]", "a[0-9999]b[0-9999]"}) {
    EXPECT_FALSE(expand_hostlist(text).ok()) << text;
  }
}

TEST(Hostlist, IsCompressedToWhatExpandsToTheSame) {
  EXPECT_EQ(compress_hostlist({}), "");
  EXPECT_EQ(compress_hostlist({"login"}), "login");
  EXPECT_EQ(compress_hostlist({"n1"}), "n1");
  EXPECT_EQ(compress_hostlist({"n1", "n2", "n3", "m7"}), "n[1-3],m7");
  EXPECT_EQ(compress_hostlist({"n009", "n010", "n012"}), "n[009-010,012]");
  EXPECT_EQ(compress_hostlist({"n9", "n10", "n08"}), "n[9-10,08]");
  EXPECT_EQ(compress_hostlist({"r1n1.x", "r1n2.x", "r2n1.x"}), "r1n[1-2].x,r2n1.x");
  for (const std::vector<std::string>& names : std::vector<std::vector<std::string>>{
           {"b2", "b1", "b3"}, {"a", "a", "a1", "a01", "a2"}, {"n99", "n100"}, {"n099", "n100"}}) {
    EXPECT_EQ(*expand_hostlist(compress_hostlist(names)), names) << compress_hostlist(names);
  }
}

TEST(Gres, AcceleratorsAreCounted) {
  EXPECT_EQ(gpus_in("gpu:h100:8(S:0-1)"), (GpuCount{"h100", 8}));
  EXPECT_EQ(gpus_in("gpu:4"), (GpuCount{"gpu", 4}));
  EXPECT_EQ(gpus_in("shard:80,gpu:a100:2(IDX:0,3),gpu:t4:1"), (GpuCount{"a100", 2}));
  EXPECT_EQ(gpus_in("gres/gpu:h100:2"), (GpuCount{"h100", 2}));
  EXPECT_EQ(gpus_in("gpu:h100:0(IDX:N/A)").count, 0U);
  EXPECT_EQ(gpus_in("craynetwork:4").count, 0U);
  EXPECT_EQ(gpus_in("").count, 0U);
}

TEST(TopologyConf, SwitchesAreLeavesPodsAndSpines) {
  const auto topology = parse_topology_conf(
      "# comment\n"
      "SwitchName=leaf1 Nodes=n[3-4]  # behind\n"
      "SwitchName=leaf0 Nodes=n[1-2] LinkSpeed=1\n"
      "SwitchName=pod Switches=leaf[0-1]\n",
      "t");
  ASSERT_TRUE(topology.ok()) << topology.error().message;
  const std::vector<FabricStand> n1 = {{FabricLevel::kPod, "pod"}, {FabricLevel::kLeaf, "leaf0"}};
  EXPECT_EQ(topology->stands.at("n1"), n1);
  EXPECT_THAT(topology->order, ElementsAre("n1", "n2", "n3", "n4"));
}

TEST(TopologyConf, WhatScontrolPrintsAndBlocksAreReadToo) {
  const auto printed = parse_topology_conf(
      "SwitchName=s1 Level=0 LinkSpeed=1 Nodes=a[1-2]\n"
      "SwitchName=top Level=1 LinkSpeed=1 Nodes=a[1-2] Switches=s1\n",
      "t");
  EXPECT_EQ(printed->stands.at("a2").back().name, "s1");
  const auto blocks = parse_topology_conf("BlockName=b1 Nodes=x[1-2]\nBlockSizes=2\n", "t");
  EXPECT_EQ(blocks->stands.at("x1").front(), (FabricStand{FabricLevel::kScaleUp, "b1"}));
}

TEST(TopologyConf, ACircleAndNonsenseEnd) {
  const auto circle =
      parse_topology_conf("SwitchName=a Switches=b\nSwitchName=b Switches=a Nodes=n1\n", "t");
  EXPECT_TRUE(circle.ok());
  const auto fault = parse_topology_conf("\nSwitchName=a Nodes=n[1\n", "topology.conf");
  ASSERT_FALSE(fault.ok());
  EXPECT_THAT(fault.error().message, HasSubstr("topology.conf, line 2"));
}

TEST(JobMark, IsReadBackAndNothingElseIs) {
  const JobMark mark{"00c0ffee", JobId(17), AttemptNumber(2), Epoch(41)};
  EXPECT_EQ(read_mark(write_mark(mark)), mark);
  for (const char* text : {"", "millwright", "millwright:00c0ffee:17:2", "x:00c0ffee:1:1:1",
                           "millwright:00c0ffee:1:1:1x", "millwright:00c0ffee:01:1:1"}) {
    EXPECT_EQ(read_mark(text), std::nullopt) << text;
  }
}

TEST(JobScript, WhatAUserGaveIsData) {
  EXPECT_EQ(quoted_for_shell("it's $x `y`"), R"('it'\''s $x `y`')");
  ScriptInputs inputs;
  inputs.hosts = {"n2", "n1"};
  inputs.command = {"echo", "$(rm -rf /)", "a'b"};
  inputs.directory = "/home/a b/'; reboot '";
  const std::string script = job_script(inputs);
  EXPECT_THAT(script, HasSubstr(R"(set -- 'echo' '$(rm -rf /)' 'a'\''b')"));
  EXPECT_THAT(script, HasSubstr(R"(directory='/home/a b/'\''; reboot '\''')"));
  EXPECT_THAT(script, HasSubstr("<<'MILLWRIGHT_HOSTS'\nn2\nn1\nMILLWRIGHT_HOSTS\n"));
  EXPECT_THAT(script, HasSubstr("--ntasks=2"));
}

TEST(Identity, OverASocketEverybodyIsOne) {
  const Identity identity = Identity::of_socket("ada");
  EXPECT_TRUE(identity.may_act_as("ada").ok());
  const auto other = identity.may_act_as("bob");
  ASSERT_FALSE(other.ok());
  EXPECT_EQ(other.error().code, ErrorCode::kForbidden);
  EXPECT_THAT(other.error().message, HasSubstr("--slurm-jwt-key"));
  EXPECT_THAT(identity.headers("ada", Instant(0)), IsEmpty());
}

TEST(Identity, ATokenIsAsRfc7519Says) {
  // {"alg":"HS256","typ":"JWT"} . {"exp":1300,"iat":1000,"sun":"ada"}, and their HMAC as
  // `printf %s HEADER.CLAIMS | openssl dgst -sha256 -hmac secret -binary` gives it.
  const std::string token = make_token("secret", "ada", Instant(1'000'000'000'000), minutes(5));
  EXPECT_THAT(token, testing::StartsWith("eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                                         "eyJleHAiOjEzMDAsImlhdCI6MTAwMCwic3VuIjoiYWRhIn0."));
  EXPECT_THAT(token, testing::EndsWith(".uPYVLoiYFCTH-SRYR4_eSuWBwFyGBckZw6qjrdNBSfE"));
  EXPECT_THAT(token, Not(HasSubstr("=")));
}

}  // namespace
}  // namespace mw::slurm
