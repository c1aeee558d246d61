// How options, directives and values are read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <fstream>
#include <map>
#include <sstream>

#include "slurm_face/face.h"
#include "slurm_face/request.h"

namespace mw::face {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::vector<std::pair<std::string, std::string>> pairs(const std::vector<GivenOption>& options) {
  std::vector<std::pair<std::string, std::string>> all;
  for (const GivenOption& one : options) all.emplace_back(one.row->name, one.value);
  return all;
}

TEST(Arguments, AreReadAsGetoptReadsThem) {
  const std::vector<std::string> words = {"-n4", "-N",    "2", "--gres=gpu:8", "--mem",      "1G",
                                          "-HQ", "--out", "x", "script",       "--not-ours", "-n"};
  const auto given = read_arguments(kSbatch, words);
  ASSERT_TRUE(given.ok()) << given.error().message;
  EXPECT_THAT(pairs(given->options),
              ElementsAre(testing::Pair("ntasks", "4"), testing::Pair("nodes", "2"),
                          testing::Pair("gres", "gpu:8"), testing::Pair("mem", "1G"),
                          testing::Pair("hold", ""), testing::Pair("quiet", ""),
                          testing::Pair("output", "x")));
  EXPECT_THAT(given->arguments, ElementsAre("script", "--not-ours", "-n"));
}

TEST(Arguments, MistakesAreNamed) {
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases = {
      {{"--gress=gpu:1"}, "did you mean --gres?"},
      {{"--mem-per"}, "ambiguous"},
      {{"-n"}, "needs a value"},
      {{"--hold=yes"}, "takes no value"},
      {{"-%"}, "unknown option -%"},
  };
  for (const auto& [words, said] : cases) {
    const auto given = read_arguments(kSbatch, words);
    ASSERT_FALSE(given.ok()) << words[0];
    EXPECT_THAT(given.error().message, HasSubstr(said));
  }
}

TEST(Directives, EndAtTheFirstCommand) {
  const auto found = read_directives(
      "#!/bin/bash\n"
      "#SBATCH --job-name='two words'   # comment\n"
      "##SBATCH --nodes=9\n"
      "# SBATCH --nodes=9\n"
      "\n"
      "#SBATCH -N 2 --time 10\n"
      "  # another comment\n"
      "#SBATCH --comment=\"a # b\"\n"
      "echo hi\n"
      "#SBATCH --nodes=7\n");
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_THAT(pairs(*found),
              ElementsAre(testing::Pair("job-name", "two words"), testing::Pair("nodes", "2"),
                          testing::Pair("time", "10"), testing::Pair("comment", "a # b")));
  EXPECT_EQ((*found)[1].where, "line 6: -N");
  EXPECT_FALSE(read_directives("#!/bin/sh\n#SBATCH hetjob\n").ok());
  EXPECT_FALSE(read_directives("#!/bin/sh\n#SBATCH --comment='open\n").ok());
}

TEST(Directives, AreSplitWithBackslashesAndComments) {
  const auto found = read_directives(
      "#SBATCH --comment=a#b --nodes=9\n"
      "#SBATCH --job-name=\"say \\\"hi\\\"\" --account=x\\#y\n");
  ASSERT_TRUE(found.ok()) << found.error().message;
  EXPECT_THAT(pairs(*found),
              ElementsAre(testing::Pair("comment", "a"), testing::Pair("job-name", "say \"hi\""),
                          testing::Pair("account", "x#y")));
}

TEST(Variables, AreReadAsSlurmReadsThem) {
  const std::map<std::string, std::string> sbatch = {
      {"SBATCH_WAIT", "1"}, {"SBATCH_EXCLUSIVE", "exclusive"}, {"SBATCH_PARSABLE", "0"}};
  const auto reader = [](const std::map<std::string, std::string>& all) {
    return [&all](const char* name) {
      const auto found = all.find(name);
      return found == all.end() ? std::string() : found->second;
    };
  };
  auto request = read_request(kSbatch, read_variables(kSbatch, reader(sbatch)), Instant());
  ASSERT_TRUE(request.ok());
  EXPECT_TRUE(request->wait);
  EXPECT_TRUE(request->exclusive);
  EXPECT_FALSE(request->parsable);
  EXPECT_THAT(request->refused, IsEmpty());
  const std::map<std::string, std::string> srun = {
      {"SLURM_LABELIO", "0"},       {"SLURM_UNBUFFEREDIO", "yes"}, {"SRUN_CPUS_PER_TASK", "3"},
      {"SLURM_CPUS_PER_TASK", "2"}, {"SLURM_EXPORT_ENV", "NONE"},  {"SLURM_NNODES", "2"},
      {"SLURM_WORKING_DIR", "/x"}};
  request = read_request(kSrun, read_variables(kSrun, reader(srun)), Instant());
  ASSERT_TRUE(request.ok());
  EXPECT_FALSE(request->label);
  EXPECT_EQ(request->cpus_per_task, 3U);
  EXPECT_EQ(request->export_list, "NONE");
  EXPECT_EQ(request->node_count(), 2U);
  EXPECT_EQ(request->chdir, "/x");
}

TEST(Request, IsWhatWasSaidLast) {
  const std::vector<std::string> first = {"-N", "2", "--mem=1G", "--licenses=x"};
  const std::vector<std::string> second = {"-N", "3", "--mail-type=END"};
  auto options = read_arguments(kSbatch, first)->options;
  const auto more = read_arguments(kSbatch, second)->options;
  options.insert(options.end(), more.begin(), more.end());
  const auto request = read_request(kSbatch, options, Instant());
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->node_count(), 3U);
  EXPECT_EQ(request->memory_per_node, Bytes(std::int64_t{1} << 30));
  EXPECT_THAT(request->refused, ElementsAre(HasSubstr("--licenses is not supported")));
  EXPECT_THAT(request->noted, ElementsAre(HasSubstr("--mail-type has no effect")));
}

