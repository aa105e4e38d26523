#include "llm/chat.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "llm/call.h"
#include "llm/internal/json_scan.h"
#include "llm/provider.h"

namespace fairlead::llm {
namespace {

// A body with the padding that a connection's buffer has.
struct Body {
  std::string text;
  std::size_t size;
  explicit Body(std::string_view body) : text(body), size(body.size()) { text.append(64, '\0'); }
  std::span<char> span() { return {text.data(), size}; }
};

Error error_of(std::string_view text) {
  Body body(text);
  auto request = ChatRequest::parse(body.span());
  EXPECT_FALSE(request) << text;
  return request ? Error{} : request.error();
}

TEST(ChatRequest, KeepsEveryMemberAsItWasSent) {
  Body body(
      R"( { "model" : "m@7", "x_vendor": {"a":[1,2.50,"}\"]"]} ,"messages":[ {"role":"user","content":"hé"} ],"stream":true,
    "stream_options":{"include_usage":true}, "n": 2, "fairlead":{"user":"u"} })");
  const auto request = ChatRequest::parse(body.span());
  ASSERT_TRUE(request) << request.error().message;
  EXPECT_EQ(request->model, "m@7");
  EXPECT_EQ(request->messages, R"([ {"role":"user","content":"hé"} ])");
  EXPECT_EQ(request->message_count, 1u);
  EXPECT_EQ(request->fairlead, R"({"user":"u"})");
  EXPECT_TRUE(request->stream);
  EXPECT_TRUE(request->include_usage);
  EXPECT_EQ(request->n, 2);
  EXPECT_EQ(request->member("x_vendor")->json, R"({"a":[1,2.50,"}\"]"]})");
}

TEST(ChatRequest, IsWrittenBackWithMembersReplacedAddedAndRemoved) {
  Body body(R"({"model":"a","fairlead":{},"seed":12345678901234567890,"messages":[]})");
  auto request = ChatRequest::parse(body.span());
  ASSERT_FALSE(request);  // a seed is a 64-bit signed integer
  Body good(R"({"model":"a","fairlead":{},"x":12345678901234567890,"messages":[]})");
  request = ChatRequest::parse(good.span());
  ASSERT_TRUE(request);
  request->set("model", "\"b\"");
  request->set("stream_options", R"({"include_usage":true})");
  request->remove("fairlead");
  EXPECT_EQ(request->to_json(),
            R"({"model":"b","x":12345678901234567890,"messages":[],"stream_options":{"include_usage":true}})");
}

