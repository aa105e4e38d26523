#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/json/text.h"
#include "providers/anthropic/provider.h"
#include "providers/tests/fake_client.h"

namespace fairlead::providers {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr std::string_view kChat = R"({"model":"m","messages":[{"role":"user","content":"hi"}]})";
constexpr std::string_view kStream = R"({"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true})";
constexpr std::string_view kStreamUsage =
    R"({"model":"m","messages":[{"role":"user","content":"hi"}],"stream":true,"stream_options":{"include_usage":true}})";

Answered answer(Script script, std::string_view chat, FakeClient** kept = nullptr) {
  static std::unique_ptr<FakeClient> client;
  static ManualClock clock(1'700'000'000'000'000);
  client = std::make_unique<FakeClient>(std::move(script));
  if (kept != nullptr) *kept = client.get();
  anthropic::Options options;
  options.endpoint.name = "claude";
  options.endpoint.base_url = "https://a.example";
  options.endpoint.api_key = "sk-ant-0123456789";
  options.endpoint.secrets =
      std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"sk-ant-0123456789"});
  options.client = [](async::Loop&) -> http::Client& { return *client; };
  options.clock = &clock;
  return call(*anthropic::make_provider(std::move(options)).value(), chat);
}

std::string event(const std::string& type, const std::string& members) {
  return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + members + "}\n\n";
}

const std::string kStart = event(
    "message_start",
    R"(,"message":{"id":"msg_1","type":"message","role":"assistant","content":[],"model":"claude-x","stop_reason":null,"usage":)"
    R"({"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":2,)"
    R"("cache_creation":{"ephemeral_5m_input_tokens":1,"ephemeral_1h_input_tokens":1},"output_tokens":1}})");
const std::string kText =
    event("content_block_start", R"(,"index":0,"content_block":{"type":"text","text":""})") + event("ping", "") +
    event("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":"Hello"})") +
    event("content_block_delta", R"(,"index":0,"delta":{"type":"text_delta","text":" \"you\""})") +
    event("content_block_stop", R"(,"index":0)");
std::string ending(const std::string& reason) {
  return event("message_delta",
               R"(,"delta":{"stop_reason":")" + reason + R"(","stop_sequence":null},"usage":{"output_tokens":9})") +
         event("message_stop", "");
}

std::vector<boost::json::value> chunks(const std::string& wire) {
  std::vector<boost::json::value> out;
  for (std::size_t at = 0; at < wire.size();) {
    const std::size_t end = wire.find("\n\n", at);
    EXPECT_NE(end, std::string::npos);
    EXPECT_EQ(wire.substr(at, 6), "data: ");
    out.push_back(json::parse(wire.substr(at + 6, end - at - 6)).value());
    at = end + 2;
  }
  return out;
}

const boost::json::object& delta_of(const boost::json::value& chunk) {
  return chunk.at("choices").as_array().at(0).at("delta").as_object();
}

TEST(AnthropicProvider, SaysWhichModelsGoOnWithABegunAnswer) {
  anthropic::Options options;
  options.endpoint.base_url = "https://a.example";
  const auto provider = anthropic::make_provider(std::move(options)).value();
  for (const char* model : {"claude-3-7-sonnet-latest", "claude-sonnet-4-20250514", "claude-opus-4-1",
                            "claude-haiku-4-5-20251001", "claude-sonnet-4-5"})
    EXPECT_EQ(provider->continues(model), llm::Prefill::kLastMessage) << model;
  for (const char* model : {"claude-opus-4-6", "claude-sonnet-4-6", "claude-opus-5", "other"})
    EXPECT_EQ(provider->continues(model), llm::Prefill::kNone) << model;
}

