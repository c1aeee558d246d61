#include "codec/timestamp.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <limits>

namespace mw {
namespace {

TEST(Timestamp, IsReadWithItsZone) {
  const struct {
    const char* text;
    std::int64_t ns;
  } cases[] = {
      {"1970-01-01T00:00:01Z", 1'000'000'000},
      {"1970-01-01T00:00:00.000000001Z", 1},
      {"2026-12-01T08:00:00Z", 1'796'112'000'000'000'000},
      {"2026-12-01t08:00:00z", 1'796'112'000'000'000'000},
      {"2026-12-01 08:00:00Z", 1'796'112'000'000'000'000},
      {"2026-12-01T09:30:00+01:30", 1'796'112'000'000'000'000},
      {"2026-11-30T20:00:00-12:00", 1'796'112'000'000'000'000},
      {"2026-12-01T08:00:00.25Z", 1'796'112'000'250'000'000},
      {"2024-02-29T00:00:00Z", 1'709'164'800'000'000'000},
      {"2261-12-31T23:59:59.999999999Z", 9'214'646'399'999'999'999},
      {"2261-12-31T23:59:59-23:59", 9'214'732'739'000'000'000},
  };
  for (const auto& [text, ns] : cases) {
    const auto read = parse_timestamp(text);
    ASSERT_TRUE(read.ok()) << text << ": " << read.error().message;
    EXPECT_EQ(read->count(), ns) << text;
  }
}

TEST(Timestamp, EverythingElseIsRefused) {
  for (const char* text : {"",
                           "now",
                           "2026-12-01",
                           "08:00",
                           "2026-12-01T08:00Z",
                           "2026-13-01T08:00:00Z",
                           "2026-02-29T08:00:00Z",
                           "2026-12-01T24:00:00Z",
                           "2026-12-01T08:60:00Z",
                           "2026-12-31T23:59:60Z",
                           "26-12-01T08:00:00Z",
                           "2026-12-01T08:00:00.Z",
                           "2026-12-01T08:00:00.0000000001Z",
                           "2026-12-01T08:00:00+1:00",
                           "2026-12-01T08:00:00+24:00",
                           "2026-12-01T08:00:00+0100",
                           "2026-12-01T08:00:00Z ",
                           " 2026-12-01T08:00:00Z",
                           "1970-01-01T00:00:00Z",
                           "1969-12-31T23:59:59Z",
                           "1970-01-01T00:30:00+01:00",
                           "2262-01-01T00:00:00Z",
                           "+026-12-01T08:00:00Z",
                           "2026-12-01T-8:00:00Z"}) {
    const auto read = parse_timestamp(text);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().message,
              "expected a time with date and zone, such as 2026-12-01T08:00:00Z or "
              "2026-12-01T09:00:00+01:00")
        << text;
  }
  EXPECT_EQ(parse_timestamp("2026-12-01T08:00:00").error().message,
            "expected a time with its zone, such as 2026-12-01T08:00:00Z or "
            "2026-12-01T09:00:00+01:00");
}

TEST(Timestamp, IsWrittenInUtc) {
  EXPECT_EQ(write_timestamp(Instant(1'796'112'000'000'000'000)), "2026-12-01T08:00:00Z");
  EXPECT_EQ(write_timestamp(Instant(1'796'112'000'250'000'000)), "2026-12-01T08:00:00.25Z");
  // Nobody can ask for these, but a damaged journal is to be readable.
  EXPECT_EQ(write_timestamp(Instant()), "1970-01-01T00:00:00Z");
  EXPECT_EQ(write_timestamp(Instant(-1)), "1969-12-31T23:59:59.999999999Z");
  EXPECT_EQ(write_timestamp(Instant(std::numeric_limits<std::int64_t>::min())),
            "1677-09-21T00:12:43.145224192Z");
  EXPECT_EQ(write_timestamp(Instant::never()), "2262-04-11T23:47:16.854775807Z");
}

RC_GTEST_PROP(Timestamp, WhatIsWrittenReadsBackTheSame, ()) {
  constexpr std::int64_t kLast = 9'214'646'399'999'999'999;
  std::int64_t ns = *rc::gen::inRange<std::int64_t>(1, kLast);
  // Most are to be round, as people write them.
  for (int zeros = *rc::gen::inRange(0, 13); zeros > 0; --zeros)
    ns = std::max<std::int64_t>(ns / 10, 1);
  for (; ns < kLast / 1000; ns *= 1000) {}
  const auto read = parse_timestamp(write_timestamp(Instant(ns)));
  if (!read) RC_FAIL(read.error().message);
  RC_ASSERT(*read == Instant(ns));
}

}  // namespace
}  // namespace mw
