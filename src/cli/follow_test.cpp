#include "cli/follow.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "cli/cli_test_support.h"

namespace mw {
namespace {

using ::testing::HasSubstr;

/// Feeds events written as JSON.
std::optional<std::string> feed(FollowModel& model, const std::string& json) {
  const boost::json::value value = boost::json::parse(json);
  return model.take(JsonView(value));
}
std::string event(int seq, int job, const std::string& kind, const std::string& rest = "") {
  return R"({"seq":)" + std::to_string(seq) + R"(,"at_ns":)" + std::to_string(seq) +
         R"(000000000,"kind":")" + kind + R"(","text":")" + kind + R"( text","job":)" +
         std::to_string(job) + rest + "}";
}
std::string progress(int seq, int step, int total) {
  return event(seq, 7, "progress_noted",
               R"(,"progress":{"step":)" + std::to_string(step) + R"(,"steps_total":)" +
                   std::to_string(total) + R"(,"loss":2.5,"rate":1500,"unit":"tokens"})");
}

TEST(FollowModel, FollowsOneJobThroughARestart) {
  FollowModel model(7, 1);
  EXPECT_EQ(model.status(), "waiting");
  EXPECT_EQ(feed(model, event(1, 7, "job_submitted")), "job_submitted text");
  feed(model, event(2, 7, "attempt_placed"));
  EXPECT_EQ(model.status(), "starting");
  feed(model, event(3, 7, "attempt_running"));
  EXPECT_EQ(model.status(), "running");
  EXPECT_EQ(feed(model, progress(10, 20, 200)), std::nullopt);
  EXPECT_EQ(model.status(), "step 20/200  loss 2.5  1.50k tokens/s");
  feed(model, progress(20, 120, 200));
  EXPECT_DOUBLE_EQ(*model.share(), 0.6);
  EXPECT_EQ(model.status(), "step 120/200  loss 2.5  1.50k tokens/s  8 s left");
  EXPECT_EQ(feed(model, event(21, 7, "checkpoint_started")), std::nullopt);
  feed(model, event(22, 7, "checkpoint_kept", R"(,"checkpoint":{"step":100,"path":"/x"})"));
  EXPECT_THAT(model.status(), HasSubstr("checkpoint 100"));

  feed(model, event(23, 7, "attempt_ended"));
  EXPECT_THAT(model.status(), HasSubstr("waiting"));
  feed(model, event(30, 7, "attempt_placed"));
  feed(model, event(31, 7, "attempt_running"));
  feed(model, progress(32, 101, 200));
  EXPECT_EQ(model.status(), "step 101/200  loss 2.5  1.50k tokens/s  checkpoint 100")
      << "the pace is measured anew";

  EXPECT_FALSE(model.done());
  EXPECT_EQ(feed(model, event(40, 7, "job_finished", R"(,"state":"succeeded")")),
            "job_finished text");
  EXPECT_TRUE(model.done());
  EXPECT_TRUE(model.succeeded());
  EXPECT_EQ(model.last_seq(), 40U);
}

TEST(FollowModel, IgnoresOthersAndRepetitions) {
  FollowModel model(7, 1);
  EXPECT_EQ(feed(model, event(5, 8, "job_finished", R"(,"state":"failed")")), std::nullopt);
  EXPECT_FALSE(model.done());
  EXPECT_EQ(feed(model, event(6, 7, "job_finished", R"(,"state":"failed")")), "job_finished text");
  EXPECT_EQ(feed(model, event(6, 7, "job_finished", R"(,"state":"failed")")), std::nullopt);
  EXPECT_TRUE(model.done());
  EXPECT_FALSE(model.succeeded());
}

TEST(FollowModel, SumsUpAnArray) {
  FollowModel model(10, 3);
  EXPECT_EQ(feed(model, event(1, 10, "job_submitted")), std::nullopt);
  feed(model, event(2, 10, "attempt_placed"));
  feed(model, event(3, 11, "attempt_placed"));
  EXPECT_EQ(model.status(), "0 of 3 ended, 0 failed, 2 on accelerators");
  feed(model, event(4, 10, "attempt_ended"));
  EXPECT_EQ(feed(model, event(5, 10, "job_finished", R"(,"state":"succeeded")")), std::nullopt);
  EXPECT_EQ(feed(model, event(6, 12, "job_finished", R"(,"state":"failed")")),
            "[2] job_finished text");
  EXPECT_EQ(model.status(), "2 of 3 ended, 1 failed, 1 on accelerators");
  EXPECT_DOUBLE_EQ(*model.share(), 2.0 / 3.0);
  EXPECT_EQ(feed(model, event(7, 13, "job_finished", R"(,"state":"failed")")), std::nullopt)
      << "not of the array";
  feed(model, event(8, 11, "job_finished", R"(,"state":"succeeded")"));
  EXPECT_TRUE(model.done());
  EXPECT_FALSE(model.succeeded());
}

std::string sse(const std::string& data) { return "data: " + data + "\n\n"; }

TEST(Follow, TakesTheStreamUpAgainWhereItBrokeOff) {
  FakeControlPlane plane;
  int streams = 0;
  plane.on("GET /v1/events", [&](const FakeRequest&) {
    ++streams;
    FakeResponse response{.headers = "Content-Type: text/event-stream\r\n", .until_close = true};
    response.body = streams == 1
                        ? sse(event(1, 7, "job_submitted")) + sse(event(2, 7, "attempt_placed"))
                        : sse(event(2, 7, "attempt_placed")) +
                              sse(event(3, 7, "job_finished", R"(,"state":"succeeded")"));
    return response;
  });
  Ran ran;
  const Console console([&](std::string_view text) { ran.out += text; },
                        [&](std::string_view text) { ran.err += text; });
  auto api = Api::open(plane.home(), "");
  ASSERT_TRUE(api.ok());
  const auto succeeded = follow_jobs(*api, console, 7, 1, FollowStyle::kProgress);
  ASSERT_TRUE(succeeded.ok()) << succeeded.error().message;
  EXPECT_TRUE(*succeeded);
  EXPECT_EQ(streams, 2);
  EXPECT_EQ(plane.asked()[0].query, "after=0&follow=1&job=7");
  EXPECT_EQ(plane.asked()[1].query, "after=2&follow=1&job=7");
  EXPECT_EQ(std::ranges::count(ran.out, '\n'), 3) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("job_finished text\n"));
  EXPECT_THAT(ran.err, HasSubstr("the control plane is away"));
}

TEST(Follow, AnArrayIsFollowedFromItsOwnSubmission) {
  FakeControlPlane plane;
  plane.on("GET /v1/events", [&](const FakeRequest& request) {
    if (request.query.find("limit=1") != std::string::npos) {
      return FakeResponse{.body = R"({"events":[)" + event(41, 10, "job_submitted") + "]}"};
    }
    return FakeResponse{.body = sse(event(41, 10, "job_submitted")) +
                                sse(event(50, 10, "job_finished", R"(,"state":"succeeded")")) +
                                sse(event(51, 11, "job_finished", R"(,"state":"cancelled")")),
                        .headers = "Content-Type: text/event-stream\r\n",
                        .until_close = true};
  });
  Ran ran;
  const Console console([&](std::string_view text) { ran.out += text; },
                        [&](std::string_view text) { ran.err += text; });
  auto api = Api::open(plane.home(), "");
  ASSERT_TRUE(api.ok());
  const auto succeeded = follow_jobs(*api, console, 10, 2, FollowStyle::kQuiet);
  ASSERT_TRUE(succeeded.ok());
  EXPECT_FALSE(*succeeded);
  EXPECT_EQ(plane.asked()[1].query, "after=40&follow=1");
  EXPECT_EQ(ran.out, "");
}

TEST(Follow, ARefusalEndsIt) {
  FakeControlPlane plane;
  plane.on("GET /v1/events", [](const FakeRequest&) {
    return FakeResponse{.status = 401,
                        .body = R"({"error":{"code":"unauthenticated","message":"Wrong token."}})"};
  });
  const Console console([](std::string_view) {}, [](std::string_view) {});
  auto api = Api::open(plane.home(), "");
  ASSERT_TRUE(api.ok());
  const auto outcome = follow_jobs(*api, console, 7, 1, FollowStyle::kQuiet);
  ASSERT_FALSE(outcome.ok());
  EXPECT_EQ(outcome.error(), (Error{ErrorCode::kUnauthenticated, "Wrong token."}));
}

}  // namespace
}  // namespace mw