TEST(AnthropicStream, BecomesChunks) {
  const std::string sent = kStart + kText + ending("end_turn");
  for (std::size_t at = 1; at < sent.size(); at += 13) {
    const Answered answered = answer({.reads = {sent.substr(0, at), sent.substr(at)}}, kStreamUsage);
    ASSERT_FALSE(answered.error) << answered.error->message;
    const auto all = chunks(answered.wire);
    ASSERT_EQ(all.size(), 5u);
    EXPECT_EQ(all[0].at("id").as_string(), "msg_1");
    EXPECT_EQ(all[0].at("model").as_string(), "claude-x");
    EXPECT_EQ(all[0].at("created").as_int64(), 1'700'000'000);
    EXPECT_EQ(delta_of(all[0]).at("role").as_string(), "assistant");
    EXPECT_EQ(delta_of(all[1]).at("content").as_string(), "Hello");
    EXPECT_EQ(delta_of(all[2]).at("content").as_string(), " \"you\"");
    EXPECT_EQ(all[3].at("choices").as_array().at(0).at("finish_reason").as_string(), "stop");
    EXPECT_TRUE(all[3].at("usage").is_null());
    EXPECT_TRUE(all[4].at("choices").as_array().empty());
    EXPECT_EQ(all[4].at("usage").at("prompt_tokens").as_int64(), 17);
    EXPECT_EQ(all[4].at("usage").at("completion_tokens").as_int64(), 9);
    EXPECT_EQ(all[4].at("usage").at("prompt_tokens_details").at("cached_tokens").as_int64(), 5);
    EXPECT_EQ(answered.outcome.usage.input, 17);
    EXPECT_EQ(answered.outcome.usage.cache_write, 2);
    EXPECT_EQ(answered.outcome.usage.cache_write_1h, 1);
    EXPECT_EQ(answered.outcome.finish_reason, "stop");
    EXPECT_TRUE(answered.outcome.content_started);
  }
}

TEST(AnthropicStream, LeavesUsageOutUnlessAsked) {
  const Answered answered = answer({.reads = {kStart + kText + ending("max_tokens")}}, kStream);
  EXPECT_THAT(answered.wire, Not(HasSubstr("usage")));
  EXPECT_EQ(answered.outcome.finish_reason, "length");
  EXPECT_EQ(answered.outcome.usage.output, 9);
}

TEST(AnthropicStream, CarriesToolCallsAndThinking) {
  const std::string sent =
      kStart + event("content_block_start", R"(,"index":0,"content_block":{"type":"thinking","thinking":""})") +
      event("content_block_delta", R"(,"index":0,"delta":{"type":"thinking_delta","thinking":"hm"})") +
      event("content_block_delta", R"(,"index":0,"delta":{"type":"signature_delta","signature":"x"})") +
      event("content_block_stop", R"(,"index":0)") +
      event("content_block_start",
            R"(,"index":1,"content_block":{"type":"tool_use","id":"tu_1","name":"get","input":{}})") +
      event("content_block_delta", R"(,"index":1,"delta":{"type":"input_json_delta","partial_json":""})") +
      event("content_block_delta", R"(,"index":1,"delta":{"type":"input_json_delta","partial_json":"{\"a\":"})") +
      event("content_block_delta", R"(,"index":1,"delta":{"type":"input_json_delta","partial_json":"1}"})") +
      event("content_block_stop", R"(,"index":1)") +
      event("content_block_start",
            R"(,"index":2,"content_block":{"type":"tool_use","id":"tu_2","name":"now","input":{}})") +
      event("content_block_stop", R"(,"index":2)") + event("brand_new", R"(,"x":1)") + ending("tool_use");
  const Answered answered = answer({.reads = {sent}}, kStream);
  ASSERT_FALSE(answered.error) << answered.error->message;
  const auto all = chunks(answered.wire);
  ASSERT_EQ(all.size(), 8u) << answered.wire;
  EXPECT_EQ(delta_of(all[1]).at("reasoning_content").as_string(), "hm");
  const auto tool = [&](std::size_t i) { return delta_of(all[i]).at("tool_calls").as_array().at(0).as_object(); };
  EXPECT_EQ(tool(2).at("id").as_string(), "tu_1");
  EXPECT_EQ(tool(2).at("function").at("name").as_string(), "get");
  EXPECT_EQ(tool(3).at("function").at("arguments").as_string(), "{\"a\":");
  EXPECT_EQ(tool(4).at("function").at("arguments").as_string(), "1}");
  EXPECT_EQ(tool(5).at("index").as_int64(), 1);
  EXPECT_EQ(tool(6).at("function").at("arguments").as_string(), "{}");
  EXPECT_EQ(answered.outcome.finish_reason, "tool_calls");
}

