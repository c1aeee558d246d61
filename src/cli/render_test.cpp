#include "cli/render.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "cli/cli_test_support.h"

namespace mw {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Instant kNow(1'795'322'600'000'000'000);

class Render : public ::testing::Test {
 protected:
  Render() { ::tzset(); }
  const boost::json::value& parse(const std::string& text) {
    return value_ = boost::json::parse(text);
  }

 private:
  ScopedVariable zone_{"TZ", "UTC"};
  boost::json::value value_;
};

const char* const kRunning = R"J({
  "id":17,"name":"charlm","record":17,"array_index":0,"array_count":1,"tenant":"default","user":"ada",
  "state":"running","held":false,"priority":5,"tasks":2,"nodes_wanted":1,"accelerators_milli":2000,
  "accelerator_type":"cpu","command":["python3","train.py","--name","it's me"],"workdir":"/work",
  "attempts":2,"restarts":1,"restart_limit":3,"time_limit_ns":900000000000,
  "submitted_at_ns":1795322528000000000,"started_at_ns":1795322530000000000,"finished_at_ns":null,
  "not_before_ns":null,
  "attempt":{"number":2,"placed_at_ns":1795322560000000000,"running_at_ns":1795322561000000000,
             "nodes":[{"name":"n0","first_rank":0,"tasks":2,"devices":[0,1]}]},
  "checkpoint":{"step":100,"path":"/work/ckpt/100.pt"},
  "progress":{"step":120,"steps_total":200,"samples":null,"loss":2.31,"rate":1234.5,"unit":"tokens"},
  "usage":{"starting_accelerator_s":1.5,"productive_accelerator_s":60.25,"checkpointing_accelerator_s":0,"lost_work_accelerator_s":4},
  "last_end":"task_failed","last_detail":"rank 1 was killed by signal 9 (SIGKILL)","pending_text":null})J";

const char* const kElement = R"({
  "id":23,"name":"sweep","record":20,"array_index":3,"array_count":12,"tenant":"team","user":"bob",
  "state":"pending","held":true,"tasks":1,"accelerators_milli":500,"accelerator_type":"","attempts":0,"restarts":0,
  "submitted_at_ns":1795322590000000000,"attempt":null,"progress":null,"last_end":null,"last_detail":"",
  "pending_text":"It is held by bob; release it to let it start."})";

TEST_F(Render, ListsJobs) {
  const std::string list =
      std::string(R"({"jobs":[)") + kElement + "," + kRunning + R"(],"next":17})";
  EXPECT_EQ(render_jobs(JsonView(parse(list)), kNow, {}),
            "  JOB  NAME    STATE                 TIME  TASKS  ACCELERATORS  "
            "PROGRESS                                 NODES  TENANT  USER  NOTE\n"
            "20[3]  sweep   pending (held)  waits 10 s      1           0.5  "
            "                                                team    bob   "
            "It is held by bob; release it to let it start.\n"
            "   17  charlm  running             1m 10s      2         2 cpu  "
            "120/200  60%  loss 2.31  1.23k tokens/s  n0             ada   "
            "task failed: rank 1 was killed by signal 9 (SIGKILL)\n"
            "There are older ones: --before 17.\n");
  EXPECT_EQ(render_jobs(JsonView(parse(R"({"jobs":[],"next":null})")), kNow, {}), "No jobs.\n");
}

TEST_F(Render, ShowsEverythingAboutAJob) {
  EXPECT_EQ(render_job(JsonView(parse(kRunning)), kNow, {}),
            "Job 17  charlm  running\n"
            "  tenant, user  default, ada\n"
            "  gang          2 tasks on 1 node, 2 cpu accelerators in all\n"
            "  priority      5\n"
            "  command       python3 train.py --name 'it'\\''s me'\n"
            "  folder        /work\n"
            "  submitted     2026-11-22 04:42:08 (1m ago)\n"
            "  started       2026-11-22 04:42:10 (1m ago)\n"
            "  time          1m 10s\n"
            "  time limit    15m 00s an attempt\n"
            "  attempt       2\n"
            "  restarts      1 of 3\n"
            "  runs on       n0 (ranks 0-1; devices 0,1)\n"
            "  progress      120/200  60%  loss 2.31  1.23k tokens/s\n"
            "  checkpoint    step 100  /work/ckpt/100.pt\n"
            "  last end      task failed: rank 1 was killed by signal 9 (SIGKILL)\n"
            "  account       productive 60.2 s, starting 1.5 s, lost work 4.0 s of accelerators\n");
}

