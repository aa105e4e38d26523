// Specs with slips in them are read or refused.
#include <gtest/gtest.h>

#include <chrono>

#include "base/tests/mutations.h"
#include "platform/json/schema.h"
#include "platform/json/text.h"
#include "prompts/kind.h"
#include "prompts/tests/calls.h"

namespace fairlead::prompts {
namespace {

constexpr std::string_view kPieces[] = {
    "{}",       "[]",   "null", "1",       "\"\"", "\"q\"", ",",        ":",          "{",         "}",
    "[",        "]",    "\"",   "{{ q }}", "x@1",  "@",     "\"user\"", "\"prompt\"", "\"given\"", "\"assistant\"",
    "\"when\"", "tags", " == ", " in ",    "&&",   "now",   "language", "user.id",    "\\n",       "é"};

constexpr std::string_view kSpecs[] = {
    R"json({"model": "small", "input": {"q": {"type": "string"}, "n": {"type": "integer", "default": 1}}, "messages": [{"system": "S"}, {"prompt": "x@1"}, {"user": "{{ q }}"}],
        "examples": {"from": [{"given": {"q": "a"}, "assistant": "b"}, {"user": "c", "assistant": {"d": 1}}], "nearest": 1},
        "variants": [{"name": "a", "when": "q == 'x' && n > 1", "messages": [{"user": {"prompt": "x@1"}}]}, {"name": "b", "when": "'t' in tags || language == 'ru'", "examples": []}],
        "tests": [{"given": {"q": "x"}, "tags": ["t"], "expect": {"variant": "b", "contains": "x"}}, {"given": {}, "expect": {"error": "e"}}]})json",
    R"json({"model": "small", "messages": [{"role": "user", "content": [{"type": "text", "text": "a"}]}, {"assistant": "b"}],
        "examples": "{\"user\": \"a\", \"assistant\": 1}\n", "variants": [{"name": "v", "when": "now < timestamp('2026-01-01T00:00:00Z')", "output": {"schema": {}}}]
})json"};

struct Others final : resources::Catalogue {
  boost::json::object model;
  resources::Version included =
      test_version(R"({"model": "small", "messages": [{"system": "{{ t }}"}], "input": {"t": {"default": "T"}}})");
  const boost::json::object* find(std::string_view, std::string_view name) const override {
    return name == "small" ? &model : nullptr;
  }
  std::vector<std::string> names(std::string_view) const override { return {"small"}; }
  Result<const resources::Version*> at(std::string_view, std::string_view name, std::string_view) const override {
    if (name != "x") return fail(ErrorKind::kNotFound, "resource_not_found", "There is none.");
    return &included;
  }
};

TEST(Specs, WithSlipsAreReadOrRefused) {
  const auto kind = prompt_kind();
  const auto schema = json::Schema::parse(kind.schema);
  const Others others;
  const ManualClock clock;
  SlipRandom random{7};
  std::size_t rounds = 0, valid = 0, compiled = 0, rendered = 0;
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(1);
       std::chrono::steady_clock::now() < end; ++rounds) {
    std::string text(kSpecs[random.below(std::size(kSpecs))]);
    for (std::size_t edits = random.below(3); edits > 0; --edits)
      slip(text, kPieces, kSpecs[random.below(std::size(kSpecs))], random);
    const auto spec = json::parse(text);
    if (!spec || !spec->is_object() || !schema->validate(*spec).empty()) continue;
    ++valid;
    const auto faults = kind.check("support-reply", spec->get_object(), others);
    for (const auto& fault : faults) ASSERT_FALSE(fault.message.empty()) << text;
    resources::Version version = test_version("{}");
    version.spec = spec->get_object();
    const auto prompt = compile_prompt(
        version, find_test_model,
        [&](std::string_view name, std::string_view ref) { return others.at("prompt", name, ref); }, clock);
    if (!prompt) {
      ASSERT_FALSE(faults.empty()) << text << "\n" << prompt.error().message;
      continue;
    }
    ++compiled;
    TestCall test(R"({"model": "p", "messages": [{"role": "user", "content": "Hi"}]})", R"({"q": "x"})");
    if (!run(**prompt, test.call)) continue;
    ++rendered;
    const auto messages = json::parse(test.call.request.messages);
    ASSERT_TRUE(messages) << text << "\n" << test.call.request.messages;
    ASSERT_EQ(messages->as_array().size(), test.call.request.message_count) << text;
  }
  EXPECT_GT(rendered, 10u) << rounds << " rounds, " << valid << " valid, " << compiled << " compiled";
}

}  // namespace
}  // namespace fairlead::prompts
