// What is told of faults over HTTP.
#include "codec/fault_request.h"

#include <gmock/gmock.h>

namespace mw {
namespace {

using ::testing::HasSubstr;

TEST(FaultRequest, OneOrMany) {
  const auto one = parse_fault_request(
      R"({"code":"nvidia.xid.79","node":"n1","device":3,"severity":"critical","count":2,
          "source":"agent:n1","sequence":7,"at":"1970-01-01T00:00:10Z","detail":"off the bus"})",
      "ada");
  ASSERT_TRUE(one.ok()) << one.error().message;
  ASSERT_EQ(one->size(), 1U);
  const auto& raised = std::get<FaultReported>((*one)[0]).fault;
  EXPECT_EQ(raised.scope, FaultReach::kAccelerator);
  EXPECT_EQ(raised.place, "n1");
  EXPECT_EQ(raised.device, 3U);
  EXPECT_EQ(raised.sequence, 7U);
  EXPECT_EQ(raised.at, Instant() + seconds(10));
  EXPECT_EQ(raised.count, 2U);

  const auto many = parse_fault_request(
      R"({"faults":[{"code":"a","rack":"r1"},{"code":"a","node":"n1","cleared":true},
          {"code":"a","node":"n1","cleared":true,"source":"s"},
          {"code":"job.bad","job":4,"attempt":2,"rank":1}]})",
      "ada");
  ASSERT_TRUE(many.ok()) << many.error().message;
  ASSERT_EQ(many->size(), 4U);
  EXPECT_EQ(std::get<FaultReported>((*many)[0]).fault.scope, FaultReach::kRack);
  EXPECT_EQ(std::get<FaultReported>((*many)[0]).fault.source, "ada");
  EXPECT_EQ(std::get<FaultCleared>((*many)[1]).by, "ada") << "a person's word";
  EXPECT_EQ(std::get<FaultCleared>((*many)[2]).by, "") << "the source's word";
  EXPECT_EQ(std::get<FaultReported>((*many)[3]).fault.attempt, AttemptNumber(2));
}

TEST(FaultRequest, MistakesAreNamed) {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& each :
       {Case{"x", ""}, Case{"[]", "body"}, Case{"{}", "code"},
        Case{R"({"code":"a b","node":"n"})", "code: expected a code such as nvidia.xid.79"},
        Case{R"({"code":"a"})", "expected exactly one of node, rack"},
        Case{R"({"code":"a","node":"n","rack":"r"})", "found 2"},
        Case{R"({"code":"a","rack":"r","device":1})", "device: expected a node with it"},
        Case{R"({"code":"a","job":1})", "expected job and attempt together"},
        Case{R"({"code":"a","node":"n","rank":1})", "rank"},
        Case{R"({"code":"a","node":"n","count":-1})", "count"},
        Case{R"({"code":"a","node":"n","at":"yesterday"})", "at: expected"},
        Case{R"({"code":"a","node":"n","severity":"bad"})", "severity"},
        Case{R"({"code":"a","node":"n","detail":"a\nb"})", "detail"},
        Case{R"({"code":"a","nod":"n"})", "nod"},
        Case{R"({"faults":[]})", "faults: expected a list of 1 to 1000"},
        Case{R"({"faults":[{"code":"a"}],"x":1})", "nothing beside it"},
        Case{R"({"faults":[{"code":"a","node":"n"},{"code":"","node":"n"}]})", "faults[1].code"}}) {
    const auto inputs = parse_fault_request(each.text, "ada");
    ASSERT_FALSE(inputs.ok()) << each.text;
    EXPECT_THAT(inputs.error().message, HasSubstr(each.message)) << each.text;
  }
}

/// As Alertmanager 0.27 sends it.
std::string webhook(const std::string& alerts) {
  return R"({"receiver":"millwright","status":"firing","alerts":[)" + alerts +
         R"(],"groupLabels":{},"commonLabels":{},"commonAnnotations":{},"externalURL":"http://x",
             "version":"4","groupKey":"{}:{}","truncatedAlerts":0})";
}

TEST(Alertmanager, LabelsSayWhatItIsAbout) {
  const auto inputs = parse_alertmanager(webhook(
      R"({"status":"firing","labels":{"alertname":"GpuXid","mw_code":"nvidia.xid.79","gpu":"3",
          "Hostname":"n17","instance":"10.0.0.7:9400","severity":"critical","device":"nvidia3"},
          "annotations":{"summary":"off the\nbus"},"startsAt":"2026-11-25T10:00:00.5Z",
          "endsAt":"0001-01-01T00:00:00Z","generatorURL":"http://p","fingerprint":"f"},
         {"status":"resolved","labels":{"alertname":"Node Down!","instance":"n18:9100"},
          "annotations":{},"startsAt":"2026-11-25T10:00:00Z","endsAt":"2026-11-25T11:00:00Z"},
         {"status":"firing","labels":{"alertname":"x","mw_code":"cooling.flow","mw_scope":"rack",
          "mw_place":"r7","gpu":"1"},"annotations":{"description":"d"},
          "startsAt":"2026-11-25T10:00:00Z"})"));
  ASSERT_TRUE(inputs.ok()) << inputs.error().message;
  ASSERT_EQ(inputs->size(), 3U);
  const auto& xid = std::get<FaultReported>((*inputs)[0]).fault;
  EXPECT_EQ(xid.code, "nvidia.xid.79");
  EXPECT_EQ(xid.place, "n17");
  EXPECT_EQ(xid.device, 3U);
  EXPECT_EQ(xid.severity, FaultSeverity::kCritical);
  EXPECT_EQ(xid.detail, "off the bus");
  EXPECT_GT(xid.sequence, 0U) << "repetitions are known by the beginning";
  EXPECT_EQ(xid.at, Instant()) << "it is so now";
  const auto& down = std::get<FaultCleared>((*inputs)[1]);
  EXPECT_EQ(down.fault.code, "alert.Node_Down_");
  EXPECT_EQ(down.fault.place, "n18") << "without the port";
  EXPECT_EQ(down.by, "");
  EXPECT_LT(xid.sequence, down.fault.sequence) << "the end is after the beginning";
  const auto& flow = std::get<FaultReported>((*inputs)[2]).fault;
  EXPECT_EQ(flow.scope, FaultReach::kRack);
  EXPECT_EQ(flow.place, "r7");
  EXPECT_FALSE(flow.device);
}

TEST(Alertmanager, MistakesAreNamed) {
  for (const std::string& text :
       {std::string("x"), std::string("{}"), std::string(R"({"alerts":1})"), webhook("1"),
        webhook(
            R"({"status":"firing","labels":{"alertname":"a"},"startsAt":"2026-11-25T10:00:00Z"})"),
        webhook(R"({"status":"firing","labels":{"alertname":"a","node":"n"},"startsAt":"now"})"),
        webhook(R"({"status":"firing","labels":{"alertname":"a","node":"n","mw_scope":"job"},
                    "startsAt":"2026-11-25T10:00:00Z"})")}) {
    const auto inputs = parse_alertmanager(text);
    ASSERT_FALSE(inputs.ok()) << text;
    EXPECT_EQ(inputs.error().code, ErrorCode::kInvalid);
  }
  EXPECT_TRUE(parse_alertmanager(webhook(""))->empty());
}

}  // namespace
}  // namespace mw
