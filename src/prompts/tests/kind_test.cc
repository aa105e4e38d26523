#include "prompts/kind.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "platform/json/schema.h"
#include "platform/json/text.h"
#include "prompts/tests/calls.h"

namespace fairlead::prompts {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct OneModel final : resources::Catalogue {
  boost::json::object small;
  boost::json::object sums = {{"input", {{"conversation", boost::json::object()}}}};
  const boost::json::object* find(std::string_view kind, std::string_view name) const override {
    if (kind == "prompt" && name == "sum-up") return &sums;
    if (kind == "prompt" && name == "plain") return &small;
    return kind == "model" && name == "small" ? &small : nullptr;
  }
  std::vector<std::string> names(std::string_view kind) const override {
    return kind == "model" ? std::vector<std::string>{"small"} : std::vector<std::string>{};
  }
};

std::vector<std::string> faults_of(std::string_view text) {
  return faults_in(text, OneModel());
}

TEST(PromptKind, TakesThePromptOfTheTour) {
  EXPECT_THAT(faults_of(R"({
    "description": "Answers a bank customer's question from the procedure that fits.",
    "model": "small",
    "input": {"question": {"type": "string", "maxLength": 4000}, "locale": {"type": "string", "enum": ["en", "ru"], "default": "en"},
              "tier": {"type": "string", "default": "standard"}},
    "parameters": {"temperature": 0.2, "max_tokens": 300},
    "messages": [{"system": "You answer in {{ locale }}.\n{% if tier == 'gold' %}Be quick.{% endif %}\n"}, {"user": "{{ question }}"}],
    "tools": [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object"}}}],
    "output": {"schema": {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}}
  })"),
              IsEmpty());
}

TEST(PromptKind, TakesMessagesInFull) {
  EXPECT_THAT(faults_of(R"({"model": "small", "input": {"url": {}}, "messages": [
    {"role": "user", "name": "ana", "content": [{"type": "text", "text": "What is this?"}, {"type": "image_url", "image_url": {"url": "{{ url }}"}}]},
    {"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "{{ url|upper }}"}]})"),
              IsEmpty());
}

TEST(PromptKind, NamesUnknownVariables) {
  EXPECT_THAT(
      faults_of(
          R"({"model": "small", "input": {"question": {}, "locale": {}, "tier": {}}, "messages": [{"system": "{{ localle }}"}]})"),
      ElementsAre("/messages/0/system: unknown variable `localle`. Did you mean `locale`? Declared inputs: question, "
                  "locale, tier."));
  EXPECT_THAT(
      faults_of(
          R"({"model": "small", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}, {"type": "text", "text": "{{ x }}"}]}]})"),
      ElementsAre("/messages/0/content/1/text: unknown variable `x`. Declared inputs: none."));
}

TEST(PromptKind, NamesFaultyTemplates) {
  EXPECT_THAT(faults_of(R"({"model": "small", "messages": [{"system": "ok"}, {"user": "a\n{{ 'x'|uper }}"}]})"),
              ElementsAre("/messages/1/user: line 2, column 8: unknown filter `uper`. Did you mean `upper`?"));
}

TEST(PromptKind, NamesUnknownModels) {
  EXPECT_THAT(faults_of(R"({"model": "smal", "messages": []})"),
              ElementsAre("/model: unknown model `smal`. Did you mean `small`?"));
}

TEST(PromptKind, NamesChallengersThatAreNotThere) {
  const auto faults_of_shadow = [](const std::string& shadow) {
    return faults_of(R"({"model": "small", "messages": [], "shadow": )" + shadow + "}");
  };
  for (const char* good : {R"({"to": "support-reply@staging"})", R"({"to": "prompt:support-reply@3", "share": 1})",
                           R"({"to": "small"})", R"({"to": "model:small@latest", "budget": 0.5, "at_once": 1})"})
    EXPECT_THAT(faults_of_shadow(good), IsEmpty()) << good;
  EXPECT_THAT(faults_of_shadow(R"({"to": "support-reply"})"),
              ElementsAre("/shadow/to: is the prompt itself; name a label or a version of it, or another prompt"));
  EXPECT_THAT(faults_of_shadow(R"({"to": "smal@1"})"),
              ElementsAre("/shadow/to: there is no prompt or model `smal`. Did you mean `small`?"));
  EXPECT_EQ(faults_of_shadow(R"({"to": "prompt:small"})").size(), 1u);
  EXPECT_EQ(faults_of_shadow(R"({"to": "model:support-reply"})").size(), 1u);
  EXPECT_EQ(faults_of_shadow(R"({"share": 2, "to": "small"})").size(), 1u);
}

TEST(PromptKind, NamesWrongMessages) {
  EXPECT_THAT(
      faults_of(
          R"({"model": "small", "messages": [{"sistem": "a"}, "text", {"user": "a", "system": "b"}, {"tool": "x"}, {"user": 5},
                            {"role": "usr", "content": ""}, {"role": "user"}, {"role": "user", "content": "", "contents": ""},
                            {"role": "tool", "content": ""}, {"user": [{"text": "no type"}]}]})"),
      ElementsAre(
          "/messages/0/sistem: unknown role `sistem`. Did you mean `system`? Roles: system, developer, user, "
          "assistant, tool.",
          "/messages/1: a message is `role: text`, or a mapping with `role` and `content`.",
          "/messages/2: a message has one role: write `user: text`, or `role`, `content` and the rest.",
          "/messages/3/tool: a tool's message names the call that it answers: write `role: tool`, `tool_call_id` and "
          "`content`.",
          "/messages/4/user: the content of a message is a text or a list of parts.",
          "/messages/5/role: unknown role `usr`. Did you mean `user`? Roles: system, developer, user, assistant, tool.",
          "/messages/6: this message has no `content`.",
          "/messages/7/contents: unknown member `contents` of a message. Did you mean `content`?",
          "/messages/8: a tool's message needs `tool_call_id`.",
          "/messages/9/user/0: a part of a message is a mapping with a `type`: text, image_url, …"));
}

