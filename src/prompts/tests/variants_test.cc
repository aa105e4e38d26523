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
using ::testing::IsEmpty;

ManualClock clock(1'764'165'600'000'000);  // 2025-11-26T14:00:00Z

struct Models final : resources::Catalogue {
  boost::json::object model;
  const boost::json::object* find(std::string_view kind, std::string_view name) const override {
    return kind == "model" && (name == "small" || name == "gold") ? &model : nullptr;
  }
  std::vector<std::string> names(std::string_view kind) const override {
    return kind == "model" ? std::vector<std::string>{"small", "gold"} : std::vector<std::string>{};
  }
};

// Of a prompt with these members beside its model, inputs and messages.
std::string spec_with(const std::string& members) {
  return R"({"model": "small", "input": {"question": {"type": "string"}, "locale": {"type": "string", "enum": ["en", "ru"], "default": "en"},
    "tier": {"type": "string", "default": "standard"}, "age": {"type": "integer", "default": 0},
    "order": {"type": "object", "properties": {"sum": {"type": "number"}}, "default": {}}},
    "messages": [{"system": "Own."}, {"user": "{{ question }}"}], "parameters": {"temperature": 0.5, "max_tokens": 9}, )" +
         members + "}";
}

std::vector<std::string> faults_of(const std::string& members) {
  return faults_in(spec_with(members), Models());
}

std::string variant(const std::string& when, const std::string& name = "one") {
  return R"({"name": ")" + name + R"(", "when": )" + json::quoted(when) + "}";
}

// The variant of a call, and its record's error behind it.
std::string chosen(const std::vector<std::string>& conditions, std::string_view variables,
                   const std::function<void(llm::Call&)>& change = {},
                   std::string_view request = R"({"model": "support-reply", "messages": []})") {
  std::string all;
  for (std::size_t i = 0; i < conditions.size(); ++i)
    all += (i > 0 ? "," : "") + variant(conditions[i], "v" + std::to_string(i + 1));
  const auto stage =
      compile_prompt(test_version(spec_with(R"("variants": [)" + all + "]")), find_test_model, no_prompts, clock);
  if (!stage) return stage.error().message;
  TestCall test(request, variables);
  if (change) change(test.call);
  if (auto ran = run(**stage, test.call); !ran) return ran.error().message;
  return test.call.variant + (test.call.variant_error.empty() ? "" : " | " + test.call.variant_error);
}

TEST(Variants, TheFirstWhoseConditionHoldsWins) {
  const std::vector<std::string> conditions = {"tier == 'gold'", "tier in ['gold', 'silver']", "locale == 'ru'"};
  EXPECT_EQ(chosen(conditions, R"({"question": "q", "tier": "gold"})"), "v1");
  EXPECT_EQ(chosen(conditions, R"({"question": "q", "tier": "silver", "locale": "ru"})"), "v2");
  EXPECT_EQ(chosen(conditions, R"({"question": "q", "locale": "ru"})"), "v3");
  EXPECT_EQ(chosen(conditions, R"({"question": "q"})"), "default");
}

TEST(Variants, SeeWhatACallSaysOfItself) {
  const auto with = [](std::string_view when, const std::function<void(llm::Call&)>& change) {
    return chosen({std::string(when)}, R"({"question": "q"})", change);
  };
  const auto full = [](llm::Call& call) {
    call.options.tags = {"web", "beta"};
    call.options.user = "ana@example.com";
    call.options.session = "s-4";
  };
  for (const char* when : {"'beta' in tags", "user.id.endsWith('@example.com')", "session.id == 's-4'"}) {
    EXPECT_EQ(with(when, full), "v1") << when;
    EXPECT_EQ(with(when, {}), "default") << when;
  }
  EXPECT_EQ(with("user.id == '' && session.id == '' && tags == []", {}), "v1");
  EXPECT_EQ(with("now == timestamp('2025-11-26T14:00:00Z')", {}), "v1");
  EXPECT_EQ(with("now.getHours('Europe/Berlin') == 15", {}), "v1");
}

TEST(Variants, SeeInputsAsTheirSchemasSay) {
  EXPECT_EQ(chosen({"age >= 18"}, R"({"question": "q", "age": 18})"), "v1");
  EXPECT_EQ(chosen({"age == 18"}, R"({"question": "q", "age": 18.0})"), "v1");
  EXPECT_EQ(chosen({"order.sum > 10.0"}, R"({"question": "q", "order": {"sum": 11}})"), "v1");
  EXPECT_EQ(chosen({"has(order.sum)"}, R"({"question": "q"})"), "default");
}

