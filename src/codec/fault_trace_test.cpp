#include "codec/fault_trace.h"

#include <gmock/gmock.h>

namespace mw {
namespace {

using ::testing::HasSubstr;

std::string event(const std::string& node, const std::string& days, const std::string& type,
                  const std::string& what) {
  return R"({"node_id": ")" + node + R"(", "event_time": )" + days + R"(, "event_type": ")" + type +
         R"(", "fault_type": {"Level": "Hardware Failure", "Class": "GPU", "Desc": ")" + what +
         "\"}}";
}

Result<FaultTrace> read(const std::vector<std::string>& events) {
  std::string text = "[";
  for (const std::string& one : events) text += (text.size() > 1 ? ",\n" : "") + one;
  return parse_fault_trace(text + "]", "f.json");
}

TEST(FaultTrace, EndsAreMatchedWithTheirBeginnings) {
  const auto trace = read({
      event("a", "1", "fault_start", "Xid"),
      event("b", "1.5", "fault_start", "Xid"),
      event("a", "2", "fault_start", "Fan"),
      event("a", "2.25", "fault_end", "Fan"),
      event("a", "3", "fault_end", "Xid"),
      event("a", "4", "fault_start", "Xid"),
      event("a", "4", "fault_end", "Xid"),
  });
  ASSERT_TRUE(trace.ok()) << trace.error().message;
  EXPECT_EQ(trace->nodes, 2U);
  EXPECT_EQ(trace->length, hours(96));
  EXPECT_THAT(trace->faults,
              ::testing::ElementsAre(TraceFault{0, hours(24), hours(48), "GPU", "Xid"},
                                     // It does not end, so it lasts as long as the trace.
                                     TraceFault{1, hours(36), hours(60), "GPU", "Xid"},
                                     TraceFault{0, hours(48), hours(6), "GPU", "Fan"},
                                     TraceFault{0, hours(96), Duration(0), "GPU", "Xid"}));
}

TEST(FaultTrace, EveryBadValueIsNamed) {
  const std::string good = event("a", "1", "fault_start", "Xid");
  const struct {
    std::string text;
    std::string message;
  } cases[] = {
      {"[]", "f.json: expected a list of faults' beginnings and ends, found an empty one"},
      {"{}", "f.json: expected a list of faults' beginnings and ends, found an object"},
      {"[", "f.json: "},
      {"[3]", "f.json: [0]: expected an object with node_id, event_time, ..., found 3"},
      {"[{}]", "f.json: [0].node_id: expected 1 to 200 characters, found nothing"},
      {"[" + event("a", "\"1\"", "fault_start", "x") + "]",
       "f.json: [0].event_time: expected a number of days from 0 to 36500, found \"1\""},
      {"[" + event("a", "-1", "fault_start", "x") + "]", "from 0 to 36500, found -1"},
      {"[" + event("a", "1e300", "fault_start", "x") + "]", "from 0 to 36500, found 1e+300"},
      {"[" + event("a", "1", "fault", "x") + "]",
       "f.json: [0].event_type: expected fault_start or fault_end, found \"fault\""},
      {"[" + event("a", "1", "fault_start", "") + "]",
       "f.json: [0].fault_type.Desc: expected 1 to 200 characters, found \"\""},
      {"[" + good + "," + event("a", "0.5", "fault_end", "Xid") + "]",
       "f.json: [1].event_time: expected events in the order of their times"},
      {"[" + good + "," + event("a", "2", "fault_end", "Fan") + "]",
       "f.json: [1].event_type: the end of a fault that has not begun"},
      {R"([{"node_id": "a", "event_time": 1, "event_type": "fault_start", "fault_type": 1}])",
       "f.json: [0].fault_type: expected an object with Level, Class and Desc, found 1"},
  };
  for (const auto& one : cases) {
    const auto trace = parse_fault_trace(one.text, "f.json");
    ASSERT_FALSE(trace.ok()) << one.text;
    EXPECT_THAT(trace.error().message, HasSubstr(one.message)) << one.text;
  }
}

}  // namespace
}  // namespace mw
