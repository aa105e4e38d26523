#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/json/schema.h"
#include "platform/json/text.h"
#include "prompts/kind.h"
#include "prompts/tests/calls.h"

namespace fairlead::prompts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const ManualClock clock;

struct Models final : resources::Catalogue {
  boost::json::object model;
  const boost::json::object* find(std::string_view, std::string_view) const override { return &model; }
  std::vector<std::string> names(std::string_view) const override { return {}; }
};

std::string spec_with(const std::string& members) {
  return R"({"model": "small", "input": {"q": {"type": "string"}, "at": {"default": "noon"}}, )" + members + "}";
}

std::vector<std::string> faults_of(const std::string& members) {
  return faults_in(spec_with(members), Models());
}

// Roles' first letters and texts, as a model would see them.
std::string seen(const std::string& members, std::string_view variables,
                 std::string_view request = R"({"model": "p", "messages": []})") {
  const auto stage = compile_prompt(test_version(spec_with(members)), find_test_model, no_prompts, clock);
  if (!stage) return stage.error().message;
  TestCall test(request, variables);
  if (auto ran = run(**stage, test.call); !ran) return ran.error().message;
  const auto messages = json::parse(test.call.request.messages);
  if (!messages) return messages.error().message + " in " + std::string(test.call.request.messages);
  std::string out;
  for (const auto& one : messages->as_array()) {
    out += std::string(one.at("role").as_string()).substr(0, 1) + ":";
    out += std::string_view(one.at("content").as_string());
    out += " ";
  }
  EXPECT_EQ(test.call.request.message_count, messages->as_array().size());
  return out;
}

const char* const kMessages = R"("messages": [{"system": "S"}, {"user": "{{ q }} {{ at }}"}])";

TEST(Examples, StandBeforeTheLastUsersMessage) {
  const std::string examples = R"(, "examples": [{"given": {"q": "one", "at": "ten"}, "assistant": "1"},
    {"given": {"q": "two"}, "assistant": {"n": 2}}, {"user": "three", "assistant": "3"}])";
  EXPECT_EQ(seen(kMessages + examples, R"({"q": "x"})"),
            "s:S u:one ten a:1 u:two noon a:{\"n\":2} u:three a:3 u:x noon ");
  EXPECT_EQ(seen(R"("messages": [{"user": "{{ q }}"}, {"assistant": "So:"}])" + examples, R"({"q": "x"})"),
            "u:one a:1 u:two a:{\"n\":2} u:three a:3 u:x a:So: ");
  EXPECT_EQ(seen(kMessages + std::string(R"(, "examples": [])"), R"({"q": "x"})"), "s:S u:x noon ");
}

TEST(Examples, StandAtTheEndWhereTheQuestionIsTheCallers) {
  const std::string examples = R"(, "examples": [{"user": "three", "assistant": "3"}])";
  const char* const request = R"({"model": "p", "messages": [{"role": "user", "content": "four"}]})";
  EXPECT_EQ(seen(R"("messages": [{"system": "S"}])" + examples, R"({"q": "x"})", request), "s:S u:three a:3 u:four ");
  EXPECT_EQ(seen(R"("messages": [])" + examples, R"({"q": "x"})", request), "u:three a:3 u:four ");
  EXPECT_EQ(seen(R"("messages": [])" + examples, R"({"q": "x"})"), "u:three a:3 ");
}

TEST(Examples, TheNearestAreChosenTheNearestLast) {
  const std::string from = R"({"given": {"q": "How do I block my card?"}, "assistant": "block"}\n)"
                           R"({"given": {"q": "What is the exchange rate?"}, "assistant": "rate"}\n\n)"
                           R"({"given": {"q": "How do I block my lost card?"}, "assistant": "lost"})";
  std::string lines = from;
  for (std::size_t at; (at = lines.find("\\n")) != std::string::npos;) lines.replace(at, 2, "\n");
  const auto with = [&](int nearest) {
    return kMessages + std::string(R"(, "examples": {"from": )") + json::quoted(lines) + R"(, "nearest": )" +
           std::to_string(nearest) + "}";
  };
  EXPECT_EQ(seen(with(1), R"({"q": "the exchange rates?"})"),
            "s:S u:What is the exchange rate? noon a:rate u:the exchange rates? noon ");
  EXPECT_EQ(seen(with(2), R"({"q": "block my lost card"})"),
            "s:S u:How do I block my card? noon a:block u:How do I block my lost card? noon a:lost u:block my lost "
            "card noon ");
  EXPECT_THAT(seen(with(9), R"({"q": "q"})"), HasSubstr("a:rate"));
  // By the caller's own message, where the prompt has none of a user.
  EXPECT_EQ(
      seen(
          R"("messages": [], "examples": {"from": [{"user": "my card", "assistant": "c"}, {"user": "a rate", "assistant": "r"}], "nearest": 1})",
          R"({"q": "x"})", R"({"model": "p", "messages": [{"role": "user", "content": "which rate?"}]})"),
      "u:a rate a:r u:which rate? ");
}

TEST(Examples, AVariantHasItsOwnOrThePromptsInItsOwnMessages) {
  const std::string members =
      kMessages + std::string(R"(, "examples": [{"given": {"q": "one"}, "assistant": "1"}], "variants": [
    {"name": "own", "when": "q == 'own'", "examples": [{"user": "u", "assistant": "a"}]},
    {"name": "none", "when": "q == 'none'", "examples": []},
    {"name": "other", "when": "q == 'other'", "messages": [{"user": "<{{ q }}>"}]}])");
  EXPECT_EQ(seen(members, R"({"q": "own"})"), "s:S u:u a:a u:own noon ");
  EXPECT_EQ(seen(members, R"({"q": "none"})"), "s:S u:none noon ");
  EXPECT_EQ(seen(members, R"({"q": "other"})"), "u:<one> a:1 u:<other> ");
}

TEST(Examples, ThatDoNotFitAreFaults) {
  const auto faults = [](const std::string& examples) {
    return faults_of(kMessages + (", \"examples\": " + examples));
  };
  EXPECT_THAT(faults(R"([{"given": {"q": "x"}, "asistant": "y"}])"),
              ElementsAre("/examples/0/asistant: unknown member `asistant` of an example. Did you mean `assistant`?"));
  EXPECT_THAT(faults(R"([{"given": {"q": "x"}, "user": "x", "assistant": "y"}])"),
              ElementsAre("/examples/0: an example has `assistant`, and either `given` or `user`."));
  EXPECT_THAT(faults(R"([{"given": {"p": "x"}, "assistant": "y"}])"),
              ElementsAre(HasSubstr("/examples/0/given: Prompt `support-reply` has no variable `p`")));
  EXPECT_THAT(faults(R"("{\"user\": \"a\", \"assistant\": 1}\n{")"), ElementsAre(HasSubstr("/examples: line 2: ")));
  EXPECT_THAT(
      faults_of(R"("messages": [], "examples": [{"given": {"q": "x"}, "assistant": "y"}])"),
      ElementsAre("/examples/0/given: there is no message of a user to render it with: write `user: TEXT` instead."));
  EXPECT_EQ(faults(R"({"from": [], "nearest": 0})").size(), 1u);
  std::string many;
  for (int i = 0; i < 33; ++i) many += std::string(i > 0 ? "," : "") + R"({"user": "u", "assistant": "a"})";
  EXPECT_THAT(faults("[" + many + "]"), ElementsAre(HasSubstr("more than 32 examples would stand in each call")));
  EXPECT_TRUE(faults(R"({"from": [)" + many + R"(], "nearest": 2})").empty());
}

}  // namespace
}  // namespace fairlead::prompts
