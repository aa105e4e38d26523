#include "gateway/cache/key.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <vector>

#include "gateway/cache/canonical.h"
#include "llm/request_body.h"

namespace fairlead::gateway::cache {
namespace {

std::string canonical(std::string_view json) {
  std::string out;
  append_canonical(out, json);
  return out;
}

// A request and what stands beside it in a key.
struct Call {
  std::string project = "bank", user, prompt, answers_as = "small@3";
  std::vector<std::string> tags;
  bool stream = false;
  llm::Format format = llm::Format::kChat;
  llm::Model model;

  Key key(std::string body, bool with_group = true) const {
    const std::size_t size = body.size();
    body.append(64, '\0');
    const llm::RequestBody read = llm::RequestBody::parse({body.data(), size}).value();
    return key_of({project, user, prompt, answers_as, model, tags, stream, format, read.members}, with_group);
  }
};

constexpr const char* kBody = R"({"model":"small","messages":[{"role":"user","content":"Hi"}],"temperature":0.5})";

TEST(CanonicalTest, OneValueHasOneFormHoweverItIsWritten) {
  EXPECT_EQ(canonical(R"({"a":[1,2.0,"x\ny"],"b":null})"),
            canonical(" { \"a\" : [ 1.0 , 2e0,\t\"\\u0078\\n\\u0079\" ] ,\n\"b\":null } "));
  EXPECT_EQ(canonical(R"("\u00e9\ud83d\ude00\/")"), canonical("\"é😀/\""));
  EXPECT_EQ(canonical("100"), canonical("1E2"));
  EXPECT_EQ(canonical("-0"), canonical("0"));
  EXPECT_EQ(canonical("0.10"), canonical("1e-1"));
}

TEST(CanonicalTest, DifferentValuesHaveDifferentForms) {
  const std::vector<std::string> values = {"1",
                                           "1.5",
                                           "\"1\"",
                                           "null",
                                           "\"null\"",
                                           "true",
                                           "[]",
                                           "{}",
                                           "[[]]",
                                           "[{}]",
                                           "[1,2]",
                                           "[12]",
                                           "[\"a\",\"b\"]",
                                           "[\"ab\"]",
                                           R"({"a":"b"})",
                                           R"(["a","b","c"])",
                                           R"({"a":["b"]})",
                                           R"({"a":"b","c":1})",
                                           R"({"c":1,"a":"b"})",
                                           "\"\"",
                                           "\"\\u0000\"",
                                           "\"\\\"\"",
                                           "\"\\\\\"",
                                           "9007199254740993",
                                           "9007199254740992",
                                           "18446744073709551615",
                                           "1e300",
                                           "-1",
                                           R"(["a",["b"]])",
                                           R"([["a"],"b"])",
                                           R"(["[","]"])",
                                           "\"\\ud800\"",
                                           "\"?\""};
  std::set<std::string> forms;
  for (const std::string& value : values) EXPECT_TRUE(forms.insert(canonical(value)).second) << value;
}

TEST(KeyTest, WhatChangesNoAnswerChangesNoKey) {
  const Key key = Call().key(kBody);
  for (
      const char* const same :
      {R"({"temperature":0.50,"messages":[{"role":"user","content":"Hi"}],"model":"small"})",
       R"({"model":"prompt:other","messages":[{"role":"user","content":"\u0048i"}],"temperature":5e-1,"stream":true})",
       R"({"model":"small","messages": [ {"role":"user","content":"Hi"} ],"temperature":0.5,"user":"u-1","metadata":{"a":"b"},)"
       R"("store":true,"stream":false,"safety_identifier":"x","prompt_cache_key":"y","fairlead":{"session":"s"}})"})
    EXPECT_EQ(Call().key(same).exact, key.exact) << same;
}

TEST(KeyTest, WhatMayChangeAnAnswerChangesTheKey) {
  std::set<Sha256> keys = {Call().key(kBody).exact};
  const auto is_new = [&](const Key& key) { return keys.insert(key.exact).second; };
  for (const char* const other :
       {R"({"messages":[{"role":"user","content":"hi"}],"temperature":0.5})",
        R"({"messages":[{"role":"user","content":"Hi"}]})",
        R"({"messages":[{"role":"user","content":"Hi"}],"temperature":0.51})",
        R"({"messages":[{"role":"system","content":"Hi"}],"temperature":0.5})",
        R"({"messages":[{"role":"user","content":["Hi"]}],"temperature":0.5})",
        R"({"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"n":2})",
        R"({"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"seed":1})",
        R"({"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"logprobs":true})",
        R"({"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"max_tokens":5})",
        R"({"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"unheard_of":1})",
        R"({"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"response_format":{"a":1,"b":2}})",
        R"({"messages":[{"role":"user","content":"Hi"}],"temperature":0.5,"response_format":{"b":2,"a":1}})"})
    EXPECT_TRUE(is_new(Call().key(other))) << other;

  const std::vector<std::function<void(Call&)>> changes = {
      [](Call& call) { call.project = "shop"; }, [](Call& call) { call.user = "u-1"; },
      [](Call& call) { call.user = "u-2"; }, [](Call& call) { call.prompt = "support@3/default"; },
      [](Call& call) { call.prompt = "support@4/default"; }, [](Call& call) { call.prompt = "support@4/russian"; },
      [](Call& call) { call.answers_as = "small@4"; }, [](Call& call) { call.format = llm::Format::kMessages; },
      // The parts have borders.
      [](Call& call) { call.project = "bankx", call.user = ""; },
      [](Call& call) { call.project = "bank", call.user = "x"; },
      [](Call& call) { call.project = "ban", call.user = "kx"; }};
  for (std::size_t i = 0; i < changes.size(); ++i) {
    Call call;
    changes[i](call);
    EXPECT_TRUE(is_new(call.key(kBody))) << i;
  }
}