TEST(ChatRequest, RefusesWhatTheContractRefusesAndNamesTheField) {
  struct Case {
    std::string_view body, code, param;
  };
  const Case cases[] = {
      {"", "invalid_json", ""},
      {"null", "invalid_type", ""},
      {"[]", "invalid_type", ""},
      {R"({"model":"m",})", "invalid_json", ""},
      {R"({"model":"m"} x)", "invalid_json", ""},
      {"{\"model\":\"\xff\"}", "invalid_json", ""},
      {R"({"model":"m","model":"n"})", "invalid_json", "model"},
      {R"({"messages":[]})", "missing_required_parameter", "model"},
      {R"({"model":7})", "invalid_type", "model"},
      {R"({"model":""})", "invalid_value", "model"},
      {R"({"model":"m","messages":{}})", "invalid_type", "messages"},
      {R"({"model":"m","messages":[7]})", "invalid_type", "messages[0]"},
      {R"({"model":"m","messages":[{"content":"x"}]})", "missing_required_parameter", "messages[0].role"},
      {R"({"model":"m","messages":[{"role":"robot","content":"x"}]})", "invalid_value", "messages[0].role"},
      {R"({"model":"m","messages":[{"role":"user"}]})", "missing_required_parameter", "messages[0].content"},
      {R"({"model":"m","messages":[{"role":"user","content":null}]})", "invalid_type", "messages[0].content"},
      {R"({"model":"m","messages":[{"role":"user","content":5}]})", "invalid_type", "messages[0].content"},
      {R"({"model":"m","messages":[{"role":"user","content":[]}]})", "empty_array", "messages[0].content"},
      {R"({"model":"m","messages":[{"role":"user","content":[{"type":"text"}]}]})", "missing_required_parameter",
       "messages[0].content[0].text"},
      {R"({"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":"x"}]}]})", "invalid_type",
       "messages[0].content[0].image_url"},
      {R"({"model":"m","messages":[{"role":"assistant"}]})", "missing_required_parameter", "messages[0].content"},
      {R"({"model":"m","messages":[{"role":"tool","content":"x"}]})", "missing_required_parameter",
       "messages[0].tool_call_id"},
      {R"({"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"1","type":"function","function":{"name":"f"}}]}]})",
       "missing_required_parameter", "messages[0].tool_calls[0].function.arguments"},
      {R"({"model":"m","temperature":"hot"})", "invalid_type", "temperature"},
      {R"({"model":"m","temperature":2.1})", "decimal_above_max_value", "temperature"},
      {R"({"model":"m","top_p":-0.1})", "decimal_below_min_value", "top_p"},
      {R"({"model":"m","n":0})", "integer_below_min_value", "n"},
      {R"({"model":"m","n":1.5})", "invalid_type", "n"},
      {R"({"model":"m","n":129})", "integer_above_max_value", "n"},
      {R"({"model":"m","max_tokens":0})", "integer_below_min_value", "max_tokens"},
      {R"({"model":"m","stream":"yes"})", "invalid_type", "stream"},
      {R"({"model":"m","stream_options":{"include_usage":true}})", "invalid_value", "stream_options"},
      {R"({"model":"m","top_logprobs":3})", "invalid_value", "top_logprobs"},
      {R"({"model":"m","logprobs":true,"top_logprobs":21})", "integer_above_max_value", "top_logprobs"},
      {R"({"model":"m","stop":["a","b","c","d","e"]})", "array_above_max_length", "stop"},
      {R"({"model":"m","stop":[1]})", "invalid_type", "stop[0]"},
      {R"({"model":"m","tools":[{"type":"function"}]})", "missing_required_parameter", "tools[0].function"},
      {R"({"model":"m","tools":[{"type":"function","function":{"name":"a b"}}]})", "invalid_value",
       "tools[0].function.name"},
      {R"({"model":"m","tool_choice":"maybe"})", "invalid_value", "tool_choice"},
      {R"({"model":"m","response_format":{"type":"xml"}})", "invalid_value", "response_format.type"},
      {R"({"model":"m","response_format":{"type":"json_schema"}})", "missing_required_parameter",
       "response_format.json_schema"},
      {R"({"model":"m","logit_bias":{"50256":101}})", "decimal_above_max_value", "logit_bias.50256"},
      {R"({"model":"m","fairlead":[]})", "invalid_type", "fairlead"},
      {R"({"mod\u0065l":"m"})", "invalid_json", ""},
  };
  for (const Case& one : cases) {
    const Error error = error_of(one.body);
    EXPECT_EQ(error.code, one.code) << one.body;
    EXPECT_EQ(error.param, one.param) << one.body;
    EXPECT_EQ(error.kind, ErrorKind::kInvalid) << one.body;
  }
}

TEST(ChatRequest, RefusesNestingThatIsTooDeep) {
  EXPECT_EQ(error_of("{\"model\":" + std::string(1000, '[') + std::string(1000, ']') + "}").code, "invalid_json");
}

TEST(ChatRequest, RepeatsNoPastedKeyInAMessage) {
  const Error error =
      error_of(R"({"model":"m","messages":[{"role":"sk-proj-abcdefghijklmnopqrstuvwxyz0123456789","content":""}]})");
  EXPECT_THAT(error.message, testing::Not(testing::HasSubstr("sk-proj")));
}

TEST(ChatRequest, AcceptsNullWhereTheContractDoes) {
  Body body(
      R"({"model":"m","messages":[],"temperature":null,"stop":null,"stream":null,"n":null,"seed":null,"stream_options":null,
    "top_logprobs":null,"logit_bias":null})");
  EXPECT_TRUE(ChatRequest::parse(body.span()));
}

