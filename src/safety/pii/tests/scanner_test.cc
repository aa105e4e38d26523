#include "safety/pii/scanner.h"

#include <gtest/gtest.h>
#include <time.h>

#include <random>
#include <set>
#include <thread>

#include "platform/json/text.h"
#include "safety/pii/entities.h"
#include "safety/pii/tests/entity_cases.h"

namespace fairlead::pii {
namespace {

const Scanner& scanner() {
  static const std::shared_ptr<const Scanner> instance = *Scanner::create({});
  return *instance;
}

std::string said(const std::vector<Span>& spans, std::string_view text) {
  std::string out;
  for (const Span& one : spans)
    out += std::string(one.entity) + " [" + std::string(text.substr(one.start, one.end - one.start)) + "] " +
           std::to_string(one.score) + " " + one.why + "\n";
  return out;
}

TEST(Scanner, FindsEachEntityAndItsBounds) {
  for (const EntityCase& one : entity_cases()) {
    const std::string text = std::string(one.before) + std::string(one.value) + std::string(one.behind);
    const auto spans = scanner().scan(text);
    SCOPED_TRACE(text + "\n" + said(spans, text));
    ASSERT_EQ(spans.size(), 1U);
    EXPECT_EQ(spans[0].entity, one.entity);
    EXPECT_EQ(text.substr(spans[0].start, spans[0].end - spans[0].start), one.value);
    EXPECT_EQ(spans[0].start_character, json::count_characters(one.before));
    EXPECT_EQ(spans[0].end_character - spans[0].start_character, json::count_characters(one.value));
    EXPECT_FALSE(spans[0].why.empty());
  }
}

TEST(Scanner, HasACaseForEachEntity) {
  std::set<std::string_view> with_case;
  for (const EntityCase& one : entity_cases()) with_case.insert(one.entity);
  for (const EntityInfo& one : entities()) EXPECT_TRUE(with_case.contains(one.name)) << one.name;
}

TEST(Scanner, FindsNothingInNearMisses) {
  ScannerOptions options;
  for (const EntityInfo& one : entities())
    if (!is_of_names(one.name)) options.entities.emplace_back(one.name);
  const auto patterns = *Scanner::create(options);
  for (const std::string_view text : near_misses()) {
    const auto spans = patterns->scan(text);
    EXPECT_TRUE(spans.empty()) << text << "\n" << said(spans, text);
  }
}

TEST(Scanner, WordsNearANumberRaiseItsScore) {
  const auto options = ScannerOptions{.threshold = 0};
  const auto all = *Scanner::create(options);
  const auto score = [&](std::string_view text, std::string_view entity) {
    for (const Span& one : all->scan(text))
      if (one.entity == entity) return one.score;
    return 0.0;
  };
  EXPECT_LT(score("7794580730", kRuInn), 0.5);
  EXPECT_GT(score("ИНН организации 7794580730", kRuInn), 0.9);
  EXPECT_GT(score("7794580730 (ИНН)", kRuInn), 0.8);
  EXPECT_LT(score("ИНН, как всегда, не указан, потому что его никто не спрашивал и не собирался: 7794580730", kRuInn),
            0.5)
      << "too far";
  EXPECT_LT(score("длинный 7794580730", kRuInn), 0.5) << "a part of a word";
  EXPECT_LT(score("order 4768140179099146", kCreditCard), 0.5);
}

TEST(Scanner, AnAccountIsSurerWithItsBank) {
  const std::string_view text = "р/с 40702810493976242331 в банке, БИК 044525225";
  const auto spans = scanner().scan(text);
  ASSERT_EQ(spans.size(), 2U) << said(spans, text);
  EXPECT_EQ(spans[0].entity, kRuBankAccount);
  EXPECT_GT(spans[0].score, 0.98);
  EXPECT_EQ(spans[1].entity, kRuBik);
}

TEST(Scanner, TellsNumbersOfOneLineApart) {
  const std::string_view text =
      "ИНН/КПП 7794580730/770701001, ОГРН 1027716062307, тел. +7 916 123-45-67, СНИЛС 659-171-287 29";
  const auto spans = scanner().scan(text);
  std::vector<std::string_view> names;
  for (const Span& one : spans) names.push_back(one.entity);
  EXPECT_EQ(names, (std::vector<std::string_view>{kRuInn, kRuKpp, kRuOgrn, kPhoneNumber, kRuSnils}))
      << said(spans, text);
}

TEST(Scanner, WhatIsWithinAnAddressIsAPartOfIt) {
  const std::string_view text = "https://example.com/pay?card=4111111111111111&mail=a@example.com";
  const auto spans = scanner().scan(text);
  ASSERT_EQ(spans.size(), 1U) << said(spans, text);
  EXPECT_EQ(spans[0].entity, kDomainName);
  EXPECT_EQ(spans[0].end, text.size());
}

TEST(Scanner, SpansDoNotOverlapAndStandInOrder) {
  std::string text;
  for (const EntityCase& one : entity_cases())
    text += std::string(one.before) + std::string(one.value) + std::string(one.behind) + "\n";
  const auto spans = scanner().scan(text);
  EXPECT_GT(spans.size(), 80U);
  for (std::size_t i = 1; i < spans.size(); ++i) EXPECT_LE(spans[i - 1].end, spans[i].start);
}

TEST(Scanner, GivesOnlyWhatIsAskedFor) {
  ScannerOptions options;
  options.entities = {"IP_ADDRESS"};
  options.thresholds = {{"IP_ADDRESS", 0.95}};
  const auto strict = *Scanner::create(options);
  EXPECT_TRUE(strict->scan("http://10.1.2.3/ 4111111111111111").empty());
  options.thresholds.clear();
  const auto only = *Scanner::create(options);
  const auto spans = only->scan("http://10.1.2.3/ 4111111111111111");
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].start, 7U);
}

