#include "cli/internal/word_diff.h"

#include <gtest/gtest.h>

#include <chrono>
#include <random>

#include "cli/internal/edits.h"

namespace fairlead::cli {
namespace {

TEST(WordDiff, ShowsWordsThatWentAndCame) {
  EXPECT_EQ(word_diff("Be kind. Never promise a refund", "Be kind. Never promise a refund before the claim is checked",
                      false),
            "Be kind. Never promise a [-refund-]{+refund before the claim is checked+}");
  EXPECT_EQ(word_diff("a b c", "a c", false), "a [-b-] c");
  EXPECT_EQ(word_diff("a c", "a b c", false), "a {+b+} c");
  EXPECT_EQ(word_diff("", "new text", false), "{+new text+}");
  EXPECT_EQ(word_diff("same", "same", false), "same");
}

TEST(WordDiff, ShortensLongStretchesThatStayed) {
  EXPECT_EQ(
      word_diff("one two three four five six seven eight old", "one two three four five six seven eight new", false),
      "… three four five six seven eight [-old-]{+new+}");
}

TEST(WordDiff, ShowsWhiteSpaceThatChanged) {
  EXPECT_EQ(word_diff("one\ntwo", "one two", false), "one[-\\n-]{+ +} two");
  EXPECT_EQ(word_diff("one two", "one two\n", false), "one two{+\\n+}");
}

TEST(WordDiff, PaintsOnlyWhatChanged) {
  EXPECT_EQ(word_diff("a b", "a c", true), "a \x1b[31m[-b-]\x1b[0m\x1b[32m{+c+}\x1b[0m");
}

// What is shown, with the marks taken back, is the new text.
TEST(WordDiff, LosesNothingThatCame) {
  const std::string shown = word_diff("Be kind.\nBe short.\nNo fees.\n", "Be kind.\nBe very short.\nNo fees!\n", false);
  EXPECT_EQ(shown, "Be kind.\n        Be {+very+} short.\n        No [-fees.-]{+fees!+}");
}

std::string lines_of(int count, int seed, int changed_each) {
  std::mt19937 random(static_cast<unsigned>(seed));
  std::string out;
  for (int i = 0; i < count; ++i) {
    const bool other = changed_each > 0 && i % changed_each == 0;
    out += "line " + std::to_string(i) + " says " + std::to_string(other ? random() : 7u) + " and goes on\n";
  }
  return out;
}

// A megabyte of which every second line changed, and two that have nothing in common: the table of all pairs of words
// would be 40 billion cells.
TEST(WordDiff, TakesLongTexts) {
  const auto start = std::chrono::steady_clock::now();
  const std::string a = lines_of(30'000, 1, 100), b = lines_of(30'000, 2, 100);
  const std::string few = word_diff(a, b, false);
  EXPECT_NE(few.find("…"), few.npos);
  EXPECT_LT(few.size(), a.size() / 4);
  word_diff(lines_of(30'000, 1, 2), lines_of(30'000, 2, 2), false);
  std::string x, y;
  for (int i = 0; i < 200'000; ++i) x += std::to_string(i) + " ", y += "y" + std::to_string(i) + " ";
  EXPECT_EQ(word_diff(x, y, false).size(), x.size() + y.size() + 6);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(20));
}

// Against the longest common subsequence, by the table.
TEST(ShortestEdit, IsAnEditAndTheShortest) {
  std::mt19937 random(7);
  for (int round = 0; round < 500; ++round) {
    std::vector<std::uint32_t> a(random() % 12), b(random() % 12);
    for (auto& one : a) one = random() % 4;
    for (auto& one : b) one = random() % 4;
    std::vector<std::vector<int>> common(a.size() + 1, std::vector<int>(b.size() + 1));
    for (std::size_t i = a.size(); i-- > 0;)
      for (std::size_t j = b.size(); j-- > 0;)
        common[i][j] = a[i] == b[j] ? common[i + 1][j + 1] + 1 : std::max(common[i + 1][j], common[i][j + 1]);
    const std::size_t shortest = a.size() + b.size() - 2 * static_cast<std::size_t>(common[0][0]);
    const auto hunks = shortest_edit(a, b, 100);
    ASSERT_TRUE(hunks);
    std::size_t from = 0, to = 0, changed = 0;
    for (const Hunk& hunk : *hunks) {
      ASSERT_EQ(hunk.from_begin - from, hunk.to_begin - to);
      for (; from < hunk.from_begin; ++from, ++to) ASSERT_EQ(a[from], b[to]);
      changed += hunk.from_end - hunk.from_begin + hunk.to_end - hunk.to_begin;
      from = hunk.from_end;
      to = hunk.to_end;
    }
    ASSERT_EQ(a.size() - from, b.size() - to);
    for (; from < a.size(); ++from, ++to) ASSERT_EQ(a[from], b[to]);
    EXPECT_EQ(changed, shortest);
    if (shortest > 0) {
      EXPECT_FALSE(shortest_edit(a, b, static_cast<int>(shortest) - 1));
    }
  }
}

}  // namespace
}  // namespace fairlead::cli
