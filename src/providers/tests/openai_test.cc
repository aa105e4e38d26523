#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "providers/openai/body.h"
#include "providers/openai/provider.h"
#include "providers/tests/fake_client.h"

namespace fairlead::providers {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kChat = R"({"model":"support","messages":[{"role":"user","content":"hi"}]})";
const std::string kKey = "sk-0123456789abcdef";

std::shared_ptr<llm::Provider> provider_of(FakeClient& client, std::string base_url = "https://up.example/v1") {
  openai::Options options;
  options.endpoint.name = "up";
  options.endpoint.base_url = std::move(base_url);
  options.endpoint.api_key = kKey;
  options.endpoint.header_lines = "x-team: blue\r\n";
  options.endpoint.secrets = std::make_shared<const std::vector<std::string>>(std::vector{kKey});
  options.organization = "org-1";
  options.client = [&client](async::Loop&) -> http::Client& { return client; };
  return openai::make_provider(std::move(options)).value();
}

TEST(OpenAiBody, ChangesOnlyWhatMustChange) {
  const struct {
    const char* sent;
    const char* expected;
  } kCases[] = {
      {R"({"model":"a","messages":[{"role":"user","content":"hi"}], "zzz" : {"b": [1, 2.50]},"temperature":0.70})",
       R"({"model":"big-1","messages":[{"role":"user","content":"hi"}],"zzz":{"b": [1, 2.50]},"temperature":0.70})"},
      {R"({"messages":[],"model":"a","fairlead":{"user":"u"},"n":2})", R"({"model":"big-1","messages":[],"n":2})"},
      {R"({"model":"a","messages":[],"stream":true})",
       R"({"model":"big-1","messages":[],"stream":true,"stream_options":{"include_usage":true}})"},
      {R"({"model":"a","messages":[],"stream":true,"stream_options":{"include_usage":true,"x":1}})",
       R"({"model":"big-1","messages":[],"stream":true,"stream_options":{"include_usage":true,"x":1}})"},
      {R"({"model":"a","messages":[],"stream":true,"stream_options":{"include_usage":false,"include_obfuscation":false}})",
       R"({"model":"big-1","messages":[],"stream":true,"stream_options":{"include_usage":true,"include_obfuscation":false}})"},
      {R"({"model":"a","messages":[],"stream":true,"stream_options":null})",
       R"({"model":"big-1","messages":[],"stream":true,"stream_options":{"include_usage":true}})"},
  };
  for (const auto& one : kCases) {
    const Body body(one.sent);
    ASSERT_FALSE(body.request.model.empty()) << one.sent;
    EXPECT_EQ(openai::chat_body(body.request, "big-1", openai::dialects().front()).value(), one.expected);
  }
}

TEST(OpenAiProvider, SendsItsHeadersToItsOrigin) {
  FakeClient client(
      {.reads = {
           R"({"id":"c","object":"chat.completion","created":1,"model":"big-1-x","choices":[{"index":0,"message":)"
           R"({"role":"assistant","content":"yes"},"finish_reason":"stop"}]})"}});
  const Answered answered = call(*provider_of(client), kChat);
  ASSERT_FALSE(answered.error);
  EXPECT_EQ(client.url, "https://up.example/v1/chat/completions");
  EXPECT_EQ(client.header_lines,
            "authorization: Bearer " + kKey + "\r\nopenai-organization: org-1\r\nx-team: blue\r\n");
  EXPECT_EQ(answered.outcome.upstream_model, "big-1-x");
  EXPECT_THAT(answered.wire, HasSubstr("\"yes\""));
}

TEST(OpenAiProvider, MapsRefusalsWithoutTheKey) {
  FakeClient client(
      {.status = 401, .reads = {R"({"error":{"message":"Incorrect API key provided: )" + kKey + R"(.","type":"x"}})"}});
  const Answered answered = call(*provider_of(client), kChat);
  ASSERT_TRUE(answered.error);
  EXPECT_EQ(answered.error->code, "upstream_auth");
  EXPECT_EQ(answered.error->kind, ErrorKind::kUpstream);
  EXPECT_THAT(answered.error->message, Not(HasSubstr("0123456789")));
}

TEST(OpenAiProvider, FollowsNoRedirect) {
  FakeClient client({.status = 307, .headers = {{"location", "https://elsewhere.example/"}}});
  const Answered answered = call(*provider_of(client), kChat);
  ASSERT_TRUE(answered.error);
  EXPECT_EQ(answered.error->code, "upstream_invalid");
  EXPECT_EQ(client.sent, 1);
}

TEST(OpenAiProvider, SaysWhenToRetry) {
  FakeClient client(
      {.status = 429, .headers = {{"retry-after", "7"}}, .reads = {R"({"error":{"message":"slow down"}})"}});
  const Answered answered = call(*provider_of(client), kChat);
  ASSERT_TRUE(answered.error);
  EXPECT_EQ(answered.error->kind, ErrorKind::kExhausted);
  EXPECT_EQ(answered.error->retry_after_ms, 7'000);
}

const openai::Dialect& dialect(std::string_view type) {
  for (const openai::Dialect& one : openai::dialects())
    if (one.type == type) return one;
  ADD_FAILURE() << type;
  return openai::dialects().front();
}

TEST(OpenAiDialects, SayItInTheirWords) {
  const struct {
    const char* type;
    const char* sent;
    const char* expected;
  } kCases[] = {
      {"openai", R"({"model":"a","messages":[{"role":"developer","content":"x"}],"max_completion_tokens":5,"seed":1})",
       R"({"model":"m","messages":[{"role":"developer","content":"x"}],"max_completion_tokens":5,"seed":1})"},
      {"ollama",
       R"({"model":"a","messages":[{"role":"developer","content":"x"},{"role":"user","content":"y"}],"max_tokens":9,"max_completion_tokens":5})",
       R"({"model":"m","messages":[{"role":"system","content":"x"},{"role":"user","content":"y"}],"max_tokens":5})"},
      {"vllm", R"({"model":"a","messages":[{"content":"developer","role":"user"}],"max_completion_tokens":5})",
       R"({"model":"m","messages":[{"content":"developer","role":"user"}],"max_completion_tokens":5})"},
      {"mistral", R"({"model":"a","messages":[],"stream":true,"stream_options":{"include_usage":true},"seed":3})",
       R"({"model":"m","messages":[],"stream":true,"random_seed":3})"},
      {"deepseek", R"({"model":"a","messages":[],"n":1,"max_tokens":4})",
       R"({"model":"m","messages":[],"n":1,"max_tokens":4})"},
  };
  for (const auto& one : kCases) {
    const Body body(one.sent);
    EXPECT_EQ(openai::chat_body(body.request, "m", dialect(one.type)).value(), one.expected) << one.type;
  }
}

TEST(OpenAiDialects, RefuseWhatWouldBeIgnored) {
  const struct {
    const char* type;
    const char* member;
    const char* param;
  } kCases[] = {
      {"ollama", R"("n":2)", "n"},
      {"ollama", R"("tool_choice":"required")", "tool_choice"},
      {"deepseek", R"("logit_bias":{"5":1})", "logit_bias"},
      {"tgi", R"("n":3)", "n"},
      {"openrouter", R"("n":3)", "n"},
  };
  for (const auto& one : kCases) {
    const Body body(R"({"model":"a","messages":[],)" + std::string(one.member) + "}");
    const auto sent = openai::chat_body(body.request, "m", dialect(one.type));
    ASSERT_FALSE(sent) << one.type << one.member;
    EXPECT_EQ(sent.error().kind, ErrorKind::kUnsupported);
    EXPECT_EQ(sent.error().param, one.param);
    EXPECT_TRUE(openai::chat_body(body.request, "m", openai::dialects().front()));
  }
}

std::shared_ptr<llm::Provider> provider_of(FakeClient& client, std::string_view type, std::string base_url,
                                           std::string api_version = {}) {
  openai::Options options;
  options.endpoint.name = "up";
  options.endpoint.base_url = std::move(base_url);
  options.endpoint.api_key = kKey;
  options.dialect = &dialect(type);
  options.api_version = std::move(api_version);
  options.client = [&client](async::Loop&) -> http::Client& { return client; };
  return openai::make_provider(std::move(options)).value();
}

constexpr std::string_view kWhole =
    R"({"id":"c","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"yes"},"finish_reason":"stop"}]})";

