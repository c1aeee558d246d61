// Each form of trace: what a row becomes, and how a wrong one is refused.
#include "codec/trace_jobs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mw {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;

CsvTable table(std::string_view text, const CsvForm& form = {}) {
  auto parsed = CsvTable::parse(text, "t.csv", form);
  EXPECT_TRUE(parsed.ok()) << (parsed.ok() ? "" : parsed.error().message);
  return parsed.ok() ? *parsed : CsvTable();
}
template <class T>
std::string message(const Result<T>& result) {
  return result.ok() ? "" : result.error().message;
}

constexpr std::string_view kPhilly = "app_id,submit_time,service,num_jobs,sleep_time,model_name\n";
constexpr std::string_view kSacct =
    "JobID|Submit|Start|End|AllocTRES|NNodes|NCPUS|Timelimit|State|Account|User\n";

TEST(TraceJobs, FormsAreFoundOut) {
  struct Row {
    std::string_view beginning;
    std::optional<TraceFormat> format;
  };
  for (const Row& row : std::vector<Row>{
           {"name,cpu_milli,memory_mib,num_gpu,gpu_milli,creation_time\n", TraceFormat::kOpenb},
           {"job_id,num_gpu,submit_time,iterations,iteration_time\r\n", TraceFormat::kMuri},
           {kPhilly, TraceFormat::kPhilly},
           {"; Version: 2.2\n", TraceFormat::kSwf},
           {"  1 0 5 100 4 -1 -1 4 3600 -1 1 3 1 -1 1 -1 -1 -1\n", TraceFormat::kSwf},
           {"TIMESTAMP,ContextTokens,GeneratedTokens\r\n", TraceFormat::kAzure},
           {kSacct, TraceFormat::kSacct},
           {std::string_view("SQLite format 3\0", 16), TraceFormat::kJournal},
           {"1 2 3\n", {}},
           {"name: my-workload\n", {}},
           {"", {}}}) {
    EXPECT_EQ(detect_trace_format(row.beginning), row.format) << row.beginning;
  }
}

