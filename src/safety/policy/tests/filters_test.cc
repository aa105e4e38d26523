#include "safety/policy/internal/filters.h"

#include <gmock/gmock.h>

#include <random>

#include "platform/json/text.h"
#include "safety/policy/internal/chat_rewriter.h"
#include "safety/policy/internal/text.h"
#include "safety/policy/tests/support.h"

namespace fairlead::policy {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string in_pieces(TextFilter& filter, std::string_view text, std::mt19937& random) {
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = std::min<std::size_t>(1 + random() % 7, text.size() - at);
    EXPECT_TRUE(filter.push(text.substr(at, size), false, out));
    at += size;
  }
  EXPECT_TRUE(filter.push({}, true, out));
  return out;
}

// Texts of names, numbers and words in any order, hidden, and given back from pieces that end at any byte.
TEST(Restoring, GivesBackTenThousandTextsFromAnyPieces) {
  constexpr const char* kFirst[] = {"Иван", "Мария",  "Сергей", "Ольга", "Дмитрий", "Анна",  "Пётр",
                                    "Юлия", "Кузьма", "Айгуль", "John",  "Mary",    "Giulia"};
  constexpr const char* kLast[] = {"Петров", "Соколова", "Достоевский", "Шевченко",   "Гринберг",
                                   "Сёмина", "Smith",    "O'Connor",    "van Houten", "Ли"};
  constexpr const char* kWords[] = {"заказ",  "the order", "был", "is",   "12",    "—",    "оплачен", "и",   "\n",
                                    "please", "😀",         "№7",  "call", "(или)", "«да»", "e.g.",    "что?"};
  std::mt19937 random(20261127);
  const auto pick = [&random](const auto& list) { return std::string(list[random() % std::size(list)]); };
  const auto digits = [&random](int count) {
    std::string out;
    for (int i = 0; i < count; ++i) out += static_cast<char>('0' + (i == 0 ? 1 + random() % 9 : random() % 10));
    return out;
  };
  for (int round = 0; round < 10'000; ++round) {
    Session session(tests::test_key(), "round " + std::to_string(round % 50));
    std::vector<std::pair<std::string, std::string>> parts;  // entity (or none), text
    const int count = 2 + static_cast<int>(random() % 10);
    for (int i = 0; i < count; ++i) {
      switch (random() % 9) {
        case 0:
          parts.emplace_back("PERSON", pick(kFirst) + " " + pick(kLast));
          break;
        case 1:
          parts.emplace_back("PERSON", random() % 4 == 0 ? upper(pick(kFirst)) : pick(kFirst));
          break;
        case 2:
          parts.emplace_back("EMAIL_ADDRESS", "user" + digits(3) + "@bank.ru");
          break;
        case 3:
          parts.emplace_back("PHONE_NUMBER", "+7 916 " + digits(3) + "-" + digits(2) + "-" + digits(2));
          break;
        case 4:
          parts.emplace_back("CREDIT_CARD", "4276 " + digits(4) + " " + digits(4) + " " + digits(4));
          break;
        case 5:
          parts.emplace_back("DATE_TIME", std::to_string(1 + random() % 28) + ".0" + std::to_string(1 + random() % 9) +
                                              ".19" + digits(2));
          break;
        default:
          parts.emplace_back("", pick(kWords));
          break;
      }
    }
    std::string original, hidden;
    for (const auto& [entity, text] : parts) original += (original.empty() ? "" : " ") + text;
    Haystack others;
    others.add(original);
    for (const auto& [entity, text] : parts) {
      hidden += hidden.empty() ? "" : " ";
      hidden += entity.empty() ? text : session.hide(entity, text, others);
    }
    Restorer restorer(session.pseudonyms(), false);
    ASSERT_EQ(in_pieces(restorer, hidden, random), original) << "round " << round << ": " << hidden;
  }
}

TEST(Restoring, HoldsBackWhatMayBeAPseudonymAndNothingElse) {
  auto forms = std::make_shared<Matcher>();
  forms->add({"Антон Беликов", "Иван Петров", Written::kAsWords, 0});
  Restorer restorer(forms, false);
  std::string out;
  EXPECT_TRUE(restorer.push("Hello, Ан", false, out));
  EXPECT_EQ(out, "Hello, ");
  EXPECT_TRUE(restorer.push("архия", false, out));
  EXPECT_EQ(out, "Hello, Анархия");
  EXPECT_TRUE(restorer.push(" Антон Белик", false, out));
  EXPECT_EQ(out, "Hello, Анархия ");
  EXPECT_TRUE(restorer.push("ов", false, out));
  EXPECT_EQ(out, "Hello, Анархия ") << "it may go on";
  EXPECT_TRUE(restorer.push(".", false, out));
  EXPECT_EQ(out, "Hello, Анархия Иван Петров.");
  EXPECT_FALSE(restorer.holds());
}