TEST(Azure, FindsItsDeploymentsAndItsV1Surface) {
  const struct {
    const char* base_url;
    const char* api_version;
    const char* url;
  } kCases[] = {
      {"https://x.openai.azure.com", "", "https://x.openai.azure.com/openai/v1/chat/completions"},
      {"https://x.openai.azure.com/openai/v1/", "", "https://x.openai.azure.com/openai/v1/chat/completions"},
      {"https://x.openai.azure.com", "2024-10-21",
       "https://x.openai.azure.com/openai/deployments/big-1/chat/completions?api-version=2024-10-21"},
      {"https://x.openai.azure.com/openai", "2024-10-21",
       "https://x.openai.azure.com/openai/deployments/big-1/chat/completions?api-version=2024-10-21"},
  };
  for (const auto& one : kCases) {
    FakeClient client({.reads = {std::string(kWhole)}});
    const auto provider = provider_of(client, "azure", one.base_url, one.api_version);
    ASSERT_FALSE(call(*provider, kChat).error);
    EXPECT_EQ(client.url, one.url);
    EXPECT_EQ(client.header_lines, "api-key: " + kKey + "\r\n");
    EXPECT_EQ(provider->speaks(llm::Format::kResponses), std::string_view(one.api_version).empty());
  }
}

TEST(OpenAiDialects, CallThinkingByOneName) {
  FakeClient client(
      {.headers = {{"content-type", "text/event-stream"}},
       .reads = {"data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"let me\"}}]}\n\n",
                 "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a \\\"reasoning\\\": b\"},"
                 "\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n"}});
  const Answered answered =
      call(*provider_of(client, "groq", "https://g.example"), R"({"model":"m","messages":[],"stream":true})");
  ASSERT_FALSE(answered.error);
  EXPECT_THAT(answered.wire, HasSubstr(R"("reasoning_content":"let me")"));
  EXPECT_THAT(answered.wire, HasSubstr(R"(a \"reasoning\": b)"));
}

