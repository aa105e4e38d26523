#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/json/text.h"
#include "providers/gemini/provider.h"
#include "providers/gemini/request.h"
#include "providers/tests/vendor_tests.h"

namespace fairlead::providers {
namespace {

using testing::HasSubstr;

std::shared_ptr<llm::Provider> gemini_at(FakeClient& client) {
  return gemini::make_provider(parts_for(client, "https://g.example/v1beta")).value();
}

TEST(GeminiRequest, SaysTheSameInTheOtherWords) {
  const SameInOtherWords kCases[] = {
      {"system, sampling, what is only advice",
       R"({"model":"m","messages":[{"role":"system","content":"a"},{"role":"user","content":"hi"},{"role":"developer","content":"b"}],
           "max_completion_tokens":7,"temperature":1.7,"top_p":0.5,"stop":"END","seed":3,"presence_penalty":0.5,"user":"u","n":1,
           "logprobs":false,"fairlead":{"user":"x"},"safetySettings":[1],"generationConfig":{"topK":40,"temperature":9}})",
       R"({"systemInstruction":{"parts":[{"text":"a"},{"text":"b"}]},"contents":[{"role":"user","parts":[{"text":"hi"}]}],
           "generationConfig":{"temperature":1.7,"topP":0.5,"presencePenalty":0.5,"maxOutputTokens":7,"seed":3,"stopSequences":["END"],
             "topK":40},"safetySettings":[1]})"},
      {"images, files and sound",
       R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"see"},
           {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
           {"type":"image_url","image_url":{"url":"https://x.example/a.JPG?b=1"}},
           {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBE"}},
           {"type":"input_audio","input_audio":{"data":"UklG","format":"wav"}}]}]})",
       R"({"contents":[{"role":"user","parts":[{"text":"see"},{"inlineData":{"mimeType":"image/png","data":"AAAA"}},
           {"fileData":{"mimeType":"image/jpeg","fileUri":"https://x.example/a.JPG?b=1"}},
           {"inlineData":{"mimeType":"application/pdf","data":"JVBE"}},{"inlineData":{"mimeType":"audio/wav","data":"UklG"}}]}]})"},
      {"tools, their calls and their results in one turn",
       R"({"model":"m","messages":[{"role":"user","content":"weather?"},
           {"role":"assistant","content":null,"tool_calls":[
             {"id":"t1","type":"function","function":{"name":"get","arguments":"{\"city\": \"Oslo\"}"},
              "extra_content":{"google":{"thought_signature":"c2ln"}}},
             {"id":"t2","type":"function","function":{"name":"now","arguments":""}}]},
           {"role":"tool","tool_call_id":"t2","content":"noon"},{"role":"tool","tool_call_id":"t1","content":"{\"sky\":\"rain\"}"},
           {"role":"user","content":"and?"}],
           "tools":[{"type":"function","function":{"name":"get","description":"d","parameters":{"type":"object","properties":{}}}}],
           "tool_choice":{"type":"function","function":{"name":"get"}}})",
       R"({"contents":[{"role":"user","parts":[{"text":"weather?"}]},
           {"role":"model","parts":[{"functionCall":{"name":"get","args":{"city":"Oslo"}},"thoughtSignature":"c2ln"},
             {"functionCall":{"name":"now","args":{}}}]},
           {"role":"user","parts":[{"functionResponse":{"name":"now","response":{"result":"noon"}}},
             {"functionResponse":{"name":"get","response":{"sky":"rain"}}},{"text":"and?"}]}],
           "tools":[{"functionDeclarations":[{"name":"get","description":"d","parametersJsonSchema":{"type":"object","properties":{}}}]}],
           "toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["get"]}}})"},
      {"a schema for the answer, and its effort",
       R"({"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"low","response_format":{"type":"json_schema",
           "json_schema":{"name":"a","schema":{"type":"object"}}}})",
       R"({"contents":[{"role":"user","parts":[{"text":"x"}]}],"generationConfig":{"responseMimeType":"application/json",
           "responseJsonSchema":{"type":"object"},"thinkingConfig":{"includeThoughts":true,"thinkingLevel":"low"}}})"},
  };
  expect_same(kCases,
              [](const llm::ChatRequest& request) { return gemini::generate_request(request, "gemini-3-pro"); });
}

