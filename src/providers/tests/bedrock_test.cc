#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/json/text.h"
#include "providers/bedrock/provider.h"
#include "providers/bedrock/request.h"
#include "providers/tests/event_frames.h"
#include "providers/tests/vendor_tests.h"

namespace fairlead::providers {
namespace {

using testing::HasSubstr;
using testing::Not;

std::shared_ptr<llm::Provider> bedrock_at(FakeClient& client) {
  bedrock::Options options;
  options.parts = parts_for(client, "https://bedrock-runtime.us-east-1.amazonaws.com");
  options.parts.endpoint.api_key.clear();
  options.region = "us-east-1";
  options.credentials = {.access_key_id = "AKIDEXAMPLE",
                         .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                         .session_token = "session"};
  return bedrock::make_provider(std::move(options)).value();
}

// Of AWS's own suite of examples for signature version 4: get-vanilla and post-vanilla.
TEST(BedrockSignature, IsAwsOwn) {
  const bedrock::Credentials credentials{.access_key_id = "AKIDEXAMPLE",
                                         .secret_access_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"};
  const struct {
    const char* method;
    const char* signature;
  } kCases[] = {{"GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
                {"POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"}};
  for (const auto& one : kCases) {
    EXPECT_EQ(
        std::string_view(bedrock::signed_headers({.method = one.method,
                                                  .host = "example.amazonaws.com",
                                                  .path = "/",
                                                  .region = "us-east-1",
                                                  .service = "service",
                                                  .unix_seconds = 1'440'938'160},
                                                 credentials)),
        "x-amz-date: 20150830T123600Z\r\nauthorization: AWS4-HMAC-SHA256 "
        "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date, Signature=" +
            std::string(one.signature) + "\r\n");
  }
}

TEST(BedrockRequest, SaysTheSameInTheOtherWords) {
  const SameInOtherWords kCases[] = {
      {"system, sampling, members of the model's own",
       R"({"model":"m","messages":[{"role":"system","content":"a"},{"role":"user","content":"hi"}],"max_tokens":7,"temperature":0.5,
           "top_p":0.5,"stop":["END"],"seed":3,"top_k":40,"guardrailConfig":{"guardrailIdentifier":"g"},"service_tier":"flex",
           "additionalModelRequestFields":{"x":1}})",
       R"({"system":[{"text":"a"}],"messages":[{"role":"user","content":[{"text":"hi"}]}],"inferenceConfig":{"maxTokens":7,
           "temperature":0.5,"topP":0.5,"stopSequences":["END"]},"additionalModelRequestFields":{"top_k":40,"x":1},
           "serviceTier":{"type":"flex"},"guardrailConfig":{"guardrailIdentifier":"g"}})"},
      {"images and files",
       R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"see"},
           {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},
           {"type":"file","file":{"filename":"My  report_1.pdf","file_data":"data:application/pdf;base64,JVBE"}}]}]})",
       R"({"messages":[{"role":"user","content":[{"text":"see"},{"image":{"format":"png","source":{"bytes":"AAAA"}}},
           {"document":{"format":"pdf","name":"My report 1","source":{"bytes":"JVBE"}}}]}]})"},
      {"tools, their calls and their results in one turn",
       R"({"model":"m","messages":[{"role":"user","content":"weather?"},
           {"role":"assistant","content":"well","tool_calls":[
             {"id":"t1","type":"function","function":{"name":"get","arguments":"{\"city\":\"Oslo\"}"}},
             {"id":"t2","type":"function","function":{"name":"now","arguments":""}}]},
           {"role":"tool","tool_call_id":"t1","content":"rain"},{"role":"tool","tool_call_id":"t2","content":""}],
           "tools":[{"type":"function","function":{"name":"get","description":"d","parameters":{"type":"object","properties":{}}}}],
           "tool_choice":"required"})",
       R"({"messages":[{"role":"user","content":[{"text":"weather?"}]},
           {"role":"assistant","content":[{"text":"well"},{"toolUse":{"toolUseId":"t1","name":"get","input":{"city":"Oslo"}}},
             {"toolUse":{"toolUseId":"t2","name":"now","input":{}}}]},
           {"role":"user","content":[{"toolResult":{"toolUseId":"t1","content":[{"text":"rain"}]}},
             {"toolResult":{"toolUseId":"t2","content":[{"json":{}}]}}]}],
           "toolConfig":{"tools":[{"toolSpec":{"name":"get","description":"d","inputSchema":{"json":{"type":"object","properties":{}}}}}],
             "toolChoice":{"any":{}}}})"},
      {"a schema for the answer, and its effort",
       R"({"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"high","response_format":{"type":"json_schema",
           "json_schema":{"name":"a","schema":{"type":"object"}}}})",
       R"({"messages":[{"role":"user","content":[{"text":"x"}]}],"outputConfig":{"textFormat":{"type":"json_schema","structure":
           {"jsonSchema":{"schema":"{\"type\":\"object\"}","name":"a"}}}},"additionalModelRequestFields":{
           "thinking":{"type":"adaptive"},"output_config":{"effort":"high"}}})"},
  };
  expect_same(kCases, [](const llm::ChatRequest& request) {
    return bedrock::converse_request(request, "us.anthropic.claude-opus-4-6-v1");
  });
}

