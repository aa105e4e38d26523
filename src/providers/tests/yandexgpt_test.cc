#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/json/text.h"
#include "providers/tests/vendor_tests.h"
#include "providers/yandexgpt/provider.h"
#include "providers/yandexgpt/request.h"

namespace fairlead::providers {
namespace {

std::shared_ptr<llm::Provider> yandex_at(FakeClient& client) {
  return yandexgpt::make_provider({.parts = parts_for(client, "https://llm.example"), .folder = "b1gfolder"}).value();
}

Result<std::string> request_of(const llm::ChatRequest& request) {
  return yandexgpt::completion_request(request, "yandexgpt/latest", "b1gfolder");
}

TEST(YandexRequest, SaysTheSameInTheOtherWords) {
  const SameInOtherWords kCases[] = {
      {"system, sampling, thinking",
       R"({"model":"m","messages":[{"role":"developer","content":"a"},{"role":"user","content":[{"type":"text","text":"h"},{"type":"text","text":"i"}]}],
           "max_tokens":7,"temperature":1.7,"seed":3,"reasoning_effort":"high","top_p":1})",
       R"({"modelUri":"gpt://b1gfolder/yandexgpt/latest","completionOptions":{"stream":false,"temperature":1,"maxTokens":"7",
           "reasoningOptions":{"mode":"ENABLED_HIDDEN"}},"messages":[{"role":"system","text":"a"},{"role":"user","text":"hi"}]})"},
      {"tools, their calls and their results",
       R"({"model":"m","messages":[{"role":"user","content":"weather?"},
           {"role":"assistant","content":"well","tool_calls":[
             {"id":"t1","type":"function","function":{"name":"get","arguments":"{\"city\":\"Oslo\"}"}},
             {"id":"t2","type":"function","function":{"name":"now","arguments":""}}]},
           {"role":"tool","tool_call_id":"t1","content":"rain"},{"role":"tool","tool_call_id":"t2","content":"noon"},
           {"role":"user","content":"and?"}],
           "tools":[{"type":"function","function":{"name":"get","parameters":{"type":"object","properties":{}}}}],
           "tool_choice":"required","parallel_tool_calls":false})",
       R"({"modelUri":"gpt://b1gfolder/yandexgpt/latest","completionOptions":{"stream":false},"messages":[{"role":"user","text":"weather?"},
           {"role":"assistant","text":"well"},{"role":"assistant","toolCallList":{"toolCalls":[
             {"functionCall":{"name":"get","arguments":{"city":"Oslo"}}},{"functionCall":{"name":"now","arguments":{}}}]}},
           {"role":"user","toolResultList":{"toolResults":[{"functionResult":{"name":"get","content":"rain"}},
             {"functionResult":{"name":"now","content":"noon"}}]}},{"role":"user","text":"and?"}],
           "tools":[{"function":{"name":"get","parameters":{"type":"object","properties":{}}}}],"parallelToolCalls":false,
           "toolChoice":{"mode":"REQUIRED"}})"},
      {"a schema", R"({"model":"m","messages":[{"role":"user","content":"x"}],"response_format":{"type":"json_schema",
           "json_schema":{"name":"a","schema":{"type":"object"}}}})",
       R"({"modelUri":"gpt://b1gfolder/yandexgpt/latest","completionOptions":{"stream":false},"messages":[{"role":"user","text":"x"}],
           "jsonSchema":{"schema":{"type":"object"}}})"},
  };
  expect_same(kCases, request_of);
}

TEST(YandexRequest, RefusesWhatItCannotSay) {
  const Refusal kCases[] = {
      {R"("n":2)", "n"},
      {R"("top_p":0.5)", "top_p"},
      {R"("stop":"END")", "stop"},
      {R"("presence_penalty":1)", "presence_penalty"},
      {R"("logprobs":true)", "logprobs"},
  };
  expect_refused(kCases, request_of);
  const Body image(
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]}]})");
  EXPECT_EQ(request_of(image.request).error().param, "messages[0].content[0]");
}

std::string line(const std::string& message, const std::string& status, const std::string& tokens) {
  return R"({"result":{"alternatives":[{"message":{"role":"assistant",)" + message +
         R"(},"status":"ALTERNATIVE_STATUS_)" + status + R"("}],"usage":{"inputTextTokens":"10","completionTokens":")" +
         tokens + R"(","totalTokens":"0","completionTokensDetails":{"reasoningTokens":"2"}},"modelVersion":"09.02"}})" +
         "\n";
}

