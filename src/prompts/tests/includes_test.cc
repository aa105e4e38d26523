#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "platform/json/text.h"
#include "prompts/kind.h"
#include "prompts/tests/calls.h"

namespace fairlead::prompts {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const ManualClock clock;

// Versions by "name@ref".
struct Prompts final : resources::Catalogue {
  std::map<std::string, resources::Version, std::less<>> versions;
  boost::json::object model;

  void add(const std::string& name, int number, const std::string& label, const std::string& members) {
    resources::Version version = test_version(R"({"model": "small", )" + members + "}");
    version.name = name;
    version.version = number;
    versions.insert_or_assign(name + "@" + std::to_string(number), version);
    versions.insert_or_assign(name + "@" + label, version);
  }
  Result<const resources::Version*> at(std::string_view, std::string_view name, std::string_view ref) const override {
    const auto found = versions.find(std::string(name) + "@" + std::string(ref));
    if (found == versions.end()) return fail(ErrorKind::kNotFound, "label_not_found", "There is no such one.");
    return &found->second;
  }
  const boost::json::object* find(std::string_view kind, std::string_view) const override {
    return kind == "model" ? &model : nullptr;
  }
  std::vector<std::string> names(std::string_view) const override { return {}; }

  std::vector<std::string> faults_of(const std::string& name, const std::string& members) const {
    std::vector<std::string> out;
    const auto spec = test_version(R"({"model": "small", )" + members + "}").spec;
    for (const auto& error : prompt_kind().check(name, spec, *this))
      out.push_back(error.pointer + ": " + error.message);
    return out;
  }
  Result<std::shared_ptr<Prompt>> compiled(const std::string& members) const {
    return compile_prompt(
        test_version(R"({"model": "small", )" + members + "}"), find_test_model,
        [this](std::string_view name, std::string_view ref) { return at("prompt", name, ref); }, clock);
  }
};

Prompts house() {
  Prompts out;
  out.add(
      "style", 2, "production",
      R"("input": {"tone": {"type": "string", "default": "calm"}}, "messages": [{"system": "Be {{ tone }}."}, {"user": "Hi"}])");
  out.add("rules", 3, "staging", R"("messages": [{"system": "No {{ what }}."}])");
  out.add("both", 1, "production",
          R"("messages": [{"prompt": "style@production"}, {"system": {"prompt": "rules@3"}}])");
  return out;
}

TEST(Includes, StandWhereTheyAreNamed) {
  const auto stage = house().compiled(
      R"("input": {"what": {}}, "messages": [{"prompt": "style@2"}, {"developer": {"prompt": "rules@staging"}}, {"user": "{{ what }}?"}])");
  ASSERT_TRUE(stage) << stage.error().message;
  TestCall test(R"({"model": "p"})", R"({"what": "refunds"})");
  ASSERT_TRUE(run(**stage, test.call));
  EXPECT_EQ(
      test.call.request.messages,
      R"([{"role":"system","content":"Be calm."},{"role":"user","content":"Hi"},{"role":"developer","content":"No refunds."},{"role":"user","content":"refunds?"}])");
  EXPECT_EQ(test.call.request.message_count, 4u);
  EXPECT_THAT(test.call.includes, ElementsAre("style@2", "rules@3"));
  TestCall toned(R"({"model": "p"})", R"({"what": "refunds", "tone": "warm"})");
  ASSERT_TRUE(run(**stage, toned.call));
  EXPECT_THAT(std::string(toned.call.request.messages), HasSubstr("Be warm."));
}

TEST(Includes, IncludeInTheirTurn) {
  const auto stage = house().compiled(R"("input": {"what": {}}, "messages": [{"prompt": "both@production"}])");
  ASSERT_TRUE(stage) << stage.error().message;
  TestCall test(R"({"model": "p"})", R"({"what": "refunds"})");
  ASSERT_TRUE(run(**stage, test.call));
  EXPECT_EQ(test.call.request.message_count, 3u);
  EXPECT_THAT(test.call.includes, ElementsAre("both@1", "style@2", "rules@3"));
  EXPECT_EQ((*stage)->includes(), test.call.includes);
}

TEST(Includes, AreNamedInErrorsOfRendering) {
  Prompts prompts;
  prompts.add("rules", 3, "staging", R"("messages": [{"system": "a"}, {"system": "{{ what.x.y }}"}])");
  const auto stage = prompts.compiled(R"("input": {"what": {}}, "messages": [{"prompt": "rules@3"}])");
  ASSERT_TRUE(stage);
  TestCall test(R"({"model": "p"})", R"({"what": {}})");
  const auto ran = run(**stage, test.call);
  ASSERT_FALSE(ran);
  EXPECT_THAT(ran.error().message, HasSubstr("`rules@3`, messages[1].system: "));
}

TEST(Includes, ThatDoNotFitAreFaults) {
  const Prompts prompts = house();
  const auto faults = [&](const std::string& message) {
    return prompts.faults_of("p", R"("input": {"what": {}}, "messages": [)" + message + "]");
  };
  EXPECT_THAT(faults(R"({"prompt": "style@2"}, {"system": {"prompt": "rules@3"}})"), IsEmpty());
  EXPECT_THAT(faults(R"({"prompt": "style"})"),
              ElementsAre("/messages/0/prompt: `prompt` names another prompt and which version of it: "
                          "`style@production` or `…@3`."));
  EXPECT_THAT(faults(R"({"prompt": "style@9"})"), ElementsAre("/messages/0/prompt: There is no such one."));
  EXPECT_THAT(faults(R"({"system": "a"}, {"system": {"prompt": "style@2"}})"),
              ElementsAre("/messages/1/system/prompt: `style@2`, messages: to stand as a text it has to be one message "
                          "with a text."));
  EXPECT_THAT(prompts.faults_of("p", R"("messages": [{"prompt": "both@1"}])"),
              ElementsAre("/messages/0/prompt: `rules@3`, messages[0]: unknown variable `what`. Declared "
                          "inputs: tone."));
  EXPECT_THAT(
      prompts.faults_of(
          "p", R"("messages": [], "variants": [{"name": "v", "when": "true", "messages": [{"prompt": "rules@3"}]}])"),
      ElementsAre(HasSubstr("/variants/0/messages/0/prompt: `rules@3`, messages[0].system: unknown")));
  EXPECT_EQ(prompts.compiled(R"("messages": [{"prompt": "rules@3"}])").error().code, "invalid_include");
}

TEST(Includes, ThatLeadBackAreRefusedWithTheWay) {
  Prompts prompts;
  const std::string a = R"("messages": [{"prompt": "b@production"}])";
  prompts.add("a", 1, "production", a);
  prompts.add("b", 2, "production", R"("messages": [{"prompt": "c@1"}])");
  prompts.add("c", 1, "production", R"("messages": [{"prompt": "a@production"}])");
  EXPECT_THAT(prompts.faults_of("a", a),
              ElementsAre(HasSubstr("`a@production` leads back to itself: a → b@2 → c@1 → a@1.")));
  // An older version of itself ends.
  prompts.add("c", 1, "production", R"("messages": [{"system": "end"}])");
  EXPECT_THAT(prompts.faults_of("a", R"("messages": [{"prompt": "a@1"}])"), IsEmpty());
}

TEST(Includes, AreBounded) {
  Prompts prompts;
  prompts.add("l0", 1, "x", R"("messages": [{"system": "a"}, {"system": "b"}])");
  for (int level = 1; level < 40; ++level) {
    const std::string below = R"({"prompt": "l)" + std::to_string(level - 1) + R"(@1"})";
    prompts.add("l" + std::to_string(level), 1, "x", R"("messages": [)" + below + "," + below + "]");
  }
  EXPECT_THAT(prompts.faults_of("p", R"("messages": [{"prompt": "l39@1"}])"),
              ElementsAre(HasSubstr("more than 200 messages")));
}

}  // namespace
}  // namespace fairlead::prompts
