#include "chains/internal/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chains/kind.h"
#include "chains/rate.h"
#include "platform/json/text.h"

namespace fairlead::chains {
namespace {

namespace bj = boost::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

// A project with the prompts `ask` (inputs question, tone with a default; answers {score: integer}) and `say` (text),
// the model `small`, and the chain `other` (input text).
class TestCatalogue final : public resources::Catalogue {
 public:
  TestCatalogue() {
    add("prompt", "ask",
        R"({"input": {"question": {"type": "string"}, "tone": {"type": "string", "default": "kind"}},
            "output": {"schema": {"type": "object", "properties": {"score": {"type": "integer"}}}}})");
    add("prompt", "say", R"({"input": {"text": {"type": "string"}}})");
    add("model", "small", "{}");
    add("chain", "other", R"({"input": {"text": {"type": "string"}}, "steps": []})");
  }
  void add(const std::string& kind, const std::string& name, const std::string& spec) {
    specs_[{kind, name}] = json::parse(spec)->as_object();
  }
  const bj::object* find(std::string_view kind, std::string_view name) const override {
    const auto found = specs_.find({std::string(kind), std::string(name)});
    return found == specs_.end() ? nullptr : &found->second;
  }
  std::vector<std::string> names(std::string_view kind) const override {
    std::vector<std::string> out;
    for (const auto& [key, spec] : specs_)
      if (key.first == kind) out.push_back(key.second);
    return out;
  }

 private:
  std::map<std::pair<std::string, std::string>, bj::object> specs_;
};

// "POINTER: MESSAGE" of each fault.
std::vector<std::string> faults_of(const std::string& spec) {
  const TestCatalogue catalogue;
  std::vector<std::string> out;
  for (const resources::SpecError& fault : chain_kind().check("mine", json::parse(spec)->as_object(), catalogue))
    out.push_back(fault.pointer + ": " + fault.message);
  return out;
}

TEST(ChainSpec, AWholeOneHasNoFault) {
  EXPECT_THAT(faults_of(R"({
    "input": {"article": {"type": "string"}, "limit": {"type": "integer", "default": 3}},
    "deadline": "1h",
    "steps": [
      {"name": "split", "transform": {"parts": "${{ input.article.split('\\n') }}", "n": "${{ input.limit + 1 }}"}},
      {"name": "each", "map": "${{ steps.split.output.parts }}", "at_once": 4, "failures": "10%",
       "prompt": "say", "variables": {"text": "part ${{ index }}: ${{ item }}"}},
      {"name": "check", "prompt": "ask", "variables": {"question": "${{ steps.each.output.join(' ') }}"},
       "until": "output.score > 3 || turn > 1", "at_most": 3, "retry": {"attempts": 2}},
      {"name": "sure", "when": "${{ steps.check.output.score < 3 }}", "approve": "Is ${{ steps.check.output.score }} enough?",
       "within": "2d", "otherwise": {"approved": false, "by": "", "comment": ""}},
      {"name": "sub", "after": ["sure"], "chain": "other", "input": {"text": "${{ input.article }}"}},
      {"name": "free", "model": "small", "messages": "Say ${{ run.id }}", "parameters": {"max_tokens": 5}}
    ],
    "output": {"score": "${{ steps.check.output.score }}", "when": "${{ run.started }}"}})"),
              IsEmpty());
}

TEST(ChainSpec, AFieldThatCannotExistIsRefusedWithASuggestion) {
  EXPECT_THAT(faults_of(R"({"input": {"article": {"type": "string"}}, "steps": [
                {"name": "a", "transform": "${{ input.artcle }}"}]})"),
              ElementsAre(HasSubstr("/steps/0/transform: column")));
  EXPECT_THAT(faults_of(R"({"input": {"article": {"type": "string"}}, "steps": [
                {"name": "a", "transform": "${{ input.artcle }}"}]})"),
              ElementsAre(HasSubstr("article")));
  EXPECT_THAT(faults_of(R"({"steps": [
                {"name": "check", "prompt": "ask", "variables": {"question": "x"}},
                {"name": "b", "transform": "${{ steps.check.output.scor }}"}]})"),
              ElementsAre(HasSubstr("score")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "check", "prompt": "say", "variables": {"text": "x"}},
                {"name": "b", "transform": "${{ steps.chek.output }}"}]})"),
              ElementsAre(HasSubstr("steps.check.output")));
}

