#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/json/text.h"
#include "providers/gigachat/provider.h"
#include "providers/gigachat/request.h"
#include "providers/tests/vendor_tests.h"

namespace fairlead::providers {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr std::int64_t kNowMs = 1'700'000'000'000;

std::shared_ptr<llm::Provider> gigachat_at(http::Client& client, const Clock* clock = nullptr) {
  static FakeClient unused(Script{});
  gigachat::Options options{.parts = parts_for(unused, "https://giga.example/api/v1"),
                            .auth_url = "https://auth.example:9443/api/v2/oauth",
                            .scope = "GIGACHAT_API_PERS"};
  options.parts.client = [&client](async::Loop&) -> http::Client& { return client; };
  if (clock != nullptr) options.parts.clock = clock;
  return gigachat::make_provider(std::move(options)).value();
}

Script token(const std::string& text, std::int64_t expires_in_ms = 1'800'000) {
  return {
      .reads = {R"({"access_token":")" + text + R"(","expires_at":)" + std::to_string(kNowMs + expires_in_ms) + "}"}};
}

const Script kYes{
    .reads = {
        R"({"choices":[{"message":{"role":"assistant","content":"yes"},"index":0,"finish_reason":"stop"}],"created":1,"model":"GigaChat:1",)"
        R"("usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"precached_prompt_tokens":7},"object":"chat.completion"})"}};

Result<std::string> request_of(const llm::ChatRequest& request) {
  return gigachat::chat_request(request, "GigaChat-2");
}

TEST(GigaChatRequest, SaysTheSameInTheOtherWords) {
  const SameInOtherWords kCases[] = {
      {"system first, sampling, members of its own",
       R"({"model":"m","messages":[{"role":"user","content":"hi"},{"role":"system","content":"a"},{"role":"developer","content":"b"}],
           "max_completion_tokens":7,"temperature":0,"seed":3,"repetition_penalty":1.1})",
       R"({"model":"GigaChat-2","messages":[{"role":"system","content":"a\n\nb"},{"role":"user","content":"hi"}],"top_p":0,"max_tokens":7,
           "repetition_penalty":1.1})"},
      {"parallel calls become one exchange after another",
       R"({"model":"m","messages":[{"role":"user","content":"weather?"},
           {"role":"assistant","content":"well","tool_calls":[
             {"id":"77d3fb14-457a-46ba-937e-8d856156d003","type":"function","function":{"name":"get","arguments":"{\"city\":\"Oslo\"}"}},
             {"id":"t2","type":"function","function":{"name":"now","arguments":""}}]},
           {"role":"tool","tool_call_id":"t2","content":"noon"},
           {"role":"tool","tool_call_id":"77d3fb14-457a-46ba-937e-8d856156d003","content":"{\"sky\":\"rain\"}"}],
           "tools":[{"type":"function","function":{"name":"get","description":"d","parameters":{"type":"object","properties":{}}}}],
           "tool_choice":{"type":"function","function":{"name":"get"}},"parallel_tool_calls":false})",
       R"({"model":"GigaChat-2","messages":[{"role":"user","content":"weather?"},
           {"role":"assistant","content":"well","function_call":{"name":"get","arguments":{"city":"Oslo"}},
             "functions_state_id":"77d3fb14-457a-46ba-937e-8d856156d003"},
           {"role":"function","name":"get","content":"{\"sky\":\"rain\"}"},
           {"role":"assistant","content":"","function_call":{"name":"now","arguments":{}}},
           {"role":"function","name":"now","content":"{\"result\":\"noon\"}"}],
           "functions":[{"name":"get","description":"d","parameters":{"type":"object","properties":{}}}],"function_call":{"name":"get"}})"},
      {"a schema",
       R"({"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"low","response_format":{
           "type":"json_schema","json_schema":{"name":"a","schema":{"type":"object"}}}})",
       R"({"model":"GigaChat-2","messages":[{"role":"user","content":"x"}],"reasoning_effort":"low","response_format":{
           "type":"json_schema","schema":{"type":"object"},"strict":true}})"},
  };
  expect_same(kCases, request_of);
}

TEST(GigaChatRequest, RefusesWhatItCannotSay) {
  const Refusal kCases[] = {
      {R"("n":2)", "n"},
      {R"("stop":"END")", "stop"},
      {R"("response_format":{"type":"json_object"})", "response_format"},
      {R"("tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required")", "tool_choice"},
      {R"("frequency_penalty":1)", "frequency_penalty"},
  };
  expect_refused(kCases, request_of);
}

