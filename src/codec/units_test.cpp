#include "codec/units.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace mw {
namespace {

constexpr Duration kLong = hours(24 * 3650);

struct DurationCase {
  const char* text;
  std::int64_t ns;
};
TEST(Units, ReadsDurations) {
  const DurationCase cases[] = {{"0", 0},
                                {"0s", 0},
                                {"90s", 90'000'000'000},
                                {"10m", 600'000'000'000},
                                {"1h30m", 5'400'000'000'000},
                                {"1.5h", 5'400'000'000'000},
                                {"1d", 86'400'000'000'000},
                                {"250ms", 250'000'000},
                                {"1m0.5s", 60'500'000'000},
                                {"7us", 7'000},
                                {"1ns", 1}};
  for (const auto& c : cases) {
    const auto read = parse_duration(c.text, Duration(0), kLong);
    ASSERT_TRUE(read.ok()) << c.text << ": " << read.error().message;
    EXPECT_EQ(read->count(), c.ns) << c.text;
  }
}

TEST(Units, RefusesWhatIsNoDuration) {
  for (const char* text : {"", "s", "-1s", "1 h", "30m1h", "1h1h", "1x", "1.s", ".5s", "1s ", " 1s",
                           "0.0000000001s", "99999999999999999999s", "4000d", "1e3s", "1h30"}) {
    const auto read = parse_duration(text, Duration(0), kLong);
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().message,
              "expected a length of time such as 90s, 10m, 2h, 1d or 1h30m, at most 3650d")
        << text;
  }
  EXPECT_EQ(parse_duration("90", Duration(0), kLong).error().message,
            "expected a length of time with its unit, such as 90s or 90m");
  EXPECT_EQ(parse_duration("0", seconds(1), minutes(1)).error().message,
            "expected a length of time such as 90s, 10m, 2h, 1d or 1h30m, at least 1s, at most 1m");
}

struct BytesCase {
  const char* text;
  std::int64_t bytes;
};
TEST(Units, ReadsBytes) {
  const BytesCase cases[] = {{"0", 0},
                             {"1024", 1024},
                             {"512MiB", 512LL << 20},
                             {"1.5GiB", 3LL << 29},
                             {"10GB", 10'000'000'000},
                             {"1kb", 1000},
                             {"2 gib", 2LL << 30},
                             {"3B", 3},
                             {"0.5KiB", 512}};
  for (const auto& c : cases) {
    const auto read = parse_bytes(c.text, Bytes(0), Bytes(1LL << 60));
    ASSERT_TRUE(read.ok()) << c.text << ": " << read.error().message;
    EXPECT_EQ(read->count(), c.bytes) << c.text;
  }
}

TEST(Units, RefusesWhatIsNoSize) {
  for (const char* text :
       {"", "MiB", "-1", "1.5", "0.3B", "1XiB", "99999999999GiB", "1 MiB ", "0x10"}) {
    EXPECT_FALSE(parse_bytes(text, Bytes(0), Bytes(1LL << 60)).ok()) << text;
  }
  EXPECT_EQ(parse_bytes("10G", Bytes(0), Bytes(1LL << 60)).error().message,
            "expected a size with a whole unit, GiB (powers of 1024) or GB (of 1000)");
  EXPECT_EQ(parse_bytes("3GiB", Bytes(0), Bytes(1LL << 31)).error().message,
            "expected a size such as 512MiB, 1.5GiB or 10GB, at most 2GiB");
}

TEST(Units, ReadsThousandths) {
  EXPECT_EQ(*parse_thousandths("2", 0, 10), 2000);
  EXPECT_EQ(*parse_thousandths("0.5", 0, 10), 500);
  EXPECT_EQ(*parse_thousandths("0.125", 0, 10), 125);
  EXPECT_EQ(*parse_thousandths("1.2500", 0, 10), 1250);
  for (const char* text : {"", "-1", "0.0001", "10.001", "11", "1e3", ".5", "5.", "1,5", "nan"}) {
    EXPECT_FALSE(parse_thousandths(text, 0, 10).ok()) << text;
  }
}

TEST(Units, ReadsWholeNumbers) {
  EXPECT_EQ(*parse_whole("-7", -10, 10), -7);
  EXPECT_EQ(*parse_whole("0", -10, 10), 0);
  for (const char* text : {"", "-", "-0", "+1", "01", "1.0", "11", "-11", "1 ", "two", "0x1",
                           "99999999999999999999"}) {
    EXPECT_EQ(parse_whole(text, -10, 10).error().message, "expected a whole number from -10 to 10")
        << text;
  }
}

TEST(Units, ReadsPercentages) {
  EXPECT_EQ(*parse_percent("0%", 0, 100), 0);
  EXPECT_EQ(*parse_percent("25%", 0, 100), 25);
  EXPECT_EQ(*parse_percent("-5%", -10, 100), -5);
  for (const char* text : {"", "%", "25", "25 %", "2.5%", "101%", "+1%", "025%", "25%%"}) {
    EXPECT_FALSE(parse_percent(text, 0, 100).ok()) << text;
  }
  EXPECT_EQ(parse_percent("101%", 0, 100).error().message,
            "expected a whole percentage such as 25%, from 0% to 100%");
}

TEST(Units, QuotesOnOneLineAndClips) {
  EXPECT_EQ(in_quotes("two"), "\"two\"");
  EXPECT_EQ(in_quotes("a\nb\t\"c\"\\"), "\"a\\nb\\x09\\\"c\\\"\\\\\"");
  EXPECT_EQ(in_quotes(std::string(100, 'x')), "\"" + std::string(60, 'x') + "...\"");
  std::string accents;
  for (int i = 0; i < 61; ++i) accents += "\xc3\xa9";
  EXPECT_EQ(in_quotes(accents), "\"" + accents.substr(0, 120) + "...\"");
}

RC_GTEST_PROP(Units, WhatIsWrittenReadsBackTheSame, ()) {
  const auto value = *rc::gen::inRange<std::int64_t>(0, std::int64_t{1} << 58);
  const Duration length(value);
  RC_ASSERT(*parse_duration(write_duration(length), Duration(0), kLong) == length);
  RC_ASSERT(*parse_bytes(write_bytes(Bytes(value)), Bytes(0), Bytes(1LL << 60)) == Bytes(value));
  const Bytes aligned((value >> 40) << 30);
  RC_ASSERT(*parse_bytes(write_bytes(aligned), Bytes(0), Bytes(1LL << 60)) == aligned);
  const std::int64_t share = value % 10'000'001;
  RC_ASSERT(*parse_thousandths(write_thousandths(share), 0, 10'000) == share);
}

TEST(Units, WritesTheShortForm) {
  EXPECT_EQ(write_duration(Duration(0)), "0");
  EXPECT_EQ(write_duration(minutes(90)), "1h30m");
  EXPECT_EQ(write_duration(milliseconds(1500)), "1s500ms");
  EXPECT_EQ(write_bytes(Bytes(0)), "0");
  EXPECT_EQ(write_bytes(Bytes(512LL << 20)), "512MiB");
  EXPECT_EQ(write_bytes(Bytes(1000)), "1000");
  EXPECT_EQ(write_thousandths(500), "0.5");
  EXPECT_EQ(write_thousandths(2000), "2");
  EXPECT_EQ(write_thousandths(1025), "1.025");
}

struct PowerCase {
  const char* text;
  std::int64_t milliwatts;
};
TEST(Units, ReadsPower) {
  const PowerCase cases[] = {{"0", 0},
                             {"0W", 0},
                             {"700W", 700'000},
                             {"10.2kW", 10'200'000},
                             {"0.001W", 1},
                             {"30 MW", 30'000'000'000},
                             {"1.6GW", 1'600'000'000'000}};
  for (const auto& c : cases) {
    const auto read = parse_watts(c.text, Watts(0), Watts(2'000'000'000'000));
    ASSERT_TRUE(read.ok()) << c.text << ": " << read.error().message;
    EXPECT_EQ(read->count(), c.milliwatts) << c.text;
  }
}

TEST(Units, RefusesWhatIsNoPower) {
  // mW, mw and KW: whoever writes them may mean a thousand, or a thousand million, times as much.
  for (const char* text :
       {"", "W", "700", "-1W", "1e3W", "700mW", "1mw", "1KW", "0.0001W", "3GW", "1kWh", "1kW "}) {
    const auto read = parse_watts(text, Watts(0), Watts(2'000'000'000'000));
    ASSERT_FALSE(read.ok()) << text;
    EXPECT_EQ(read.error().message,
              "expected a power such as 700W, 10.2kW, 30MW or 1.6GW, at most 2GW")
        << text;
  }
  EXPECT_EQ(parse_watts("0", Watts(1), Watts(1000)).error().message,
            "expected a power such as 700W, 10.2kW, 30MW or 1.6GW, at least 0.001W, at most 1W");
}

RC_GTEST_PROP(Units, PowerReadsBackAsItWasWritten, (std::uint64_t seed)) {
  const auto value = static_cast<std::int64_t>(seed >> (seed % 64) >> 1);
  const Watts power(value);
  const auto read = parse_watts(write_watts(power), Watts(0), Watts(INT64_MAX));
  RC_ASSERT(read.ok());
  RC_ASSERT(*read == power);
  const auto rate = parse_gigaflops(write_gigaflops(value), 0, INT64_MAX);
  RC_ASSERT(rate.ok());
  RC_ASSERT(*rate == value);
  const auto decimal = parse_decimal(write_decimal(value, 6), 6, 0, INT64_MAX);
  RC_ASSERT(decimal.ok());
  RC_ASSERT(*decimal == value);
}

TEST(Units, WritesPowerInTheLargestUnitThatIsExact) {
  EXPECT_EQ(write_watts(Watts(0)), "0");
  EXPECT_EQ(write_watts(Watts(10'200'000)), "10.2kW");
  EXPECT_EQ(write_watts(Watts(1'000'000'000)), "1MW");
  EXPECT_EQ(write_watts(Watts(1'000'000'001)), "1000000.001W");
  EXPECT_EQ(write_gigaflops(989'500), "989.5TFLOP/s");
  EXPECT_EQ(write_gigaflops(2'500'000), "2.5PFLOP/s");
}

TEST(Units, ReadsRatesAndDecimals) {
  EXPECT_EQ(parse_bandwidth("3.35TB/s", Bytes(1), Bytes(1LL << 60))->count(), 3'350'000'000'000);
  EXPECT_FALSE(parse_bandwidth("3.35TB", Bytes(1), Bytes(1LL << 60)).ok());
  EXPECT_FALSE(parse_bandwidth("7Gb/s", Bytes(10'000'000'000), Bytes(1LL << 60)).ok());
  EXPECT_EQ(*parse_gigaflops("989TFLOP/s", 1, 1'000'000'000), 989'000);
  EXPECT_FALSE(parse_gigaflops("989TFLOPS", 1, 1'000'000'000).ok());
  EXPECT_FALSE(parse_gigaflops("2EFLOP/s", 1, 1'000'000'000).ok());
  EXPECT_EQ(*parse_decimal("0.065", 6, 0, 10'000'000), 65'000);
  EXPECT_EQ(parse_decimal("11", 6, 0, 10'000'000).error().message,
            "expected a number from 0 to 10 with at most 6 decimals");
}

}  // namespace
}  // namespace mw
