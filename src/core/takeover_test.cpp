// A control plane that took over decides as one would that was never gone: whatever is remembered
// of earlier tries is forgotten at the same point of the journal. What decides and is not in the
// state has to be found here, or by `./dev vopr`, which does this to whole histories.
#include <gtest/gtest.h>

#include "core/core_test_support.h"

namespace mw {
namespace {

using testing::job_spec;

Instant at(std::int64_t s) { return Instant(seconds(s).count()); }

/// Two racks of four nodes with one accelerator each; power is enough for `drawn` of them a rack.
FleetSpec fleet(std::int64_t drawn) {
  FleetSpec fleet;
  fleet.name = "test";
  NodeShape shape;
  shape.name = "s";
  shape.accelerator_type = "a";
  shape.accelerators = 1;
  shape.cpus = kWholeCpu * 8;
  shape.memory = Bytes(std::int64_t{1} << 30U);
  shape.accelerator = Watts(1000);
  fleet.shapes = {shape};
  PowerLimits limits;
  limits.power = Watts(1000 * drawn);
  BlockSpec block;
  block.name = "b";
  block.shape = "s";
  block.nodes = 8;
  block.fabric = {{FabricLevel::kLeaf, 4}};
  block.power = {{PowerLevel::kRack, 4, limits}};
  SiteSpec site;
  site.name = "here";
  site.jurisdiction = "NO";
  site.blocks = {block};
  fleet.sites = {site};
  return fleet;
}

/// One core that is never gone, and one that is made anew from the state at each takeover.
class TakeoverTest : public ::testing::Test {
 protected:
  void step(std::int64_t when, InputBody body) {
    const std::vector<Input> inputs = {{RequestId(1), std::move(body)}};
    EXPECT_EQ(anew.step(at(when), inputs), always.step(at(when), inputs)) << "at " << when << " s";
    EXPECT_EQ(anew.difference_from(always), "") << "at " << when << " s";
  }
  void take_over(std::int64_t when) {
    // As a store does, which keeps the primary fields.
    State recovered = anew.state();
    rebuild_indexes(recovered);
    anew = Core(std::move(recovered));
    step(when, ControllerStarted{"test"});
  }

  Core always;
  Core anew;
};

TEST_F(TakeoverTest, WhatWasLearnedOfPowerIsForgotten) {
  step(0, DeclareFleet{fleet(2), "test"});
  JobSpec one_rack = job_spec(3);
  one_rack.gang.require = FabricLevel::kLeaf;
  step(1, SubmitJob{one_rack, ""});  // there is room for it, and no power
  take_over(2);
  step(3, SubmitJob{job_spec(3), ""});
  step(4, SubmitJob{job_spec(6), ""});
  take_over(5);
  step(6, SubmitJob{one_rack, "another"});
}

TEST_F(TakeoverTest, WhoWaitsForAQuotaIsTriedAgain) {
  Policy policy;
  policy.starvation_after = seconds(10);
  policy.tenants = {{"t", "", AcceleratorShare(3000), AcceleratorShare(0), 1}};
  step(0, DeclareFleet{fleet(4), "test"});
  step(0, SetPolicy{policy, "test"});
  JobSpec spec = job_spec(2);
  spec.tenant = "t";
  step(1, SubmitJob{spec, ""});
  spec.gang.tasks = 3;
  step(2, SubmitJob{spec, ""});
  step(60, ResumeNode{"no such node", "test"});
  EXPECT_TRUE(always.state().jobs.at(JobId(2)).boosted);
  spec.gang.tasks = 1;
  step(61, SubmitJob{spec, ""});  // behind one that has waited too long
  take_over(62);
  step(63, CancelJob{JobId(1), false, "test"});
  EXPECT_EQ(always.state().jobs.at(JobId(3)).state, JobState::kPending);
}

TEST_F(TakeoverTest, TheCheckSeesWhatIsRemembered) {
  step(0, DeclareFleet{fleet(4), "test"});
  step(1, SubmitJob{job_spec(9), ""});
  const Core fresh(always.state());
  EXPECT_EQ(fresh.difference_from(always), "who is asleep");
  EXPECT_EQ(Core().difference_from(always), "last_seq");
}

}  // namespace
}  // namespace mw
