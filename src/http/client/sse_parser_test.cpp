// Server-sent events: the standard's examples, and the law that where the bytes are cut does not
// matter.
#include "http/client/sse_parser.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <vector>

namespace mw {
namespace {

std::vector<SseEvent> parse(std::string_view text) {
  std::vector<SseEvent> events;
  SseParser parser;
  EXPECT_EQ(parser.feed(text,
                        [&](const SseEvent& event) {
                          events.push_back(event);
                          return true;
                        }),
            SseParser::Outcome::kGoOn);
  return events;
}

TEST(SseParser, ReadsTheStandardsExamples) {
  struct Case {
    const char* text;
    std::vector<SseEvent> events;
  };
  const Case cases[] = {
      {"data: YHOO\ndata: +2\ndata: 10\n\n", {{"", "message", "YHOO\n+2\n10"}}},
      {": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third "
       "event\n\n",
       {{"1", "message", "first event"},
        {"", "message", "second event"},
        {"", "message", " third event"}}},
      {"data\n\ndata\ndata\n\ndata:", {{"", "message", ""}, {"", "message", "\n"}}},
      {"data:test\n\ndata: test\n\n", {{"", "message", "test"}, {"", "message", "test"}}},
      {"id: 7\r\nevent: job\r\ndata: {}\r\n\r\n", {{"7", "job", "{}"}}},
      {"id: 7\revent: job\rdata: {}\r\r", {{"7", "job", "{}"}}},
      {"\xEF\xBB\xBF"
       "data: x\n\n",
       {{"", "message", "x"}}},
      {"event: lost\n\nunknown: x\ndata: y\n\n", {{"", "message", "y"}}},
      {":\n\n:\n\n", {}},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.text);
    EXPECT_EQ(parse(c.text), c.events);
  }
}

TEST(SseParser, StopsWhenTold) {
  SseParser parser;
  int seen = 0;
  const auto outcome = parser.feed("data: 1\n\ndata: 2\n\n", [&](const SseEvent&) {
    ++seen;
    return false;
  });
  EXPECT_EQ(outcome, SseParser::Outcome::kStopped);
  EXPECT_EQ(seen, 1);
}

TEST(SseParser, RefusesEventsThatDoNotEnd) {
  SseParser one_line(64);
  EXPECT_EQ(one_line.feed(std::string(65, 'x'), [](const SseEvent&) { return true; }),
            SseParser::Outcome::kTooLong);
  SseParser many_lines(64);
  std::string lines;
  for (int i = 0; i < 30; ++i) lines += "data: x\n";
  lines += "data: " + std::string(30, 'y');
  EXPECT_EQ(many_lines.feed(lines, [](const SseEvent&) { return true; }),
            SseParser::Outcome::kTooLong);
}

RC_GTEST_PROP(SseParser, CutsDoNotMatter, ()) {
  const auto text = *rc::gen::container<std::string>(
      rc::gen::element('d', 'a', 't', ':', ' ', '\n', '\n', '\r', 'i', 'x'));
  const std::string stream = "data: begin\n" + text + "\n\ndata: end\n\n";
  const auto whole = parse(stream);
  RC_ASSERT(!whole.empty());
  std::vector<SseEvent> pieces;
  SseParser parser;
  for (std::size_t at = 0; at < stream.size();) {
    const auto size = *rc::gen::inRange<std::size_t>(1, 7);
    parser.feed(std::string_view(stream).substr(at, size), [&](const SseEvent& event) {
      pieces.push_back(event);
      return true;
    });
    at += size;
  }
  RC_ASSERT(pieces == whole);
}

}  // namespace
}  // namespace mw
