#include "codec/reservation_request.h"

#include <gtest/gtest.h>

namespace mw {
namespace {

TEST(ReservationRequest, SaysWhichNodesWhenAndForWhom) {
  const auto chosen = parse_reservation_request(
      R"({"name":"demo","start":"2026-12-01T08:00:00Z","duration":"1h30m","nodes":8,"type":"H100",)"
      R"("site":"oslo","tenants":["lab"],"users":["ada","bob"],"reason":"a visit","force":true})");
  ASSERT_TRUE(chosen.ok()) << chosen.error().message;
  ReservationSpec want;
  want.name = "demo";
  want.start = Instant(1'796'112'000'000'000'000);
  want.duration = minutes(90);
  want.nodes = 8;
  want.accelerator_type = "H100";
  want.site = "oslo";
  want.tenants = {"lab"};
  want.users = {"ada", "bob"};
  want.reason = "a visit";
  want.force = true;
  EXPECT_EQ(*chosen, want);

  const auto listed = parse_reservation_request(
      R"({"name":"demo","start":"now","duration":"4h","node_list":["n1","n0"]})");
  ASSERT_TRUE(listed.ok()) << listed.error().message;
  want = ReservationSpec();
  want.name = "demo";
  want.duration = hours(4);
  want.node_list = {"n1", "n0"};
  EXPECT_EQ(*listed, want);
}

TEST(ReservationRequest, EveryBadValueIsNamed) {
  const struct {
    const char* fields;  ///< beside the name
    const char* begins;
  } cases[] = {
      {R"("nodes":1)", "body: the key \"duration\" is missing"},
      {R"("duration":"1h")", "nodes: expected either how many nodes, or their names in node_list"},
      {R"("duration":"1h","nodes":1,"node_list":["a"])", "nodes: expected either"},
      {R"("duration":"1h","nodes":0)", "nodes: expected 1 to 10000000, found 0"},
      {R"("duration":"0","nodes":1)", "duration: expected "},
      {R"("duration":"1h","nodes":1,"start":"soon")", "start: expected "},
      {R"("duration":"1h","node_list":["a b"])", "node_list: expected 1 to 64 of the characters"},
      {R"("duration":"1h","node_list":["a"],"type":"x")", "type: it says which nodes are chosen"},
      {R"("duration":"1h","node_list":["a"],"site":"x")", "site: it says which nodes are chosen"},
      {R"("duration":"1h","nodes":1,"site":"")", "site: expected 1 to 64 of the characters"},
      {R"("duration":"1h","nodes":1,"users":["a\n"])", "users: expected 1 to 64 of the characters"},
      {R"("duration":"1h","nodes":1,"reason":"a\nb")", "reason: expected up to 500 bytes"},
      {R"("duration":"1h","nodes":1,"until":"x")", "body: unknown key \"until\""},
  };
  for (const auto& c : cases) {
    const auto read = parse_reservation_request(std::string(R"({"name":"r",)") + c.fields + "}");
    ASSERT_FALSE(read.ok()) << c.fields;
    EXPECT_TRUE(read.error().message.starts_with(c.begins)) << read.error().message;
  }
  EXPECT_FALSE(parse_reservation_request(R"({"name":"a b","duration":"1h","nodes":1})").ok());
  EXPECT_FALSE(parse_reservation_request("").ok());
}

}  // namespace
}  // namespace mw
