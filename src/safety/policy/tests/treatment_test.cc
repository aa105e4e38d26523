#include "safety/policy/internal/treatment.h"

#include <gmock/gmock.h>

#include "safety/pii/validity.h"
#include "safety/policy/internal/text.h"
#include "safety/policy/tests/support.h"
#include "safety/policy/vault.h"

namespace fairlead::policy {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using tests::made;

constexpr const char* kCard = "My card is 4111 1111 1111 1111, thanks";

TEST(Operators, WriteWhatThePageSays) {
  const struct {
    const char* rule;
    const char* expected;
  } cases[] = {
      {R"("redact")", "My card is , thanks"},
      {R"("replace")", "My card is <CREDIT_CARD>, thanks"},
      {R"({"do":"replace","with":"[card]"})", "My card is [card], thanks"},
      {R"("mask")", "My card is **** **** **** 1111, thanks"},
      {R"({"do":"mask","keep":0,"with":"•"})", "My card is •••• •••• •••• ••••, thanks"},
      {R"({"do":"mask","keep":99})", "My card is **** **** 1111 1111, thanks"},
      {R"("generalise")", "My card is <CREDIT_CARD>, thanks"},
      {R"("pass")", kCard},
  };
  for (const auto& one : cases)
    EXPECT_EQ(made(std::string(R"({"entities":{"CREDIT_CARD":)") + one.rule + "}}", kCard).text, one.expected)
        << one.rule;
}

TEST(Operators, HashUnderTheKeyTheSameEachTime) {
  const std::string rule = R"({"entities":{"CREDIT_CARD":"hash"}})";
  const std::string first = made(rule, kCard).text, other = made(rule, "and 4111 1111 1111 1111").text;
  ASSERT_THAT(first, HasSubstr("<CREDIT_CARD:"));
  EXPECT_EQ(first.substr(11, 26), other.substr(4, 26));
  const auto all = tests::rules({R"({"privacy":)" + rule + "}"});
  const auto other_key = tests::keys_of('b');
  EXPECT_NE(explain(*all, kCard, "default", other_key, tests::test_clock()).text, first);
  EXPECT_NE(explain(*all, kCard, "another", tests::test_keys(), tests::test_clock()).text, first);
}

TEST(Operators, EncryptSoThatItCanBeOpenedWithTheKey) {
  const std::string out = made(R"({"entities":{"CREDIT_CARD":"encrypt"}})", kCard).text;
  ASSERT_THAT(out, HasSubstr("My card is <CREDIT_CARD:enc:"));
  EXPECT_THAT(out, Not(HasSubstr("4111")));
  EXPECT_EQ(tests::test_keys()->decrypt_all("default", out), kCard);
  EXPECT_EQ(tests::test_keys()->decrypt_all("another", out), out);
  EXPECT_EQ(tests::keys_of('b')->decrypt_all("default", out), out);
  EXPECT_EQ(tests::test_keys()->decrypt_all("default", "a <X:enc:!!> :enc: <Y:enc:AAAA> b"),
            "a <X:enc:!!> :enc: <Y:enc:AAAA> b");
}

TEST(Operators, GeneraliseDatesAddressesAndYears) {
  const std::string all =
      R"({"entities":{"DATE_TIME":"generalise","DATE_OF_BIRTH":{"do":"generalise","to":"year"},"IP_ADDRESS":"generalise",
                              "EMAIL_ADDRESS":"generalise","AGE":"generalise"}})";
  EXPECT_EQ(made(all, "born on 12.05.1990").text, "born on 1990");
  EXPECT_EQ(made(all, "On 2024-05-12 it rained").text, "On 2024-05 it rained");
  EXPECT_EQ(made(all, "from 203.0.113.77 again").text, "from 203.0.113.0/24 again");
  EXPECT_EQ(made(all, "write to maria@bank.ru").text, "write to bank.ru");
  EXPECT_EQ(made(all, "he is 34 years old").text, "he is 30–39 years old");
}

