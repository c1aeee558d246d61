// What checks say, and what is made of programs that say nonsense.
#include "codec/check_output.h"

#include <gmock/gmock.h>

namespace mw {
namespace {

using ::testing::HasSubstr;

CheckSaid said(const std::string& output, std::optional<int> code = 0) {
  return read_check({true, code, output, "last line"});
}

TEST(CheckOutput, TheExitCodeSaysHowItEnded) {
  EXPECT_EQ(said("", 0).result.outcome, CheckOutcome::kPassed);
  EXPECT_EQ(said("", 1).result.outcome, CheckOutcome::kFailed);
  EXPECT_EQ(said("", 75).result.outcome, CheckOutcome::kUnable);
  EXPECT_EQ(said("", std::nullopt).result.outcome, CheckOutcome::kFailed) << "a signal, its time";
  EXPECT_EQ(read_check({false, std::nullopt, "", "no such file"}).result.outcome,
            CheckOutcome::kUnable);
  EXPECT_EQ(said("", 1).detail, "last line");
}

TEST(CheckOutput, MeasuresStandOnALineOfTheirOwnAmongOthers) {
  const CheckSaid check = said(
      "begins\n{\"measures\": [{\"name\": \"a.b\", \"value\": 1.5e9, \"unit\": \"B/s\", "
      "\"better\": \"higher\"}, {\"name\": \"n\", \"value\": 3}]}\nall is well\n");
  EXPECT_EQ(check.result.outcome, CheckOutcome::kPassed);
  EXPECT_EQ(check.result.measures,
            (std::vector<Measure>{{"a.b", 1'500'000'000, "B/s", BetterValue::kHigher},
                                  {"n", 3, "", BetterValue::kNeither}}));
  EXPECT_EQ(check.detail, "all is well");
}

TEST(CheckOutput, WhoFailsHasFailedWhateverItSays) {
  const std::string passed = "{\"outcome\": \"passed\", \"detail\": \"fine\"}\n";
  EXPECT_EQ(said(passed, 0).result.outcome, CheckOutcome::kPassed);
  EXPECT_EQ(said(passed, 1).result.outcome, CheckOutcome::kFailed);
  EXPECT_EQ(said(passed, std::nullopt).result.outcome, CheckOutcome::kFailed);
  EXPECT_EQ(said(passed, std::nullopt).detail, "last line") << "which says what ended it";
  EXPECT_EQ(said("{\"outcome\": \"unable\"}", 0).result.outcome, CheckOutcome::kUnable);
  EXPECT_EQ(said("{\"outcome\": \"failed\"}", 0).result.outcome, CheckOutcome::kFailed);
}

TEST(CheckOutput, NonsenseIsNoMeasure) {
  struct Case {
    const char* output;
    const char* detail;
  };
  for (const Case& each :
       {Case{"{\"outcome\": \"stopped\"}", "its outcome is none of"},
        Case{"{\"outcome\": \"great\"}", "its outcome is none of"},
        Case{"{\"measures\": 3}", "no list"}, Case{"{\"measures\": [3]}", "no object"},
        Case{"{\"measures\": [{\"name\": \"a b\", \"value\": 1}]}", "no name"},
        Case{"{\"measures\": [{\"name\": \"a\"}]}", "a has no value"},
        Case{"{\"measures\": [{\"name\": \"a\", \"value\": 1e19}]}", "a has no value"},
        Case{"{\"measures\": [{\"name\": \"a\", \"value\": 1, \"better\": \"more\"}]}",
             "expected higher"}}) {
    const CheckSaid check = said(each.output);
    EXPECT_EQ(check.result.outcome, CheckOutcome::kUnable) << each.output;
    EXPECT_THAT(check.detail, HasSubstr(each.detail)) << each.output;
  }
  // A line that is no object of ours is just a line.
  EXPECT_EQ(said("{\"a\": 1}").result.outcome, CheckOutcome::kPassed);
  EXPECT_EQ(said("{broken").result.outcome, CheckOutcome::kPassed);
  EXPECT_THAT(said("{\"outcome\": \"failed\", \"detail\": \"\\u0007x\"}").detail, HasSubstr("?x"));
}

TEST(MeasureText, HasThreeDigitsAndAPrefix) {
  EXPECT_EQ(measure_text(7'913'000'000, "B/s"), "7.91 GB/s");
  EXPECT_EQ(measure_text(12'000'000'000, "B/s"), "12 GB/s");
  EXPECT_EQ(measure_text(999, "B/s"), "999 B/s");
  EXPECT_EQ(measure_text(1'000, "B/s"), "1 kB/s");
  EXPECT_EQ(measure_text(4'200'000, "ns"), "4.2 ms");
  EXPECT_EQ(measure_text(90'000'000'000, "ns"), "90 s");
  EXPECT_EQ(measure_text(8, ""), "8");
  EXPECT_EQ(measure_text(-1'500, "B/s"), "-1.5 kB/s");
}

}  // namespace
}  // namespace mw