TEST_F(Render, ShowsWhyAnElementWaits) {
  const std::string text = render_job(JsonView(parse(kElement)), kNow, {});
  EXPECT_THAT(text, HasSubstr("Job 20[3]  sweep  pending (held)\n"));
  EXPECT_THAT(text, HasSubstr("  waits because  It is held by bob"));
  EXPECT_THAT(text, HasSubstr("  array          element 3 of 12 (job 23)\n"));
  EXPECT_THAT(text, HasSubstr("1 task, 0.5 accelerators in all\n"));
  EXPECT_THAT(text, HasSubstr("  account        nothing yet\n"));
  EXPECT_THAT(text, Not(HasSubstr("priority")));
}

TEST_F(Render, TellsTheStory) {
  const std::string story = R"({"job":{"id":17},"truncated":true,"events":[
    {"seq":1,"at_ns":1795322528000000000,"kind":"job_submitted","text":"submitted by ada"},
    {"seq":9,"at_ns":1795322530500000000,"kind":"attempt_placed","text":"placed \u001b[2Jon n0"}]})";
  EXPECT_EQ(render_story(JsonView(parse(story)), {}),
            "Story\n"
            "  2026-11-22 04:42:08       +0 s  submitted by ada\n"
            "  2026-11-22 04:42:10     +2.5 s  placed \\x1b[2Jon n0\n"
            "  ... and more: mw events --job 17\n");
}

TEST_F(Render, SaysHowAJobEnded) {
  const auto line = [&](const char* fields) {
    return outcome_line(
        JsonView(parse(std::string(R"({"id":17,"name":"charlm","array_count":1,)") + fields + "}")),
        {});
  };
  EXPECT_EQ(
      line(
          R"("state":"succeeded","attempts":1,"started_at_ns":1000000000,"finished_at_ns":81000000000)"),
      "Job 17 (charlm) succeeded after 1m 20s.\n");
  EXPECT_EQ(line(R"("state":"succeeded","attempts":2,"usage":{"lost_work_accelerator_s":12.34})"),
            "Job 17 (charlm) succeeded, in 2 attempts, 12.3 s of accelerators lost.\n");
  EXPECT_EQ(
      line(
          R"("state":"timed_out","attempts":1,"last_end":"time_limit","last_detail":"ran for 10m")"),
      "Job 17 (charlm) reached its time limit: ran for 10m.\n"
      "See \"mw job show 17\" for its story and \"mw job logs 17\" for its output.\n");
}

TEST_F(Render, ListsNodes) {
  const std::string nodes = R"({"nodes":[
    {"id":0,"name":"n0","site":"local","phase":"ready","lost":false,"reason":"","by":"","phase_since_ns":1795322540000000000,
     "accelerator_type":"H100","accelerators":8,"accelerators_free_milli":2500,"cpus_milli":64000,"cpus_free_milli":1500,
     "memory_bytes":17179869184,"memory_free_bytes":8589934592,"jobs":[17,20]},
    {"id":1,"name":"n1","site":"local","phase":"draining","lost":true,"reason":"fan","by":"ada","phase_since_ns":1795322540000000000,
     "accelerator_type":"H100","accelerators":8,"accelerators_free_milli":0,"cpus_milli":64000,"cpus_free_milli":64000,
     "memory_bytes":17179869184,"memory_free_bytes":17179869184,"jobs":[]}]})";
  EXPECT_EQ(
      render_nodes(JsonView(parse(nodes)), kNow, {}),
      "NODE  PHASE           TYPE   FREE    CPUS         MEMORY  JOBS   SITE    SINCE  REASON\n"
      "n0    ready           H100  2.5/8  1.5/64   8 GiB/16 GiB  17,20  local  1m ago\n"
      "n1    draining, lost  H100    0/8   64/64  16 GiB/16 GiB         local  1m ago  fan (by "
      "ada)\n");
  EXPECT_EQ(render_node(JsonView(parse(nodes))["nodes"], kNow, {}).substr(0, 4), "Node");
  const boost::json::value one = JsonView(parse(nodes))["nodes"].list()[1];
  EXPECT_EQ(render_node(JsonView(one), kNow, {}),
            "Node n1  draining, lost\n"
            "  because       fan (by ada)\n"
            "  since         2026-11-22 04:42:20 (1m ago)\n"
            "  site          local\n"
            "  accelerators  0/8 free, type H100\n"
            "  cpus          64/64 free\n"
            "  memory        16 GiB/16 GiB free\n");
}