TEST(TraceJobs, SecondsAreReadToTheNanosecond) {
  const auto read = [](std::string_view text) { return parse_seconds(text, hours(1)); };
  EXPECT_EQ(*read("0"), Duration(0));
  EXPECT_EQ(*read("12.0"), seconds(12));
  EXPECT_EQ(*read("0.1"), milliseconds(100));
  EXPECT_EQ(*read("79.9999999995"), seconds(80));
  EXPECT_EQ(*read("79.9999999994"), Duration(79'999'999'999));
  EXPECT_EQ(*read("3600"), hours(1));
  for (const std::string_view wrong :
       {"", "-1", "-0", "-0.5", ".5", "1.", "1e3", "3600.1", "3601", " 1", "1.5s"}) {
    EXPECT_THAT(message(read(wrong)), HasSubstr("expected a number of seconds from 0 to 3600"))
        << wrong;
  }
}

TEST(TraceJobs, PhillyGangsShareTheirService) {
  const auto trace = read_philly_trace(table(std::string(kPhilly) +
                                             "0,100.0,3879831.9999999995,1,0,m\n1,50.5,800,8,0,m\n"
                                             "2,300,0.0,4,0,m\n"));
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace->left_out, 1U);  // it needed no service
  ASSERT_EQ(trace->jobs.size(), 2U);
  // In the order of submission, counted from the first.
  EXPECT_EQ(trace->jobs[0].submitted, Duration(0));
  EXPECT_EQ(trace->jobs[0].accelerators, AcceleratorShare(8000));
  EXPECT_EQ(trace->jobs[0].run_time, seconds(100));
  EXPECT_EQ(trace->jobs[1].submitted, milliseconds(49'500));
  EXPECT_EQ(trace->jobs[1].run_time, seconds(3'879'832));
}

TEST(TraceJobs, MuriRunsItsIterations) {
  const auto trace = read_muri_trace(
      table("num_gpu,submit_time,iterations,iteration_time,model_name\n4,2000,10,500,m\n"));
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  ASSERT_EQ(trace->jobs.size(), 1U);
  EXPECT_EQ(trace->jobs[0].run_time, seconds(5));
  EXPECT_EQ(trace->jobs[0].accelerators, AcceleratorShare(4000));
}

TEST(TraceJobs, OpenbPodsRunFromCreationToDeletion) {
  const std::string head =
      "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,"
      "deletion_time\n";
  const auto trace = read_openb_trace(table(head + "a,6000,12288,1,460,T4|P100,LS,Running,100,160\n"
                                                   "b,1000,1,0,,,BE,Failed,40,50\n"
                                                   "c,1000,1,0,,,BE,Pending,40,40\n"));
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace->left_out, 1U);
  ASSERT_EQ(trace->jobs.size(), 2U);
  EXPECT_EQ(trace->jobs[0].end, TraceEnd::kFailed);
  EXPECT_EQ(trace->jobs[0].accelerators, AcceleratorShare(0));
  const TraceJob& second = trace->jobs[1];
  EXPECT_EQ(second.submitted, seconds(60));
  EXPECT_EQ(second.run_time, seconds(60));
  EXPECT_EQ(second.accelerators, AcceleratorShare(460));
  EXPECT_EQ(second.cpus, CpuShare(6000));
  EXPECT_EQ(second.memory, Bytes(12288LL << 20));
  EXPECT_EQ(second.tenant, "LS");
  EXPECT_THAT(second.types, ElementsAre("T4", "P100"));
  EXPECT_THAT(
      message(read_openb_trace(table(head + "a,1,1,0,,,x,Running,10,9\n"))),
      HasSubstr("t.csv:2: deletion_time: expected at least creation_time, 10 s; found 9 s"));
}

TEST(TraceJobs, SwfFieldsAndComments) {
  const auto trace = read_swf_trace(
      "; Computer: test\n"
      ";\n"
      "\n"
      " 1 10 5 100.5 4 -1 1000 8 3600 2048 1 3 7 -1 1 -1 -1 -1\r\n"
      " 2 10 5 0 4 -1 -1 -1 -1 -1 5 -1 -1 -1 1 -1 -1 -1\n"
      " 3 20 5 60 4 -1 1000 -1 -1 -1 0 -1 -1 -1 1 -1 -1 -1\n",
      "x.swf");
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace->left_out, 1U);
  ASSERT_EQ(trace->jobs.size(), 2U);
  const TraceJob& first = trace->jobs[0];
  EXPECT_EQ(first.submitted, Duration(0));
  EXPECT_EQ(first.run_time, milliseconds(100'500));
  EXPECT_EQ(first.cpus, CpuShare(8000));
  EXPECT_EQ(first.memory, Bytes(8LL * 2048 * 1024));
  EXPECT_EQ(first.time_limit, hours(1));
  EXPECT_EQ(first.user, "user3");
  EXPECT_EQ(first.tenant, "group7");
  EXPECT_EQ(first.end, TraceEnd::kCompleted);
  const TraceJob& second = trace->jobs[1];
  EXPECT_EQ(second.cpus, CpuShare(4000));  // what it got, since what it asked for is not told
  EXPECT_EQ(second.time_limit, Duration(0));
  EXPECT_EQ(second.end, TraceEnd::kFailed);
  EXPECT_EQ(second.tenant, "");

  struct Row {
    std::string_view line;
    std::string_view message;
  };
  for (const Row& row : std::vector<Row>{
           {"1 2 3\n", "x.swf:2: expected 18 fields, found 3"},
           {"1 x 5 1 4 -1 -1 4 -1 -1 1 3 1 -1 1 -1 -1 -1\n",
            "x.swf:2: field 2 (submit time): expected a number of seconds"},
           {"1 0 5 1 4.5 -1 -1 4 -1 -1 1 3 1 -1 1 -1 -1 -1\n",
            "x.swf:2: field 5 (allocated processors): expected"},
           {"1 0 5 -2 4 -1 -1 4 -1 -1 1 3 1 -1 1 -1 -1 -1\n", "x.swf:2: field 4 (run time)"}}) {
    EXPECT_THAT(message(read_swf_trace("; c\n" + std::string(row.line), "x.swf")),
                HasSubstr(std::string(row.message)));
  }
}

TEST(TraceJobs, SacctRowsStepsAndArrays) {
  const auto trace = read_sacct_trace(table(
      std::string(kSacct) +
          "12|2024-05-01T12:00:00|2024-05-01T12:01:00|2024-05-01T13:01:00|billing=64,cpu=64,"
          "gres/gpu:a100=8,gres/gpu=8,mem=512G,node=1|1|64|1-02:00:00|COMPLETED|vision|ann\n"
          "12.batch|2024-05-01T12:01:00|2024-05-01T12:01:00|2024-05-01T13:01:00|cpu=64|1|64||"
          "COMPLETED|vision|\n"
          "13_7|2024-05-01T12:00:30|2024-05-01T12:02:00|2024-05-01T12:02:10|cpu=2,mem=4000M,"
          "node=2|2|2|30:00|CANCELLED by 1000|my \"lab\"|bob\n"
          "13_[8-9]|2024-05-01T12:00:30|Unknown|Unknown||0|2|UNLIMITED|PENDING|lab|bob\n"
          "14|2024-05-01T12:03:00|None|2024-05-01T12:04:00||0|2|Partition_Limit|CANCELLED|lab|bob\n"
          "15|2024-05-01T12:03:00|2024-05-01T12:03:00|2024-05-01T12:04:00||1|16|00:10:00|TIMEOUT|"
          "lab|bob\n"
          "16|2024-05-01T12:03:00|2024-05-01T12:03:00|2024-05-01T12:04:00||1|16|00:10:00|FAILED|"
          "lab|bob\n",
      kSacctForm));
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace->left_out, 2U);
  ASSERT_EQ(trace->jobs.size(), 4U);
  const TraceJob& gang = trace->jobs[0];
  EXPECT_EQ(gang.accelerators, AcceleratorShare(8000));
  EXPECT_THAT(gang.types, ElementsAre("a100"));
  EXPECT_EQ(gang.cpus, CpuShare(64'000));
  EXPECT_EQ(gang.memory, Bytes(512LL << 30));
  EXPECT_EQ(gang.nodes, 1U);
  EXPECT_EQ(gang.run_time, hours(1));
  EXPECT_EQ(gang.time_limit, hours(26));
  EXPECT_EQ(gang.tenant, "vision");
  EXPECT_EQ(gang.user, "ann");
  const TraceJob& element = trace->jobs[1];
  EXPECT_EQ(element.submitted, seconds(30));
  EXPECT_EQ(element.end, TraceEnd::kCancelled);
  EXPECT_EQ(element.memory, Bytes(4000LL << 20));
  EXPECT_EQ(element.nodes, 2U);
  EXPECT_EQ(element.time_limit, minutes(30));
  EXPECT_EQ(element.tenant, "my__lab_");
  EXPECT_EQ(trace->jobs[2].cpus, CpuShare(16'000));  // NCPUS, since AllocTRES is empty
  EXPECT_EQ(trace->jobs[2].end, TraceEnd::kCancelled);
  EXPECT_EQ(trace->jobs[3].end, TraceEnd::kFailed);
}

TEST(TraceJobs, SacctRefusals) {
  const auto of = [](std::string_view row) {
    return message(read_sacct_trace(table(std::string(kSacct) + std::string(row), kSacctForm)));
  };
  const std::string times = "2024-05-01T12:00:00|2024-05-01T12:00:00|2024-05-01T12:00:01|";
  EXPECT_THAT(of("1|yesterday|Unknown|Unknown||1|1||PENDING|a|u\n"),
              HasSubstr("t.csv:2: Submit: expected a time such as"));
  EXPECT_THAT(of("1|Unknown|Unknown|Unknown||1|1||PENDING|a|u\n"),
              HasSubstr("t.csv:2: Submit: expected a time, found none"));
  EXPECT_THAT(of("1|2024-05-01T12:00:00|2024-05-01T12:00:02|2024-05-01T12:00:01||1|1||F|a|u\n"),
              HasSubstr("t.csv:2: End: expected no time before Start"));
  EXPECT_THAT(of("1|2024-05-01T12:00:00|1980-05-01T12:00:00|2180-05-01T12:00:00||1|1||F|a|u\n"),
              HasSubstr("t.csv:2: End: expected no more than a hundred years"));
  EXPECT_THAT(of("1|" + times + "cpu|1|1||F|a|u\n"),
              AllOf(HasSubstr("t.csv:2: AllocTRES: expected amounts"), HasSubstr("\"cpu\"")));
  EXPECT_THAT(of("1|" + times + "gres/gpu=many|1|1||F|a|u\n"), HasSubstr("\"gres/gpu=many\""));
  EXPECT_THAT(of("1|" + times + "mem=5X|1|1||F|a|u\n"), HasSubstr("\"mem=5X\""));
  EXPECT_THAT(of("1|" + times + "cpu=1|1|1|soon|F|a|u\n"),
              HasSubstr("t.csv:2: Timelimit: expected a time limit such as 1-00:00:00"));
  EXPECT_THAT(of("1|" + times + "cpu=1|1|1|90|F|a|u\n"), HasSubstr("Timelimit"));
  EXPECT_THAT(message(read_sacct_trace(table("JobID|Submit\n1|x\n", kSacctForm))),
              HasSubstr("expected a time such as"));
  EXPECT_THAT(message(read_sacct_trace(table("JobID|Start\n1|x\n", kSacctForm))),
              HasSubstr("t.csv:1: no column \"Submit\""));
}

TEST(TraceJobs, AzureRequests) {
  const auto requests = read_azure_trace(
      table("TIMESTAMP,ContextTokens,GeneratedTokens\r\n2023-11-16 18:17:04.5000000,10,2\r\n"
            "2023-11-16 18:17:03.9799600,4808,10\r\n"));
  ASSERT_TRUE(requests.ok()) << requests.error().message;
  ASSERT_EQ(requests->size(), 2U);
  EXPECT_EQ((*requests)[0], (TraceRequest{Duration(0), 4808, 10}));
  EXPECT_EQ((*requests)[1], (TraceRequest{Duration(520'040'000), 10, 2}));
  EXPECT_THAT(
      message(read_azure_trace(table("TIMESTAMP,ContextTokens,GeneratedTokens\nnoon,1,1\n"))),
      HasSubstr("t.csv:2: TIMESTAMP: expected a time such as"));
  EXPECT_THAT(message(read_azure_trace(
                  table("TIMESTAMP,ContextTokens,GeneratedTokens\n2023-11-16 18:17:03,-1,1\n"))),
              HasSubstr("t.csv:2: ContextTokens"));
}

TEST(TraceJobs, PhillyRefusals) {
  const auto of = [](std::string_view row) {
    return message(read_philly_trace(table(std::string(kPhilly) + std::string(row))));
  };
  EXPECT_THAT(of("0,-1,10,1,0,m\n"), HasSubstr("t.csv:2: submit_time: expected a number of"));
  EXPECT_THAT(of("0,1,10,0,0,m\n"), HasSubstr("t.csv:2: num_jobs: expected"));
  EXPECT_THAT(of("0,1,,1,0,m\n"), HasSubstr("t.csv:2: service: expected a number of seconds"));
  EXPECT_THAT(of("0,1,10,1000001,0,m\n"), HasSubstr("num_jobs"));
}

TEST(TraceJobs, NamesAreMadeOfWhatIsThere) {
  EXPECT_EQ(name_from_trace("a.b-C_9"), "a.b-C_9");
  EXPECT_EQ(name_from_trace("x y/é"), "x_y___");
  EXPECT_EQ(name_from_trace(std::string(80, 'a')).size(), 64U);
  EXPECT_EQ(name_from_trace(""), "");
}

}  // namespace
}  // namespace mw