TEST(Scanner, RefusesOptionsThatMakeNoSense) {
  const auto refused = [](ScannerOptions options) {
    const auto made = Scanner::create(std::move(options));
    return made ? std::string("none") : made.error().param + ": " + made.error().message;
  };
  EXPECT_NE(refused({.threshold = 1.5}).find("threshold: "), std::string::npos);
  EXPECT_NE(refused({.entities = {"CREDIT_CARDS"}}).find("Did you mean `CREDIT_CARD`"), std::string::npos);
  EXPECT_NE(refused({.phone_regions = {"Russia"}}).find("regions: `Russia`"), std::string::npos);
}

class Sevens : public Detector {
 public:
  void find(std::string_view text, std::vector<Finding>& out) const override {
    for (std::size_t at = text.find("seven"); at != std::string_view::npos; at = text.find("seven", at + 1))
      out.push_back({at, at + 5, "SEVEN", 0.9, "the word"});
  }
  std::size_t longest() const override { return 5; }
};

TEST(Scanner, TakesOtherDetectorsBesideItsOwn) {
  ScannerOptions options;
  options.detectors.push_back(std::make_shared<Sevens>());
  const auto both = *Scanner::create(options);
  const std::string_view text = "ｓｅven of a@example.com";  // full-width letters: it sees the normalised text
  const auto spans = both->scan(text);
  ASSERT_EQ(spans.size(), 2U) << said(spans, text);
  EXPECT_EQ(spans[0].entity, "SEVEN");
  EXPECT_EQ(spans[0].end, 9U);
  EXPECT_EQ(spans[0].end_character, 5U);
}

