#include "cli/internal/columns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fairlead::cli {
namespace {

using testing::ElementsAre;

TEST(Wrapped, BreaksBetweenWords) {
  EXPECT_THAT(wrapped("one two three", 7), ElementsAre("one two", "three"));
  EXPECT_THAT(wrapped("one two  three", 8), ElementsAre("one two", "three"));
  EXPECT_THAT(wrapped("one", 3), ElementsAre("one"));
  EXPECT_THAT(wrapped("", 3), ElementsAre(""));
  EXPECT_THAT(wrapped("a\n\nb\n", 3), ElementsAre("a", "", "b", ""));
}

TEST(Wrapped, CutsWordsThatAreTooLongAndCountsCharacters) {
  EXPECT_THAT(wrapped("abcdefgh ij", 3), ElementsAre("abc", "def", "gh", "ij"));
  EXPECT_THAT(wrapped("привет мир", 6), ElementsAre("привет", "мир"));
  EXPECT_THAT(wrapped("  indented text", 8), ElementsAre("  indent", "ed text"));
}

TEST(Wrapped, LeavesOutWhatWouldMoveTheCursor) {
  EXPECT_THAT(wrapped("a\r\x1b[2Jb\tc", 20), ElementsAre("a[2Jb  c"));
}

TEST(Columns, AreAsWideAsTheLineAllows) {
  EXPECT_EQ(column_width(2, 80), 38u);
  EXPECT_EQ(column_width(3, 80), 24u);
  EXPECT_EQ(column_width(4, 80), 0u);
  EXPECT_EQ(column_width(2, 0), 0u);
}

TEST(Columns, StandBesideEachOther) {
  EXPECT_THAT(beside({{"ab", "мир", "x"}, {"1", "\x1b[31m2\x1b[0m"}, {"z"}}, 4),
              ElementsAre("ab   │ 1    │ z", "мир  │ \x1b[31m2\x1b[0m    │ ", "x    │      │ "));
}

}  // namespace
}  // namespace fairlead::cli