TEST(Operators, BlockNamesTheClassAndKeepsTheValueToItself) {
  const Explained out = made(R"({"entities":{"CREDIT_CARD":"block"}})", kCard);
  EXPECT_EQ(out.blocked, "CREDIT_CARD");
  EXPECT_THAT(out.text, Not(HasSubstr("4111")));
}

TEST(Rules, TheStrictestOfAllThatApplyCounts) {
  const auto all = tests::rules(
      {R"({"privacy":{"entities":{"CREDIT_CARD":"mask","EMAIL_ADDRESS":"pass"},"media":"pass","time_limit":"90ms"}})",
       R"({"privacy":{"entities":{"CREDIT_CARD":"redact"},"default":"replace","failure":"open"}})"});
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(all->rule("CREDIT_CARD").what, Operator::kRedact);
  EXPECT_EQ(all->rule("EMAIL_ADDRESS").what, Operator::kReplace);
  EXPECT_EQ(all->rule("RU_INN").what, Operator::kReplace);
  EXPECT_FALSE(all->passes_media);
  EXPECT_FALSE(all->is_open);
  EXPECT_EQ(all->time_limit, Millis(90)) << "who writes no time waits as long as the others";
  EXPECT_THAT(all->policies, ElementsAre("p0@1", "p1@1"));
}

