#include "twin/run_output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <sstream>

#include "twin/compare.h"
#include "twin/run_report_json.h"
#include "twin/run_report_test_support.h"

namespace mw {
namespace {

namespace fs = std::filesystem;
using testing::EndsWith;
using testing::HasSubstr;
using testing::StartsWith;
using testing::UnorderedElementsAre;

class RunOutputTest : public testing::Test {
 protected:
  RunOutputTest() {
    std::string name = (fs::temp_directory_path() / "mw-run-output-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~RunOutputTest() override { fs::remove_all(folder_); }

  static std::string text_of(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }
  static std::vector<std::string> names_in(const fs::path& folder) {
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder))
      names.push_back(entry.path().filename().string());
    return names;
  }

  fs::path folder_;
};

JobRow row_of(std::uint64_t id) {
  return {.id = id,
          .name = "train",
          .tenant = "research",
          .accelerators = 64,
          .nodes = 8,
          .submitted = Instant(1'500'000'000),
          .started = Instant(61'500'000'000),
          .ended = Instant(3'661'500'000'000),
          .run = Duration(3'600'000'000'000),
          .attempts = 2,
          .lost_accelerator_s = 12.5,
          .state = "succeeded",
          .site = "texas"};
}

TEST(JobRows, AreOneLineOfRfc4180) {
  const Instant begin(500'000'000);
  EXPECT_EQ(job_row_text(row_of(7), begin),
            "7,train,research,64,8,1,61,3661,60,3600,2,12.5,succeeded,texas\r\n");
  JobRow waits;
  waits.id = 1;
  waits.name = "a,\"b\"\nc";
  waits.submitted = Instant(500'250'000);
  waits.state = "waiting";
  EXPECT_EQ(job_row_text(waits, begin), "1,\"a,\"\"b\"\"\nc\",,0,0,0,,,,0,0,0,waiting,\r\n");
  const auto cells = [](std::string_view line) {
    return std::count(line.begin(), line.end(), ',');
  };
  EXPECT_EQ(cells(kJobsHeader), cells(job_row_text(row_of(1), begin)));
}

TEST(JobRows, CellsAreQuotedOnlyWhenTheyMustBe) {
  const std::pair<const char*, const char*> cases[] = {
      {"", ""}, {"a b", "a b"}, {"a,b", "\"a,b\""}, {"\"", "\"\"\"\""}, {"a\rb", "\"a\rb\""}};
  for (const auto& [text, cell] : cases) EXPECT_EQ(csv_cell(text), cell);
}

TEST_F(RunOutputTest, LeavesTheFourFilesWhole) {
  auto output = RunOutput::open(folder_ / "deep" / "er", Instant(0));
  ASSERT_TRUE(output.ok()) << output.error().message;
  constexpr std::uint64_t kRows = 20'000;  // more than the buffer holds
  for (std::uint64_t id = 1; id <= kRows; ++id) ASSERT_TRUE(output->add(row_of(id)).ok());
  EXPECT_THAT(names_in(folder_ / "deep" / "er"), UnorderedElementsAre(".jobs.csv.partial"));
  const RunReport report = sample_report(1);
  ASSERT_TRUE(output->finish(report).ok());
  const fs::path folder = folder_ / "deep" / "er";
  EXPECT_THAT(names_in(folder),
              UnorderedElementsAre("jobs.csv", "ledger.csv", "summary.json", "report.html"));
  const std::string jobs = text_of(folder / "jobs.csv");
  EXPECT_THAT(jobs, StartsWith(kJobsHeader));
  EXPECT_THAT(jobs, EndsWith(job_row_text(row_of(kRows), Instant(0))));
  EXPECT_EQ(std::count(jobs.begin(), jobs.end(), '\n'), kRows + 1);
  const std::string ledger = text_of(folder / "ledger.csv");
  EXPECT_EQ(std::count(ledger.begin(), ledger.end(), '\n'), 400 * 9 + 1);
  EXPECT_EQ(text_of(folder / "summary.json"), write_run_report(report));
  EXPECT_THAT(text_of(folder / "report.html"), EndsWith("</html>\n"));
}

TEST_F(RunOutputTest, ReplacesAnOlderRunOnlyWhenTheNewOneIsWhole) {
  fs::path folder = folder_ / "run";
  auto first = RunOutput::open(folder, Instant(0));
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(first->add(row_of(1)).ok());
  ASSERT_TRUE(first->finish(sample_report(1)).ok());
  const std::string before = text_of(folder / "jobs.csv");
  {
    auto second = RunOutput::open(folder, Instant(0));
    ASSERT_TRUE(second.ok()) << second.error().message;
    ASSERT_TRUE(second->add(row_of(2)).ok());
    EXPECT_EQ(text_of(folder / "jobs.csv"), before);
  }  // given up
  EXPECT_EQ(names_in(folder).size(), 4U);
  EXPECT_EQ(text_of(folder / "jobs.csv"), before);
  auto third = RunOutput::open(folder, Instant(0));
  ASSERT_TRUE(third->add(row_of(3)).ok());
  ASSERT_TRUE(third->finish(sample_report(3)).ok());
  EXPECT_THAT(text_of(folder / "jobs.csv"), HasSubstr("\r\n3,train"));
}

TEST_F(RunOutputTest, TakesOverWhatAKilledRunLeft) {
  std::ofstream(folder_ / ".jobs.csv.partial") << "half a li";
  auto output = RunOutput::open(folder_, Instant(0));
  ASSERT_TRUE(output.ok()) << output.error().message;
  ASSERT_TRUE(output->finish(RunReport{}).ok());
  EXPECT_EQ(text_of(folder_ / "jobs.csv"), kJobsHeader);
  EXPECT_EQ(names_in(folder_).size(), 4U);
}

TEST_F(RunOutputTest, RefusesWhatIsNotItsOwn) {
  for (const char* name : {"jobs.csv", "ledger.csv", "summary.json", "report.html"}) {
    const fs::path folder = folder_ / name / "run";
    fs::create_directories(folder);
    std::ofstream(folder / name) << "somebody's work";
    std::ofstream(folder / "notes.txt") << "no matter";
    const auto output = RunOutput::open(folder, Instant(0));
    ASSERT_FALSE(output.ok()) << name;
    EXPECT_EQ(output.error().code, ErrorCode::kConflict);
    EXPECT_THAT(output.error().message, StartsWith((folder / name).string() + " is not from a"));
    EXPECT_EQ(text_of(folder / name), "somebody's work");
  }
  std::ofstream(folder_ / "file") << "";
  const auto file = RunOutput::open(folder_ / "file", Instant(0));
  ASSERT_FALSE(file.ok());
  EXPECT_THAT(file.error().message, HasSubstr("file is a file; expected a folder"));
  const auto below = RunOutput::open(folder_ / "file" / "run", Instant(0));
  ASSERT_FALSE(below.ok());
  EXPECT_THAT(below.error().message, HasSubstr("the folder cannot be made: Not a directory"));
}

/// A disk that is full, as far as this process can have one: files may have `bytes` and no more.
class RoomLimit {
 public:
  explicit RoomLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    ::getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    ::setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~RoomLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  RoomLimit(const RoomLimit&) = delete;
  RoomLimit& operator=(const RoomLimit&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

TEST_F(RunOutputTest, AFullDiskIsSaidAndKeepsTheOlderRun) {
  auto older = RunOutput::open(folder_, Instant(0));
  ASSERT_TRUE(older->finish(sample_report(1)).ok());
  const std::string before = text_of(folder_ / "summary.json");
  auto output = RunOutput::open(folder_, Instant(0));
  ASSERT_TRUE(output.ok());
  Result<void> finished;
  {
    const RoomLimit limit(200'000);
    finished = output->finish(sample_report(2));
  }
  ASSERT_FALSE(finished.ok());
  EXPECT_THAT(finished.error().message,
              testing::AllOf(StartsWith((folder_ / "summary.json").string()),
                             HasSubstr("cannot be written: File too large")));
  EXPECT_EQ(text_of(folder_ / "summary.json"), before);
  EXPECT_EQ(names_in(folder_).size(), 4U);
}

TEST_F(RunOutputTest, AComparisonFindsARunAndItsSeeds) {
  for (const char* name : {"one", "many/seed-2", "many/seed-10"}) {
    auto output = RunOutput::open(folder_ / name, Instant(0));
    ASSERT_TRUE(output->finish(sample_report(name[0] == 'o' ? 5 : name[10] == '2' ? 2 : 10)).ok());
  }
  fs::create_directories(folder_ / "many" / "seed-3");  // not run yet
  const auto one = read_run_group((folder_ / "one").string() + "/");
  ASSERT_TRUE(one.ok()) << one.error().message;
  EXPECT_EQ(one->runs.size(), 1U);
  EXPECT_EQ(one->name, (folder_ / "one").string());
  EXPECT_TRUE(read_run_group((folder_ / "one" / "summary.json").string()).ok());
  const auto many = read_run_group((folder_ / "many").string());
  ASSERT_TRUE(many.ok()) << many.error().message;
  ASSERT_EQ(many->runs.size(), 2U);
  EXPECT_EQ(many->runs[0].setup.seed, 2U);
  EXPECT_EQ(many->runs[1].setup.seed, 10U);
  EXPECT_THAT(read_run_group(folder_.string()).error().message, HasSubstr("found neither"));
  EXPECT_THAT(read_run_group((folder_ / "none").string()).error().message,
              HasSubstr("No such file or directory"));
}

}  // namespace
}  // namespace mw