TEST(ChainSpec, TypesGoThroughTheGraph) {
  EXPECT_THAT(faults_of(R"({"steps": [
                {"name": "c", "transform": "${{ steps.b.output.total + 'x' }}"},
                {"name": "a", "transform": {"n": 3}},
                {"name": "b", "transform": {"total": "${{ steps.a.output.n * 2 }}"}}]})"),
              ElementsAre(HasSubstr("/steps/0/transform")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "map": "${{ 3 }}", "transform": "${{ item }}"}]})"),
              ElementsAre("/steps/0/map: is of type int; what is mapped is a list."));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "when": "1 + 1", "transform": 1}]})"),
              ElementsAre(HasSubstr("a condition is true or false")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "transform": "${{ item }}"}]})"), ElementsAre(HasSubstr("item")));
}

TEST(ChainSpec, AStepThatWaitsForItselfIsRefusedWithTheWay) {
  EXPECT_THAT(faults_of(R"({"steps": [
                {"name": "a", "transform": "${{ steps.c.output }}"},
                {"name": "b", "transform": "${{ steps.a.output }}"},
                {"name": "c", "transform": "${{ steps.b.output }}", "after": ["a"]}]})"),
              ElementsAre(HasSubstr("/steps/0: waits for itself: a → c → ")));
}

TEST(ChainSpec, WhatIsCalledMustBeThereAndGetWhatItNeeds) {
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "prompt": "asc", "variables": {"question": "x"}}]})"),
              ElementsAre("/steps/0/prompt: unknown prompt `asc`. Did you mean `ask`?"));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "prompt": "ask", "variables": {"qestion": "x"}}]})"),
              ElementsAre(HasSubstr("Did you mean `question`?"), HasSubstr("needs the input `question`")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "chain": "other"}]})"),
              ElementsAre(HasSubstr("chain `other` needs the input `text`")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "model": "small"}]})"),
              ElementsAre("/steps/0: a step with `model` needs `messages`."));
}

TEST(ChainSpec, WhatDoesNotGoTogetherIsRefused) {
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "transform": 1, "approve": "?"}]})"),
              ElementsAre(HasSubstr("says two things")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a"}]})"), ElementsAre(HasSubstr("says not what it does")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "transform": 1, "until": "true"}]})"),
              ElementsAre(HasSubstr("`until` and `at_most` go together")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "transform": 1}, {"name": "a", "transform": 2}]})"),
              ElementsAre(HasSubstr("there is a step `a` already")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "transform": 1, "retry": {"attempts": 2}}]})"),
              ElementsAre(HasSubstr("/steps/0/retry: is for steps with")));
}

TEST(ChainSpec, WhatStandsWithinASwitchIsCheckedLikeSteps) {
  EXPECT_THAT(faults_of(R"({"input": {"kind": {"type": "string"}}, "steps": [
                {"name": "a", "switch": [{"when": "input.kind == 'x'", "prompt": "ask", "variables": {"question": "q"}},
                                         {"transform": {"score": 1}}]},
                {"name": "b", "transform": "${{ steps.a.output.score + 1 }}"}]})"),
              IsEmpty());
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "switch": [{"when": "inpt.kind == 'x'", "transform": 1}]}]})"),
              ElementsAre(HasSubstr("/steps/0/switch/0/when: ")));
  EXPECT_THAT(
      faults_of(R"({"steps": [{"name": "a", "switch": [{"transform": 1}, {"when": "true", "transform": 2}]}]})"),
      ElementsAre(HasSubstr("/steps/0/switch/0: has no `when`")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "switch": [{"prompt": "asc", "variables": {}}]}]})"),
              ElementsAre("/steps/0/switch/0/prompt: unknown prompt `asc`. Did you mean `ask`?"));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "switch": [{"transform": {"n": 1}}, {"transform": {"n": 2}}]},
                                      {"name": "b", "transform": "${{ steps.a.output.m }}"}]})"),
              testing::Not(IsEmpty()));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "switch": [{"when": "steps.b.output == 1", "transform": 1}]},
                                      {"name": "b", "transform": "${{ steps.a.output }}"}]})"),
              ElementsAre(HasSubstr("waits for itself: a → b → a")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "switch": [{"chain": "mine"}]}]})"),
              testing::Contains(HasSubstr("the chain starts itself")));
}