TEST(ChatRequest, ReadsMessages) {
  Body body(R"({"model":"m","messages":[
    {"role":"developer","content":"be kind"},
    {"role":"user","name":"ann","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x/y.png"}},{"type":"text","text":"b"}]},
    {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"x\":1}"}}]},
    {"role":"tool","tool_call_id":"c1","content":"ok"}]})");
  const auto request = ChatRequest::parse(body.span());
  ASSERT_TRUE(request) << request.error().message;
  const auto messages = request->parse_messages();
  ASSERT_TRUE(messages);
  ASSERT_EQ(messages->size(), 4u);
  EXPECT_EQ((*messages)[0].role, Role::kDeveloper);
  EXPECT_EQ((*messages)[1].text(), "ab");
  EXPECT_EQ((*messages)[1].name, "ann");
  EXPECT_EQ((*messages)[1].content[1].text, "https://x/y.png");
  EXPECT_TRUE((*messages)[2].content.empty());
  EXPECT_EQ((*messages)[2].tool_calls[0].arguments, R"({"x":1})");
  EXPECT_EQ((*messages)[3].tool_call_id, "c1");
}

TEST(ChatParameters, AreTyped) {
  Body body(
      R"({"model":"m","temperature":0,"max_tokens":5,"max_completion_tokens":7,"stop":"\n","seed":-3,"top_k":40,"logprobs":true,
    "top_logprobs":2,"logit_bias":{"12":-100,"x":1}})");
  const auto request = ChatRequest::parse(body.span());
  ASSERT_TRUE(request) << request.error().message;
  const ChatParameters parameters = ChatParameters::of(*request);
  EXPECT_EQ(parameters.temperature, 0.0);
  EXPECT_EQ(parameters.max_tokens, 7);
  EXPECT_THAT(parameters.stop, testing::ElementsAre("\n"));
  EXPECT_EQ(parameters.seed, -3);
  EXPECT_EQ(parameters.top_k, 40);
  EXPECT_TRUE(parameters.logprobs);
  EXPECT_EQ(parameters.top_logprobs, 2);
  EXPECT_THAT(parameters.logit_bias, testing::ElementsAre(testing::Pair(12, -100.0)));
  EXPECT_FALSE(parameters.top_p);
}

TEST(CallOptions, AreReadAndSlipsAreRefused) {
  const auto options =
      CallOptions::parse(R"({"variables": {"q": "a,b}"}, "user":"u-17","tags":["x","y"],"session":"s"})");
  ASSERT_TRUE(options) << options.error().message;
  EXPECT_EQ(options->variables, R"({"q": "a,b}"})");
  EXPECT_EQ(options->user, "u-17");
  EXPECT_THAT(options->tags, testing::ElementsAre("x", "y"));
  EXPECT_EQ(CallOptions::parse(R"({"variable":{}})").error().param, "fairlead.variable");
  EXPECT_EQ(CallOptions::parse(R"({"user":5})").error().code, "invalid_type");
  EXPECT_FALSE(options->cache);
  EXPECT_EQ(CallOptions::parse(R"({"cache":"read"})")->cache, CacheMode::kRead);
  EXPECT_EQ(CallOptions::parse(R"({"cache":"maybe"})").error().param, "fairlead.cache");
  EXPECT_EQ(CallOptions::parse(R"({"cache":true})").error().code, "invalid_type");
  EXPECT_EQ(CallOptions::parse(R"({"repair":2})")->repair, 2);
  EXPECT_EQ(CallOptions::parse(R"({"repair":6})").error().param, "fairlead.repair");
  EXPECT_EQ(CallOptions::parse(R"({"repair":"2"})").error().code, "invalid_type");
  EXPECT_TRUE(CallOptions::parse("")->variables.empty());
}

TEST(MemberScanner, FindsValuesOfEveryKind) {
  internal::MemberScanner scanner(R"({"a\"b":1 ,"c":"x\\","d":[{"e":"]"}],"f":null,"g":-1.5e3})");
  std::vector<std::pair<std::string, std::string>> found;
  while (scanner.next()) found.emplace_back(scanner.raw_name(), scanner.json());
  const std::vector<std::pair<std::string, std::string>> expected = {
      {"a\\\"b", "1"}, {"c", "\"x\\\\\""}, {"d", R"([{"e":"]"}])"}, {"f", "null"}, {"g", "-1.5e3"}};
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace fairlead::llm
