#include "platform/expr/expression.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/json/object.hpp>
#include <thread>

#include "platform/expr/json.h"
#include "platform/expr/tests/mutations.h"
#include "platform/json/text.h"

namespace fairlead::expr {
namespace {

Environment environment() {
  Environment out;
  out.declare("locale", Kind::kString);
  out.declare("tier", Kind::kString);
  out.declare("score", Kind::kDouble);
  out.declare("time", Kind::kTimestamp);
  out.declare("tags", Type::map(Kind::kString, Kind::kString));
  out.declare("user", Type::object({{"id", Kind::kString}, {"age", Kind::kInt}, {"limit", Kind::kDouble}}));
  out.declare("words", Type::list(Kind::kString));
  out.declare("anything", {});
  return out;
}

boost::json::object variables() {
  return json::parse(R"({"locale": "ru", "tier": "gold", "score": 3, "time": "2026-11-26T23:30:00Z",
      "tags": {"channel": "app"}, "user": {"id": "u-17", "age": 34, "limit": 5}, "words": ["a", "bb"],
      "anything": [1, "x", null]})")
      ->as_object();
}

// The value as JSON, or the fault's code and message.
std::string evaluated(std::string_view source, const Limits& limits = {}) {
  const auto compiled = Expression::compile(source, environment());
  if (!compiled) return compiled.error().code + ": " + compiled.error().error().message;
  const boost::json::object object = variables();
  Evaluation evaluation;
  const auto result = compiled->evaluate(JsonVariables(object), evaluation, limits);
  if (!result) return result.error().code + ": " + result.error().error().message;
  return json::to_text(to_json(*result));
}

struct Example {
  const char* source;
  const char* wanted;
};
void check(std::span<const Example> examples) {
  for (const auto& [source, wanted] : examples) EXPECT_EQ(evaluated(source), wanted) << source;
}

TEST(Expression, ReadsVariablesOfTheCall) {
  static constexpr Example kExamples[] = {
      {"locale == 'ru' && tier in ['gold', 'platinum']", "true"},
      {"tags.channel == 'app' && !has(tags.campaign)", "true"},
      {"'channel' in tags && tags['channel'].startsWith('a')", "true"},
      {"user.age >= 18 ? 'adult' : 'minor'", "\"adult\""},
      {"score / 2.0", "1.5"},
      {"user.limit + 0.5", "5.5"},
      {"time.getHours('Europe/Berlin')", "0"},
      {"time - duration('24h') < timestamp('2026-11-26T00:00:00Z')", "true"},
      {"words.map(w, size(w) > 1, w.upperAscii())", "[\"BB\"]"},
      {"anything[0] + 1", "2"},
      {"anything == [1, 'x', null]", "true"},
      {"score == 3", "true"},
  };
  check(kExamples);
}

TEST(Expression, SaysWhatIsWrongWhereAndWhatToDo) {
  static constexpr Example kExamples[] = {
      {"localle == 'ru'",
       "expression_type: line 1, column 1: unknown variable `localle`. Did you mean `locale`? Declared: "
       "locale, tier, score, time, tags, user, words, anything."},
      {"user.agee > 1",
       "expression_type: line 1, column 6: unknown field `agee`. Did you mean `age`? Declared: id, age, limit."},
      {"locale = 'ru'", "expression_syntax: line 1, column 8: `=` is no operator; equality is `==`."},
      {"locale ==\n  3",
       "expression_type: line 1, column 8: string and int are never equal. Convert one: `string(x)`, `int(x)`."},
      {"'é' +\n  -true",
       "expression_type: line 2, column 3: `-` stands before an int or a double, and this is of type bool."},
      {"tier && true",
       "expression_type: line 1, column 1: `&&` wants a bool, and this is of type string; compare it: `… == \"…\"` or "
       "`… != \"\"`."},
      {"locale.startWith('r')",
       "expression_type: line 1, column 8: unknown function `startWith`. Did you mean `startsWith`?"},
      {"contains(locale, 'r')",
       "expression_type: line 1, column 1: unknown function `contains`. It is written x.contains(…)."},
      {"'r' in locale",
       "expression_type: line 1, column 5: `in` asks a list or a map; for a part of a string write "
       "text.contains(part)."},
      {"locale.contains(1)",
       "expression_type: line 1, column 8: `contains` is not there for (string, int); there is "
       "string.contains(string)."},
      {"score + 1",
       "expression_type: line 1, column 7: `+` has no meaning between double and int. Convert one: `double(x)`, "
       "`int(x)`, `uint(x)`."},
      {"locale.matches('(')",
       "expression_type: line 1, column 16: this is no regular expression of RE2: missing ): (."},
      {"time.getHours('Europe/Berln')",
       "expression_type: line 1, column 15: there is no time zone `Europe/Berln`; write one of the IANA database "
       "(Europe/Berlin) or an offset (+02:00)."},
      {"time < timestamp('yesterday')",
       "expression_type: line 1, column 8: \"yesterday\" is not a timestamp (2026-11-26T14:02:00Z)."},
      {"[1, 2",
       "expression_syntax: line 1, column 6: expected `]` or `,` after an item, found the end of the expression."},
      {"'abc",
       "expression_syntax: line 1, column 1: the text that starts here has no closing `'` on its line; for several "
       "lines use three quotes."},
      {"", "expression_syntax: line 1, column 1: the expression is empty."},
      {"a{b: 1}",
       "expression_unsupported: line 1, column 2: messages (`Name{…}`) are not supported: there are no protobuf types "
       "here; write a map."},
      {"words[0",
       "expression_syntax: line 1, column 8: expected `]` after the subscript, found the end of the expression."},
      {"words.all(1, true)",
       "expression_syntax: line 1, column 11: the first argument names the variable that stands for each item: "
       "list.all(x, x > 0)."},
      {"tags.campaign == 'x'",
       "expression_error: line 1, column 6: there is no key \"campaign\". There is \"channel\". has(map.key) asks "
       "before."},
      {"words[2]", "expression_error: line 1, column 6: 2 is out of bounds: the size is 2."},
      {"1 / (user.age - 34)", "expression_error: line 1, column 3: division by zero."},
      {"9223372036854775807 + user.age",
       "expression_error: line 1, column 21: the result of `+` is beyond the range of its type."},
      {"anything[1] + 1", "expression_error: line 1, column 13: `+` has no meaning for string and int."},
  };
  check(kExamples);
}

TEST(Expression, AbsorbsErrorsInAndAndOr) {
  static constexpr Example kExamples[] = {
      {"tags.campaign == 'x' || locale == 'ru'", "true"},
      {"tags.campaign == 'x' && locale == 'en'", "false"},
      {"locale == 'ru' || tags.campaign == 'x'", "true"},
      {"words.exists(w, 1 / (size(w) - 1) > 0)", "true"},
  };
  check(kExamples);
  EXPECT_TRUE(evaluated("tags.campaign == 'x' || locale == 'en'").starts_with("expression_error"));
}

TEST(Expression, HasTheFunctionsOfStrings) {
  static constexpr Example kExamples[] = {
      {"'tacocat'.charAt(3) + 'hello'.charAt(5) + '©αT'.charAt(1)", "\"oα\""},
      {"['tacocat'.indexOf('ac'), 'tacocat'.indexOf('none'), 'tacocat'.indexOf('a', 3), 'ta©o©αT'.indexOf('©', 3), "
       "''.indexOf('')]",
       "[1,-1,5,4,0]"},
      {"['tacocat'.lastIndexOf('at'), 'ta©o©αT'.lastIndexOf('©'), 'tacocat'.lastIndexOf('a', 4), 'x'.lastIndexOf('')]",
       "[5,4,1,1]"},
      {"['x', 'y'].join() + ['x', 'y'].join('-') + [].join('-')", "\"xyx-y\""},
      {"['hello hello'.replace('he', 'we'), 'hello'.replace('l', '', 1), '12'.replace('', '_'), 'a'.replace('a', 'b', "
       "0)]",
       "[\"wello wello\",\"helo\",\"_1_2_\",\"a\"]"},
      {"['a b c'.split(' '), 'a b c'.split(' ', 2), 'a©'.split(''), 'a'.split('b', 0), ''.split(','), 'x,'.split(',')]",
       "[[\"a\",\"b\",\"c\"],[\"a\",\"b c\"],[\"a\",\"©\"],[],[\"\"],[\"x\",\"\"]]"},
      {"['tacocat'.substring(4), 'tacocat'.substring(0, 4), 'ta©o©αT'.substring(2, 6), 'a'.substring(1)]",
       "[\"cat\",\"taco\",\"©o©α\",\"\"]"},
      {"' \\u00a0\\u2003x y\\u3000\\n'.trim() + 'TacoÆ'.lowerAscii() + 'tacoæ'.upperAscii() + 'ab©'.reverse()",
       "\"x ytacoÆTACOæ©ba\""},
      {"size('πέντε') == 'πέντε'.size() && 'Grey'.matches('^(?i)gr[ae]y$') && matches('ab', 'b')", "true"},
  };
  check(kExamples);
  for (const char* const source : {"'a'.charAt(2)", "'a'.charAt(-1)", "'a'.substring(2)", "'abc'.substring(2, 1)",
                                   "'a'.indexOf('a', 3)", "[1].join()"})
    EXPECT_FALSE(evaluated(source).starts_with("\"")) << source;
}

TEST(Expression, Converts) {
  static constexpr Example kExamples[] = {
      {"[int('-5'), int(2.9), int(-2.9), int(7u), int(timestamp('1970-01-01T00:01:00Z'))]", "[-5,2,-2,7,60]"},
      {"[uint(3.9), uint('3'), uint(1)]", "[3,3,1]"},
      {"[double('1e3'), double(5), string(1.0), string(-0.0045), string(1e21), string(123456789.0)]",
       "[1000.0,5.0,\"1\",\"-0.0045\",\"1e+21\",\"123456789\"]"},
      {"[string(true), string(b'abc'), string(7u), bool('true'), bool('0')]", "[\"true\",\"abc\",\"7\",true,false]"},
      {"[string(duration('1h30m')), string(duration('-1.5s')), string(duration('0'))]", "[\"5400s\",\"-1.5s\",\"0s\"]"},
      {"string(timestamp('2026-03-29T03:30:00.120+02:00'))", "\"2026-03-29T01:30:00.12Z\""},
      {"[type(1) == int, type(null) == null_type, type(type(1)) == type, type([]) == list, type(b'') == bytes]",
       "[true,true,true,true,true]"},
  };
  check(kExamples);
  for (const char* const source : {"int('x')", "int(1e19)", "int(-9223372036854775808.0)", "uint(-1)", "uint(1.9e19)",
                                   "double('x')", "string(b'\\xff')", "bool('yes')", "timestamp(253402300800)",
                                   "int(18446744073709551615u)", "int(' 1')", "int('')", "uint('-1')"})
    EXPECT_TRUE(evaluated(source).starts_with("expression_")) << source << " " << evaluated(source);
}

TEST(Expression, KnowsTimeZones) {
  static constexpr Example kExamples[] = {
      // Berlin's clocks skip 02:00 to 03:00 on that day.
      {"timestamp('2026-03-29T00:59:59Z').getHours('Europe/Berlin')", "1"},
      {"timestamp('2026-03-29T01:00:00Z').getHours('Europe/Berlin')", "3"},
      {"timestamp('2026-11-26T20:00:00Z').getDayOfWeek('Asia/Tokyo')", "5"},
      {"timestamp('2026-01-01T00:00:00Z').getFullYear('-00:01')", "2025"},
      {"timestamp('2024-12-31T00:00:00Z').getDayOfYear()", "365"},
      {"timestamp('0001-01-01T00:00:00Z').getDayOfWeek()", "1"},
  };
  check(kExamples);
  // A zone that is known only when evaluated.
  EXPECT_EQ(evaluated("['UTC', 'Asia/Tokyo'].map(z, time.getHours(z))"), "[23,8]");
  EXPECT_TRUE(evaluated("['Mars/Olympus'].map(z, time.getHours(z))").starts_with("expression_error"));
}

TEST(Expression, IsBounded) {
  const std::string ten = "[0,1,2,3,4,5,6,7,8,9]";
  std::string loops = "true";
  for (const char* const name : {"a", "b", "c", "d", "e", "f"}) loops = ten + ".all(" + name + ", " + loops + ")";
  EXPECT_TRUE(evaluated(loops).starts_with("expression_limit")) << evaluated(loops);
  EXPECT_TRUE(evaluated(loops).ends_with("the evaluation took more than 100000 steps."));
  EXPECT_EQ(evaluated("true || " + loops), "true");
  EXPECT_TRUE(evaluated("(" + loops + ") || true").starts_with("expression_limit")) << "a limit is not absorbed";
  std::string growing = "'aaaaaaaaaa'";
  for (int i = 0; i < 8; ++i) growing += ".replace('a', 'aaaaaaaaaa')";
  EXPECT_TRUE(evaluated(growing).starts_with("expression_limit"));
  EXPECT_TRUE(
      evaluated("locale" + std::string(100, ' ') + "+ locale", {.memory_bytes = 2}).starts_with("expression_limit"));

  for (const std::string& open :
       {std::string("("), std::string("["), std::string("!"), std::string("-"), std::string("{1:"),
        std::string("true?1:"), std::string("size("), std::string("x["), std::string("x.")}) {
    std::string deep;
    while (deep.size() < 30'000) deep += open;
    EXPECT_TRUE(evaluated(deep).starts_with("expression_syntax")) << open;
  }
  std::string chain = "true";
  while (chain.size() < 30'000) chain += " || true";
  EXPECT_NE(evaluated(chain).find("nested too deeply"), std::string::npos);
  EXPECT_NE(evaluated(std::string(Expression::kMaxSourceBytes + 1, ' ')).find("longer than"), std::string::npos);
  EXPECT_NE(evaluated("'\xff'").find("UTF-8"), std::string::npos);
}

TEST(Expression, ExplainsWhichPartsDecided) {
  const std::string source =
      "locale == 'en' || (tags.campaign == 'x' || words.exists(w, size(w) > 1)) && tier != 'gold'";
  const auto compiled = Expression::compile(source, environment());
  ASSERT_TRUE(compiled.has_value()) << compiled.error().message;
  const boost::json::object object = variables();
  Evaluation evaluation;
  std::vector<Finding> findings;
  const auto result = compiled->explain(JsonVariables(object), evaluation, findings);
  ASSERT_TRUE(result.has_value());
  EXPECT_TRUE(result->is_false());
  std::string text;
  for (const Finding& one : findings) {
    text += std::string(2 * static_cast<std::size_t>(one.depth), ' ') + source.substr(one.offset, one.size) + ": " +
            std::to_string(one.times_true) + "/" + std::to_string(one.times_false) + "/" +
            std::to_string(one.times_failed) + "\n";
  }
  EXPECT_EQ(text,
            "locale == 'en' || (tags.campaign == 'x' || words.exists(w, size(w) > 1)) && tier != 'gold': 0/1/0\n"
            "  locale == 'en': 0/1/0\n"
            "  (tags.campaign == 'x' || words.exists(w, size(w) > 1)) && tier != 'gold': 0/1/0\n"
            "    (tags.campaign == 'x' || words.exists(w, size(w) > 1)): 1/0/0\n"
            "      tags.campaign == 'x': 0/0/1\n"
            "        tags.campaign: 0/0/1\n"
            "      words.exists(w, size(w) > 1): 1/0/0\n"
            "        size(w) > 1: 1/1/0\n"
            "    tier != 'gold': 0/1/0\n");
}

TEST(Expression, ShowsTheUsedVariablesAndItsType) {
  const auto compiled = Expression::compile("tags.a == locale ? [1] : [2, 3]", environment());
  ASSERT_TRUE(compiled.has_value());
  EXPECT_EQ(compiled->variables(), (std::vector<std::string>{"tags", "locale"}));
  EXPECT_EQ(compiled->type().text(), "list(int)");
}

TEST(Expression, PutsACaretUnderThePlace) {
  const auto compiled = Expression::compile("'é' == locale &&\n\ttiers == 1", environment());
  ASSERT_FALSE(compiled.has_value());
  const std::string shown = compiled.error().shown("'é' == locale &&\n\ttiers == 1");
  EXPECT_TRUE(shown.starts_with("   tiers == 1\n   ^\n2:2: unknown variable `tiers`. Did you mean `tier`?")) << shown;
}

TEST(Expression, SaysThatAVariableHasNoValueOrAnotherType) {
  const auto compiled = Expression::compile("tier == 'gold'", environment());
  ASSERT_TRUE(compiled.has_value());
  Evaluation evaluation;
  const boost::json::object none;
  const auto missing = compiled->evaluate(JsonVariables(none), evaluation);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().message, "the variable `tier` has no value.");
  const boost::json::object other{{"tier", 5}};
  const auto wrong = compiled->evaluate(JsonVariables(other), evaluation);
  ASSERT_FALSE(wrong.has_value());
  EXPECT_EQ(wrong.error().message, "the value is declared as string and is of type int.");
}

TEST(Expression, IsEvaluatedByManyThreadsAtATime) {
  const auto compiled = Expression::compile(
      "words.map(w, w + locale).join(',') == 'aru,bbru' && time.getHours('Asia/Tokyo') == 8 && locale.matches('^r')",
      environment());
  ASSERT_TRUE(compiled.has_value()) << compiled.error().message;
  const boost::json::object object = variables();
  std::atomic<int> right = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      Evaluation evaluation;
      for (int round = 0; round < 500; ++round) {
        const auto result = compiled->evaluate(JsonVariables(object), evaluation);
        right += result && result->is_true() ? 1 : 0;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(right, 2000);
}

TEST(Expression, SurvivesSlips) {
  const MutationReport report = evaluate_mutations(20261126, std::chrono::seconds(2));
  EXPECT_EQ(report.fault, "");
  EXPECT_GT(report.compiled, 50U) << report.rounds;
}

}  // namespace
}  // namespace fairlead::expr
