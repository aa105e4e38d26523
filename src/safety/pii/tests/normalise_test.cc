#include "safety/pii/internal/normalise.h"

#include <gtest/gtest.h>

#include <functional>

#include "base/digest.h"
#include "platform/json/text.h"
#include "safety/pii/scanner.h"
#include "safety/pii/tests/entity_cases.h"

namespace fairlead::pii {
namespace {

std::string normalised(std::string_view text) {
  View view;
  normalise(text, view);
  return std::string(view.text);
}

TEST(Normalise, MakesPlain) {
  EXPECT_EQ(normalised("plain"), "plain");
  EXPECT_EQ(normalised("обычный"), "обычный");
  EXPECT_EQ(normalised("４１１１"), "4111");
  EXPECT_EQ(normalised("①②③"), "123");
  EXPECT_EQ(normalised("٤١١"), "411");
  EXPECT_EQ(normalised("a\u200Bb\u2060c\uFEFFd\u00ADe"), "abcde");
  EXPECT_EQ(normalised("1\u00A02\u20093"), "1 2 3");
  EXPECT_EQ(normalised("1\u20132\u22123"), "1-2-3");
  EXPECT_EQ(normalised("\U000E0034\U000E0031"), "41");
  EXPECT_EQ(normalised("и\u0306"), "й");
  EXPECT_EQ(normalised("e\u0301"), "é");
  EXPECT_EQ(normalised("4\u03361\u0336"), "41");
  EXPECT_EQ(normalised("4\uFE0F\u20E31"), "41");
  EXPECT_EQ(normalised("№4"), "№4");
  EXPECT_EQ(normalised("a\xFF"), "a\uFFFD");
}

TEST(Normalise, FoldsLookAlikesOnlyInMixedWords) {
  EXPECT_EQ(normalised("ivаn"), "ivan");  // a Cyrillic а
  EXPECT_EQ(normalised("GВ82"), "GB82");
  EXPECT_EQ(normalised("Ιban"), "Iban");      // a Greek iota
  EXPECT_EQ(normalised("Ивaнов"), "Иванов");  // a Latin a
  EXPECT_EQ(normalised("сора"), "сора");
  EXPECT_EQ(normalised("SMS-сообщение"), "SMS-сообщение");
}

TEST(Normalise, KnowsWhereEachByteStood) {
  const std::string_view text = "да ４\u200B１x и\u0306 ivаn!";
  View view;
  normalise(text, view);
  ASSERT_EQ(view.text, "да 41x й ivan!");
  const auto original = [&](std::string_view part) {
    const std::size_t at = view.text.find(part);
    const auto [start, end] = view.original(at, at + part.size());
    return std::string(text.substr(start, end - start));
  };
  EXPECT_EQ(original("41"), "４\u200B１");
  EXPECT_EQ(original("4"), "４");
  EXPECT_EQ(original("x"), "x");
  EXPECT_EQ(original("й"), "и\u0306");
  EXPECT_EQ(original("ivan"), "ivаn");
  EXPECT_EQ(original("!"), "!");
  EXPECT_EQ(original("да"), "да");
}

// Every entity is found in every one of these, and covers what stands for it.
using Encoding = std::function<std::string(std::string_view)>;

std::string each_character(std::string_view text,
                           const std::function<std::string(char32_t, std::string_view)>& change) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const Character one = character_at(text, at);
    out += change(one.code, text.substr(at, one.size));
    at += one.size;
  }
  return out;
}

std::string full_width(std::string_view text) {
  return each_character(text, [](char32_t code, std::string_view as_it_is) {
    std::string out(as_it_is);
    if (code > ' ' && code < 0x7F) out.clear(), append_utf8(out, code + 0xFEE0);
    return out;
  });
}
std::string zero_width(std::string_view text) {
  return each_character(text, [](char32_t, std::string_view as_it_is) { return std::string(as_it_is) + "\u200B"; });
}
std::string tagged(std::string_view text) {
  return each_character(text, [](char32_t code, std::string_view as_it_is) {
    std::string out(as_it_is);
    if (code >= ' ' && code < 0x7F) out.clear(), append_utf8(out, code + 0xE0000);
    return out;
  });
}
std::string look_alike(std::string_view text) {  // one of the letters of a word of Latin letters and others
  return each_character(text, [](char32_t code, std::string_view as_it_is) {
    return code == 'a' ? "а" : code == 'e' ? "е" : code == 'B' ? "В" : code == 'A' ? "А" : std::string(as_it_is);
  });
}
std::string base64(std::string_view text) {
  constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += 3) {
    std::uint32_t bits = 0;
    for (std::size_t j = 0; j < 3; ++j)
      bits = (bits << 8) | (i + j < text.size() ? static_cast<unsigned char>(text[i + j]) : 0U);
    for (std::size_t j = 0; j < 4; ++j) out += i + j > text.size() ? '=' : kAlphabet[(bits >> (18 - 6 * j)) & 63];
  }
  return out;
}
std::string percent(std::string_view text) {
  std::string out;
  for (const char c : text) out += "%" + to_hex(std::string_view(&c, 1));
  return out;
}