TEST(Request, CountsNodesAndTasksAsSlurmDoes) {
  struct Case {
    std::vector<std::string> words;
    std::uint32_t nodes;
    std::uint32_t tasks;
  };
  for (const Case& one :
       std::vector<Case>{{{}, 1, 1},
                         {{"-N2"}, 2, 2},
                         {{"-n8"}, 1, 8},
                         {{"-N2", "--ntasks-per-node=4"}, 2, 8},
                         {{"-n8", "--ntasks-per-node=4"}, 2, 8},
                         {{"-n9", "--tasks-per-node=4"}, 3, 9},
                         {{"--gpus=16", "--gpus-per-node=8"}, 2, 2},
                         {{"--gpus=8", "--gpus-per-task=2"}, 1, 4},
                         {{"-N1", "--gpus-per-node=4", "--ntasks-per-gpu=1"}, 1, 4},
                         {{"-N8", "-n4"}, 4, 4}}) {
    const auto request =
        read_request(kSbatch, read_arguments(kSbatch, one.words)->options, Instant());
    ASSERT_TRUE(request.ok());
    EXPECT_EQ(request->node_count(), one.nodes) << testing::PrintToString(one.words);
    EXPECT_EQ(request->task_count(), one.tasks) << testing::PrintToString(one.words);
  }
}