TEST(ChainSpec, AnAgentHasABoundAndToolsThatAreWhole) {
  const auto agent = [](const std::string& tools, const std::string& more = R"(, "at_most": 3)") {
    return R"({"steps": [{"name": "a", "agent": {"model": "small", "messages": "hi", "tools": [)" + tools + "]}" +
           more + "}]}";
  };
  EXPECT_THAT(faults_of(agent(R"({"name": "t", "description": "d", "arguments": {"q": {"type": "string"}},
                                  "prompt": "ask", "variables": {"question": "${{ arguments.q }}"}})")),
              IsEmpty());
  EXPECT_THAT(faults_of(agent(R"({"name": "t", "description": "d", "transform": 1})", "")),
              ElementsAre(HasSubstr("an agent needs `at_most`")));
  EXPECT_THAT(faults_of(agent(R"({"name": "t", "description": "d", "arguments": {"query": {"type": "string"}},
                                  "transform": "${{ arguments.qery }}"})")),
              ElementsAre(HasSubstr("/steps/0/agent/tools/0/transform: ")));
  EXPECT_THAT(faults_of(agent(R"({"name": "t", "description": "d", "arguments": {"q": {"type": "strin"}},
                                  "transform": 1})")),
              testing::Contains(HasSubstr("/steps/0/agent/tools/0/arguments/q")));
  EXPECT_THAT(faults_of(agent(R"({"name": "t", "description": "d", "transform": 1},
                                 {"name": "t", "description": "d", "transform": 2})")),
              ElementsAre("/steps/0/agent/tools/1/name: there is a tool `t` already."));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "transform": "${{ arguments.q }}"}]})"),
              ElementsAre(HasSubstr("arguments")));
  EXPECT_THAT(
      faults_of(
          R"({"steps": [{"name": "a", "at_most": 2, "output": {"type": "object", "properties": {"n": {"type": "integer"}}},
                "agent": {"model": "small", "messages": "hi", "tools": [{"name": "t", "description": "d", "transform": 1}]}},
                {"name": "b", "transform": "${{ steps.a.output.m }}"}]})"),
      testing::Not(IsEmpty()));
}

TEST(ChainSpec, ATaskHasATypedOutput) {
  EXPECT_THAT(faults_of(R"({"steps": [
                {"name": "a", "task": "resize", "input": {"n": 1}, "lease": "5s", "within": "1h", "retry": {"attempts": 2},
                 "output": {"type": "object", "properties": {"bytes": {"type": "integer"}}}},
                {"name": "b", "transform": "${{ steps.a.output.bytes + 1 }}"}]})"),
              IsEmpty());
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "task": "resize",
                 "output": {"type": "object", "properties": {"bytes": {"type": "integer"}}}},
                {"name": "b", "transform": "${{ steps.a.output.byte }}"}]})"),
              ElementsAre(HasSubstr("bytes")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "task": "resize", "timeout": "3s"}]})"),
              ElementsAre(HasSubstr("/steps/0/timeout: is for steps with")));
  EXPECT_THAT(faults_of(R"({"steps": [{"name": "a", "transform": 1, "lease": "3s"}]})"),
              ElementsAre("/steps/0/lease: is for steps with `task`."));
}