TEST(OpenAiNative, PassesARequestOnInItsFormat) {
  FakeClient client(
      {.reads = {
           R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"e-1","usage":{"prompt_tokens":7,"total_tokens":7}})"}});
  const Answered answered =
      call_native(*provider_of(client), llm::Format::kEmbeddings,
                  R"({"model":"mine","input":"x","fairlead":{"user":"u"},"dimensions":3,"zzz":[1]})");
  ASSERT_FALSE(answered.error);
  EXPECT_EQ(client.url, "https://up.example/v1/embeddings");
  EXPECT_EQ(client.body, R"({"model":"big-1","input":"x","dimensions":3,"zzz":[1]})");
  EXPECT_EQ(answered.outcome.usage.input, 7);
  EXPECT_EQ(answered.outcome.upstream_model, "e-1");
  EXPECT_THAT(answered.wire, HasSubstr("0.5"));
}

const std::string kComment = ": a comment\n\n";
const std::string kResponseEvents =
    "event: response.created\ndata: "
    "{\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"model\":\"m-1\"}}\n\n"
    "event: response.output_text.delta\r\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\r\n\r\n"
    "event: response.completed\ndata: "
    "{\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\","
    "\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":4},\"output_tokens\":5,"
    "\"output_tokens_details\":{\"reasoning_tokens\":2}}}}\n\n";

TEST(OpenAiNative, PassesEventsOnAsTheyCameHoweverTheyAreSplit) {
  const std::size_t second = kResponseEvents.find("event:", 1);
  const std::string sent = kComment + kResponseEvents.substr(0, second) + kComment + kResponseEvents.substr(second);
  for (std::size_t at = 1; at < sent.size(); ++at) {
    FakeClient client(
        {.headers = {{"content-type", "text/event-stream"}}, .reads = {sent.substr(0, at), sent.substr(at)}});
    const Answered answered =
        call_native(*provider_of(client), llm::Format::kResponses, R"({"model":"mine","input":"x","stream":true})");
    ASSERT_FALSE(answered.error) << at << answered.error->message;
    ASSERT_EQ(answered.wire, kResponseEvents) << at;
    EXPECT_EQ(answered.outcome.usage.input, 9);
    EXPECT_EQ(answered.outcome.usage.cached_input, 4);
    EXPECT_EQ(answered.outcome.usage.reasoning, 2);
    EXPECT_EQ(answered.outcome.finish_reason, "stop");
    EXPECT_TRUE(answered.outcome.content_started);
  }
}

