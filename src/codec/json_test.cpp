// Whatever is written reads back as the same value, and what is wrong is refused with its place.
#include "codec/json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json/serialize.hpp>
#include <deque>
#include <map>
#include <optional>

#include "codec/event_json.h"
#include "codec/json_test_values.h"

namespace mw {
namespace {

struct Circle {
  static constexpr std::string_view kKind = "circle";
  std::uint16_t radius = 0;
  bool operator==(const Circle&) const = default;
  MW_FIELDS(radius)
};
struct Nothing {
  static constexpr std::string_view kKind = "nothing";
  bool operator==(const Nothing&) const = default;
  MW_FIELDS()
};

class Hidden {
 public:
  bool operator==(const Hidden&) const = default;
  MW_FIELDS(at_, share_)

 private:
  Instant at_;
  AcceleratorShare share_;
};

struct Shared {
  std::shared_ptr<const Circle> circle = std::make_shared<const Circle>();
  bool operator==(const Shared& other) const { return *circle == *other.circle; }
  MW_FIELDS(circle)
};

/// One of everything that the codec knows.
struct Sampler {
  bool flag = false;
  std::int32_t small = 0;
  std::uint64_t large = 0;
  std::optional<double> real;
  std::string text;
  JobState state = JobState::kPending;
  JobId job;
  Duration length;
  Instant at;
  Bytes memory;
  Watts draw;
  AcceleratorShare accelerators;
  CpuShare cpus;
  AcceleratorTime spent;
  std::optional<Duration> limit;
  std::vector<AcceleratorShare> parts;
  std::array<std::uint16_t, 3> triple{};
  std::deque<JobId> line;
  std::vector<bool> bits;
  std::map<std::string, std::uint32_t> by_name;
  std::map<JobId, Hidden> by_job;
  std::variant<Circle, Nothing> shape;
  Shared shared;
  Hidden hidden;

  bool operator==(const Sampler&) const = default;
  MW_FIELDS(flag, small, large, real, text, state, job, length, at, memory, draw, accelerators,
            cpus, spent, limit, parts, triple, line, bits, by_name, by_job, shape, shared, hidden)
};

template <class T>
std::string json_text(const T& value) {
  std::string out;
  append_json(out, value);
  return out;
}

template <class T>
Result<T> read_text(std::string_view text) {
  const auto tree = parse_json(text, {.any_bytes = true});
  if (!tree.ok()) return tree.error();
  return from_json<T>(*tree);
}

TEST(Json, LooksAsDescribed) {
  Sampler sampler;
  sampler.real = 2.5;
  sampler.text = "a \"b\"\n";
  sampler.state = JobState::kTimedOut;
  sampler.job = JobId(17);
  sampler.length = seconds(1);
  sampler.spent = AcceleratorTime(-5);
  sampler.parts = {AcceleratorShare(500)};
  sampler.line = {JobId(2), JobId(1)};
  sampler.bits = {false, true, true};
  sampler.by_name = {{"x", 1}};
  sampler.by_job[JobId(3)] = {};
  sampler.shape = Circle{9};
  EXPECT_EQ(
      json_text(sampler),
      R"({"flag":false,"small":0,"large":0,"real":2.5,"text":"a \"b\"\n","state":"timed_out",)"
      R"("job":17,"length_ns":1000000000,"at_ns":0,"memory_bytes":0,"draw_mw":0,)"
      R"("accelerators_milli":0,"cpus_milli":0,"spent_milli_ns":"-5","parts_milli":[500],)"
      R"("triple":[0,0,0],"line":[2,1],"bits":"011","by_name":{"x":1},)"
      R"("by_job":[[3,{"at_ns":0,"share_milli":0}]],"shape":{"kind":"circle","radius":9},)"
      R"("shared":{"circle":{"radius":0}},"hidden":{"at_ns":0,"share_milli":0}})");
  // The tree has the same, and null where there is nothing.
  const auto tree = to_json(sampler);
  EXPECT_TRUE(tree.at("limit_ns").is_null());
  EXPECT_EQ(boost::json::serialize(tree.at("shape")), R"({"kind":"circle","radius":9})");
}

TEST(Json, EverythingReadsBackTheSame) {
  for (std::uint64_t seed = 1; seed <= 3000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    Sampler sampler;
    test_values::fill(random, sampler);
    const auto by_text = read_text<Sampler>(json_text(sampler));
    ASSERT_TRUE(by_text.ok()) << by_text.error().message << "\n" << json_text(sampler);
    EXPECT_EQ(*by_text, sampler);
    const auto by_tree = from_json<Sampler>(to_json(sampler));
    ASSERT_TRUE(by_tree.ok()) << by_tree.error().message;
    EXPECT_EQ(*by_tree, sampler);
  }
}

template <class T>
void expect_rows_read_back(std::string (*row)(const T&), Result<T> (*parse)(std::string_view)) {
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    SCOPED_TRACE(seed);
    Random random(seed);
    T value;
    test_values::fill(random, value);
    const std::string text = row(value);
    ASSERT_EQ(text.find('\n'), std::string::npos);
    const auto back = parse(text);
    ASSERT_TRUE(back.ok()) << back.error().message << "\n" << text;
    ASSERT_EQ(*back, value) << text;
  }
}