TEST(AnthropicStream, EndsInItsErrors) {
  const std::string failing = event("error", R"(,"error":{"type":"overloaded_error","message":"Overloaded"})");
  const Answered busy = answer({.reads = {kStart + kText + failing}}, kStream);
  ASSERT_TRUE(busy.error);
  EXPECT_EQ(busy.error->kind, ErrorKind::kUnavailable);
  EXPECT_EQ(busy.error->message, "Overloaded");
  const Answered torn = answer({.reads = {kStart + kText}}, kStream);
  ASSERT_TRUE(torn.error);
  EXPECT_EQ(torn.error->code, "upstream_reset");
  const Answered reset = answer({.reads = {kStart + kText}, .breaks = true}, kStream);
  ASSERT_TRUE(reset.error);
  EXPECT_EQ(reset.error->code, "upstream_reset");
  const Answered garbage = answer({.reads = {"event: x\ndata: nonsense\n\n"}}, kStream);
  ASSERT_TRUE(garbage.error);
  EXPECT_EQ(garbage.error->code, "upstream_invalid");
  const Answered headless = answer({.reads = {kText}}, kStream);
  ASSERT_TRUE(headless.error);
  EXPECT_EQ(headless.error->code, "upstream_invalid");
}

TEST(AnthropicWhole, BecomesACompletion) {
  FakeClient* client = nullptr;
  const Answered answered = answer(
      {.reads =
           {R"({"id":"msg_2","type":"message","role":"assistant","model":"claude-x","content":[{"type":"thinking","thinking":"hm",)"
            R"("signature":"s"},{"type":"text","text":"Hi"},{"type":"text","text":" there"},{"type":"tool_use","id":"tu","name":"f",)"
            R"("input":{"a":[1,2]}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":4}})"}},
      kChat, &client);
  ASSERT_FALSE(answered.error) << answered.error->message;
  EXPECT_EQ(
      json::canonical(json::parse(answered.wire).value()),
      json::canonical(
          json::parse(
              R"({"id":"msg_2","object":"chat.completion","created":1700000000,"model":"claude-x","choices":[{"index":0,"message":
                {"role":"assistant","content":"Hi there","refusal":null,"reasoning_content":"hm","tool_calls":[{"id":"tu","type":
                "function","function":{"name":"f","arguments":"{\"a\":[1,2]}"}}]},"logprobs":null,"finish_reason":"tool_calls"}],
                "usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":0,
                "cache_write_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,
                "accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}})")
              .value()));
  EXPECT_EQ(client->url, "https://a.example/v1/messages");
  EXPECT_EQ(client->header_lines, "x-api-key: sk-ant-0123456789\r\nanthropic-version: 2023-06-01\r\n");
}

TEST(AnthropicErrors, FollowTheTable) {
  const struct {
    int status;
    const char* type;
    ErrorKind kind;
    const char* code;
  } kCases[] = {
      {400, "invalid_request_error", ErrorKind::kInvalid, "invalid_request_error"},
      {401, "authentication_error", ErrorKind::kUpstream, "upstream_auth"},
      {403, "permission_error", ErrorKind::kUpstream, "upstream_auth"},
      {404, "not_found_error", ErrorKind::kInvalid, "not_found_error"},
      {413, "request_too_large", ErrorKind::kInvalid, "request_too_large"},
      {429, "rate_limit_error", ErrorKind::kExhausted, "rate_limit_exceeded"},
      {500, "api_error", ErrorKind::kUpstream, "upstream_error"},
      {504, "timeout_error", ErrorKind::kTimeout, "upstream_timeout"},
      {529, "overloaded_error", ErrorKind::kUnavailable, "upstream_unavailable"},
  };
  for (const auto& one : kCases) {
    const Answered answered = answer({.status = one.status,
                                      .reads = {std::string(R"({"type":"error","error":{"type":")") + one.type +
                                                R"(","message":"because sk-ant-0123456789"},"request_id":"req_1"})"}},
                                     kChat);
    ASSERT_TRUE(answered.error);
    EXPECT_EQ(answered.error->kind, one.kind) << one.type;
    EXPECT_EQ(answered.error->code, one.code) << one.type;
    EXPECT_THAT(answered.error->message, HasSubstr("because"));
    EXPECT_THAT(answered.error->message, Not(HasSubstr("0123456789")));
  }
}

