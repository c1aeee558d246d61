#include "cli/table.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <sstream>

namespace mw {
namespace {

Table jobs() {
  Table table({{.title = "JOB", .importance = 10, .width_min = 3, .align = Column::Align::kRight},
               {.title = "NAME", .importance = 5, .width_min = 6},
               {.title = "NOTE", .importance = 1, .width_min = 6}});
  table.add({{"7"}, {"charlm"}, {"waits for two accelerators"}});
  table.add({{"12345"}, {"a-very-long-name"}, {""}});
  return table;
}

TEST(Table, WritesEverythingWhereThereIsNoWidth) {
  EXPECT_EQ(jobs().render({}),
            "  JOB  NAME              NOTE\n"
            "    7  charlm            waits for two accelerators\n"
            "12345  a-very-long-name\n");
}

TEST(Table, TheLeastImportantGivesWayFirst) {
  EXPECT_EQ(jobs().render({.interactive = true, .width = 40}),
            "  JOB  NAME              NOTE\n"
            "    7  charlm            waits for tw...\n"
            "12345  a-very-long-name\n");
  EXPECT_EQ(jobs().render({.interactive = true, .width = 25}),
            "  JOB  NAME        NOTE\n"
            "    7  charlm      wai...\n"
            "12345  a-very-...\n");
  EXPECT_EQ(jobs().render({.interactive = true, .width = 14}),
            "JOB  NAME\n"
            "  7  charlm\n"
            "12~  a-v...\n");
}

TEST(Table, AnEmptyColumnIsLeftOut) {
  Table table({{.title = "A"}, {.title = "B"}, {.title = "C"}});
  table.add({{"1"}, {""}, {"3"}});
  EXPECT_EQ(table.render({}), "A  C\n1  3\n");
}

TEST(Table, TextFromJobsCannotSteerTheTerminal) {
  Table table({{.title = "A"}});
  table.add({{"x\x1b[2J\ny"}});
  EXPECT_EQ(table.render({}), "A\nx\\x1b[2J y\n");
}

TEST(Table, ColoursOnlyWhereThereAreAny) {
  Table table({{.title = "A"}, {.title = "B"}});
  table.add({{"1", Colour::kRed}, {"2"}});
  EXPECT_EQ(table.render({.interactive = true, .colours = true, .width = 80}),
            "\x1b[1mA\x1b[0m  \x1b[1mB\x1b[0m\n\x1b[31m1\x1b[0m  2\n");
}

RC_GTEST_PROP(Table, NoLineIsWiderThanTheTerminal, ()) {
  const auto width = *rc::gen::inRange<std::size_t>(1, 60);
  const auto text =
      rc::gen::element<std::string>("", "a", "some words", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
                                    "e\xcc\x81", "a long text that goes on and on", "\xff\xfe");
  std::vector<Column> columns;
  const auto count = *rc::gen::inRange<std::size_t>(1, 6);
  for (std::size_t i = 0; i < count; ++i) {
    columns.push_back({.title = "T" + std::to_string(i),
                       .importance = *rc::gen::inRange(0, 3),
                       .width_min = *rc::gen::inRange<std::size_t>(1, 12),
                       .align = *rc::gen::element(Column::Align::kLeft, Column::Align::kRight)});
  }
  Table table(columns);
  for (int row = 0; row < 3; ++row) {
    std::vector<Cell> cells;
    for (std::size_t i = 0; i < count; ++i) cells.push_back({*text});
    table.add(cells);
  }
  std::istringstream lines(
      table.render({.interactive = true, .unicode = *rc::gen::arbitrary<bool>(), .width = width}));
  int seen = 0;
  for (std::string line; std::getline(lines, line); ++seen) RC_ASSERT(display_width(line) <= width);
  RC_ASSERT(seen == 4);
}

TEST(Facts, LeaveOutWhatIsEmptyAndAlign) {
  EXPECT_EQ(render_facts({{"name", {"x"}}, {"none", {""}}, {"a longer one", {"y\nz"}}}, 2, {}),
            "  name          x\n  a longer one  y z\n");
}

TEST(Terminal, MeasuresAndClips) {
  EXPECT_EQ(display_width("abc"), 3U);
  EXPECT_EQ(display_width("\xe6\x97\xa5\xe6\x9c\xac"), 4U);
  EXPECT_EQ(display_width("e\xcc\x81"), 1U);
  EXPECT_EQ(clip("abcdef", 6, false), "abcdef");
  EXPECT_EQ(clip("abcdefg", 6, false), "abc...");
  EXPECT_EQ(clip("abcdefg", 6, true), "abcde\u2026");
  EXPECT_EQ(clip("abcdefg", 2, false), "a~");
  EXPECT_EQ(clip("abc", 0, true), "");
  EXPECT_EQ(clip("\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e", 4, true), "\xe6\x97\xa5\u2026");
}

TEST(Terminal, PrintableLeavesNoControlCharacter) {
  EXPECT_EQ(printable("a\tb\nc"), "a b c");
  EXPECT_EQ(printable("\x1b[31m\x7f"), "\\x1b[31m\\x7f");
  EXPECT_EQ(printable("\xc2\x9b"), "\\x9b");  // CSI as one C1 character
  EXPECT_EQ(printable("\xc3\xa9\xe6\x97\xa5"), "\xc3\xa9\xe6\x97\xa5");
}

}  // namespace
}  // namespace mw
