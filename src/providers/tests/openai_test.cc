#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
    EXPECT_EQ(openai::upstream_body(body.request, "big-1"), one.expected);
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

}  // namespace
}  // namespace fairlead::providers