const Scanner& scanner() {
  static const std::shared_ptr<const Scanner> instance = *Scanner::create({});
  return *instance;
}

// All of before, value and behind are encoded, so that words near it are too.
void expect_found(const Encoding& encode, std::string_view name, bool all_of_it, std::string_view wanted_form) {
  for (const EntityCase& one : entity_cases()) {
    const std::string plain = std::string(one.before) + std::string(one.value) + std::string(one.behind);
    const std::string text = "x " + encode(plain) + " y";
    const std::size_t start = all_of_it ? 2 : 2 + encode(one.before).size();
    const auto spans = scanner().scan(text);
    bool found = false;
    for (const Span& span : spans)
      found |= span.entity == one.entity && span.start <= start &&
               (all_of_it ? span.end >= text.size() - 2 : span.end > start) && name_of(span.form) == wanted_form;
    EXPECT_TRUE(found) << name << ": " << plain << "\n"
                       << text << (spans.empty() ? "" : "\n" + std::string(spans[0].entity) + " " + spans[0].why);
  }
}

TEST(Encodings, FullWidth) {
  expect_found(full_width, "full width", false, "normalised");
}
TEST(Encodings, ZeroWidth) {
  expect_found(zero_width, "zero width", false, "normalised");
}
TEST(Encodings, TagCharacters) {
  expect_found(tagged, "tags", false, "normalised");
}
TEST(Encodings, Base64) {
  expect_found(base64, "base64", true, "base64");
}
TEST(Encodings, Hex) {
  expect_found([](std::string_view text) { return to_hex(text); }, "hex", true, "hex");
}
TEST(Encodings, Percent) {
  expect_found(percent, "percent", false, "percent");
}
TEST(Encodings, Base64InBase64) {
  expect_found([](std::string_view text) { return base64("see " + base64(text)); }, "base64 twice", true, "base64");
}

TEST(Encodings, LookAlikes) {
  for (const std::string_view plain : {"maria.keller@example.com", "GB29 NWBK 6016 1331 9268 19",
                                       "AKIAIOSFODNN7EXAMPLE", "JB 12 34 56 C", "RSSMRA85T10A562S"}) {
    const std::string text = look_alike(plain);
    ASSERT_NE(text, plain);
    const auto spans = scanner().scan(text);
    ASSERT_EQ(spans.size(), 1U) << text;
    EXPECT_EQ(spans[0].start, 0U) << text;
    EXPECT_EQ(spans[0].end, text.size()) << text;
  }
}

// Digits that stand apart, with spaces or dots or hyphens.
TEST(Encodings, SpacedAndDottedDigits) {
  struct Case {
    std::string_view entity, before, digits;
  };
  constexpr Case kCases[] = {{"CREDIT_CARD", "", "4768140179099146"},
                             {"CREDIT_CARD", "карта ", "2204107034715691"},
                             {"RU_INN", "ИНН ", "7794580730"},
                             {"RU_SNILS", "СНИЛС ", "27159030670"},
                             {"US_SSN", "SSN ", "128711733"},
                             {"RU_OGRN", "ОГРН ", "1027716062307"},
                             {"DE_TAX_ID", "Steuer-ID ", "22381567927"},
                             {"PL_PESEL", "PESEL ", "92031650301"},
                             {"RU_PASSPORT", "паспорт ", "4510123456"},
                             {"PHONE_NUMBER", "телефон ", "89161234567"},
                             {"RU_BANK_ACCOUNT", "р/с ", "40702810493976242331"}};
  for (const Case& one : kCases)
    for (const std::string_view between : {" ", ".", "-", "  "}) {
      std::string value;
      for (const char c : one.digits) value.append(value.empty() ? "" : between).append(1, c);
      const std::string text = std::string(one.before) + value;
      const auto spans = scanner().scan(text);
      ASSERT_EQ(spans.size(), 1U) << text;
      EXPECT_EQ(spans[0].entity, one.entity) << text;
      EXPECT_EQ(text.substr(spans[0].start), value);
    }
}

TEST(Encodings, APercentEncodedValueIsCoveredExactly) {
  const std::string_view text = "q=1&mail=ivan%40example.com&x=2";
  const auto spans = scanner().scan(text);
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(text.substr(spans[0].start, spans[0].end - spans[0].start), "ivan%40example.com");
}

TEST(Encodings, AreBounded) {
  std::string deep = "4111 1111 1111 1111";
  for (int i = 0; i < 4; ++i) deep = base64("see " + deep);
  EXPECT_TRUE(scanner().scan(deep).empty()) << "four texts deep";
}

}  // namespace
}  // namespace fairlead::pii