TEST_F(Render, ShowsTheLedger) {
  const std::string ledger =
      R"({"capacity_milli":2000,"capacity_accelerator_s":200.0,"balanced":true,
    "categories":[{"category":"productive","now_milli":1500,"time":"1","accelerator_s":150.0,"percent":75.0},
                  {"category":"idle_no_demand","now_milli":500,"time":"1","accelerator_s":50.0,"percent":25.0}],
    "tenants":[{"tenant":"default","jobs_submitted":3,"jobs_finished":2,
                "usage":{"starting_accelerator_s":1,"productive_accelerator_s":150,"checkpointing_accelerator_s":0,"lost_work_accelerator_s":2}}]})";
  EXPECT_EQ(render_ledger(JsonView(parse(ledger)), {}),
            "CATEGORY        NOW     TIME  SHARE\n"
            "productive      1.5  2.5 min  75.0%  [###############-----]\n"
            "idle no demand  0.5   50.0 s  25.0%  [#####---------------]\n"
            "\n2 accelerators, 3.3 min in all; every one is in exactly one category at each "
            "instant: the sum is exact.\n"
            "\nTENANT   SUBMITTED  FINISHED  PRODUCTIVE  STARTING  CHECKPOINTING  LOST WORK\n"
            "default          3         2     2.5 min     1.0 s          0.0 s      2.0 s\n");
  const std::string wrong = R"({"capacity_milli":0,"balanced":false,"categories":[],"tenants":[]})";
  EXPECT_THAT(render_ledger(JsonView(parse(wrong)), {}), HasSubstr("NOT EXACT"));
}

TEST_F(Render, EventsAreOneLineEach) {
  const std::string event =
      R"({"seq":42,"at_ns":1795322528000000000,"kind":"node_moved","text":"n1 is draining"})";
  EXPECT_EQ(render_event(JsonView(parse(event)), {}),
            "     42  2026-11-22 04:42:08  node_moved           n1 is draining\n");
  EXPECT_EQ(render_event(JsonView(parse(event)), {.interactive = true, .width = 40}),
            "     42  2026-11-22 04:42:08  node_mo...\n");
}

TEST_F(Render, SaysWhatWasSubmitted) {
  JobSpec spec;
  spec.name = "charlm";
  spec.gang.tasks = 2;
  spec.gang.task.accelerators = AcceleratorShare(500);
  EXPECT_EQ(
      submitted_line(JsonView(parse(R"({"job":17,"count":1,"repeated":false})")), spec, false),
      "Submitted job 17 (charlm).\n");
  EXPECT_EQ(
      submitted_line(JsonView(parse(R"({"job":17,"count":3,"repeated":false})")), spec, false),
      "Submitted jobs 17[0..2] (charlm).\n");
  EXPECT_EQ(submitted_line(JsonView(parse(R"({"job":17,"count":1,"repeated":true})")), spec, false),
            "Job 17 (charlm) was submitted before with this key.\n");
  EXPECT_EQ(
      submitted_line(JsonView(parse(R"({"job":null,"count":3,"repeated":false})")), spec, true),
      "The job \"charlm\" is good (3 jobs of 2 tasks, 1 accelerator); nothing was submitted.\n");
}

}  // namespace
}  // namespace mw