TEST(OpenAiNative, EndsInTheErrorThatCutItShort) {
  const std::string begun = kResponseEvents.substr(0, kResponseEvents.find("event: response.completed"));
  const struct {
    std::string rest;
    const char* code;
    ErrorKind kind;
  } kCases[] = {
      {"", "upstream_reset", ErrorKind::kUpstream},
      {"event: response.completed\ndata: {\"type\":\"resp", "upstream_invalid", ErrorKind::kUpstream},
      {"data: {nonsense}\n\n", "upstream_invalid", ErrorKind::kUpstream},
      {"event: error\ndata: {\"type\":\"error\",\"code\":\"rate_limit_exceeded\",\"message\":\"slow\"}\n\n",
       "rate_limit_exceeded", ErrorKind::kExhausted},
  };
  for (const auto& one : kCases) {
    FakeClient client({.headers = {{"content-type", "text/event-stream"}}, .reads = {begun + one.rest}});
    const Answered answered =
        call_native(*provider_of(client), llm::Format::kResponses, R"({"model":"mine","input":"x","stream":true})");
    ASSERT_TRUE(answered.error) << one.rest;
    EXPECT_EQ(answered.error->code, one.code) << one.rest;
    EXPECT_EQ(answered.error->kind, one.kind);
    EXPECT_EQ(answered.wire, begun);
  }
}

TEST(OpenAiNative, PassesNothingOnThatIsNoEvent) {
  const auto answer_to = [](std::string text) {
    FakeClient client({.headers = {{"content-type", "text/event-stream"}}, .reads = {std::move(text)}});
    return call_native(*provider_of(client), llm::Format::kResponses, R"({"model":"mine","input":"x","stream":true})");
  };
  for (const std::string bytes : {"\x1f\x8b\xff\n\n\xff\n\n", "<html>\n\n</html>\n\n", ": ping\n\n: ping\n\n"}) {
    const Answered answered = answer_to(bytes);
    ASSERT_TRUE(answered.error) << bytes;
    EXPECT_EQ(answered.wire, "");
  }
  const Answered answered = answer_to("event: \xff\ndata: {\"type\":\"response.created\"}\n\n");
  ASSERT_TRUE(answered.error);
  EXPECT_EQ(answered.error->code, "upstream_invalid");
  EXPECT_EQ(answered.wire, "");
}

TEST(OpenAiNative, TakesNoAnswerInAnEncodingThatNobodyAskedFor) {
  FakeClient client({.headers = {{"content-type", "application/json"}, {"content-encoding", "gzip"}}, .reads = {"{}"}});
  const Answered answered =
      call_native(*provider_of(client), llm::Format::kResponses, R"({"model":"mine","input":"x"})");
  ASSERT_TRUE(answered.error);
  EXPECT_EQ(answered.error->code, "upstream_invalid");
  EXPECT_THAT(answered.error->message, HasSubstr("encoding"));
}

TEST(OpenAiNative, AsksForTheUsageOfCompletionsAndKeepsItIfTheClientDidNot) {
  const std::string usage =
      "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
  const std::string text =
      "data: {\"id\":\"c\",\"choices\":[{\"text\":\"hi\",\"index\":0,\"finish_reason\":\"stop\"}]}\n\n";
  for (const bool asked : {false, true}) {
    FakeClient client(
        {.headers = {{"content-type", "text/event-stream"}}, .reads = {text + usage + "data: [DONE]\n\n"}});
    const Answered answered =
        call_native(*provider_of(client), llm::Format::kCompletions,
                    asked ? R"({"model":"mine","prompt":"x","stream":true,"stream_options":{"include_usage":true}})"
                          : R"({"model":"mine","prompt":"x","stream":true})");
    ASSERT_FALSE(answered.error);
    EXPECT_THAT(client.body, HasSubstr(R"("stream_options":{"include_usage":true})"));
    EXPECT_EQ(answered.wire, text + (asked ? usage : "") + "data: [DONE]\n\n");
    EXPECT_EQ(answered.outcome.usage.output, 2);
  }
}

TEST(OpenAiNative, RefusesAFormatThatTheServerDoesNotTake) {
  FakeClient client({.reads = {"{}"}});
  const auto provider = provider_of(client, "deepseek", "https://d.example");
  EXPECT_FALSE(provider->speaks(llm::Format::kEmbeddings));
  const Answered answered = call_native(*provider, llm::Format::kEmbeddings, R"({"model":"m","input":"x"})");
  ASSERT_TRUE(answered.error);
  EXPECT_EQ(answered.error->kind, ErrorKind::kUnsupported);
  EXPECT_EQ(client.sent, 0);
}

}  // namespace
}  // namespace fairlead::providers