TEST(EventRows, EveryEventReadsBackTheSame) {
  expect_rows_read_back<Event>(event_row, parse_event_row);
}
TEST(EventRows, EveryInputReadsBackTheSame) {
  expect_rows_read_back<Input>(input_row, parse_input_row);
}

TEST(Json, DoublesAreExactAndFinite) {
  for (const double value : {0.1, 1.7976931348623157e308, 5e-324, 9007199254740993.0, -0.0, 1e22,
                             123456789012345678.0}) {
    const auto back = read_text<double>(json_text(value));
    ASSERT_TRUE(back.ok()) << value;
    EXPECT_EQ(std::bit_cast<std::uint64_t>(*back), std::bit_cast<std::uint64_t>(value)) << value;
  }
  EXPECT_EQ(json_text(std::numeric_limits<double>::quiet_NaN()), "null");
  EXPECT_EQ(json_text(-std::numeric_limits<double>::infinity()), "null");
  EXPECT_EQ(read_text<double>("1e999").error().message, "expected a finite number, found inf");
}

struct BadCase {
  std::string_view json;
  std::string_view message;
};

TEST(Json, SaysWhatIsWrongAndWhere) {
  const std::vector<BadCase> cases = {
      {R"([])", "expected an object, found a list"},
      {R"({})", R"(the key "at_ns" is missing)"},
      {R"({"at_ns":1,"request":0})", R"(the key "body" is missing)"},
      {R"({"at_ns":1,"request":0,"bdy":{}})",
       R"(unknown key "bdy"; allowed are "at_ns", "request", "body")"},
      {R"({"at_ns":1.5,"request":0,"body":{}})",
       "at_ns: expected an integer from -9223372036854775808 to 9223372036854775807, found 1.5"},
      {R"({"at_ns":9223372036854775808,"request":0,"body":{}})",
       "at_ns: expected an integer from -9223372036854775808 to 9223372036854775807, found "
       "9223372036854775808"},
      {R"({"at_ns":1,"request":-1,"body":{}})",
       "request: expected an integer from 0 to 18446744073709551615, found -1"},
      {R"({"at_ns":1,"request":0,"body":7})", "body: expected an object, found 7"},
      {R"({"at_ns":1,"request":0,"body":{}})", R"(body: the key "kind" is missing)"},
      {R"({"at_ns":1,"request":0,"body":{"kind":"job_held","job":1,"by":"x","kid":2}})",
       R"(body: unknown key "kid"; allowed are "job", "by")"},
      {R"({"at_ns":1,"request":0,"body":{"kind":"checkpoint_kept","job":1,"attempt":4294967296,"checkpoint":{}}})",
       "body.attempt: expected an integer from 0 to 4294967295, found 4294967296"},
      {R"({"at_ns":1,"request":0,"body":{"kind":"attempt_placed","job":1,"attempt":1,"epoch":1,"placement":[{"node":"n7"}]}})",
       R"(body.placement[0].node: expected an integer from 0 to 4294967295, found the string "n7")"},
      {R"({"at_ns":1,"request":0,"body":{"kind":"node_moved","node":1,"phase":"broken","reason":"","by":""}})",
       R"(body.phase: expected one of "provisioning", "validating", "ready", "suspect", "draining", "quarantined", "repairing", "retired", found the string "broken")"},
      {R"({"at_ns":1,"request":0,"body":{"kind":"node_contact","node":1,"lost":0}})",
       "body.lost: expected true or false, found 0"},
      {R"({"at_ns":1,"request":0,"body":{"kind":"job_held","job":1,"by":null}})",
       "body.by: expected a string, found null"},
      {R"({"at_ns":1,"request":0,"body":{"kind":"attempt_ended","job":1,"attempt":1,"cause":"completed","lost_work_milli_ns":5}})",
       "body.lost_work_milli_ns: expected a string of decimal digits that fits 128 bits, found 5"},
      {R"({"at_ns":1)", "not valid JSON at byte 10: incomplete JSON"},
      {"{} x", "not valid JSON at byte 3: extra data"},
      {"", "not valid JSON at byte 0: incomplete JSON"},
  };
  for (const BadCase& one : cases) {
    const auto event = parse_event_row(one.json);
    ASSERT_FALSE(event.ok()) << one.json;
    EXPECT_EQ(event.error().message, one.message) << one.json;
    EXPECT_EQ(event.error().code, ErrorCode::kInvalid);
  }
  EXPECT_THAT(
      parse_event_row(R"({"at_ns":1,"request":0,"body":{"kind":"x"}})").error().message,
      testing::StartsWith(R"(body.kind: expected one of "refused", "controller_took_over",)"));
  EXPECT_EQ(from_json<Circle>(boost::json::value(1), "body").error().message,
            "body: expected an object, found 1");
}