TEST(BedrockRequest, RefusesWhatItCannotSay) {
  const Refusal kCases[] = {
      {R"("n":2)", "n"},
      {R"("logprobs":true)", "logprobs"},
      {R"("presence_penalty":1)", "presence_penalty"},
      {R"("reasoning_effort":"low")", "reasoning_effort"},
      {R"("response_format":{"type":"json_object"})", "response_format"},
      {R"("tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none")", "tool_choice"},
      {R"("tools":[{"type":"function","function":{"name":"f"}}],"parallel_tool_calls":false)", "parallel_tool_calls"},
  };
  expect_refused(kCases, [](const llm::ChatRequest& request) {
    return bedrock::converse_request(request, "amazon.nova-pro-v1:0");
  });
  const Body image(
      R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x/a.png"}}]}]})");
  EXPECT_EQ(bedrock::converse_request(image.request, "m").error().param, "messages[0].content[0].image_url.url");
}

const std::string kBegun =
    frame("messageStart", R"({"role":"assistant","p":"abc"})") +
    frame("contentBlockDelta", R"({"delta":{"reasoningContent":{"text":"let me"}},"contentBlockIndex":0})") +
    frame("contentBlockDelta", R"({"delta":{"text":"Hello"},"contentBlockIndex":1})") +
    frame("contentBlockStop", R"({"contentBlockIndex":1})");
const std::string kWholeStream =
    kBegun +
    frame("contentBlockStart", R"({"start":{"toolUse":{"toolUseId":"t1","name":"get"}},"contentBlockIndex":2})") +
    frame("contentBlockDelta", R"({"delta":{"toolUse":{"input":"{\"city\":"}},"contentBlockIndex":2})") +
    frame("contentBlockDelta", R"({"delta":{"toolUse":{"input":"\"Oslo\"}"}},"contentBlockIndex":2})") +
    frame("contentBlockStop", R"({"contentBlockIndex":2})") +
    frame("contentBlockStart", R"({"start":{"toolUse":{"toolUseId":"t2","name":"now"}},"contentBlockIndex":3})") +
    frame("contentBlockStop", R"({"contentBlockIndex":3})") + frame("messageStop", R"({"stopReason":"tool_use"})") +
    frame(
        "metadata",
        R"({"usage":{"inputTokens":10,"outputTokens":9,"totalTokens":26,"cacheReadInputTokens":5,"cacheWriteInputTokens":2},"metrics":{}})");

TEST(BedrockStream, BecomesChunksHoweverItIsSplit) {
  for (std::size_t at = 1; at < kWholeStream.size(); at += 11) {
    FakeClient client({.headers = {{"content-type", "application/vnd.amazon.eventstream"}},
                       .reads = {kWholeStream.substr(0, at), kWholeStream.substr(at)}});
    const Answered answered = call(*bedrock_at(client), kStreamUsage);
    ASSERT_FALSE(answered.error) << answered.error->message;
    const Told told = told_by(answered.wire);
    EXPECT_EQ(told.text, "Hello");
    EXPECT_EQ(told.reasoning, "let me");
    EXPECT_EQ(told.tools, R"(t1 get {"city":"Oslo"}; t2 now {}; )");
    EXPECT_EQ(told.finish_reason, "tool_calls");
    EXPECT_TRUE(told.usage_last);
    EXPECT_EQ(answered.outcome.usage.input, 17);
    EXPECT_EQ(answered.outcome.usage.cached_input, 5);
    EXPECT_EQ(answered.outcome.usage.cache_write, 2);
    EXPECT_EQ(answered.outcome.usage.output, 9);
  }
}

