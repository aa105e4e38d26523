#include "serving/internal/text_gate.h"

#include <gtest/gtest.h>

namespace fairlead::serving {
namespace {

struct Passed {
  std::string text;
  std::vector<std::string> steps;
  bool stopped = false;
};

Passed pass(std::vector<std::string> stops, const std::vector<std::string>& pieces) {
  TextGate gate(std::move(stops));
  Passed out;
  for (const std::string& piece : pieces) {
    std::string step;
    out.stopped = gate.push(piece, step);
    out.steps.push_back(step);
    out.text += step;
    if (out.stopped) return out;
  }
  std::string step;
  gate.flush(step);
  out.steps.push_back(step);
  out.text += step;
  return out;
}

TEST(TextGate, LetsTextThroughAtOnceWithoutStops) {
  const auto passed = pass({}, {"Hello", ", ", "world"});
  EXPECT_EQ(passed.steps, (std::vector<std::string>{"Hello", ", ", "world", ""}));
}

TEST(TextGate, CutsAtAStopSequenceInsideAPiece) {
  const auto passed = pass({"END"}, {"abcENDdef"});
  EXPECT_TRUE(passed.stopped);
  EXPECT_EQ(passed.text, "abc");
}

TEST(TextGate, FindsAStopSequenceAcrossPieces) {
  const auto passed = pass({"\n\nUser:"}, {"Sure.\n", "\nUs", "er", ": more"});
  EXPECT_TRUE(passed.stopped);
  EXPECT_EQ(passed.text, "Sure.");
  EXPECT_EQ(passed.steps, (std::vector<std::string>{"Sure.", "", "", ""}));
}

TEST(TextGate, ReleasesWhatTurnsOutToBeNoStop) {
  const auto passed = pass({"STOP"}, {"a ST", "AR", "T"});
  EXPECT_FALSE(passed.stopped);
  EXPECT_EQ(passed.steps, (std::vector<std::string>{"a ", "STAR", "T", ""}));
}

TEST(TextGate, HoldsTheLongestBeginningOfAStopThatRepeatsItself) {
  const auto passed = pass({"aab"}, {"a", "a", "a", "b"});
  EXPECT_TRUE(passed.stopped);
  EXPECT_EQ(passed.text, "a");
}

TEST(TextGate, TheFirstOfSeveralStopsWins) {
  const auto passed = pass({"later", "now"}, {"do it now or later"});
  EXPECT_EQ(passed.text, "do it ");
}

TEST(TextGate, WhatIsHeldComesOutAtTheEnd) {
  EXPECT_EQ(pass({"###"}, {"title #", "#"}).text, "title ##");
}

TEST(TextGate, NeverSplitsACharacter) {
  const std::string euro = "\xE2\x82\xAC";
  const auto passed = pass({}, {"5 \xE2", "\x82", "\xAC!"});
  EXPECT_EQ(passed.steps, (std::vector<std::string>{"5 ", "", euro + "!", ""}));
}

TEST(TextGate, DropsACharacterThatNeverBecameWhole) {
  EXPECT_EQ(pass({}, {"x\xF0\x9F"}).text, "x");
}

TEST(TextGate, CountsWhatWentOut) {
  TextGate gate({"ab"});
  std::string out;
  gate.push("xa", out);
  EXPECT_EQ(gate.released(), 1U);
  gate.push("b", out);
  EXPECT_EQ(gate.released(), 1U);
}

TEST(WholeCharacters, MeasuresWithoutAnUnfinishedEnd) {
  EXPECT_EQ(whole_characters("abc"), 3U);
  EXPECT_EQ(whole_characters("ab\xC3"), 2U);
  EXPECT_EQ(whole_characters("ab\xC3\xA9"), 4U);
  EXPECT_EQ(whole_characters("\xF0\x9F\x98"), 0U);
  EXPECT_EQ(whole_characters("\xF0\x9F\x98\x80"), 4U);
  EXPECT_EQ(whole_characters("\x80\x80\x80\x80"), 4U);  // no lead byte at all: nothing to wait for
}

}  // namespace
}  // namespace fairlead::serving