TEST(ChainSpec, ACompensationSeesWhatIsThereByThen) {
  const auto with = [](const std::string& compensate) {
    return faults_of(R"({"input": {"n": {"type": "integer"}}, "steps": [
      {"name": "a", "prompt": "say", "variables": {"text": "x"}},
      {"name": "b", "prompt": "ask", "variables": {"question": "${{ steps.a.output }}"}, "compensate": )" +
                     compensate + R"(},
      {"name": "c", "map": "${{ [1, 2] }}", "prompt": "say", "variables": {"text": "${{ steps.b.output.score }}"},
       "compensate": {"transform": "${{ item + 1 }}"}}]})");
  };
  EXPECT_THAT(with(R"({"http": {"url": "https://a.example/${{ steps.b.output.score }}/${{ steps.a.output }}"},
                       "retry": {"attempts": 3}, "timeout": "1s", "uncertain": "ask"})"),
              IsEmpty());
  EXPECT_THAT(with(R"({"model": "small", "messages": "${{ output.score }} ${{ input.n }}"})"), IsEmpty());
  EXPECT_THAT(with(R"({"transform": "${{ steps.c.output }}"})"),
              ElementsAre(HasSubstr("/steps/1/compensate/transform")));
  EXPECT_THAT(with(R"({"transform": "${{ output.scor }}"})"), ElementsAre(HasSubstr("score")));
  EXPECT_THAT(with(R"({"transform": "${{ item }}"})"), ElementsAre(HasSubstr("/steps/1/compensate/transform")));
  EXPECT_THAT(with(R"({"prompt": "sayy", "variables": {"text": "x"}})"),
              ElementsAre("/steps/1/compensate/prompt: unknown prompt `sayy`. Did you mean `say`?"));
  EXPECT_THAT(with(R"({"timeout": "1s"})"), testing::Contains(HasSubstr("says not what it does")));
  EXPECT_THAT(with(R"({"chain": "mine"})"), testing::Contains(HasSubstr("starts itself")));
}

TEST(ChainSpec, ALimitSaysHowManyAndOfWhom) {
  const auto with = [](const std::string& limits) {
    return R"({"limits": )" + limits + R"(, "steps": [{"name": "a", "transform": 1}]})";
  };
  EXPECT_THAT(faults_of(with(R"([{"concurrency": 2, "per": "user"}, {"rate": "30/1m"}])")), IsEmpty());
  EXPECT_THAT(faults_of(with(R"([{"per": "user"}])")), ElementsAre(HasSubstr("`concurrency` or `rate`")));
  EXPECT_THAT(faults_of(with(R"([{"concurrency": 1}, {"rate": "often"}])")), ElementsAre(HasSubstr("/limits/1/rate")));
}

TEST(Rate, IsSoManyInATime) {
  const auto shown = [](const char* text) {
    const auto rate = read_rate(text);
    return rate ? rate_text(rate->starts, rate->period) : std::string("none");
  };
  EXPECT_EQ(shown("30/1m"), "30/1m");
  EXPECT_EQ(shown("5/s"), "5/1s");
  EXPECT_EQ(shown("1000/24h"), "1000/1d");
  EXPECT_EQ(shown("7/90s"), "7/90s");
  for (const char* const text : {"", "5", "5/", "/m", "0/1m", "-1/1m", "5/0s", "5/1w", "5/32d", "5/1m ", "100001/1s"})
    EXPECT_EQ(shown(text), "none") << text;
}

TEST(ChainInput, IsCheckedAndCompleted) {
  internal::Faults faults;
  const auto spec = json::parse(R"({"input": {"text": {"type": "string", "maxLength": 3},
                                   "n": {"type": "integer", "default": 7}}, "steps": [{"name": "a", "transform": 1}]})");
  const internal::Plan plan = internal::read_plan(spec->as_object(), {}, faults);
  const auto complete = [&](const char* given) {
    return internal::complete_input(plan, json::parse(given)->as_object());
  };
  EXPECT_EQ(json::to_text(*complete(R"({"text": "abc"})")), R"({"text":"abc","n":7})");
  EXPECT_EQ(complete("{}").error().param, "input.text");
  EXPECT_EQ(complete(R"({"text": "abcd"})").error().code, "invalid_value");
  EXPECT_THAT(complete(R"({"txt": "a"})").error().message, HasSubstr("Did you mean `text`?"));
}

}  // namespace
}  // namespace fairlead::chains
