#include "cli/format.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "cli/cli_test_support.h"

namespace mw {
namespace {

TEST(Format, TellsHowLongAgo) {
  const Instant now(1'000'000'000'000'000'000);
  struct Case {
    std::int64_t seconds;
    const char* text;
  };
  const Case cases[] = {
      {0, "now"},        {1, "1s ago"},    {59, "59s ago"},           {60, "1m ago"},
      {3599, "59m ago"}, {3600, "1h ago"}, {86'399, "23h ago"},       {86'400, "1d ago"},
      {-30, "in 30s"},   {-7200, "in 2h"}, {400 * 86'400, "400d ago"}};
  for (const Case& c : cases) EXPECT_EQ(ago_text(now - seconds(c.seconds), now), c.text);
}

TEST(Format, ShowsTimesInTheLocalZone) {
  const ScopedVariable zone("TZ", "UTC-2");
  ::tzset();
  EXPECT_EQ(clock_text(Instant(1'795'322'528'000'000'000)), "2026-11-22 06:42:08");
  EXPECT_EQ(time_of_day_text(Instant(1'795'322'528'000'000'000)), "06:42:08");
}

TEST(Format, ShortensCounts) {
  struct Case {
    double value;
    const char* text;
  };
  const Case cases[] = {{0, "0"},         {7, "7"},          {999, "999"},     {999.7, "1.00k"},
                        {1234, "1.23k"},  {45'600, "45.6k"}, {99'990, "100k"}, {999'600, "1.00M"},
                        {1.2e9, "1.20G"}, {0.5, "0.5"},      {-1500, "-1.50k"}};
  for (const Case& c : cases) EXPECT_EQ(count_text(c.value), c.text) << c.value;
}

TEST(Format, AcceleratorSecondsHaveOneUnit) {
  EXPECT_EQ(accelerator_seconds_text(0), "0.0 s");
  EXPECT_EQ(accelerator_seconds_text(119.94), "119.9 s");
  EXPECT_EQ(accelerator_seconds_text(150), "2.5 min");
  EXPECT_EQ(accelerator_seconds_text(36'000), "10.0 h");
}

TEST(Format, DrawsBars) {
  EXPECT_EQ(bar_text(0, 12, false), "[----------]");
  EXPECT_EQ(bar_text(0.55, 12, false), "[#####-----]");
  EXPECT_EQ(bar_text(1, 12, false), "[##########]");
  EXPECT_EQ(bar_text(7, 12, false), "[##########]");
  EXPECT_EQ(bar_text(-1, 5, false), "[---]");
  EXPECT_EQ(bar_text(0.0 / 0.0, 5, false), "[---]");
  EXPECT_EQ(bar_text(0.5, 2, false), "");
  EXPECT_EQ(bar_text(0.5, 4, true), "[\u2588\u2591]");
}

TEST(Format, SumsUpProgress) {
  const auto text = [](const char* json) {
    const boost::json::value value = boost::json::parse(json);
    return progress_text(JsonView(value));
  };
  EXPECT_EQ(text("null"), "");
  EXPECT_EQ(text(R"({"step":120,"steps_total":200,"loss":2.3125,"rate":1234.5,"unit":"tokens"})"),
            "120/200  60%  loss 2.312  1.23k tokens/s");
  EXPECT_EQ(text(R"({"step":199,"steps_total":200})"), "199/200  99%");
  EXPECT_EQ(text(R"({"step":7,"steps_total":3})"), "7/3  100%");
  EXPECT_EQ(text(R"({"step":12,"loss":null})"), "step 12");
  EXPECT_EQ(text(R"({"rate":3})"), "3/s");
}

TEST(JsonView, ReadsWhatIsThereAndDefaultsTheRest) {
  const boost::json::value value =
      boost::json::parse(R"({"a":1,"b":"x","c":null,"d":[1],"e":true,"f":1.5,"g":1e300})");
  const JsonView view(value);
  EXPECT_EQ(view["a"].integer(), 1);
  EXPECT_EQ(view["b"].text(), "x");
  EXPECT_EQ(view["b"].integer(5), 5);
  EXPECT_FALSE(view["c"].present());
  EXPECT_FALSE(view["zzz"]["deeper"].present());
  EXPECT_EQ(view["d"].list().size(), 1U);
  EXPECT_TRUE(view["a"].list().empty());
  EXPECT_TRUE(view["e"].flag());
  EXPECT_DOUBLE_EQ(view["f"].real(), 1.5);
  EXPECT_EQ(view["g"].integer(3), 3);
  EXPECT_EQ(view["a"].instant(), Instant(1));
  EXPECT_FALSE(view["b"].instant().has_value());
}

TEST(PrettyJson, LaysOutAndTouchesNoValue) {
  EXPECT_EQ(pretty_json(R"({"a":[1,2.50,{"b":"x,{\"y\":[ "}],"c":{},"d":[ ],"e":0.1})"),
            "{\n"
            "  \"a\": [\n"
            "    1,\n"
            "    2.50,\n"
            "    {\n"
            "      \"b\": \"x,{\\\"y\\\":[ \"\n"
            "    }\n"
            "  ],\n"
            "  \"c\": {},\n"
            "  \"d\": [],\n"
            "  \"e\": 0.1\n"
            "}\n");
}

}  // namespace
}  // namespace mw