TEST(Values, LengthsOfTime) {
  const std::vector<std::pair<std::string, Duration>> cases = {
      {"15", minutes(15)},
      {"1:30", minutes(2)},
      {"02:00:00", hours(2)},
      {"11:0:0", hours(11)},
      {"0-01", hours(1)},
      {"1-12:30", hours(36) + minutes(30)},
      {"2-00:00:01", hours(48) + minutes(1)},
      {"UNLIMITED", Duration(0)},
      {"0", Duration(0)}};
  for (const auto& [text, length] : cases) {
    const auto read = parse_time_limit(text);
    ASSERT_TRUE(read.ok()) << text;
    EXPECT_EQ(*read, length) << text;
  }
  for (const char* text : {"", "1:2:3:4", "a", "1-", "-5", "1h", "99999999999999"}) {
    EXPECT_FALSE(parse_time_limit(text).ok()) << text;
  }
  EXPECT_EQ(time_limit_text(hours(26)), "1-02:00:00");
  EXPECT_EQ(elapsed_text(seconds(3'725)), "1:02:05");
}

TEST(Values, MemoryGpusArraysDependenciesSignals) {
  EXPECT_EQ(*parse_memory("64g"), Bytes(std::int64_t{64} << 30));
  EXPECT_EQ(*parse_memory("1GB"), Bytes(std::int64_t{1} << 30));
  EXPECT_EQ(*parse_memory("16000"), Bytes(std::int64_t{16'000} << 20));
  EXPECT_FALSE(parse_memory("a").ok());
  EXPECT_EQ(**parse_gres("gpu:a100:4"), (GpuRequest{"a100", 4}));
  EXPECT_EQ(**parse_gres("gres:gpu:2"), (GpuRequest{"", 2}));
  EXPECT_EQ(**parse_gres("gpu:v100"), (GpuRequest{"v100", 1}));
  EXPECT_EQ(parse_gres("gpu:1,shard:2").error().code, ErrorCode::kUnsupported);
  EXPECT_THAT(parse_array("1-7:3,2,2%4")->elements, ElementsAre(1, 2, 4, 7));
  EXPECT_EQ(parse_array("0-9%4")->at_once, 4U);
  for (const char* text : {"", "5-1", "1-", "0-9%0", "a", "0-99999999"}) {
    EXPECT_FALSE(parse_array(text).ok()) << text;
  }
  EXPECT_EQ(parse_dependencies("afterok:1:2,afterany:3")->size(), 3U);
  for (const char* text : {"singleton", "afternotok:1", "afterok:1?afterok:2", "afterok:1_2"}) {
    EXPECT_EQ(parse_dependencies(text).error().code, ErrorCode::kUnsupported) << text;
  }
  EXPECT_EQ(*parse_signal_request("B:USR1@90"), (SignalRequest{SIGUSR1, true, seconds(90)}));
  EXPECT_EQ(*parse_signal_request("SIGINT"), (SignalRequest{SIGINT, false, seconds(60)}));
  EXPECT_FALSE(parse_signal_request("NOPE").ok());
}

TEST(Values, MomentsAreInThisMachinesZone) {
  const Instant now(std::int64_t{1'800'000'000} * 1'000'000'000);
  EXPECT_EQ(*parse_moment("now+2hours", now), now + hours(2));
  EXPECT_EQ(*parse_moment("now+90", now), now + seconds(90));
  EXPECT_GT(*parse_moment("16:00", now), now);
  EXPECT_LE(*parse_moment("16:00", now), now + hours(25));
  EXPECT_EQ(*parse_moment("2027-01-01T08:00", now), *parse_moment("01/01/27 8am", now));
  EXPECT_LT(*parse_moment("today", now), *parse_moment("tomorrow", now));
  for (const char* text : {"", "yesterday", "25:00", "2027-13-01", "now-1hour", "13pm"}) {
    EXPECT_FALSE(parse_moment(text, now).ok()) << text;
  }
}

TEST(Options, EveryOneThatIsTakenDoesSomething) {
  // These say what is done anyway.
  const std::vector<std::string_view> anyway = {"exact",    "ignore-pbs", "no-bell",
                                                "no-shell", "unbuffered", "quit-on-interrupt"};
  for (const OptionRow& row : option_rows()) {
    if (row.support != Support::kTaken) continue;
    if (std::ranges::find(anyway, row.name) != anyway.end()) continue;
    EXPECT_TRUE(is_read(row.name)) << row.name;
  }
}

TEST(Options, TheDocumentHasTheTables) {
  std::ifstream file(MW_SLURM_COMMANDS_DOC);
  std::stringstream text;
  text << file.rdbuf();
  EXPECT_THAT(text.str(), HasSubstr(tables_markdown())) << "write it anew: mw slurm options";
}

}  // namespace
}  // namespace mw::face
