// Nodes that an engine tells of together join together: what comes of it is what comes of telling
// of them one by one, whoever applies it, and in however many pieces.
#include <gtest/gtest.h>

#include <algorithm>
#include <span>

#include "base/random.h"
#include "core/core_test_support.h"

namespace mw {
namespace {

using testing::CheckedCore;
using testing::job_spec;
using testing::node_spec;

constexpr Instant kNow(1'000'000'000);

NodeSpec some_node(Random& random) {
  NodeSpec spec = node_spec("n" + std::to_string(random.below(60)), 1 << random.below(3));
  if (random.chance(1, 2)) spec.site = "there";
  if (random.chance(2, 3)) {
    spec.fabric = {{FabricLevel::kPod, "p" + std::to_string(random.below(2))},
                   {FabricLevel::kLeaf, "l" + std::to_string(random.below(3))}};
  }
  return spec;
}

/// Some told of twice, some different the second time, and other things in between.
std::vector<Input> told(std::uint64_t seed) {
  Random random(seed);
  std::vector<Input> inputs;
  for (int i = 0; i < 80; ++i) {
    const NodeSpec spec = some_node(random);
    inputs.push_back({RequestId(), NodeSeen{spec}});
    if (random.chance(1, 20)) inputs.push_back({RequestId(), DrainNode{spec.name, "test", ""}});
    if (random.chance(1, 20)) inputs.push_back({RequestId(), NodeLost{spec.name}});
  }
  return inputs;
}

TEST(Joining, TogetherIsAsOneByOne) {
  for (std::uint64_t seed = 1; seed <= 20; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<Input> inputs = told(seed);
    CheckedCore together;
    CheckedCore one_by_one;
    together.step(kNow, inputs);
    for (const Input& input : inputs) one_by_one.step(kNow, std::vector<Input>{input});
    EXPECT_EQ(together.journal(), one_by_one.journal());
    EXPECT_EQ(together.state(), one_by_one.state());
    ASSERT_GT(together.state().nodes.size(), 20U);
  }
}

TEST(Joining, IsAppliedInAnyPiecesToTheSameState) {
  CheckedCore core;
  core.step(kNow, told(7));
  core.step(kNow, SubmitJob{job_spec(4), ""});
  std::vector<Input> more;
  for (std::uint32_t i = 0; i < 30; ++i) {
    more.push_back({RequestId(), NodeSeen{node_spec("m" + std::to_string(i), 2)}});
  }
  core.step(kNow + seconds(1), more);
  EXPECT_EQ(core.replayed(), core.state());
  for (const std::size_t piece : {1U, 2U, 7U, 1000U}) {
    State state;
    std::span<const Event> rest = core.journal();
    while (!rest.empty()) {
      const std::size_t count = std::min(piece, rest.size());
      apply_all(state, rest.first(count));
      rest = rest.subspan(count);
    }
    EXPECT_EQ(state, core.state()) << piece;
    EXPECT_EQ(broken_invariants(state), std::vector<std::string>()) << piece;
    EXPECT_EQ(Core(std::move(state)).difference_from(Core(core.replayed())), "") << piece;
  }
}

TEST(Joining, WhoWaitsIsPlacedOnThoseThatCame) {
  CheckedCore core;
  core.step(kNow, SubmitJob{job_spec(8), ""});
  std::vector<Input> inputs;
  for (const char* name : {"a", "b", "c", "d"}) {
    inputs.push_back({RequestId(), NodeSeen{node_spec(name, 2)}});
  }
  core.step(kNow + seconds(1), inputs);
  EXPECT_EQ(core.job(1).state, JobState::kStarting);
}

}  // namespace
}  // namespace mw
