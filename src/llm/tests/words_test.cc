#include "llm/words.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

namespace fairlead::llm {
namespace {

float alike(std::string_view a, std::string_view b) {
  const Embedding one = embed_by_words(a), two = embed_by_words(b);
  return similarity(one.data(), two.data(), one.size());
}

TEST(WordsTest, TheSameQuestionInOtherWordsIsNear) {
  EXPECT_NEAR(alike("Where is my card?", "where is my CARD"), 1, 1e-5);
  EXPECT_NEAR(alike("Don’t you know?", "don't you know"), 1, 1e-5);
  EXPECT_GT(alike("Where is my card?", "Hi, where is the card please"), 0.88);
  EXPECT_GT(alike("How do I block my card?", "how can i block the card"), 0.88);
  EXPECT_GT(alike("The exchange rates are wrong", "the exchange rate is wrong"), 0.8);
  EXPECT_NEAR(alike("Где моя карта?", "ГДЕ МОЯ КАРТА"), 1, 1e-5);
  EXPECT_NEAR(alike("Ещё не пришёл перевод", "еще не пришел перевод"), 1, 1e-5);
  EXPECT_GT(alike("Как заблокировать карту?", "Здравствуйте, как мне заблокировать карту"), 0.94);
  EXPECT_GT(alike("Не пришёл перевод", "не пришел мой перевод"), 0.95);
}

TEST(WordsTest, AnotherQuestionIsFarFromIt) {
  EXPECT_LT(alike("How do I block my card?", "How do I activate my card?"), 0.8);
  EXPECT_LT(alike("Как заблокировать карту?", "Как активировать карту?"), 0.8);
  EXPECT_LT(alike("Where is my card?", "What is the exchange rate?"), 0.4);
  EXPECT_LT(alike("Где моя карта?", "Какой курс обмена?"), 0.4);
  EXPECT_EQ(alike("", "Where is my card?"), 0);
  EXPECT_EQ(alike("?!", "?!"), 0);  // no words are nothing to compare
}

TEST(WordsTest, NumbersAndNegationAreMarks) {
  EXPECT_EQ(marks_of("Send 100 to Ann"), marks_of("please send 100 to Bob"));
  EXPECT_NE(marks_of("Send 100"), marks_of("Send 200"));
  EXPECT_NE(marks_of("from 1 to 2"), marks_of("from 2 to 1"));
  EXPECT_NE(marks_of("flight BA12"), marks_of("flight LH12"));
  EXPECT_NE(marks_of("I can pay"), marks_of("I can't pay"));
  EXPECT_EQ(marks_of("It doesn’t work"), marks_of("it does not work"));
  EXPECT_NE(marks_of("Карта работает"), marks_of("Карта не работает"));
}

TEST(WordsTest, AnyBytesAreTaken) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 300; ++i) {
    std::string text(random() % 200, '\0');
    for (char& c : text) c = static_cast<char>(random());
    const Embedding vector = embed_by_words(text);
    ASSERT_EQ(vector.size(), kWordDimensions);
    const float length = similarity(vector.data(), vector.data(), vector.size());
    ASSERT_TRUE(length == 0 || std::abs(length - 1) < 1e-4) << length;
    (void)marks_of(text);
  }
  const std::string endless(100'000, 'a');
  EXPECT_NEAR(alike(endless, endless), 1, 1e-3);
}

}  // namespace
}  // namespace fairlead::llm
