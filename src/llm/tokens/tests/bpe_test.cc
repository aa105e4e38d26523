#include "llm/tokens/bpe.h"

#include <gmock/gmock.h>

#include <chrono>
#include <string>

namespace fairlead::llm {
namespace {

struct Known {
  std::string_view text;
  std::vector<std::uint32_t> cl100k, o200k;
};

// js-tiktoken 1.0.21, and for the last but one tiktoken 0.12, which differs; the first and the fourth are OpenAI's own
// examples (Cookbook, "How to count tokens with tiktoken").
const std::vector<Known>& known() {
  static const std::vector<Known> kKnown = {
      {"tiktoken is great!", {83, 1609, 5963, 374, 2294, 0}, {83, 8251, 2488, 382, 2212, 0}},
      {"antidisestablishmentarianism", {519, 85342, 34500, 479, 8997, 2191}, {493, 129901, 376, 160388, 21203, 2367}},
      {"2 + 2 = 4", {17, 489, 220, 17, 284, 220, 19}, {17, 659, 220, 17, 314, 220, 19}},
      {"お誕生日おめでとう",
       {33334, 45918, 243, 21990, 9080, 33334, 62004, 16556, 78699},
       {8930, 9697, 243, 128225, 8930, 17693, 4344, 48669}},
      {"Где мой перевод? Карта не работает.",
       {38214, 100046, 11562, 16742, 28114, 33742, 9706, 30, 36479, 17721, 44613, 19175, 54204, 28007, 13},
       {6583, 5978, 65733, 94266, 30, 66584, 2734, 1967, 61574, 13}},
      {"I'M don't WE'LL iPhone15Pro",
       {40, 28703, 1541, 956, 20255, 6, 4178, 12443, 868, 1360},
       {40, 95346, 4128, 26919, 6, 7454, 575, 7081, 1055, 958}},
      {"  two\n\n   three  \n", {220, 1403, 271, 256, 2380, 2355}, {220, 1920, 279, 256, 3407, 4066}},
      {"a\r\n\r\n//\nb", {64, 881, 2341, 65}, {64, 1414, 22704, 65}},
      {" 12345 ٣٤٥", {220, 4513, 1774, 220, 149, 96, 149, 97, 149, 98}, {220, 7633, 2548, 220, 81473, 98713, 97336}},
      {"<|endoftext|>", {27, 91, 8862, 728, 428, 91, 29}, {27, 91, 419, 1440, 919, 91, 29}},
      {"\u0301a \u0301A \u0301B",
       {54939, 64, 220, 54939, 32, 220, 54939, 33},
       {13430, 64, 220, 13430, 32, 220, 13430, 33}},
      {"a\u0085b \uFEFFc don'\u017F",
       {64, 126, 227, 65, 76880, 66, 1541, 6, 129, 123},
       {64, 126, 227, 65, 71280, 66, 1700, 6, 70067}},
      {"", {}, {}}};
  return kKnown;
}

TEST(Bpe, GivesThePublishedTokens) {
  for (const Known& one : known()) {
    EXPECT_EQ(Bpe::cl100k_base().encode(one.text), one.cl100k) << one.text;
    EXPECT_EQ(Bpe::o200k_base().encode(one.text), one.o200k) << one.text;
    EXPECT_EQ(Bpe::o200k_base().count(one.text), static_cast<std::int64_t>(one.o200k.size())) << one.text;
  }
}

TEST(Bpe, BearsBytesThatAreNoText) {
  for (int first = 0x80; first < 0x100; ++first) {
    const std::string lone(1, static_cast<char>(first));
    EXPECT_EQ(Bpe::o200k_base().encode(lone).size(), 1U) << first;
    const std::string cut = "a" + lone + "\x80";
    EXPECT_GE(Bpe::cl100k_base().count(cut), 1);
    EXPECT_LE(Bpe::cl100k_base().count(cut), 3);
  }
}

// A piece is merged in one of two ways, by its length; both must do the same.
TEST(Bpe, MergesLongPiecesAsShortOnes) {
  const Bpe& bpe = Bpe::o200k_base();
  // 60 bytes and 120 of them: nothing merges across the signs, which are tokens of their own in the middle of a piece.
  std::string word;
  for (int i = 0; i < 12; ++i) word += "щыфъё";
  const std::int64_t one = bpe.count("щыфъё");
  EXPECT_GE(one, 3);
  EXPECT_LE(bpe.count(word), 12 * one);
  EXPECT_GE(bpe.count(word), 12 * one / 2);
}

TEST(Bpe, TakesNoLongerForARunThatNothingDivides) {
  const auto seconds = [](std::size_t bytes, char c) {
    const std::string run(bytes, c);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_GT(Bpe::o200k_base().count(run), 0);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  for (const char c : {'a', ' ', '!', '\n'}) {
    seconds(10'000, c);
    const double small = seconds(20'000, c), large = seconds(400'000, c);
    EXPECT_LT(large, 100 * small + 0.1) << "20 times the bytes; were it quadratic, 400 times: " << c;
  }
}

}  // namespace
}  // namespace fairlead::llm
