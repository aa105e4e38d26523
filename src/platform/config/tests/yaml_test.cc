#include "platform/config/yaml.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/json/text.h"

namespace fairlead::config {
namespace {

using testing::HasSubstr;

// The documents as JSON, or the fault as LINE:COLUMN: MESSAGE.
std::string read(std::string_view text) {
  const auto documents = parse_yaml(text);
  if (!documents) {
    const Fault& fault = documents.error();
    return std::to_string(fault.position.line) + ":" + std::to_string(fault.position.column) + ": " + fault.message;
  }
  std::string out;
  for (const Document& document : *documents) (out += out.empty() ? "" : " ") += json::to_text(document.value);
  return out;
}

TEST(Yaml, TypesByTheCoreSchema) {
  const std::pair<const char*, const char*> cases[] = {{"null", "null"},
                                                       {"~", "null"},
                                                       {"", "null"},
                                                       {"true", "true"},
                                                       {"False", "false"},
                                                       {"TRUE", "true"},
                                                       {"yes", "\"yes\""},
                                                       {"no", "\"no\""},
                                                       {"on", "\"on\""},
                                                       {"off", "\"off\""},
                                                       {"y", "\"y\""},
                                                       {"tRUE", "\"tRUE\""},
                                                       {"12", "12"},
                                                       {"-7", "-7"},
                                                       {"+7", "7"},
                                                       {"0", "0"},
                                                       {"0123", "\"0123\""},
                                                       {"0o14", "12"},
                                                       {"0xFF", "255"},
                                                       {"0b1", "\"0b1\""},
                                                       {"1_000", "\"1_000\""},
                                                       {"1.5", "1.5"},
                                                       {".5", "0.5"},
                                                       {"5.", "5.0"},
                                                       {"1e3", "1000.0"},
                                                       {"-1.5E-2", "-0.015"},
                                                       {"1.2.3", "\"1.2.3\""},
                                                       {"12:30", "\"12:30\""},
                                                       {"2026-11-24", "\"2026-11-24\""},
                                                       {"18446744073709551615", "18446744073709551615"},
                                                       {"\"true\"", "\"true\""},
                                                       {"'12'", "\"12\""},
                                                       {"'null'", "\"null\""},
                                                       {".", "\".\""},
                                                       {"e5", "\"e5\""},
                                                       {"1e", "\"1e\""},
                                                       {"+", "\"+\""},
                                                       {"Да", "\"Да\""}};
  for (const auto& [yaml, json] : cases)
    EXPECT_EQ(read("a: " + std::string(yaml)), "{\"a\":" + std::string(json) + "}") << yaml;
  EXPECT_THAT(read("a: 99999999999999999999"), HasSubstr("1:4: the number is too large"));
  EXPECT_THAT(read("a: 1e999"), HasSubstr("too large"));
  EXPECT_THAT(read("a: .inf"), HasSubstr("no infinity"));
}

TEST(Yaml, ReadsWhatATeamWrites) {
  EXPECT_EQ(
      read("kind: prompt\ninput:\n  question: {type: string, maxLength: 4000}\nmessages:\n  - system: |\n      Be "
           "brief.\n\n      Be kind.\n"
           "  - user: \"{{ question }}\"\n---\nkind: model\n"),
      R"({"kind":"prompt","input":{"question":{"type":"string","maxLength":4000}},"messages":[{"system":"Be brief.\n\nBe kind.\n"},{"user":"{{ question }}"}]} {"kind":"model"})");
  EXPECT_EQ(read("# nothing\n---\n# nothing\n---\na: 1\n"), R"({"a":1})");
  EXPECT_EQ(read("on: 1\n1: 2\ntrue: 3\n"), R"({"on":1,"1":2,"true":3})");
  EXPECT_EQ(read("a: &x [1, 2]\nb: *x\nc: {d: *x}\n"), R"({"a":[1,2],"b":[1,2],"c":{"d":[1,2]}})");
  EXPECT_EQ(read("\xEF\xBB\xBF"
                 "a: 1\r\nb: 2\r\n"),
            R"({"a":1,"b":2})");
}

TEST(Yaml, RefusesWhatMisleads) {
  EXPECT_EQ(read("a: 1\nb: 2\na: 3\n"), "3:1: the key `a` is there twice");
  EXPECT_THAT(read("a: !!int 5"), HasSubstr("1:4: the tag tag:yaml.org,2002:int is not supported"));
  EXPECT_THAT(read("a: !x {b: 1}"), HasSubstr("the tag !x is not supported"));
  EXPECT_THAT(read("base: &b {x: 1}\nc:\n  <<: *b\n"), HasSubstr("3:3: merge keys"));
  EXPECT_THAT(read("a: {{ name }}"), HasSubstr("a key cannot be a list or a mapping"));
  EXPECT_THAT(read("[a, b]: 1"), HasSubstr("a key cannot be"));
  EXPECT_THAT(read("~: 1"), HasSubstr("a key is missing or is null"));
  EXPECT_THAT(read("a: &x [*x]"), HasSubstr("alias"));
  EXPECT_THAT(read("a: *nowhere"), HasSubstr("1:4: there is no anchor above"));
  EXPECT_THAT(read("a:\n\tb: 1\n"), HasSubstr("2:1: a tab where"));
  EXPECT_THAT(read("a: b: c\n"), HasSubstr("1:5: a second `:`"));
  EXPECT_THAT(read("a: @b\n"), HasSubstr("1:4: a character that means something to YAML"));
  EXPECT_THAT(read("é: [1, \xff]"), HasSubstr("1:8: this is not text in UTF-8"));
  EXPECT_THAT(read(std::string("a: \0b", 5)), HasSubstr("1:4: this is not text"));
  EXPECT_THAT(read("a: [1, 2\nb: 3\n"), HasSubstr("2:"));
}

TEST(Yaml, IsBounded) {
  std::string bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n";
  for (int i = 1; i < 12; ++i) {
    const std::string before = "*a" + std::to_string(i - 1);
    bomb += "a" + std::to_string(i) + ": &a" + std::to_string(i) + " [" + before;
    for (int j = 0; j < 9; ++j) bomb += ", " + before;
    bomb += "]\n";
  }
  EXPECT_THAT(read(bomb), HasSubstr("aliases make the document too large"));
  std::string wide = "a: &a \"" + std::string(1'000'000, 'x') + "\"\nb: [";
  for (int i = 0; i < 100; ++i) wide += "*a, ";
  EXPECT_THAT(read(wide + "1]"), HasSubstr("aliases make the document too large"));
  EXPECT_THAT(read("a: " + std::string(100, '[') + std::string(100, ']')), HasSubstr("nested more than 64 deep"));
  EXPECT_THAT(read(std::string(100'000, '[')), HasSubstr(":"));
  EXPECT_THAT(read("- " + std::string(100'000, '[')), HasSubstr(":"));
  EXPECT_THAT(read(std::string(100'000, '{')), HasSubstr(":"));
  std::string deep_alias = "a: &a " + std::string(40, '[') + std::string(40, ']') + "\nb: " + std::string(40, '[') +
                           "*a" + std::string(40, ']');
  EXPECT_THAT(read(deep_alias), HasSubstr("nested more than 64 deep"));
}

TEST(Yaml, KnowsWhereThingsAre) {
  const auto documents = parse_yaml(
      "kind: prompt\nmessages:\n  - system: |\n      hi\n  - {user: \"ü\", name: x}\n\"a/b\": ~\n---\nb: 1\n");
  ASSERT_TRUE(documents);
  const Document& first = documents->front();
  EXPECT_EQ(first.position("").value, (Position{1, 1}));
  EXPECT_EQ(first.position("/kind").key, (Position{1, 1}));
  EXPECT_EQ(first.position("/kind").value, (Position{1, 7}));
  EXPECT_EQ(first.position("/messages/0/system").value, (Position{3, 13}));
  EXPECT_EQ(first.position("/messages/1").key, (Position{5, 5}));
  EXPECT_EQ(first.position("/messages/1/name").key, (Position{5, 17}));
  EXPECT_EQ(first.position("/messages/1/name/not/there").key, (Position{5, 17}));
  EXPECT_EQ(first.position("/messages/7").key, first.position("/messages").key);
  EXPECT_EQ(first.position("/a~1b").key, (Position{6, 1}));
  EXPECT_EQ((*documents)[1].position("/b").value, (Position{8, 4}));
}

TEST(Yaml, SaysFileAndPosition) {
  const auto error = load_yaml("a: 1\na: 2\n", "prompts/x.yaml").error();
  EXPECT_EQ(error.message, "prompts/x.yaml:2:1: the key `a` is there twice\n  the first one is in line 1");
  EXPECT_EQ(error.code, "invalid_yaml");
}

TEST(YamlWriter, WritesForPeople) {
  EXPECT_EQ(
      to_yaml(*json::parse(
          R"({"kind":"prompt","on":"yes","n":1,"d":1.5,"text":"a\nb\n","open":"a\nb","more":"a\n\n","list":[{"x":1,"y":[1,2]},"z",[3,[4]],{}],"q":"{{ x }}","e":[],"o":{"p":null}})")),
      "kind: prompt\non: \"yes\"\nn: 1\nd: 1.5\ntext: |\n  a\n  b\nopen: |-\n  a\n  b\nmore: |+\n  a\n\nlist:\n  - x: "
      "1\n    y:\n      - 1\n      - 2\n"
      "  - z\n  - - 3\n    - - 4\n  - {}\nq: \"{{ x }}\"\ne: []\no:\n  p: null\n");
}

TEST(YamlWriter, IsReadBackAsItWas) {
  const std::string values[] = {R"("true")",
                                R"("12")",
                                R"("0123")",
                                R"("null")",
                                R"("~")",
                                R"("")",
                                R"(" a")",
                                R"("a ")",
                                R"("a: b")",
                                R"("a #b")",
                                R"("- a")",
                                R"("#")",
                                R"("a:")",
                                R"("a\tb")",
                                R"("a\r\nb")",
                                R"("\u0000")",
                                R"("\u007f")",
                                R"("\u2028")",
                                R"("\ufeff")",
                                R"("---")",
                                R"("--- a\nb")",
                                R"("\n")",
                                R"("\n\n")",
                                R"("a\n")",
                                R"("\na")",
                                R"(" a\nb")",
                                R"("a\n\n\nb\n\n")",
                                R"("a\n  b\n\tc\n")",
                                R"("\ta\nb")",
                                R"("a\n ")",
                                R"("a\n \nb")",
                                R"("%x")",
                                R"("@x")",
                                R"("`x`")",
                                R"("'x'")",
                                R"("<<")",
                                R"("=")",
                                R"("1e5")",
                                R"(".5")",
                                R"("0x1F")",
                                R"("? a")",
                                R"("😀")",
                                R"("... ")",
                                R"("...")",
                                R"("a\\b")",
                                R"("x\"y")",
                                R"("!t")",
                                R"("&a")",
                                R"("*a")",
                                R"("|")",
                                R"(">")",
                                R"("[a")",
                                "1",
                                "-1",
                                "1.0",
                                "1e+30",
                                "1e-7",
                                "18446744073709551615",
                                "null",
                                "true",
                                "[]",
                                "{}"};
  for (const std::string& value : values) {
    for (const std::string& text : {value, "[" + value + "]", "{\"k\":" + value + ",\"l\":1}",
                                    "[[" + value + "," + value + "],{\"a\":" + value + "}]"}) {
      if (text == "null") continue;  // a document of nothing is none
      const auto json = json::parse(text);
      ASSERT_TRUE(json) << text;
      const std::string yaml = to_yaml(*json);
      EXPECT_EQ(read(yaml), json::to_text(*json)) << yaml;
      if (value.starts_with('"') && text == value) {
        const std::string keyed = "{" + value + ":1}";
        EXPECT_EQ(read(to_yaml(*json::parse(keyed))), json::to_text(*json::parse(keyed)))
            << to_yaml(*json::parse(keyed));
      }
    }
  }
}

}  // namespace
}  // namespace fairlead::config
