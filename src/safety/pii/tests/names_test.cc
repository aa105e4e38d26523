// Names in texts. What is measured on the public set is what docs/reference/privacy.md says.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "platform/json/text.h"
#include "safety/pii/entities.h"
#include "safety/pii/names/detector.h"
#include "safety/pii/names/internal/model.h"
#include "safety/pii/scanner.h"
#include "safety/pii/tests/scoring.h"

namespace fairlead::pii {
namespace {

const Scanner& usual() {
  static const std::shared_ptr<const Scanner> instance = *Scanner::create({});
  return *instance;
}

// "PERSON Maria; GPE Vienna"
std::string names_in(const Scanner& scanner, std::string_view text) {
  std::string out;
  for (const Span& one : scanner.scan(text))
    out += (out.empty() ? "" : "; ") + std::string(one.entity) + " " +
           std::string(text.substr(one.start, one.end - one.start));
  return out;
}

std::string table_of(const Tally& tally) {
  std::string out;
  const auto line = [&out](const std::string& name, const Count& one) {
    out += name + ": " + std::to_string(one.right) + " right, " + std::to_string(one.wrong) + " wrong, " +
           std::to_string(one.missed) + " missed, F2 " + std::to_string(one.f2()) + "\n";
  };
  for (const auto& [name, count] : tally.by_entity) line(name, count);
  line("of the right kind", tally.right_kind);
  line("any", tally.any);
  return out;
}

Tally tally_of(const std::vector<LabelledText>& texts) {
  const auto find = [](std::size_t, const std::string& text) {
    std::vector<Label> out;
    for (const Span& one : usual().scan(text))
      out.push_back(
          {one.start_character, one.end_character, std::string(one.entity == kDateOfBirth ? kDateTime : one.entity)});
    return out;
  };
  return tally(texts, find, is_entity);
}

TEST(Names, AreFoundInBothLanguages) {
  constexpr std::pair<std::string_view, std::string_view> kTexts[] = {
      {"Dear Mr. Spears, your card was sent to Boston.", "TITLE Mr.; PERSON Spears; GPE Boston"},
      {"Здравствуйте, Анна Сергеевна! Ждём вас в Казани.", "PERSON Анна Сергеевна; GPE Казани"},
      {"Перевод для Петровой из Сбербанка не пришёл.", "PERSON Петровой; ORGANIZATION Сбербанка"},
      {"i'm ella snider and i live in norway", "PERSON ella snider; GPE norway"},
  };
  for (const auto& [text, wanted] : kTexts) EXPECT_EQ(names_in(usual(), text), wanted);
}

TEST(Names, AreSeenThroughDisguises) {
  EXPECT_EQ(names_in(usual(), "My name is M\u200Baria Keller."), "PERSON M\u200Baria Keller");
  EXPECT_EQ(names_in(usual(), "My name is \uFF2D\uFF41\uFF52\uFF49\uFF41 Keller."),
            "PERSON \uFF2D\uFF41\uFF52\uFF49\uFF41 Keller");
}

TEST(Names, SayWhatStoodNear) {
  for (const Span& one : usual().scan("My name is Hijacinta Godina"))
    EXPECT_EQ(one.why, "name model; near `name`") << one.entity;
}

TEST(Names, AreLookedForOnlyIfAsked) {
  ScannerOptions options;
  options.entities = {"EMAIL_ADDRESS"};
  EXPECT_EQ(names_in(**Scanner::create(options), "Maria Keller, maria@example.com"), "EMAIL_ADDRESS maria@example.com");
  options.entities = {"PERSON"};
  EXPECT_EQ(names_in(**Scanner::create(options), "Maria Keller, maria@example.com"), "PERSON Maria Keller");
}

TEST(Names, AreNotFoundWithinAddressesOfMail) {
  EXPECT_EQ(names_in(usual(), "write to maria.keller@example.com please"), "EMAIL_ADDRESS maria.keller@example.com");
}

TEST(Names, ALowerThresholdShowsMore) {
  const auto texts = read_labelled(FAIRLEAD_SOURCE_DIR "/src/safety/pii/tests/names_ru.tsv");
  ASSERT_TRUE(texts);
  std::size_t counts[3] = {};
  for (const auto& [i, threshold] : {std::pair{0, 0.9}, {1, 0.5}, {2, 0.2}}) {
    const auto scanner = *Scanner::create({.threshold = threshold});
    for (std::size_t n = 0; n < texts->size(); n += 20) counts[i] += scanner->scan((*texts)[n].text).size();
  }
  EXPECT_LT(counts[0], counts[1]);
  EXPECT_LT(counts[1], counts[2]);
}

TEST(Names, AFileThatIsNoneIsRefused) {
  const std::string_view file = names::built_in_file();
  EXPECT_LE(file.size(), 2'000'000U);
  EXPECT_TRUE(names::detector_of(file));
  for (const std::size_t size : {std::size_t{0}, std::size_t{100}, file.size() / 2, file.size() - 1}) {
    const auto made = names::detector_of(file.substr(0, size));
    ASSERT_FALSE(made) << size;
    EXPECT_EQ(made.error().code, "invalid_model");
  }
  alignas(64) static char wild[sizeof(names::ModelHead)] = {};
  std::copy_n(file.data(), sizeof wild, wild);
  reinterpret_cast<names::ModelHead*>(wild)->follows[3][2] = -25'620;
  const auto made = names::detector_of({wild, sizeof wild});
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("transition"), std::string::npos) << made.error().message;
  alignas(64) static char text[4'096] = {};
  EXPECT_FALSE(names::detector_of({text, sizeof text}));
}

// A text of more than one sequence: what is found does not depend on what stands far before it.
TEST(Names, AreFoundInLongTexts) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "The report was sent to Maria Keller on time. ";
  std::size_t people = 0;
  for (const Span& one : usual().scan(text)) people += one.entity == kPerson ? 1 : 0;
  EXPECT_EQ(people, 200U);
}

TEST(Names, OfPublicDataAreFound) {
  auto texts = read_labelled(FAIRLEAD_SOURCE_DIR "/../shared/data/pii/presidio_synth_en.json");
  if (!texts) GTEST_SKIP() << "shared/data is not here";
  std::erase_if(*texts, [](const LabelledText& one) { return !is_reported(one.text); });
  const Tally all = tally_of(*texts);
  EXPECT_GE(all.right_kind.f2(), 0.90) << table_of(all);
  EXPECT_GE(all.any.f2(), 0.90) << table_of(all);
}

// Made from templates and names that training has not seen (tools/train-names).
TEST(Names, InRussianSentencesAreFound) {
  const auto texts = read_labelled(FAIRLEAD_SOURCE_DIR "/src/safety/pii/tests/names_ru.tsv");
  ASSERT_TRUE(texts);
  ASSERT_GE(texts->size(), 3'000U);
  const Tally all = tally_of(*texts);
  EXPECT_GE(all.right_kind.f2(), 0.90) << table_of(all);
  EXPECT_GE(all.any.f2(), 0.90) << table_of(all);
}

// What the questions do name, as a reader sees it, is no false span.
TEST(Names, AreNotSeenInQuestionsToABank) {
  std::ifstream file(FAIRLEAD_SOURCE_DIR "/../shared/data/support/banking77_test.csv");
  if (!file) GTEST_SKIP() << "shared/data is not here";
  const std::set<std::string, std::less<>> named = {"US",
                                                    "USA",
                                                    "usa",
                                                    "U.S.",
                                                    "United States",
                                                    "UK",
                                                    "United Kingdom",
                                                    "EU",
                                                    "European Union",
                                                    "Europe",
                                                    "China",
                                                    "France",
                                                    "Spain",
                                                    "Austria",
                                                    "Germany",
                                                    "Switzerland",
                                                    "London",
                                                    "America",
                                                    "Russia",
                                                    "Africa",
                                                    "Belgium",
                                                    "Japan",
                                                    "Canada",
                                                    "Italy",
                                                    "New York",
                                                    "Paris",
                                                    "Indonesia",
                                                    "Greece",
                                                    "Britain",
                                                    "Portugal",
                                                    "Russian",
                                                    "American",
                                                    "European",
                                                    "British",
                                                    "Australian",
                                                    "English",
                                                    "French",
                                                    "German",
                                                    "Durham",
                                                    "Walton-On-The-Naze",
                                                    "Walton-On",
                                                    "Naze",
                                                    "High St. Kensington",
                                                    "Metro",
                                                    "Metro bank",
                                                    "19"};
  std::string line, wrong_ones;
  std::size_t messages = 0, wrong = 0;
  while (std::getline(file, line)) {
    ++messages;
    line.erase(std::min(line.rfind(','), line.size()));  // the category
    for (const Span& one : usual().scan(line)) {
      const std::string_view text = std::string_view(line).substr(one.start, one.end - one.start);
      if (named.contains(text)) continue;
      ++wrong;
      wrong_ones += std::string(one.entity) + " " + std::string(text) + ": " + line + "\n";
    }
  }
  EXPECT_GT(messages, 3'000U);
  EXPECT_LE(wrong, messages / 200) << wrong_ones;
}

}  // namespace
}  // namespace fairlead::pii