TEST(BedrockStream, EndsInItsErrors) {
  const std::string message = frame("contentBlockDelta", R"({"delta":{"text":"x"},"contentBlockIndex":1})");
  std::string torn_beginning = message, torn_end = message;
  torn_beginning[5] ^= 1;
  torn_end[message.size() - 8] ^= 1;
  const BrokenStream kCases[] = {
      {kBegun, "upstream_reset"},
      {kBegun + message.substr(0, 20), "upstream_reset"},
      {kBegun + torn_beginning, "upstream_invalid"},
      {kBegun + torn_end, "upstream_invalid"},
      {kBegun + frame("contentBlockDelta", "{nonsense"), "upstream_invalid"},
      {kBegun + frame("contentBlockDelta", R"({"contentBlockIndex":99999999})"), "upstream_invalid"},
      {kBegun + frame("messageStop", R"({"stopReason":"malformed_tool_use"})"), "upstream_invalid"},
      {kBegun + frame("throttlingException", R"({"message":"slow down"})", "exception"), "rate_limit_exceeded"},
      {kBegun + frame("modelStreamErrorException", R"({"message":"broke"})", "exception"), "upstream_error"},
      {frame("validationException", R"({"message":"no"})", "exception"), "validationException"},
  };
  expect_broken(kCases, bedrock_at);
}

TEST(BedrockWhole, IsTranslatedAndSigned) {
  FakeClient client(
      {.reads = {
           R"({"output":{"message":{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm","signature":"s"}}},)"
           R"({"text":"yes"},{"toolUse":{"toolUseId":"t","name":"f","input":{"a":1}}}]}},"stopReason":"max_tokens",)"
           R"("usage":{"inputTokens":3,"outputTokens":2}})"}});
  const Answered answered = call(*bedrock_at(client), kVendorChat);
  ASSERT_FALSE(answered.error) << answered.error->message;
  EXPECT_EQ(client.url, "https://bedrock-runtime.us-east-1.amazonaws.com/model/big-1/converse");
  EXPECT_THAT(client.header_lines, HasSubstr("x-amz-date: 20231114T221320Z\r\nx-amz-security-token: session\r\n"));
  EXPECT_THAT(client.header_lines,
              HasSubstr("Credential=AKIDEXAMPLE/20231114/us-east-1/bedrock/aws4_request, "
                        "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature="));
  EXPECT_THAT(client.header_lines, Not(HasSubstr("wJalr")));
  const auto choice = json::parse(answered.wire).value().at("choices").as_array()[0];
  EXPECT_EQ(choice.at("message").at("content").as_string(), "yes");
  EXPECT_EQ(choice.at("message").at("reasoning_content").as_string(), "hm");
  EXPECT_EQ(choice.at("message").at("tool_calls").as_array()[0].at("function").at("arguments").as_string(),
            R"({"a":1})");
  EXPECT_EQ(choice.at("finish_reason").as_string(), "length");
}

TEST(BedrockEmbeddings, ComeFromTitanOneByOneAndFromCohereTogether) {
  const auto embed = [](std::deque<Script> scripts, std::string_view model, std::vector<std::string>& bodies) {
    FakeClient client(std::move(scripts));
    const auto provider = bedrock_at(client);
    async::Loop loop(0);
    Answered answered;
    const std::vector<llm::Member> members{{"model", R"("mine")"}, {"input", R"(["a","b"])"}, {"dimensions", "2"}};
    llm::ChatRequest request;
    boost::asio::co_spawn(loop.context(),
                          call_to_end(*provider, request, members, llm::Format::kEmbeddings, loop, answered, model),
                          boost::asio::detached);
    loop.context().run();
    bodies = client.bodies;
    return answered;
  };
  std::vector<std::string> bodies;
  Answered answered = embed({{.reads = {R"({"embedding":[0.5,1],"inputTextTokenCount":3})"}},
                             {.reads = {R"({"embedding":[2,3],"inputTextTokenCount":4})"}}},
                            "amazon.titan-embed-text-v2:0", bodies);
  ASSERT_FALSE(answered.error) << answered.error->message;
  EXPECT_THAT(bodies,
              testing::ElementsAre(R"({"inputText":"a","dimensions":2})", R"({"inputText":"b","dimensions":2})"));
  EXPECT_EQ(answered.outcome.usage.input, 7);
  EXPECT_THAT(answered.wire, HasSubstr("[2,3]"));
  answered = embed({{.reads = {R"({"embeddings":{"float":[[0.5,1],[2,3]]}})"}}}, "cohere.embed-v4:0", bodies);
  ASSERT_FALSE(answered.error) << answered.error->message;
  EXPECT_THAT(bodies,
              testing::ElementsAre(R"({"texts":["a","b"],"input_type":"search_document","output_dimension":2})"));
  EXPECT_EQ(embed({{}}, "amazon.nova-pro-v1:0", bodies).error->param, "model");
}

}  // namespace
}  // namespace fairlead::providers
