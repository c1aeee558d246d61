#include "codec/trace_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace mw {
namespace {

CsvTable table(std::string_view text) {
  auto parsed = CsvTable::parse(text, "list.csv");
  EXPECT_TRUE(parsed.ok());
  return parsed.ok() ? *parsed : CsvTable();
}

TEST(TraceFiles, NodesInOurUnits) {
  const auto nodes = trace_nodes(
      table("sn,cpu_milli,memory_mib,gpu,model\r\na,64000,262144,2,P100\r\nb,8000,1,0,\r\n"));
  ASSERT_TRUE(nodes.ok());
  ASSERT_EQ(nodes->size(), 1U);  // b has no accelerator
  EXPECT_EQ((*nodes)[0], (TraceNode{"a", CpuShare(64000), Bytes(262144LL << 20), 2, "P100"}));
}

TEST(TraceFiles, PodsWithSharesAndTypes) {
  const auto pods =
      trace_pods(table("gpu_spec,name,cpu_milli,memory_mib,num_gpu,gpu_milli\n"
                       "T4|P100,a,1000,10,1,460\n,b,2000,20,8,1000\nT4,c,3000,30,0,\n"));
  ASSERT_TRUE(pods.ok()) << pods.error().message;
  EXPECT_EQ((*pods)[0].accelerators.count(), 460);
  EXPECT_THAT((*pods)[0].types, testing::ElementsAre("T4", "P100"));
  EXPECT_EQ((*pods)[1].accelerators.count(), 8000);
  EXPECT_EQ((*pods)[2].accelerators.count(), 0);
  EXPECT_TRUE((*pods)[2].types.empty());
}

TEST(TraceFiles, ErrorsNameFileLineAndColumn) {
  const auto message = [](const auto& result) { return result.ok() ? "" : result.error().message; };
  const std::string pods = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\n";
  EXPECT_THAT(message(trace_pods(table(pods + "a,1,1,1,1000\n\nb,x,1,1,1000\n"))),
              testing::AllOf(testing::HasSubstr("list.csv:4: cpu_milli: expected"),
                             testing::HasSubstr("\"x\"")));
  EXPECT_THAT(message(trace_pods(table(pods + "a,1,1,2,500\n"))),
              testing::HasSubstr("list.csv:2: gpu_milli: expected 1000"));
  EXPECT_THAT(message(trace_pods(table(pods + "a,1,1,1,1001\n"))),
              testing::HasSubstr("list.csv:2: gpu_milli"));
  EXPECT_THAT(message(trace_pods(table(pods + "a,1,1,0,\na,1,1,0,\n"))),
              testing::HasSubstr("list.csv:3: name: \"a\" is given twice"));
  EXPECT_THAT(message(trace_pods(table("name,cpu_milli\na,1\n"))),
              testing::HasSubstr("list.csv:1: no column \"memory_mib\""));
  EXPECT_THAT(message(CsvTable::parse("a,b\n1\n", "f")),
              testing::HasSubstr("f:2: expected 2 cells"));
  EXPECT_THAT(message(CsvTable::parse("a,a\n", "f")), testing::HasSubstr("named twice"));
  EXPECT_THAT(message(CsvTable::parse("a\n\"1\"\n", "f")), testing::HasSubstr("f:2: quotes"));
  EXPECT_THAT(message(CsvTable::parse("", "f")), testing::HasSubstr("f:1: expected the names"));
  EXPECT_EQ(CsvTable::read("/nonexistent/file.csv").error().code, ErrorCode::kNotFound);
  const std::string jobs = "num_gpu,submit_time,iterations,iteration_time,model_name\n";
  EXPECT_THAT(message(trace_training_jobs(table(jobs + "1,0,1000000000000,3600000,m\n"))),
              testing::HasSubstr("list.csv:2: iterations: the job would run"));
  EXPECT_THAT(message(trace_training_jobs(table(jobs + "0,0,1,1,m\n"))),
              testing::HasSubstr("list.csv:2: num_gpu"));
}

}  // namespace
}  // namespace mw