TEST(Rules, TheShortestTimesThatAreWrittenCount) {
  const auto none = tests::rules({R"({"privacy":{"default":"replace"}})", R"({"privacy":{"default":"mask"}})"});
  ASSERT_NE(none, nullptr);
  EXPECT_EQ(none->time_limit, Millis(50));
  EXPECT_EQ(none->ttl, std::chrono::days(30));
  const auto some =
      tests::rules({R"({"privacy":{"default":"replace","time_limit":"10s","ttl":"90d"}})",
                    R"({"privacy":{"default":"mask"}})", R"({"privacy":{"time_limit":"5s","ttl":"60d"}})"});
  ASSERT_NE(some, nullptr);
  EXPECT_EQ(some->time_limit, Millis(5'000));
  EXPECT_EQ(some->ttl, std::chrono::days(60));
  const auto ages = tests::rules({R"({"privacy":{"time_limit":"3650d"}})"});
  ASSERT_NE(ages, nullptr);
  EXPECT_EQ(ages->time_limit, kLongestTimeLimit) << "as one that was applied before there was a longest may say";
}

TEST(Rules, WhatIsTriedOutChangesNothing) {
  const auto all = tests::rules({R"({"privacy":{"entities":{"CREDIT_CARD":"block"},"shadow":true}})"});
  ASSERT_NE(all, nullptr);
  EXPECT_EQ(explain(*all, kCard, "default", tests::test_keys(), tests::test_clock()).text, kCard);
  EXPECT_EQ(explain(*all->shadow, kCard, "default", tests::test_keys(), tests::test_clock()).blocked, "CREDIT_CARD");
}

TEST(Rules, ResidencyIsToldWithoutAnyChange) {
  const Explained out = made(R"({"entities":{"CREDIT_CARD":{"do":"pass","not_to":["openai"]}}})", kCard);
  EXPECT_EQ(out.text, kCard);
  EXPECT_THAT(out.not_to, ElementsAre("openai"));
}

TEST(Rules, ResidencyHoldsWhateverTheDirection) {
  const Explained out =
      made(R"({"entities":{"CREDIT_CARD":{"do":"mask","direction":"output","not_to":["openai"]}}})", kCard);
  EXPECT_EQ(out.text, kCard);
  EXPECT_THAT(out.not_to, ElementsAre("openai"));
}

TEST(Operators, ManyMarksAreNoWork) {
  std::string text;
  while (text.size() < 1'000'000) text += ":enc:";
  EXPECT_EQ(tests::test_keys()->decrypt_all("default", text), text);
}

// Detectors may see somebody in one place and not in the next; a call is hidden as a whole.
TEST(Finding, WhoIsFoundOnceIsFoundInAllOfACall) {
  const auto all = tests::rules({R"({"privacy":{"entities":{"PERSON":"pseudonymise","GPE":"redact"}}})"});
  Session session(tests::test_key(), "default");
  TextJob jobs[] = {{.text = "and Jesse Simpson did. Simpson's jesse"},
                    {.text = "Jesse Simpson"},
                    {.text = "jesse@x", .is_name = true}};
  jobs[0].found = {{10, 17, "PERSON", 0.9, "fake"}};
  jobs[1].found = {{0, 13, "PERSON", 0.9, "fake"}};
  Haystack haystack;
  std::vector<TextJob*> of_call;
  for (TextJob& job : jobs) {
    haystack.add(job.text);
    of_call.push_back(&job);
  }
  const Treater treater{.rules = *all,
                        .side = Side::kInput,
                        .project = "default",
                        .key = *tests::test_keys(),
                        .session = &session,
                        .haystack = &haystack};
  Outcome outcome;
  treater.treat_all(of_call, outcome);
  EXPECT_THAT(jobs[0].instead, ::testing::StartsWith("and "));
  EXPECT_THAT(lower(jobs[0].instead), Not(HasSubstr("jesse"))) << jobs[0].instead;
  EXPECT_THAT(jobs[0].instead, Not(HasSubstr("Simpson"))) << jobs[0].instead;
  EXPECT_FALSE(jobs[2].changed);
  EXPECT_EQ(outcome.done.json(), R"({"PERSON":{"pseudonymise":5}})") << "each place once, not once for each look";
  const Explained told = explain(*all, "Dear Jesse Simpson, Jesse", "default", tests::test_keys(), tests::test_clock());
  EXPECT_LE(told.spans.size(), 3U);
  for (std::size_t i = 1; i < told.spans.size(); ++i) EXPECT_GE(told.spans[i].start, told.spans[i - 1].end);
}

// What is scanned in blocks is found at their seams too.
TEST(Finding, LongTextsAreSeenWhole) {
  const auto all = tests::rules({R"({"privacy":{"entities":{"EMAIL_ADDRESS":"replace"}}})"});
  for (const std::size_t at : {63'000U, 65'520U, 65'530U, 65'535U, 65'536U, 66'000U, 131'060U}) {
    std::string text;
    while (text.size() < at) text += "some words of no one. ";
    text.resize(at, ' ');
    text += " maria@example.com ";
    while (text.size() < 200'000) text += "and more of them. ";
    TextJob job{.text = text};
    EXPECT_TRUE(find(*all, job, tests::test_clock(), SteadyTime::max()));
    ASSERT_EQ(job.found.size(), 1U) << at;
    EXPECT_EQ(job.found[0].start, at + 1) << at;
  }
}

TEST(Finding, GivesUpWhenTheTimeIsOver) {
  const auto all = tests::rules({R"({"privacy":{"default":"replace"}})"});
  const std::string text(1'000'000, 'a');
  TextJob job{.text = text};
  EXPECT_FALSE(find(*all, job, tests::test_clock(), tests::test_clock().steady()));
}

// Values of every shape become others of that shape, and are given back.
TEST(Pseudonyms, KeepTheShape) {
  const struct {
    const char *entity, *text;
  } cases[] = {
      {"CREDIT_CARD", "4276 1234 5678 9016"},
      {"CREDIT_CARD", "2202201234567892"},
      {"CREDIT_CARD", "3714-496353-98431"},
      {"IBAN_CODE", "DE89 3704 0044 0532 0130 00"},
      {"EMAIL_ADDRESS", "maria.k@bank.ru"},
      {"PHONE_NUMBER", "+7 916 123-45-67"},
      {"PHONE_NUMBER", "8 (916) 123-45-67"},
      {"PHONE_NUMBER", "(212) 555-0187"},
      {"RU_INN", "7707083893"},
      {"RU_INN", "500100732259"},
      {"RU_SNILS", "112-233-445 95"},
      {"RU_OGRN", "1027700132195"},
      {"RU_PASSPORT", "45 10 123456"},
      {"US_SSN", "078-05-1120"},
      {"IP_ADDRESS", "8.8.4.4"},
      {"MAC_ADDRESS", "00:1a:2b:3c:4d:5e"},
      {"UK_NHS", "943 476 5919"},
      {"PL_PESEL", "44051401359"},
      {"DE_TAX_ID", "86095742719"},
      {"ES_DNI", "12345678Z"},
      {"NL_BSN", "111222333"},
      {"IT_FISCAL_CODE", "RSSMRA85T10A562S"},
      {"CONTRACT", "C-20417"},
      {"RU_CAR_PLATE", "А123ВС77"},
      {"DOMAIN_NAME", "https://bank.ru/private/42"},
      {"DATE_TIME", "12.05.1990"},
  };
  for (const auto& one : cases) {
    Session session(tests::test_key(), "default");
    Haystack others;
    others.add(one.text);
    const std::string now = session.hide(one.entity, one.text, others);
    ASSERT_FALSE(now.empty()) << one.entity << " " << one.text;
    EXPECT_NE(now, one.text);
    EXPECT_EQ(session.hide(one.entity, one.text, others), now) << "the same again";
    if (pii::could_be(one.entity, compact(one.text))) {
      EXPECT_TRUE(pii::could_be(one.entity, compact(now))) << one.entity << " " << now;
    }
    const auto pseudonyms = session.pseudonyms();
    EXPECT_EQ(Vault::restored(*pseudonyms, now), one.text) << now;
  }
}

TEST(Pseudonyms, CardsKeepTheirSchemeAndGroups) {
  Session session(tests::test_key(), "default");
  Haystack others;
  EXPECT_THAT(session.hide("CREDIT_CARD", "4276 1234 5678 9016", others),
              ::testing::MatchesRegex("4111 11[0-9][0-9] [0-9]{4} [0-9]{4}"));
  EXPECT_THAT(session.hide("CREDIT_CARD", "2202201234567892", others), ::testing::StartsWith("220000"));
  EXPECT_THAT(session.hide("EMAIL_ADDRESS", "a@bank.ru", others),
              ::testing::MatchesRegex(".*@example\\.(com|org|net)"));
  EXPECT_THAT(session.hide("PHONE_NUMBER", "+7 916 123-45-67", others), ::testing::StartsWith("+7 916 "));
}

TEST(Pseudonyms, WhatCannotBeImitatedIsReplaced) {
  const std::string wide = "card ４１１１ １１１１ １１１１ １１１１";
  EXPECT_EQ(made(R"({"entities":{"CREDIT_CARD":"pseudonymise"}})", wide).text, "card <CREDIT_CARD>");
  EXPECT_EQ(made(R"({"entities":{"CREDIT_CARD":{"do":"mask","keep":0}}})", wide).text, "card **** **** **** ****");
  const std::string hidden = "card 4111\u200b111111111111, mail ivan%40bank.ru, NDExMTExMTExMTExMTExMQ==";
  const std::string out =
      made(R"({"entities":{"CREDIT_CARD":"pseudonymise","EMAIL_ADDRESS":"pseudonymise"}})", hidden).text;
  EXPECT_THAT(out, Not(HasSubstr("4111"))) << out;
  EXPECT_THAT(out, Not(HasSubstr("bank.ru"))) << out;
  EXPECT_THAT(out, Not(HasSubstr("NDExMTEx"))) << out;
}

TEST(Pseudonyms, DatesOfASessionMoveTogether) {
  const std::string out = made(R"({"entities":{"DATE_TIME":"pseudonymise"}})", "from 2024-03-01 to 2024-03-15").text;
  ASSERT_EQ(out.size(), std::string("from 2024-03-01 to 2024-03-15").size());
  const auto day = [](std::string_view text) {
    using namespace std::chrono;
    return sys_days(year_month_day{year{std::stoi(std::string(text.substr(0, 4)))},
                                   month{static_cast<unsigned>(std::stoi(std::string(text.substr(5, 2))))},
                                   std::chrono::day{static_cast<unsigned>(std::stoi(std::string(text.substr(8, 2))))}});
  };
  EXPECT_EQ((day(out.substr(19)) - day(out.substr(5, 10))).count(), 14) << out;
}

}  // namespace
}  // namespace fairlead::policy
