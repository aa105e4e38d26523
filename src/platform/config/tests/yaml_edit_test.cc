#include "platform/config/yaml_edit.h"

#include <gtest/gtest.h>

#include "platform/config/yaml.h"
#include "platform/json/text.h"

namespace fairlead::config {
namespace {

constexpr std::string_view kPrompt = R"(# Ours. Ask Maria before you change it.
kind: prompt
name: reply          # not a file's name
model: small
parameters: {temperature: 0.2, max_tokens: 300}   # cool
messages:
  # the tone
  - system: "Be kind."   # short
  - user: '{{ question }}'
description: |
  Answers.

  Always.
tags:
- a
- b   # the second
---
kind: prompt
name: other
)";

std::string edited(std::string_view text, YamlEdit::Kind kind, const char* pointer, boost::json::value value = {},
                   std::size_t document = 0) {
  auto made = edit_yaml(text, document, {kind, pointer, std::move(value)});
  return made ? *made : made.error().code;
}

// The lines that differ: what went and what came.
std::string difference(const std::string& after) {
  std::string out;
  std::size_t head = 0, tail = 0;
  while (head < std::min(kPrompt.size(), after.size()) && kPrompt[head] == after[head]) ++head;
  while (tail < std::min(kPrompt.size(), after.size()) - head &&
         kPrompt[kPrompt.size() - 1 - tail] == after[after.size() - 1 - tail])
    ++tail;
  return "-" + std::string(kPrompt.substr(head, kPrompt.size() - head - tail)) + "+" +
         after.substr(head, after.size() - head - tail);
}

std::string replaced(const char* pointer, boost::json::value value) {
  return difference(edited(kPrompt, YamlEdit::Kind::kReplace, pointer, std::move(value)));
}

TEST(EditYaml, ReplacesAValueAndNothingElse) {
  EXPECT_EQ(replaced("/model", "large"), "-small+large");
  EXPECT_EQ(replaced("/parameters/temperature", 0.3), "-2+3");
  EXPECT_EQ(replaced("/messages/0/system", "Be very kind."), "-+very ");
  EXPECT_EQ(replaced("/messages/1/user", "{{ question }}!"), "-+!");
  EXPECT_EQ(replaced("/tags/1", "c"), "-b+c");
}

TEST(EditYaml, KeepsAReadableText) {
  EXPECT_EQ(edited("a: x # why\nb: y\n", YamlEdit::Kind::kReplace, "/a", "one\ntwo"),
            "a: |- # why\n  one\n  two\nb: y\n");
  EXPECT_EQ(edited("a: |\n  one\n  two\n\n# about b\nb: y\n", YamlEdit::Kind::kReplace, "/a", "three\n"),
            "a: |\n  three\n\n# about b\nb: y\n");
  EXPECT_EQ(edited("l:\n  - a: |\n      x\n    b: 1\n", YamlEdit::Kind::kReplace, "/l/0/a", "x\ny\n"),
            "l:\n  - a: |\n      x\n      y\n    b: 1\n");
  EXPECT_EQ(edited("a:\nb: y\n", YamlEdit::Kind::kReplace, "/a", "x"), "a: x\nb: y\n");
}

TEST(EditYaml, PutsInAndTakesOut) {
  EXPECT_EQ(edited("a: 1\n# last\n", YamlEdit::Kind::kInsert, "/b", boost::json::array{"x", "z"}),
            "a: 1\nb:\n  - x\n  - z\n# last\n");
  EXPECT_EQ(edited("m:\n  a: 1 # one\nz: 2", YamlEdit::Kind::kInsert, "/m/b", boost::json::object{{"c", true}}),
            "m:\n  a: 1 # one\n  b:\n    c: true\nz: 2");
  EXPECT_EQ(edited("m: {a: 1}\n", YamlEdit::Kind::kInsert, "/m/b", "x: y"), "m: {a: 1, \"b\": \"x: y\"}\n");
  EXPECT_EQ(edited("l: [a]\n", YamlEdit::Kind::kInsert, "/l/0", "b"), "l: [\"b\", a]\n");
  EXPECT_EQ(edited("l:\n- a\n- c\n", YamlEdit::Kind::kInsert, "/l/1", "b"), "l:\n- a\n- b\n- c\n");
  EXPECT_EQ(edited("l:\n  - a\n", YamlEdit::Kind::kInsert, "/l/0", boost::json::object{{"x", 1}, {"y", 2}}),
            "l:\n  - x: 1\n    y: 2\n  - a\n");
  EXPECT_EQ(edited("a: 1\nb: 2 # two\nc: 3\n", YamlEdit::Kind::kRemove, "/b"), "a: 1\nc: 3\n");
  EXPECT_EQ(edited("l:\n  - a: 1\n    b: 2\n", YamlEdit::Kind::kRemove, "/l/0/a"), "l:\n  - b: 2\n");
  EXPECT_EQ(edited("l:\n  - a\n", YamlEdit::Kind::kRemove, "/l/0"), "l: []\n");
  EXPECT_EQ(edited("m: {a: 1, b: 2, c: 3}\n", YamlEdit::Kind::kRemove, "/m/b"), "m: {a: 1, c: 3}\n");
  EXPECT_EQ(edited("m: {a: 1, b: 2}\n", YamlEdit::Kind::kRemove, "/m/b"), "m: {a: 1}\n");
}

TEST(EditYaml, CountsDocumentsAsTheReaderDoes) {
  EXPECT_EQ(edited("---\n# nothing\n---\na: 1\n---\nb: ы\nc: ж\n", YamlEdit::Kind::kReplace, "/c", "э", 1),
            "---\n# nothing\n---\na: 1\n---\nb: ы\nc: э\n");
  EXPECT_EQ(edited("a: 1\n", YamlEdit::Kind::kReplace, "/b", 1), "cannot_edit");
  EXPECT_EQ(edited("a: 1\n", YamlEdit::Kind::kRemove, "/a"), "cannot_edit");
  EXPECT_EQ(edited("a: [\n", YamlEdit::Kind::kReplace, "/a", 1), "cannot_edit");
  EXPECT_EQ(edited("# top\na: 1\n---\nb: 2\n", YamlEdit::Kind::kReplace, "", boost::json::object{{"x", "z"}}, 0),
            "# top\nx: z\n---\nb: 2\n");
}

// Whatever is put in place of a value is read back there.
TEST(EditYaml, IsReadBack) {
  const boost::json::value values[] = {"",
                                       " x",
                                       "a: b",
                                       "yes",
                                       "1",
                                       "x\ny",
                                       "x\n",
                                       "\n",
                                       "#",
                                       "é\t",
                                       "'q'",
                                       1,
                                       1.5,
                                       true,
                                       nullptr,
                                       boost::json::array{},
                                       boost::json::array{1, "x\ny"},
                                       boost::json::object{{"k", boost::json::array{boost::json::object{{"d", "e"}}}}}};
  const auto before = parse_yaml(kPrompt)->at(0).value;
  for (const auto& value : values) {
    for (const char* pointer : {"/model", "/parameters", "/parameters/max_tokens", "/messages", "/messages/0",
                                "/messages/1/user", "/description", "/tags", "/tags/0"}) {
      auto made = edit_yaml(kPrompt, 0, {YamlEdit::Kind::kReplace, pointer, value});
      ASSERT_TRUE(made) << pointer;
      auto read = parse_yaml(*made);
      ASSERT_TRUE(read) << *made;
      auto wanted = before;
      wanted.at_pointer(pointer) = value;
      EXPECT_EQ(read->at(0).value, wanted) << pointer << " " << json::to_text(value) << "\n" << *made;
    }
  }
}

}  // namespace
}  // namespace fairlead::config