TEST(GeminiRequest, RefusesWhatItCannotSay) {
  const Refusal kCases[] = {
      {R"("n":2)", "n"},
      {R"("logprobs":true)", "logprobs"},
      {R"("logit_bias":{"5":1})", "logit_bias"},
      {R"("reasoning_effort":"none")", "reasoning_effort"},
      {R"("functions":[{"name":"f"}])", "functions"},
      {R"("tools":[{"type":"function","function":{"name":"f"}}],"parallel_tool_calls":false)", "parallel_tool_calls"},
  };
  expect_refused(kCases,
                 [](const llm::ChatRequest& request) { return gemini::generate_request(request, "gemini-3-pro"); });
}

TEST(GeminiRequest, GivesOlderModelsABudgetOfThoughtAndNewOnesASignature) {
  const Body thinking(R"({"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"none"})");
  EXPECT_THAT(gemini::generate_request(thinking.request, "gemini-2.5-flash").value(),
              HasSubstr(R"("thinkingBudget":0)"));
  const Body call(
      R"({"model":"m","messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"a","type":"function",)"
      R"("function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"1"}]})");
  EXPECT_THAT(gemini::generate_request(call.request, "gemini-3-pro").value(),
              HasSubstr("skip_thought_signature_validator"));
  EXPECT_THAT(gemini::generate_request(call.request, "gemini-2.5-pro").value(),
              testing::Not(HasSubstr("thoughtSignature")));
}

const std::string kStream =
    "data: {\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":\"let me\",\"thought\":true}]}}],"
    "\"usageMetadata\":{\"promptTokenCount\":10},\"modelVersion\":\"gemini-x\",\"responseId\":\"r-1\"}\r\n\r\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello\"}]}}]}\r\n\r\n"
    "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"get\",\"args\":{\"city\":\"Oslo\"}},"
    "\"thoughtSignature\":\"c2ln\"},{\"functionCall\":{\"id\":\"own\",\"name\":\"now\"}}]},\"finishReason\":\"STOP\"}],"
    "\"usageMetadata\":{\"promptTokenCount\":10,\"cachedContentTokenCount\":4,\"candidatesTokenCount\":6,"
    "\"thoughtsTokenCount\":3,\"totalTokenCount\":19}}\r\n\r\n";

TEST(GeminiStream, BecomesChunksHoweverItIsSplit) {
  for (std::size_t at = 1; at < kStream.size(); at += 5) {
    FakeClient client(
        {.headers = {{"content-type", "text/event-stream"}}, .reads = {kStream.substr(0, at), kStream.substr(at)}});
    const Answered answered = call(*gemini_at(client), kStreamUsage);
    ASSERT_FALSE(answered.error) << answered.error->message;
    EXPECT_EQ(client.url, "https://g.example/v1beta/models/big-1:streamGenerateContent?alt=sse");
    EXPECT_EQ(client.header_lines, "x-goog-api-key: " + kVendorKey + "\r\n");
    const Told told = told_by(answered.wire);
    EXPECT_EQ(told.text, "Hello");
    EXPECT_EQ(told.reasoning, "let me");
    EXPECT_EQ(told.tools, R"(call_01J_0 get {"city":"Oslo"}; own now {}; )");
    EXPECT_EQ(told.finish_reason, "tool_calls");
    EXPECT_TRUE(told.usage_last);
    EXPECT_THAT(answered.wire, HasSubstr(R"("extra_content":{"google":{"thought_signature":"c2ln"}})"));
    EXPECT_EQ(answered.outcome.usage.input, 10);
    EXPECT_EQ(answered.outcome.usage.cached_input, 4);
    EXPECT_EQ(answered.outcome.usage.output, 9);
    EXPECT_EQ(answered.outcome.usage.reasoning, 3);
    EXPECT_EQ(answered.outcome.upstream_model, "gemini-x");
  }
}

