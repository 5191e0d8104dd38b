#include "cli/table.h"

#include <gmock/gmock.h>

namespace cli {
namespace {

using testing::HasSubstr;
using testing::Not;

Table Sample() {
  Table table;
  table.columns = {{"BDF"}, {"NAME", true}, {"DRIVER"}};
  table.rows = {{{"0000:08:00.0"}, {"A drive with a rather long name"}, {"nvme"}},
                {{"0000:09:00.0"}, {"Card"}, {""}}};
  return table;
}

TEST(Render, AlignsWithoutTrailingBlanks) {
  EXPECT_EQ(Render(Sample(), 0, false),
            "BDF           NAME                             DRIVER\n"
            "0000:08:00.0  A drive with a rather long name  nvme\n"
            "0000:09:00.0  Card                             -\n");
}

TEST(Render, ShrinksToTheTerminal) {
  EXPECT_EQ(Render(Sample(), 40, false),
            "BDF           NAME                DRIVER\n"
            "0000:08:00.0  A drive with a ra…  nvme\n"
            "0000:09:00.0  Card                -\n");
}

TEST(Render, StopsShrinkingWhereNamesEnd) {
  EXPECT_THAT(Render(Sample(), 10, false), HasSubstr("A drive wit…"));
}

TEST(Render, HeaderCanBeLeftOut) {
  Table table = Sample();
  table.has_header = false;
  EXPECT_THAT(Render(table, 0, false), Not(HasSubstr("BDF")));
  EXPECT_EQ(Render(Table{}, 80, false), "\n");
}

TEST(Render, ColourOnlyWhenAsked) {
  Table table = Sample();
  table.rows[0][2].style = Style::kGood;
  EXPECT_THAT(Render(table, 0, false), Not(HasSubstr("\x1b")));
  EXPECT_THAT(Render(table, 0, true), HasSubstr("\x1b[32mnvme\x1b[0m\n"));
}

TEST(Render, NamesCannotCommandTheTerminal) {
  Table table;
  table.columns = {{"NAME"}};
  table.rows = {{{"a\x1b[2J\nb\xc2\x9b"}}};
  EXPECT_EQ(Render(table, 0, false), "NAME\na?[2J?b?\n");
}

TEST(DisplayWidth, CountsCodePoints) {
  EXPECT_EQ(DisplayWidth("é…x"), 3u);
  EXPECT_EQ(DisplayWidth(""), 0u);
}

}  // namespace
}  // namespace cli