TEST(PromptKind, NamesWrongParameters) {
  EXPECT_THAT(
      faults_of(
          R"({"model": "small", "messages": [], "parameters": {"temprature": 1, "stream": true, "guided_regex": "a", "top_a": 0.1}})"),
      ElementsAre("/parameters/temprature: unknown parameter `temprature`. Did you mean `temperature`?",
                  "/parameters/stream: `stream` is not a parameter of a prompt.",
                  "/parameters/top_a: unknown parameter `top_a`. Did you mean `top_p`?"));
  EXPECT_EQ(faults_of(R"({"model": "small", "messages": [], "parameters": {"temperature": 3}})").size(), 1u);
}

TEST(PromptKind, RunsItsTests) {
  const auto faults_of_tests = [](const std::string& tests) {
    return faults_of(
        R"({"model": "small", "input": {"q": {"type": "string"}, "locale": {"enum": ["en", "ru"], "default": "en"}},
      "messages": [{"system": "Answer in {{ locale }}."}, {"user": "{{ q }}"},
                   {"role": "user", "content": [{"type": "text", "text": "{{ q|upper }}"}]}], "tests": )" +
        tests + "}");
  };
  EXPECT_THAT(faults_of_tests(R"([
    {"given": {"q": "Hi"}, "expect": [{"system": "Answer in en."}, {"user": {"contains": ["Hi", "HI"], "lacks": "Bye"}}]},
    {"name": "russian", "given": {"q": "x", "locale": "ru"}, "expect": [{"system": {"contains": "ru", "lacks": ["en", "fr"]}}]},
    {"given": {"q": "x", "locale": "fr"}, "expect": {"error": "invalid_value"}},
    {"given": {}, "expect": {"error": "missing_required_parameter"}}])"),
              IsEmpty());
  EXPECT_THAT(
      faults_of_tests(R"([
    {"given": {"q": "Hi"}, "expect": [{"system": "Answer in ru."}, {"user": {"contains": "hi", "lacks": "Hi"}}, {"assistant": "a"}]},
    {"name": "no locale", "given": {"q": "Hi", "locale": "fr"}, "expect": [{"user": "Hi"}]},
    {"given": {"q": "Hi"}, "expect": {"error": "invalid_value"}},
    {"given": {"p": 1}, "expect": {"error": "invalid_value"}},
    {"given": {"q": "Hi"}, "expect": [{"user": {"lacks": "Hi"}}]}])"),
      ElementsAre(
          R"(/tests/0/expect/0/system: test 1: no system message is "Answer in ru."; there is: "Answer in en.")",
          R"(/tests/0/expect/1/user: test 1: no user message contains `hi`; there is: "Hi", "HI")",
          "/tests/0/expect/2/assistant: test 1: there is no assistant message",
          "/tests/1/given: test 2 (no locale): Variable `locale` of prompt `support-reply` must be one of en, ru.",
          "/tests/2/expect/error: test 3: it is not refused, though `invalid_value` is expected",
          "/tests/3/expect/error: test 4: it is refused with `unknown_variable`: Prompt `support-reply` has no "
          "variable `p`. Did you mean `q`? Declared inputs: q, locale.",
          R"(/tests/4/expect/0/user: test 5: a user message contains `Hi`; there is: "Hi", "HI")"));
  EXPECT_FALSE(faults_of_tests(R"([{"given": {"q": "Hi"}, "expect": [{"usr": "x"}]}])").empty());
}