TEST(Restoring, LeavesWordsThatContainOne) {
  auto forms = std::make_shared<Matcher>();
  forms->add({"Fred", "Bob", Written::kAsWords, 0});
  forms->add({"1234 5678", "8765 4321", Written::kAsNumber, 0});
  Restorer restorer(forms, false);
  std::string out;
  EXPECT_TRUE(restorer.push("Frederick, Alfred, FRED; 12345678 1234-5678 912345678", true, out));
  EXPECT_EQ(out, "Frederick, Alfred, BOB; 8765 4321 8765 4321 912345678");
}

TEST(Restoring, StaysJsonWithinJson) {
  auto forms = std::make_shared<Matcher>();
  forms->add({"ООО «Кварцтех»", "ООО \"Ромашка\"", Written::kAsWords, 0});
  Restorer restorer(with_escapes(*forms), true);
  std::string out;
  EXPECT_TRUE(restorer.push(
      R"({"a":"ООО «Кварцтех»","b":"\u041e\u041e\u041e \u00ab\u041a\u0432\u0430\u0440\u0446\u0442\u0435\u0445\u00bb"})",
      true, out));
  const auto value = json::parse(out);
  ASSERT_TRUE(value) << out;
  EXPECT_EQ(value->at("a").as_string(), "ООО \"Ромашка\"");
  EXPECT_EQ(value->at("b").as_string(), "ООО \"Ромашка\"");
}

TEST(Restoring, SeesWordsBehindEscapes) {
  auto forms = std::make_shared<Matcher>();
  forms->add({"Антон", "Иван", Written::kAsWords, 0});
  forms->add({"Fred", "Bob", Written::kAsWords, 0});
  std::mt19937 random(5);
  for (int round = 0; round < 50; ++round) {
    Restorer restorer(with_escapes(*forms), true);
    EXPECT_EQ(
        in_pieces(restorer,
                  R"(Dear\nАнтон,\tFred \u00a0Антон \u0410\u043d\u0442\u043e\u043d\nFred\n \u0430Fred x\\Fred nFred)",
                  random),
        R"(Dear\nИван,\tBob \u00a0Иван Иван\nBob\n \u0430Fred x\\Bob nFred)");
  }
}

class Watching : public ::testing::Test {
 protected:
  void SetUp() override {
    rules = tests::rules(
        {R"({"privacy":{"entities":{"CREDIT_CARD":{"do":"mask","direction":"output"},"SECRET":{"do":"block","direction":"both"}}}})"});
    treater.emplace(Treater{.rules = *rules, .side = Side::kOutput, .project = "default", .key = *tests::test_keys()});
  }
  std::shared_ptr<const Rules> rules;
  std::optional<Treater> treater;
  Outcome outcome;
};

TEST_F(Watching, FindsAcrossPieces) {
  std::mt19937 random(7);
  std::string text;
  for (int i = 0; i < 30; ++i) text += "Some words of the model, and your card 4111 1111 1111 1111 is blocked now. ";
  for (int round = 0; round < 50; ++round) {
    Watcher watcher(*treater, outcome, nullptr, tests::test_clock());
    const std::string out = in_pieces(watcher, text, random);
    EXPECT_THAT(out, Not(HasSubstr("4111")));
    EXPECT_EQ(out.size(), text.size());
    EXPECT_THAT(out, HasSubstr("your card **** **** **** 1111 is"));
  }
}

TEST_F(Watching, CutsNoCharacterOfATextWithoutSpaces) {
  Watcher watcher(*treater, outcome, nullptr, tests::test_clock());
  std::string out, all;
  for (int i = 0; i < 3'000; ++i) {
    all += "一二三";
    ASSERT_TRUE(watcher.push("一二三", false, out));
    ASSERT_EQ(json::valid_utf8_prefix(out), out.size());
  }
  EXPECT_FALSE(out.empty());
  ASSERT_TRUE(watcher.push({}, true, out));
  EXPECT_EQ(out, all);
}

TEST_F(Watching, HoldsBackAWindowAtMost) {
  Watcher watcher(*treater, outcome, nullptr, tests::test_clock());
  std::string out, all;
  for (int i = 0; i < 400; ++i) {
    all += "word ";
    ASSERT_TRUE(watcher.push("word ", false, out));
    EXPECT_GE(out.size() + Watcher::kWindow + 8, all.size());
  }
}