TEST(KeyTest, TagsAndStreamsMatterWhereARouteAsksForThem) {
  Call call;
  call.model.routes.resize(2);
  const Key plain = call.key(kBody);
  call.tags = {"gold"};
  call.stream = true;
  EXPECT_EQ(call.key(kBody).exact, plain.exact);

  call.model.routes[0].when.tags = {"gold", "staff"};
  const Key gold = call.key(kBody);
  call.tags = {"staff", "other"};
  EXPECT_EQ(call.key(kBody).exact, gold.exact);  // the same routes
  call.tags = {"other"};
  const Key other = call.key(kBody);
  EXPECT_NE(other.exact, gold.exact);
  call.model.routes[1].when.stream = true;
  const Key streamed = call.key(kBody);
  call.stream = false;
  EXPECT_NE(call.key(kBody).exact, streamed.exact);

  auto fallback = std::make_shared<llm::Model>(call.model);
  call.model.routes.clear();
  call.model.fallbacks = {fallback};
  call.tags = {"gold"};
  const Key by_fallback = call.key(kBody);
  call.tags = {};
  EXPECT_NE(call.key(kBody).exact, by_fallback.exact);
}

TEST(KeyTest, AGroupHasAllButTheLastWordsOfAUser) {
  const auto group = [](const std::string& messages, const std::string& rest = "") {
    return Call().key(R"({"messages":)" + messages + rest + "}");
  };
  const Key one = group(R"([{"role":"system","content":"S"},{"role":"user","content":"one\n\u00e9"}])");
  EXPECT_EQ(one.question, "one\né");
  const Key two = group(R"([{"role":"system","content":"S"},{"role":"user","content":"two"}])");
  EXPECT_EQ(one.group, two.group);
  EXPECT_NE(one.exact, two.exact);
  EXPECT_NE(one.group, group(R"([{"role":"system","content":"T"},{"role":"user","content":"two"}])").group);
  EXPECT_NE(one.group,
            group(R"([{"role":"system","content":"S"},{"role":"user","content":"two"}])", R"(,"seed":1)").group);
  EXPECT_NE(
      one.group,
      group(R"([{"role":"system","content":"S"},{"role":"user","content":[{"type":"text","text":"two"}]}])").group);
  // In parts too, and with a picture beside it, which counts.
  const Key parts = group(
      R"([{"content":[{"type":"text","text":"two"},{"type":"image_url","image_url":{"url":"a"}}],"role":"user"}])");
  EXPECT_EQ(parts.question, "two");
  EXPECT_NE(
      parts.group,
      group(
          R"([{"content":[{"type":"text","text":"two"},{"type":"image_url","image_url":{"url":"b"}}],"role":"user"}])")
          .group);

  for (const char* const none :
       {R"([{"role":"user","content":"x"},{"role":"assistant","content":"y"}])", R"([{"role":"system","content":"x"}])",
        R"([{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}])", "[]"})
    EXPECT_EQ(group(none).question, "") << none;
  EXPECT_EQ(group(R"([{"role":"user","content":"x"}])", R"(,"tools":[{"type":"function"}])").question, "");
  EXPECT_EQ(Call().key(R"({"input":"what?"})").question, "what?");
  EXPECT_EQ(Call().key(R"({"input":"what?"})", false).question, "");
}

}  // namespace
}  // namespace fairlead::gateway::cache