std::shared_ptr<llm::Provider> native_provider(FakeClient& client, std::string base_url = "https://a.example") {
  static ManualClock clock(1'700'000'000'000'000);
  anthropic::Options options;
  options.endpoint.name = "claude";
  options.endpoint.base_url = std::move(base_url);
  options.client = [&client](async::Loop&) -> http::Client& { return client; };
  options.clock = &clock;
  return anthropic::make_provider(std::move(options)).value();
}

constexpr std::string_view kMessages =
    R"({"model":"mine","max_tokens":9,"fairlead":{"user":"u"},"messages":[{"role":"user","content":[{"type":"thinking","thinking":"x","signature":"s"}]}],"stream":true})";

TEST(AnthropicNative, PassesEventsOnAsTheyCame) {
  const std::string sent =
      kStart + event("content_block_start", R"(,"index":0,"content_block":{"type":"thinking","thinking":""})") +
      event("content_block_delta", R"(,"index":0,"delta":{"type":"signature_delta","signature":"c2ln"})") + kText +
      ending("max_tokens");
  for (std::size_t at = 1; at < sent.size(); at += 7) {
    FakeClient client(
        {.headers = {{"content-type", "text/event-stream"}}, .reads = {sent.substr(0, at), sent.substr(at)}});
    const Answered answered = call_native(*native_provider(client), llm::Format::kMessages, kMessages);
    ASSERT_FALSE(answered.error) << answered.error->message;
    EXPECT_EQ(answered.wire, sent);
    EXPECT_EQ(answered.outcome.usage.input, 17);
    EXPECT_EQ(answered.outcome.usage.cached_input, 5);
    EXPECT_EQ(answered.outcome.usage.cache_write, 2);
    EXPECT_EQ(answered.outcome.usage.output, 9);
    EXPECT_EQ(answered.outcome.finish_reason, "length");
    EXPECT_EQ(
        client.body,
        R"({"model":"big-1","max_tokens":9,"messages":[{"role":"user","content":[{"type":"thinking","thinking":"x","signature":"s"}]}],"stream":true})");
  }
}

TEST(AnthropicNative, EndsInTheErrorThatCutItShort) {
  const struct {
    std::string rest;
    const char* code;
  } kCases[] = {
      {"", "upstream_reset"},
      {"data: nonsense\n\n", "upstream_invalid"},
      {event("error", R"(,"error":{"type":"overloaded_error","message":"busy"})"), "upstream_unavailable"},
  };
  for (const auto& one : kCases) {
    FakeClient client({.headers = {{"content-type", "text/event-stream"}}, .reads = {kStart + kText + one.rest}});
    const Answered answered = call_native(*native_provider(client), llm::Format::kMessages, kMessages);
    ASSERT_TRUE(answered.error) << one.rest;
    EXPECT_EQ(answered.error->code, one.code);
    EXPECT_EQ(answered.wire, kStart + kText);
  }
}

TEST(AnthropicNative, EndsAStreamThatWasCutBehindAllThatMatters) {
  const std::string end = ending("end_turn");
  const std::size_t stop = end.find("event: message_stop");
  ASSERT_NE(stop, std::string::npos);
  for (const std::size_t kept : {stop, stop + 10, end.size() - 2, end.size() - 1}) {
    FakeClient client(
        {.headers = {{"content-type", "text/event-stream"}}, .reads = {kStart + kText + end.substr(0, kept)}});
    const Answered answered = call_native(*native_provider(client), llm::Format::kMessages, kMessages);
    ASSERT_FALSE(answered.error) << kept;
    EXPECT_THAT(answered.wire, testing::StartsWith(kStart + kText + end.substr(0, stop))) << kept;
    EXPECT_THAT(answered.wire, testing::EndsWith("data: {\"type\":\"message_stop\"}\n\n")) << kept;
  }
}

TEST(AnthropicNative, CountsTokens) {
  FakeClient client({.reads = {R"({"input_tokens":42})"}});
  const Answered answered = call_native(*native_provider(client, "https://a.example/v1"), llm::Format::kCountTokens,
                                        R"({"model":"mine","messages":[]})");
  ASSERT_FALSE(answered.error);
  EXPECT_EQ(client.url, "https://a.example/v1/messages/count_tokens");
  EXPECT_EQ(answered.wire, R"({"input_tokens":42})");
  EXPECT_FALSE(answered.outcome.usage.reported);
}

}  // namespace
}  // namespace fairlead::providers