TEST_F(Watching, EndsWhatIsBlocked) {
  Watcher watcher(*treater, outcome, nullptr, tests::test_clock());
  std::string out;
  const auto seen = watcher.push("the key is ghp_0123456789abcdefghijABCDEFGHIJ012345 and so on", true, out);
  ASSERT_FALSE(seen);
  EXPECT_EQ(seen.error().code, "privacy_blocked");
  EXPECT_THAT(seen.error().message, Not(HasSubstr("ghp_")));
}

std::string event(const std::string& delta, const std::string& finish = "null") {
  return R"(data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":)" +
         delta + R"(,"finish_reason":)" + finish + "}]}\n\n";
}

std::string content_of(std::string_view wire) {
  std::string out;
  for (std::size_t at = 0; at < wire.size();) {
    const std::size_t end = wire.find("\n\n", at);
    const auto value = json::parse(wire.substr(at + 6, end - at - 6));
    EXPECT_TRUE(value) << wire.substr(at, end - at);
    if (value)
      for (const auto& choice : value->at("choices").as_array())
        if (const auto* text = choice.at("delta").as_object().if_contains("content");
            text != nullptr && text->is_string())
          out += text->get_string();
    at = end + 2;
  }
  return out;
}

TEST(Rewriting, StreamsAreGivenBackWhole) {
  auto forms = std::make_shared<Matcher>();
  forms->add({"Антон", "Иван", Written::kAsWords, 0});
  const auto make = [&forms](ChatRewriter::Kind) { return std::make_unique<Restorer>(forms, false); };
  ChatRewriter rewriter(make, true);
  std::string out;
  for (const std::string& one : {event(R"({"role":"assistant","content":""})"), event(R"({"content":"Hello, Ан"})"),
                                 event(R"({"content":"то"})"), event(R"({"content":"н"})"), event("{}", R"("stop")")}) {
    const auto now = rewriter.take(one, false);
    ASSERT_TRUE(now);
    out += *now;
  }
  out += *rewriter.take({}, true);
  EXPECT_EQ(content_of(out), "Hello, Иван");
  EXPECT_LT(out.find("Иван"), out.find(R"("finish_reason":"stop")")) << out;
}

TEST(Rewriting, WhatHoldsNothingPassesAsItIs) {
  auto forms = std::make_shared<Matcher>();
  forms->add({"Антон", "Иван", Written::kAsWords, 0});
  ChatRewriter rewriter([&forms](ChatRewriter::Kind) { return std::make_unique<Restorer>(forms, false); }, true);
  const std::string one = event(R"({"content":"nothing of \u0431 anyone "})");
  EXPECT_EQ(*rewriter.take(one, false), one);
  const std::string comment = ": keep-alive\n\n";
  EXPECT_EQ(*rewriter.take(comment, false), comment);
}

TEST(Rewriting, ToolCallsAndWholeAnswers) {
  auto forms = std::make_shared<Matcher>();
  forms->add({"Антон", "Иван", Written::kAsWords, 0});
  const auto make = [&forms](ChatRewriter::Kind kind) {
    return std::make_unique<Restorer>(forms, kind == ChatRewriter::Kind::kArguments);
  };
  ChatRewriter streamed(make, true);
  std::string out;
  for (const std::string& one :
       {event(R"({"content":"see Ант"})"),
        event(R"({"tool_calls":[{"index":0,"id":"a","function":{"name":"f","arguments":"{\"n\":\"Ан"}}]})"),
        event(R"({"tool_calls":[{"index":0,"function":{"arguments":"тон\"}"}}]})"), event("{}", R"("tool_calls")")})
    out += *streamed.take(one, false);
  EXPECT_THAT(out, HasSubstr("Ант")) << "the text ends where the call begins";
  EXPECT_THAT(out, HasSubstr(R"(Иван\"}")"));
  ChatRewriter whole(make, false);
  const auto body = whole.take(
      R"({"choices":[{"index":0,"message":{"content":"Антон","tool_calls":[{"function":{"name":"Антон","arguments":"{\"a\":\"Антон\"}"}}]},"finish_reason":"stop"}]})",
      true);
  ASSERT_TRUE(body);
  EXPECT_THAT(*body, HasSubstr(R"("content":"Иван")"));
  EXPECT_THAT(*body, HasSubstr(R"({\"a\":\"Иван\"})"));
  EXPECT_THAT(*body, HasSubstr(R"("name":"Антон")")) << "a tool's name is no text";
}

}  // namespace
}  // namespace fairlead::policy