TEST(GigaChatToken, IsAskedForOnceAndKept) {
  FakeClient client(std::deque<Script>{token("tok-1"), kYes});
  const auto provider = gigachat_at(client);
  for (int i = 0; i < 3; ++i) ASSERT_FALSE(call(*provider, kVendorChat).error);
  EXPECT_THAT(
      client.urls,
      ElementsAre("https://auth.example/api/v2/oauth", "https://giga.example/api/v1/chat/completions",
                  "https://giga.example/api/v1/chat/completions", "https://giga.example/api/v1/chat/completions"));
  EXPECT_EQ(client.bodies[0], "scope=GIGACHAT_API_PERS");
  EXPECT_EQ(client.header_lines, "authorization: Bearer tok-1\r\n");
  EXPECT_THAT(client.all_header_lines[0], HasSubstr("authorization: Basic " + kVendorKey + "\r\n"));
  EXPECT_THAT(client.all_header_lines[0], testing::ContainsRegex("rquid: [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab]"));
}

TEST(GigaChatToken, IsReplacedBeforeItExpires) {
  ManualClock clock(kNowMs * 1000);
  FakeClient client(std::deque<Script>{token("tok-1"), kYes, token("tok-2", 3'600'000), kYes});
  const auto provider = gigachat_at(client, &clock);
  ASSERT_FALSE(call(*provider, kVendorChat).error);
  clock.advance(std::chrono::minutes(29) + std::chrono::seconds(30));
  ASSERT_FALSE(call(*provider, kVendorChat).error);
  EXPECT_EQ(client.header_lines, "authorization: Bearer tok-2\r\n");
}

TEST(GigaChatToken, IsReplacedOnceWhenItIsRefused) {
  const Script refused{.status = 401, .reads = {R"({"status":401,"message":"Token has expired: tok-1tok-1tok-1"})"}};
  FakeClient client(std::deque<Script>{token("tok-1tok-1tok-1"), refused, token("tok-2"), kYes});
  ASSERT_FALSE(call(*gigachat_at(client), kVendorChat).error);
  EXPECT_EQ(client.sent, 4);
  FakeClient again(std::deque<Script>{token("tok-1tok-1tok-1"), refused, token("tok-1tok-1tok-1"), refused});
  const Answered answered = call(*gigachat_at(again), kVendorChat);
  ASSERT_TRUE(answered.error);
  EXPECT_EQ(answered.error->code, "upstream_auth");
  EXPECT_THAT(answered.error->message, Not(HasSubstr("tok-1")));
  EXPECT_EQ(again.sent, 4);
}