// Numbers of no person: at most one in a thousand may be taken for one's.
TEST(Scanner, LeavesBenignNumbersAlone) {
  std::mt19937 random(11);
  const auto digits = [&](std::size_t count) {
    std::string out;
    while (out.size() < count) out += static_cast<char>('0' + random() % 10);
    return out;
  };
  const auto between = [&](long long low, long long high) {
    return std::to_string(std::uniform_int_distribution<long long>(low, high)(random));
  };
  constexpr int kTexts = 10'000;
  int wrong = 0;
  std::string last;
  for (int i = 0; i < kTexts; ++i) {
    std::string text;
    switch (i % 20) {
      case 0:
        text = "Order " + digits(6 + random() % 7) + " has shipped";
        break;
      case 1:
        text = "order id ORD-" + digits(8 + random() % 9);
        break;
      case 2:
        text = "Заказ № " + digits(5 + random() % 8) + " готов к выдаче";
        break;
      case 3:
        text =
            "Upgrade to " + between(0, 20) + "." + between(0, 99) + "." + between(0, 30'000) + "." + between(0, 9'999);
        break;
      case 4:
        text = "v" + between(0, 20) + "." + between(0, 99) + "." + between(0, 99) + "-rc" + between(1, 9);
        break;
      case 5:
        text = "at " + between(1'500'000'000, 1'900'000'000) + " the job ended";
        break;
      case 6:
        text = "ts=" + between(1'500'000'000'000, 1'900'000'000'000);
        break;
      case 7:
        text = "\"time\": " + between(1'500'000'000'000'000, 1'900'000'000'000'000);
        break;
      case 8:
        text = between(2'010, 2'030) + "-0" + between(1, 9) + "-1" + digits(1) + "T1" + digits(1) + ":2" + digits(1) +
               ":3" + digits(1) + "Z start";
        break;
      case 9:
        text = "It costs " + between(1, 999) + "," + digits(3) + "," + digits(3) + "." + digits(2) + " USD";
        break;
      case 10:
        text = "Цена " + between(1, 999) + " " + digits(3) + " " + digits(3) + ",50 руб.";
        break;
      case 11:
        text = "$" + digits(4) + "." + digits(2) + " in total";
        break;
      case 12:
        text = between(-90, 90) + "." + digits(6) + ", " + between(-180, 180) + "." + digits(6);
        break;
      case 13:
        text = "Coordinates: " + between(0, 90) + "." + digits(5) + " " + between(0, 180) + "." + digits(5);
        break;
      case 14:
        text = "pi is 3." + digits(12);
        break;
      case 15:
        text = "Invoice INV-20" + digits(2) + "-" + digits(6);
        break;
      case 16:
        text = "Трек-номер " + digits(14);
        break;
      case 17:
        text = digits(3) + " of " + digits(5) + " rows, " + digits(2) + "." + digits(2) + "%";
        break;
      case 18:
        text = "row " + digits(6 + random() % 4) + " has " + digits(9) + " bytes";
        break;
      default:
        text = "Order 4" + digits(2) + "-" + digits(7) + "-" + digits(7);
        break;
    }
    const auto spans = scanner().scan(text);
    if (!spans.empty()) ++wrong, last = text + "\n" + said(spans, text);
  }
  EXPECT_LE(wrong, kTexts / 1'000) << last;
}

TEST(Scanner, IsUsedByManyThreadsAtATime) {
  std::string text;
  for (const EntityCase& one : entity_cases())
    text += std::string(one.before) + std::string(one.value) + std::string(one.behind) + "\n";
  const std::string alone = said(scanner().scan(text), text);
  std::vector<std::thread> threads;
  std::vector<int> different(4);
  for (int& mine : different)
    threads.emplace_back([&] {
      for (int i = 0; i < 20; ++i) mine += said(scanner().scan(text), text) != alone ? 1 : 0;
    });
  for (std::thread& one : threads) one.join();
  EXPECT_EQ(different, std::vector<int>(4));
}

// Of this thread, so that what runs beside it does not count.
double processor_seconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Texts that are made so that each byte begins something long. Quadratic would be 1,600 times as long for 40 times the
// text.
TEST(Scanner, TakesATimeThatIsLinearInTheText) {
  const auto time_of = [](std::string_view piece, std::size_t size) {
    std::string text;
    while (text.size() < size) text += piece;
    const double start = processor_seconds();
    (void)scanner().scan(text);
    return processor_seconds() - start;
  };
  for (const std::string_view piece : {"eyJ-",
                                       "PRIVATE KEY-----",
                                       "-----BEGIN PRIVATE KEY-----",
                                       "aaaaaaaaaaaaaaaaaaa1-",
                                       "1 ",
                                       "1.",
                                       "a@",
                                       "a://b",
                                       "www.",
                                       "a.com.",
                                       ":a",
                                       "%41",
                                       "token ",
                                       "карт",
                                       "a1",
                                       "4111 1111 1111 1112 ",
                                       "1/1/",
                                       "may ",
                                       "(",
                                       "٤",
                                       "\u200B",
                                       "аa ",
                                       "Ivan ",
                                       "Иван Петров ",
                                       "Mr. A\n"})
    EXPECT_LE(time_of(piece, 400'000), 200 * (time_of(piece, 10'000) + 1e-4)) << piece;
}

TEST(Scanner, TakesAnyBytes) {
  const auto spans = scanner().scan("\xFF\xFE 4111 1111 1111 1111 \xC3(\xE2\x82");
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].start, 3U);
  EXPECT_EQ(spans[0].start_character, 3U);
  EXPECT_TRUE(scanner().scan("").empty());
  EXPECT_TRUE(scanner().scan(std::string_view("\0\0\0", 3)).empty());
}

}  // namespace
}  // namespace fairlead::pii