const std::string kBegun =
    line(R"("text":"При")", "PARTIAL", "1") + line(R"("text":"Привет, \"you\"")", "PARTIAL", "3");

TEST(YandexStream, BecomesChunksHoweverItIsSplit) {
  const std::string sent = kBegun + line(R"("text":"Привет, \"you\"!")", "FINAL", "5");
  for (std::size_t at = 1; at < sent.size(); at += 3) {
    FakeClient client({.reads = {sent.substr(0, at), sent.substr(at)}});
    const Answered answered = call(*yandex_at(client), kStreamUsage);
    ASSERT_FALSE(answered.error) << answered.error->message;
    EXPECT_EQ(client.url, "https://llm.example/foundationModels/v1/completion");
    EXPECT_EQ(client.header_lines, "authorization: Api-Key " + kVendorKey + "\r\nx-folder-id: b1gfolder\r\n");
    const Told told = told_by(answered.wire);
    EXPECT_EQ(told.text, "Привет, \"you\"!");
    EXPECT_EQ(told.finish_reason, "stop");
    EXPECT_TRUE(told.usage_last);
    EXPECT_EQ(answered.outcome.usage.input, 10);
    EXPECT_EQ(answered.outcome.usage.output, 5);
    EXPECT_EQ(answered.outcome.usage.reasoning, 2);
  }
}

TEST(YandexStream, CarriesCalls) {
  FakeClient client(
      {.reads = {line(
           R"("toolCallList":{"toolCalls":[{"functionCall":{"name":"get","arguments":{"city":"Oslo"}}},{"functionCall":{"name":"now"}}]})",
           "TOOL_CALLS", "4")}});
  const Answered answered = call(*yandex_at(client), kStreamUsage);
  ASSERT_FALSE(answered.error) << answered.error->message;
  const Told told = told_by(answered.wire);
  EXPECT_EQ(told.tools, R"(call_01J_0 get {"city":"Oslo"}; call_01J_1 now {}; )");
  EXPECT_EQ(told.finish_reason, "tool_calls");
}

// Found by providers_fuzz: each line counts all of it anew.
TEST(YandexStream, CountsByTheLastLine) {
  FakeClient client(
      {.reads = {
           kBegun +
           R"({"result":{"alternatives":[{"message":{"text":"Привет, \"you\"!"},"status":"ALTERNATIVE_STATUS_FINAL"}],)"
           R"("usage":{"inputTextTokens":"10","completionTokens":"1"}}})"}});
  const Answered answered = call(*yandex_at(client), kStreamUsage);
  ASSERT_FALSE(answered.error) << answered.error->message;
  EXPECT_EQ(answered.outcome.usage.output, 1);
  EXPECT_EQ(answered.outcome.usage.reasoning, 0);
}

TEST(YandexStream, EndsInItsErrors) {
  const BrokenStream kCases[] = {
      {"", "upstream_reset"},
      {kBegun, "upstream_reset"},
      {kBegun + "{\"result\":{\"alt", "upstream_reset"},
      {kBegun + "{nonsense}\n", "upstream_invalid"},
      {kBegun + line(R"("text":"Other")", "PARTIAL", "1"), "upstream_invalid"},
      {kBegun +
           R"({"error":{"grpcCode":14,"httpCode":503,"message":"busy","httpStatus":"Service Unavailable","details":[]}})" +
           "\n",
       "upstream_unavailable"},
  };
  expect_broken(kCases, yandex_at);
}

TEST(YandexWhole, IsTranslated) {
  const struct {
    const char* status;
    const char* reason;
  } kCases[] = {{"FINAL", "stop"}, {"TRUNCATED_FINAL", "length"}, {"CONTENT_FILTER", "content_filter"}};
  for (const auto& one : kCases) {
    FakeClient client({.reads = {line(R"("text":"yes")", one.status, "5")}});
    const Answered answered = call(*yandex_at(client), kVendorChat);
    ASSERT_FALSE(answered.error) << answered.error->message;
    EXPECT_EQ(answered.outcome.finish_reason, one.reason);
    EXPECT_EQ(answered.outcome.upstream_model, "big-1@09.02");
    EXPECT_EQ(json::parse(answered.wire).value().at("choices").as_array()[0].at("message").at("content").as_string(),
              "yes");
  }
}

}  // namespace
}  // namespace fairlead::providers