TEST(GigaChatToken, ThatIsNotGivenOutIsTheOperatorsFault) {
  for (const Script& script :
       {Script{.status = 400, .reads = {R"({"code":5,"message":"Can't decode 'Authorization' header"})"}},
        Script{.status = 401, .reads = {R"({"code":6,"message":"credentials doesn't match db data"})"}}}) {
    FakeClient client(script);
    const Answered answered = call(*gigachat_at(client), kVendorChat);
    ASSERT_TRUE(answered.error);
    EXPECT_EQ(answered.error->code, "upstream_auth");
    EXPECT_EQ(answered.error->kind, ErrorKind::kUpstream);
  }
  FakeClient client(Script{.reads = {R"({"tok":"x"})"}});
  EXPECT_EQ(call(*gigachat_at(client), kVendorChat).error->code, "upstream_invalid");
}

TEST(GigaChatToken, IsAskedForByOneOfManyAtOnce) {
  SlowClient client(std::deque<Script>{token("tok-1"), kYes});
  async::Loop loop(0), second(0);  // outlive the providers, which keep a timer on them
  const auto provider = gigachat_at(client);
  const Body body(kVendorChat);
  std::vector<Answered> answered(8);
  for (Answered& one : answered)
    boost::asio::co_spawn(loop.context(), call_to_end(*provider, body.request, {}, llm::Format::kChat, loop, one),
                          boost::asio::detached);
  loop.context().run();
  for (const Answered& one : answered) EXPECT_FALSE(one.error);
  EXPECT_EQ(client.sent, 9);
  SlowClient slow(std::deque<Script>{Script{.status = 500}});
  const auto broken = gigachat_at(slow);
  for (Answered& one : answered)
    boost::asio::co_spawn(second.context(), call_to_end(*broken, body.request, {}, llm::Format::kChat, second, one),
                          boost::asio::detached);
  second.context().run();
  for (const Answered& one : answered) EXPECT_EQ(one.error->code, "upstream_error");
  EXPECT_EQ(slow.sent, 1);
}

std::string chunk(const std::string& delta, const std::string& rest = "") {
  return "data: {\"choices\":[{\"delta\":{" + delta + "},\"index\":0" + rest +
         "}],\"created\":1,\"model\":\"GigaChat:1\"," + "\"object\":\"chat.completion.chunk\"}\n\n";
}

const std::string kBegun = chunk("\"role\":\"assistant\",\"content\":\"Hel\"") + chunk("\"content\":\"lo\"");

TEST(GigaChatStream, BecomesChunksHoweverItIsSplit) {
  const std::string sent = kBegun +
                           chunk(
                               "\"content\":\"\",\"function_call\":{\"name\":\"get\",\"arguments\":{\"city\":\"Oslo\"}}"
                               ",\"functions_state_id\":\"s-1\"",
                               ",\"finish_reason\":\"function_call\"") +
                           "data: "
                           "{\"choices\":[],\"model\":\"GigaChat:1\",\"usage\":{\"prompt_tokens\":3,\"completion_"
                           "tokens\":2,\"precached_prompt_tokens\":7}}\n\n"
                           "data: [DONE]\n\n";
  for (std::size_t at = 1; at < sent.size(); at += 5) {
    FakeClient client(std::deque<Script>{token("tok-1"), {.reads = {sent.substr(0, at), sent.substr(at)}}});
    const Answered answered = call(*gigachat_at(client), kStreamUsage);
    ASSERT_FALSE(answered.error) << answered.error->message;
    const Told told = told_by(answered.wire);
    EXPECT_EQ(told.text, "Hello");
    EXPECT_EQ(told.tools, R"(s-1 get {"city":"Oslo"}; )");
    EXPECT_EQ(told.finish_reason, "tool_calls");
    EXPECT_TRUE(told.usage_last);
    EXPECT_EQ(answered.outcome.usage.input, 10);
    EXPECT_EQ(answered.outcome.usage.cached_input, 7);
  }
}

TEST(GigaChatStream, EndsInItsErrors) {
  const struct {
    std::string sent;
    const char* code;
  } kCases[] = {
      {kBegun, "upstream_reset"},
      {kBegun + "data: [DONE]\n\n", "upstream_reset"},
      {kBegun + "data: {\"choi", "upstream_reset"},
      {kBegun + "data: {nonsense}\n\n", "upstream_invalid"},
      {kBegun + "data: {\"status\":429,\"message\":\"slow\"}\n\n", "rate_limit_exceeded"},
      {kBegun + chunk("", ",\"finish_reason\":\"error\""), "upstream_error"},
  };
  for (const auto& one : kCases) {
    FakeClient client(std::deque<Script>{token("tok-1"), {.reads = {one.sent}}});
    const Answered answered = call(*gigachat_at(client), kStreamUsage);
    ASSERT_TRUE(answered.error) << one.sent;
    EXPECT_EQ(answered.error->code, one.code) << one.sent;
  }
}

TEST(GigaChatEmbeddings, AreTranslated) {
  FakeClient client(std::deque<Script>{
      token("tok-1"),
      {.reads = {
           R"({"object":"list","data":[{"object":"embedding","embedding":[0.5],"index":1,"usage":{"prompt_tokens":6}},)"
           R"({"object":"embedding","embedding":[2],"index":0,"usage":{"prompt_tokens":4}}],"model":"Embeddings"})"}}});
  const Answered answered =
      call_native(*gigachat_at(client), llm::Format::kEmbeddings, R"({"model":"mine","input":["a","b"]})");
  ASSERT_FALSE(answered.error) << answered.error->message;
  EXPECT_EQ(client.body, R"({"model":"big-1","input":["a","b"]})");
  EXPECT_EQ(answered.outcome.usage.input, 10);
  EXPECT_THAT(answered.wire,
              HasSubstr(R"("index":0,"embedding":[2]},{"object":"embedding","index":1,"embedding":[0.5])"));
}

}  // namespace
}  // namespace fairlead::providers