TEST(Variants, SeeTheLanguageOfTheInput) {
  const std::vector<std::string> conditions = {"language == 'ru'", "language == 'und'"};
  EXPECT_EQ(chosen(conditions, R"({"question": "Где моя карта?"})"), "v1");
  EXPECT_EQ(chosen(conditions, R"({"question": "Where is my card?"})"), "default");
  EXPECT_EQ(chosen(conditions, R"({"question": "4"})"), "v2");
  // The caller's last message says more than variables do.
  EXPECT_EQ(chosen(conditions, R"({"question": "Where is my card?"})", {},
                   R"({"model": "p", "messages": [{"role": "user", "content": "Hello there, my friends"},
                      {"role": "assistant", "content": "Hi."}, {"role": "user", "content": "Где моя карта?"}]})"),
            "v1");
  // A default is not the caller's.
  const auto stage = compile_prompt(
      test_version(
          R"({"model": "small", "messages": [{"user": "{{ q }}"}], "input": {"q": {"type": "string", "default": "Где моя карта?"}},
                       "variants": [{"name": "v1", "when": "language == 'ru'"}]})"),
      find_test_model, no_prompts, clock);
  ASSERT_TRUE(stage);
  TestCall test(R"({"model": "p"})", "{}");
  ASSERT_TRUE(run(**stage, test.call));
  EXPECT_EQ(test.call.variant, "default");
}

TEST(Variants, AConditionThatFailsDoesNotHold) {
  EXPECT_EQ(chosen({"order.sum > 10.0", "true"}, R"({"question": "q"})"),
            "v2 | v1: line 1, column 7: there is no key \"sum\". has(map.key) asks before.");
  EXPECT_EQ(chosen({"1 / age > 2"}, R"({"question": "q"})"), "default | v1: line 1, column 3: division by zero.");
  EXPECT_THAT(chosen({"question.split(',').all(a, question.split(',').all(b, question.split(',').all(c, a != 'x')))"},
                     R"({"question": "a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a,a"})"),
              HasSubstr("more than 10000 steps"));
}

TEST(Variants, GiveWhatTheyGiveAndTheRestIsThePrompts) {
  const auto stage =
      compile_prompt(test_version(spec_with(R"("tools": [{"type": "function", "function": {"name": "f"}}], "variants": [
    {"name": "quick", "when": "tier == 'quick'", "model": "gold", "parameters": {"max_completion_tokens": 5}, "tools": []},
    {"name": "strict", "when": "tier == 'strict'", "messages": [{"user": "V {{ tier }}"}], "output": {"schema": {"type": "object"}}}])")),
                     find_test_model, no_prompts, clock);
  ASSERT_TRUE(stage) << stage.error().message;
  TestCall quick(R"({"model": "p"})", R"({"question": "q", "tier": "quick"})");
  ASSERT_TRUE(run(**stage, quick.call));
  EXPECT_EQ(quick.call.model->name, "gold");
  EXPECT_EQ(quick.call.request.messages, R"([{"role":"system","content":"Own."},{"role":"user","content":"q"}])");
  EXPECT_EQ(quick.call.request.member("temperature")->json, "0.5");
  EXPECT_EQ(quick.call.request.member("max_completion_tokens")->json, "5");
  EXPECT_EQ(quick.call.request.member("max_tokens"), nullptr);
  EXPECT_EQ(quick.call.request.member("tools"), nullptr);
  TestCall strict(R"({"model": "p"})", R"({"question": "q", "tier": "strict"})");
  ASSERT_TRUE(run(**stage, strict.call));
  EXPECT_EQ(strict.call.model->name, "small");
  EXPECT_EQ(strict.call.request.messages, R"([{"role":"user","content":"V strict"}])");
  EXPECT_EQ(strict.call.request.message_count, 1u);
  EXPECT_NE(strict.call.request.member("response_format"), nullptr);
  EXPECT_NE(strict.call.request.member("tools"), nullptr);
  TestCall own(R"({"model": "p"})", R"({"question": "q"})");
  ASSERT_TRUE(run(**stage, own.call));
  EXPECT_EQ(own.call.request.member("response_format"), nullptr);
}

TEST(Variants, SaysWhichModelsItsCallsGoTo) {
  const auto stage = compile_prompt(
      test_version(
          spec_with(R"("variants": [{"name": "a", "when": "true", "model": "gold"}, {"name": "b", "when": "true"}])")),
      find_test_model, no_prompts, clock);
  ASSERT_TRUE(stage) << stage.error().message;
  std::vector<std::string> names;
  for (const auto& model : (*stage)->models()) names.push_back(model->name);
  EXPECT_EQ(names, (std::vector<std::string>{"small", "gold", "small"}));
}