TEST(GeminiStream, EndsInItsErrors) {
  const std::string begun =
      kStream.substr(0, kStream.find("data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall"));
  const BrokenStream kCases[] = {
      {begun, "upstream_reset"},
      {begun + "data: {\"candi", "upstream_reset"},
      {begun + "data: {nonsense}\n\n", "upstream_invalid"},
      {begun + "data: [1]\n\n", "upstream_invalid"},
      {begun + "data: {\"error\":{\"code\":503,\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}}\n\n",
       "upstream_unavailable"},
      {begun + "data: {\"candidates\":[{\"finishReason\":\"MALFORMED_FUNCTION_CALL\"}]}\n\n", "upstream_invalid"},
      {"", "upstream_reset"},
  };
  expect_broken(kCases, gemini_at);
}

TEST(GeminiWhole, IsTranslated) {
  FakeClient client(
      {.reads = {
           R"({"candidates":[{"content":{"parts":[{"text":"a"},{"text":"b"}]},"finishReason":"MAX_TOKENS"}],"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":1}})"}});
  const Answered answered = call(*gemini_at(client), kVendorChat);
  ASSERT_FALSE(answered.error);
  EXPECT_EQ(client.url, "https://g.example/v1beta/models/big-1:generateContent");
  const auto object = json::parse(answered.wire).value();
  EXPECT_EQ(object.at("choices").as_array()[0].at("message").at("content").as_string(), "ab");
  EXPECT_EQ(object.at("choices").as_array()[0].at("finish_reason").as_string(), "length");
  EXPECT_EQ(object.at("id").as_string(), "01J");
}

TEST(GeminiWhole, SaysThatItWasFiltered) {
  for (const char* body : {R"({"promptFeedback":{"blockReason":"SAFETY"},"usageMetadata":{"promptTokenCount":2}})",
                           R"({"candidates":[{"finishReason":"SAFETY","index":0}]})"}) {
    FakeClient client({.reads = {body}});
    const Answered answered = call(*gemini_at(client), kVendorChat);
    ASSERT_FALSE(answered.error) << body;
    EXPECT_EQ(answered.outcome.finish_reason, "content_filter");
  }
  FakeClient client({.reads = {"{}"}});
  EXPECT_EQ(call(*gemini_at(client), kVendorChat).error->code, "upstream_invalid");
}

TEST(GeminiEmbeddings, ComeInOneCall) {
  for (const char* format : {"float", "base64"}) {
    FakeClient client({.reads = {R"({"embeddings":[{"values":[0.5,-1]},{"values":[0,2]}]})"}});
    const Answered answered =
        call_native(*gemini_at(client), llm::Format::kEmbeddings,
                    R"({"model":"mine","input":["a","b"],"dimensions":2,"taskType":"X","encoding_format":")" +
                        std::string(format) + "\"}");
    ASSERT_FALSE(answered.error) << answered.error->message;
    EXPECT_EQ(client.url, "https://g.example/v1beta/models/big-1:batchEmbedContents");
    EXPECT_EQ(
        client.body,
        R"({"requests":[{"model":"models/big-1","content":{"parts":[{"text":"a"}]},"outputDimensionality":2,"taskType":"X"},)"
        R"({"model":"models/big-1","content":{"parts":[{"text":"b"}]},"outputDimensionality":2,"taskType":"X"}]})");
    EXPECT_EQ(
        answered.wire,
        std::string(format) == "float"
            ? R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5,-1]},{"object":"embedding","index":1,)"
              R"("embedding":[0,2]}],"model":"big-1","usage":{"prompt_tokens":0,"total_tokens":0}})"
            : R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":"AAAAPwAAgL8="},{"object":"embedding",)"
              R"("index":1,"embedding":"AAAAAAAAAEA="}],"model":"big-1","usage":{"prompt_tokens":0,"total_tokens":0}})");
  }
  FakeClient client({.reads = {R"({"embeddings":[]})"}});
  EXPECT_EQ(call_native(*gemini_at(client), llm::Format::kEmbeddings, R"({"input":"a"})").error->code,
            "upstream_invalid");
  EXPECT_EQ(call_native(*gemini_at(client), llm::Format::kEmbeddings, R"({"input":[[1,2]]})").error->param, "input");
}

}  // namespace
}  // namespace fairlead::providers
