#include "cli/experiment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/cli.h"
#include "cli/terminal.h"

namespace mw {
namespace {

struct Output {
  int exit_code = 0;
  std::string out;
  std::string err;
};

Output run(const std::vector<std::string>& arguments, const CliHooks& hooks) {
  Output result;
  Console console([&](std::string_view text) { result.out += text; },
                  [&](std::string_view text) { result.err += text; });
  result.exit_code = run_cli(arguments, hooks, console);
  return result;
}

CliHooks hooks_that_keep(PackingRequest& kept) {
  CliHooks hooks;
  hooks.experiments.packing_policies = {"random", "fgd"};
  hooks.experiments.packing = [&kept](const PackingRequest& request,
                                      const ExperimentProgress& progress) {
    kept = request;
    progress("working");
    return Result<ExperimentReport>(ExperimentReport{.title = "Title",
                                                     .columns = {"POLICY", "AT 80 %"},
                                                     .rows = {{"fgd", "79.5"}},
                                                     .notes = {},
                                                     .json = R"({"results":[]})"});
  };
  return hooks;
}

TEST(Seeds, ARangeOrOne) {
  EXPECT_EQ(*parse_seeds("42..51"), (std::pair<std::uint64_t, std::uint64_t>(42, 51)));
  EXPECT_EQ(*parse_seeds("7"), (std::pair<std::uint64_t, std::uint64_t>(7, 7)));
  for (const char* wrong : {"", "..", "5..", "..5", "9..8", "1..2000", "-1", "1..2..3", "a"}) {
    const auto seeds = parse_seeds(wrong);
    ASSERT_FALSE(seeds.ok()) << wrong;
    EXPECT_THAT(seeds.error().message, testing::HasSubstr("--seeds: expected FIRST..LAST"));
  }
}

TEST(Experiment, PassesOnWhatWasAskedAndShowsATable) {
  PackingRequest kept;
  const CliHooks hooks = hooks_that_keep(kept);
  const Output shown = run({"experiment", "packing", "--nodes", "n.csv", "--pods", "p.csv",
                            "--policy", "fgd", "--seeds", "3..5"},
                           hooks);
  EXPECT_EQ(shown.exit_code, 0) << shown.err;
  EXPECT_EQ(kept.nodes, "n.csv");
  EXPECT_EQ(kept.pods, "p.csv");
  EXPECT_THAT(kept.policies, testing::ElementsAre("fgd"));
  EXPECT_EQ(kept.first_seed, 3U);
  EXPECT_EQ(kept.last_seed, 5U);
  EXPECT_THAT(shown.out, testing::AllOf(testing::HasSubstr("Title"), testing::HasSubstr("AT 80 %"),
                                        testing::HasSubstr("79.5")));
  EXPECT_EQ(shown.err, "");  // no moving line where there is no terminal
  const Output json =
      run({"--json", "experiment", "packing", "--nodes", "n", "--pods", "p"}, hooks);
  EXPECT_THAT(json.out, testing::HasSubstr("\"results\""));
  EXPECT_TRUE(kept.policies.empty());
}

TEST(Experiment, RefusesAnUnknownPolicyAndASilentFile) {
  PackingRequest kept;
  CliHooks hooks = hooks_that_keep(kept);
  const Output unknown =
      run({"experiment", "packing", "--nodes", "n", "--pods", "p", "--policy", "x"}, hooks);
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_THAT(unknown.err,
              testing::HasSubstr("--policy: expected one of random, fgd; found \"x\""));
  hooks.experiments.packing = [](const PackingRequest&, const ExperimentProgress&) {
    return Result<ExperimentReport>(Error{ErrorCode::kInvalid, "n:3: gpu: expected a number"});
  };
  const Output broken = run({"experiment", "packing", "--nodes", "n", "--pods", "p"}, hooks);
  EXPECT_EQ(broken.exit_code, 2);
  EXPECT_THAT(broken.err, testing::HasSubstr("n:3: gpu: expected a number"));
}

}  // namespace
}  // namespace mw