TEST(Variants, FaultsNameThePlaceAndTheLikelyWord) {
  const auto faults_of_when = [](const std::string& when) {
    return faults_of(R"("variants": [)" + variant(when) + "]");
  };
  EXPECT_THAT(
      faults_of_when("locale == 'ru' && tier == 'gold' && 'a' in tags && now > timestamp('2026-01-01T00:00:00Z')"),
      IsEmpty());
  EXPECT_THAT(
      faults_of_when("localle == 'ru'"),
      ElementsAre("/variants/0/when: unknown variable `localle` in `when: localle == 'ru'` | did you mean `locale`? "
                  "Declared: question, locale, tier, age, order, tags, user.id, session.id, now, language."));
  EXPECT_THAT(faults_of_when("age == 'x'"), ElementsAre(HasSubstr("in `when: age == 'x'`")));
  EXPECT_THAT(faults_of_when("order.summ > 1.0"), ElementsAre(HasSubstr("/variants/0/when: ")));
  EXPECT_THAT(faults_of_when("tier"),
              ElementsAre("/variants/0/when: `when` has to be true or false; this is of type string"));
  EXPECT_THAT(faults_of_when("locale ==\n  'ru' &&"), ElementsAre(HasSubstr("`when`, line 2, column ")));
  EXPECT_THAT(
      faults_of(R"("variants": [)" + variant("true", "default") + "," + variant("true") + "," + variant("true") + "]"),
      ElementsAre("/variants/0/name: `default` is the prompt itself: choose another name.",
                  "/variants/2/name: there is another variant `one`."));
  EXPECT_THAT(
      faults_of(R"("variants": [{"name": "a", "when": "true", "model": "golt", "messages": [{"user": "{{ tir }}"}],
                "parameters": {"temprature": 1}}])"),
      ElementsAre(HasSubstr("/variants/0/messages/0/user: unknown variable `tir`. Did you mean `tier`?"),
                  "/variants/0/parameters/temprature: unknown parameter `temprature`. Did you mean `temperature`?",
                  "/variants/0/model: unknown model `golt`. Did you mean `gold`?"));
  EXPECT_EQ(faults_of(R"("variants": [{"name": "a"}])").size(), 2u);
  EXPECT_EQ(faults_of(R"("variants": [{"name": "a", "when": "true", "parameters": {"temperature": 9}}])").size(), 1u);
}

TEST(Variants, AnInputHidesWhatIsCalledAsIt) {
  const auto stage = compile_prompt(
      test_version(R"({"model": "small", "messages": [{"user": "hi"}], "input": {"language": {"type": "string"},
    "user": {"type": "object"}, "in": {"default": 1}}, "variants": [{"name": "v1", "when": "language == 'x' && user.id == 7"}]})"),
      find_test_model, no_prompts, clock);
  ASSERT_TRUE(stage) << stage.error().message;
  TestCall test(R"({"model": "p"})", R"({"language": "x", "user": {"id": 7}})");
  ASSERT_TRUE(run(**stage, test.call));
  EXPECT_EQ(test.call.variant, "v1");
}

TEST(Variants, TestsOfThePromptSayWhichTheyExpect) {
  const std::string variants =
      R"("variants": [{"name": "ru", "when": "language == 'ru'", "messages": [{"system": "По-русски."}]},
                      {"name": "beta", "when": "'beta' in tags || user.id == 'u' || session.id == 's'"},
                      {"name": "night", "when": "now.getHours() < 6"}], "tests": )";
  EXPECT_THAT(faults_of(variants + R"([
    {"given": {"question": "Где моя карта?"}, "expect": {"variant": "ru", "contains": "русски", "lacks": "Own"}},
    {"given": {"question": "x"}, "message": "Где моя карта?", "expect": [{"variant": "ru"}, {"system": "По-русски."}]},
    {"given": {"question": "x"}, "tags": ["beta"], "expect": {"variant": "beta"}},
    {"given": {"question": "x"}, "user": "u", "expect": {"variant": "beta"}},
    {"given": {"question": "x"}, "session": "s", "expect": {"variant": "beta"}},
    {"given": {"question": "x"}, "now": "2026-01-01T05:00:00Z", "expect": {"variant": "night", "contains": ["Own.", "x"]}},
    {"given": {"question": "x"}, "now": "2026-01-01T06:00:00Z", "expect": {"variant": "default"}}])"),
              IsEmpty());
  EXPECT_THAT(faults_of(variants + R"([
    {"given": {"question": "Where is my card?"}, "now": "2026-01-01T12:00:00Z", "expect": {"variant": "ru", "contains": "русски"}},
    {"given": {"question": "x"}, "tags": ["beta"], "expect": [{"variant": "default"}]},
    {"given": {"question": "x"}, "now": "noon", "expect": {"variant": "default"}}])"),
              ElementsAre("/tests/0/expect/variant: test 1: the variant is `default`, not `ru`",
                          HasSubstr("/tests/0/expect: test 1: no message contains `русски`"),
                          "/tests/1/expect/0/variant: test 2: the variant is `beta`, not `default`",
                          "/tests/2/given: test 3: `now` is a time such as 2026-11-26T14:02:00Z."));
}

}  // namespace
}  // namespace fairlead::prompts