TEST(Json, RefusesDecimalsThatAreNotCanonicalOrTooLong) {
  EXPECT_EQ(read_text<AcceleratorTime>("\"170141183460469231731687303715884105727\"")->count(),
            std::numeric_limits<Int128>::max());
  EXPECT_EQ(read_text<AcceleratorTime>("\"-170141183460469231731687303715884105728\"")->count(),
            std::numeric_limits<Int128>::min());
  for (const char* text : {"\"170141183460469231731687303715884105728\"", "\"\"", "\"-\"", "\"-0\"",
                           "\"01\"", "\"1 \"", "\"+1\"", "\"0x1\"", "1"}) {
    EXPECT_FALSE(read_text<AcceleratorTime>(text).ok()) << text;
  }
}

TEST(Json, RefusesHostileDocuments) {
  const std::string deep = std::string(100'000, '[') + std::string(100'000, ']');
  EXPECT_EQ(parse_json(deep).error().message, "not valid JSON at byte 32: too deep");
  EXPECT_EQ(parse_json(std::string(11, ' '), {.bytes_max = 10}).error().code, ErrorCode::kTooLarge);
  EXPECT_FALSE(parse_json("\"\xFF\"").ok()) << "what comes from outside is UTF-8";
  EXPECT_FALSE(parse_json("\"\\ud800\"").ok());
  EXPECT_FALSE(read_text<std::vector<bool>>("\"012\"").ok());
  EXPECT_FALSE((read_text<std::map<JobId, JobId>>("[[1,2],[1,3]]").ok())) << "a key twice";
  EXPECT_FALSE((read_text<std::map<JobId, JobId>>("[[1]]").ok()));
  EXPECT_FALSE((read_text<std::array<int, 2>>("[1]").ok()));
  // A message repeats only a little of what was sent, and none of its control characters.
  const auto refused = read_text<std::uint32_t>("\"" + std::string(1'000'000, 'x') + "\"");
  EXPECT_LT(refused.error().message.size(), 200U);
  EXPECT_EQ(read_text<std::uint32_t>(R"("\u001b[31m")").error().message,
            "expected an integer from 0 to 4294967295, found the string \"?[31m\"");
}

TEST(EventRows, NoCutOrFlippedByteIsMistakenForTheWhole) {
  Random random(7);
  for (int round = 0; round < 50; ++round) {
    Event event;
    test_values::fill(random, event);
    const std::string row = event_row(event);
    for (std::size_t length = 0; length < row.size(); ++length) {
      ASSERT_FALSE(parse_event_row(std::string_view(row).substr(0, length)).ok());
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
      std::string changed = row;
      changed[i] = static_cast<char>(changed[i] ^ static_cast<char>(1U << random.below(8)));
      const auto back = parse_event_row(changed);
      // What still is an event must be one that we would write and read again.
      if (back.ok()) {
        const auto again = parse_event_row(event_row(*back));
        ASSERT_TRUE(again.ok());
        ASSERT_EQ(*again, *back);
      }
    }
  }
}

}  // namespace
}  // namespace mw