TEST(PromptKind, ChecksWhoSumsUpASession) {
  const auto faults_of_memory = [](const std::string& memory) {
    return faults_of(R"({"model": "small", "messages": [], "memory": )" + memory + "}");
  };
  EXPECT_THAT(faults_of_memory("{}"), IsEmpty());
  EXPECT_THAT(faults_of_memory(R"({"turns": 5, "tokens": 100, "summary": "sum-up", "ttl": "7d"})"), IsEmpty());
  EXPECT_THAT(faults_of_memory(R"({"summary": "gone"})"), ElementsAre("/memory/summary: unknown prompt `gone`."));
  EXPECT_THAT(faults_of_memory(R"({"summary": "plain"})"),
              ElementsAre("/memory/summary: prompt `plain` has no input `conversation`, in which it is given what was "
                          "said."));
  EXPECT_EQ(faults_of_memory(R"({"ttl": "5s"})").size(), 1u);
}

TEST(PromptKind, ChecksWhatMayBeLeftOut) {
  EXPECT_THAT(faults_of(R"({"model": "small", "fit": ["history", "docs", "gone"], "messages": [
    {"user": "a", "part": "docs"}, {"part": "docs", "assistant": "b"}, {"role": "user", "content": "c", "part": "dcs"},
    {"system": "d", "part": "docs"}, {"user": "e", "part": "history"}, {"part": "docs"}]})"),
              ElementsAre("/messages/2/part: `fit` does not name the part `dcs`. Did you mean `docs`?",
                          "/messages/3/part: a system message is never left out.",
                          "/messages/4/part: a part is a word that `fit` names, and not `history`, which is the "
                          "caller's.",
                          "/messages/5: this message has no role.", "/fit/2: no message has `part: gone`."));
  EXPECT_THAT(faults_of(R"({"model": "small", "messages": [{"user": "a", "part": "docs"}]})"),
              ElementsAre("/messages/0/part: `fit` does not name the part `docs`."));
  EXPECT_THAT(faults_of(R"({"model": "small", "fit": [], "messages": []})"), IsEmpty());
}

TEST(PromptKind, ChecksDefaultsAndSchemas) {
  const auto faults = faults_of(
      R"({"model": "small", "input": {"locale": {"enum": ["en", "ru"], "default": "fr"}, "bad": {"type": "strin"}}, "messages": []})");
  ASSERT_EQ(faults.size(), 2u);
  EXPECT_TRUE(faults[0].starts_with("/input/locale/default: the default of `locale` does not fit its own schema: "))
      << faults[0];
  EXPECT_TRUE(faults[1].starts_with("/input/bad/type: ")) << faults[1];
  EXPECT_EQ(faults_of(R"({"model": "small", "messages": [], "output": {"schema": {"type": 5}}})").size(), 1u);
  EXPECT_EQ(faults_of(R"({"model": "small", "messages": [], "input": {"not a name": {}}})").size(), 1u);
  EXPECT_EQ(faults_of(R"({"model": "small", "messages": [], "output": {"schema": {}, "repair": 6}})").size(), 1u);
  EXPECT_THAT(
      faults_of(R"({"model": "small", "messages": [], "parameters": {"n": 2}, "output": {"schema": {}, "repair": 1}})"),
      ElementsAre("/parameters/n: an answer that is repaired is one: leave `n` or `output.repair` out."));
}

}  // namespace
}  // namespace fairlead::prompts
