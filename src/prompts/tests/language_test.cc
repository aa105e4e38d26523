#include "prompts/internal/language.h"

#include <gtest/gtest.h>

namespace fairlead::prompts::internal {
namespace {

TEST(Language, IsThatOfMostOfTheText) {
  EXPECT_EQ(language_of("My card was swallowed by the machine."), "en");
  EXPECT_EQ(language_of("Банкомат не отдал мою карту, что делать?"), "ru");
  EXPECT_EQ(language_of("Der Automat hat meine Karte eingezogen."), "de");
  EXPECT_EQ(language_of("¿Dónde está mi tarjeta?"), "es");
  EXPECT_EQ(language_of("カードはどこですか"), "ja");
  EXPECT_EQ(language_of("Привет"), "ru");
  EXPECT_EQ(language_of("Почему не пришёл перевод SEPA Instant Transfer?"), "ru");
}

TEST(Language, IsUndeterminedWhereThereIsTooLittle) {
  for (const char* text : {"", " ", "1234", "Hi", "?!", "🙂"}) EXPECT_EQ(language_of(text), "und") << text;
}

TEST(Language, LooksAtTheFirstBytesAndEndsBetweenCharacters) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "Где моя карта? ";
  const std::string russian = text;
  for (int i = 0; i < 2000; ++i) text += "Where is my card? ";
  EXPECT_EQ(language_of(text), "ru");
  for (std::size_t cut = 0; cut < 4; ++cut) EXPECT_EQ(language_of(std::string(cut, ' ') + russian), "ru");
}

}  // namespace
}  // namespace fairlead::prompts::internal
