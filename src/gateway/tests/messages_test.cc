// The Messages API: towards chats, towards a provider that speaks it, and back.
#include "gateway/surfaces/messages.h"

#include "gateway/surfaces/messages_request.h"
#include "gateway/tests/harness.h"
#include "gateway/tests/mutations.h"

namespace fairlead::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

// A body with the padding that a connection's buffer has.
Result<std::string> chat_of_message_text(std::string text) {
  const std::size_t size = text.size();
  text.append(64, '\0');
  FAIRLEAD_TRY(const llm::RequestBody body, llm::RequestBody::parse({text.data(), size}));
  return chat_of_messages(body);
}

std::string with_content(std::string_view role, std::string_view content) {
  return R"({"model":"m","max_tokens":9,"messages":[{"role":")" + std::string(role) + R"(","content":)" +
         std::string(content) + "}]}";
}

TEST(MessagesRequest, SaysTheSameAsAChat) {
  struct Case {
    std::string members, chat;
  };
  const Case cases[] = {
      {R"("system":"s")", R"("messages":[{"role":"system","content":"s"},{"role":"user","content":"u"}])"},
      {R"("system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"text","text":"b"}])",
       R"([{"role":"system","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},)"},
      {R"("temperature":0.50,"top_p":1,"top_k":40,"stream":true)",
       R"("temperature":0.50,"top_p":1,"top_k":40,"stream":true)"},
      {R"("stop_sequences":["a","b"])", R"("stop":["a","b"])"},
      {R"("metadata":{"user_id":"u-1"})", R"("user":"u-1")"},
      {R"("thinking":{"type":"enabled","budget_tokens":2000})", R"("reasoning_effort":"low")"},
      {R"("thinking":{"type":"enabled","budget_tokens":10000})", R"("reasoning_effort":"medium")"},
      {R"("thinking":{"type":"enabled","budget_tokens":20000})", R"("reasoning_effort":"high")"},
      {R"("thinking":{"type":"adaptive"},"output_config":{"effort":"xhigh"})", R"("reasoning_effort":"xhigh")"},
      {R"("output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}})",
       R"("response_format":{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"object"}}})"},
      {R"("service_tier":"standard_only")", R"("service_tier":"default")"},
      {R"("tools":[{"name":"f","description":"d","input_schema":{"type":"object"},"cache_control":{"type":"ephemeral"}}])",
       R"("tools":[{"type":"function","function":{"name":"f","description":"d","parameters":{"type":"object"}}}])"},
      {R"("tool_choice":{"type":"any","disable_parallel_tool_use":true})",
       R"("tool_choice":"required","parallel_tool_calls":false)"},
      {R"("tool_choice":{"type":"tool","name":"f"})", R"("tool_choice":{"type":"function","function":{"name":"f"}})"},
      {R"("fairlead":{"user":"u"})", R"("fairlead":{"user":"u"})"},
      {R"("system":null,"temperature":null)", R"("messages":[{"role":"user","content":"u"}])"},
  };
  for (const Case& one : cases) {
    const auto chat = chat_of_message_text(R"({"model":"m","max_tokens":9,)" + one.members +
                                           R"(,"messages":[{"role":"user","content":"u"}]})");
    ASSERT_TRUE(chat) << one.members << ": " << chat.error().message;
    EXPECT_THAT(*chat, HasSubstr(one.chat));
    EXPECT_THAT(*chat, HasSubstr(R"("max_completion_tokens":9)"));
  }
}

TEST(MessagesRequest, KeepsEveryBlockThatAChatCanHold) {
  struct Case {
    std::string_view role, content, messages;
  };
  const Case cases[] = {
      {"user", R"([{"type":"text","text":"a \"b\""}])", R"([{"role":"user","content":"a \"b\""}])"},
      {"user", R"([{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}])",
       R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}}]}])"},
      {"user", R"([{"type":"image","source":{"type":"url","url":"https://x/y.png"}},{"type":"text","text":"?"}])",
       R"([{"type":"image_url","image_url":{"url":"https://x/y.png"}},{"type":"text","text":"?"}])"},
      {"user",
       R"([{"type":"document","title":"t.pdf","source":{"type":"base64","media_type":"application/pdf","data":"AA"}}])",
       R"([{"type":"file","file":{"filename":"t.pdf","file_data":"data:application/pdf;base64,AA"}}])"},
      {"user",
       R"([{"type":"document","title":"T","context":"C","source":{"type":"text","media_type":"text/plain","data":"D"}}])",
       R"([{"type":"text","text":"C"},{"type":"text","text":"T"},{"type":"text","text":"D"}])"},
      {"assistant",
       R"([{"type":"thinking","thinking":"hm","signature":"x"},{"type":"text","text":"a"},)"
       R"({"type":"tool_use","id":"t1","name":"f","input":{"a":1}},{"type":"tool_use","id":"t2","name":"g","input":{}}])",
       R"([{"role":"assistant","content":"a","tool_calls":[{"id":"t1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},)"
       R"({"id":"t2","type":"function","function":{"name":"g","arguments":"{}"}}]}])"},
      {"assistant", R"([{"type":"thinking","thinking":"hm","signature":"x"}])", R"("messages":[])"},
      {"user",
       R"([{"type":"tool_result","tool_use_id":"t1","content":"one"},)"
       R"({"type":"tool_result","tool_use_id":"t2","is_error":true,"content":[{"type":"text","text":"no"}]},)"
       R"({"type":"tool_result","tool_use_id":"t3"},{"type":"text","text":"and?"}])",
       R"([{"role":"tool","tool_call_id":"t1","content":"one"},{"role":"tool","tool_call_id":"t2","content":"Error: no"},)"
       R"({"role":"tool","tool_call_id":"t3","content":""},{"role":"user","content":"and?"}])"},
      {"user",
       R"([{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"see"},)"
       R"({"type":"image","source":{"type":"url","url":"https://x"}}]}])",
       R"([{"role":"tool","tool_call_id":"t1","content":"see"},{"role":"user","content":[)"
       R"({"type":"text","text":"From the result of t1:"},{"type":"image_url","image_url":{"url":"https://x"}}]}])"},
  };
  for (const Case& one : cases) {
    const auto chat = chat_of_message_text(with_content(one.role, one.content));
    ASSERT_TRUE(chat) << one.content << ": " << chat.error().message;
    EXPECT_THAT(*chat, HasSubstr(std::string(one.messages)));
  }
}

TEST(MessagesRequest, NamesWhatAChatCannotExpress) {
  struct Case {
    std::string text, param;
    ErrorKind kind = ErrorKind::kUnsupported;
  };
  const auto with = [](std::string members) {
    return R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"u"}],)" + members + "}";
  };
  const Case cases[] = {
      {with(R"("mcp_servers":[{}])"), "mcp_servers"},
      {with(R"("container":"c")"), "container"},
      {with(R"("x_new":1)"), "x_new"},
      {with(R"("metadata":{"team":"t"})"), "metadata.team"},
      {with(R"("stop_sequences":["a","b","c","d","e"])"), "stop_sequences"},
      {with(R"("stop_sequences":[1])"), "stop_sequences[0]", ErrorKind::kInvalid},
      {with(R"("output_config":{"task_budget":1})"), "output_config.task_budget"},
      {with(R"("tools":[{"type":"bash_20250124","name":"bash"}])"), "tools[0].type"},
      {with(R"("tools":[{"name":"f","input_schema":{},"allowed_callers":["x"]}])"), "tools[0].allowed_callers"},
      {with(R"("tools":[{}])"), "tools[0].name", ErrorKind::kInvalid},
      {with(R"("tool_choice":{"type":"some"})"), "tool_choice.type", ErrorKind::kInvalid},
      {with(R"("tools":[{"name":"f"}])"), "tools[0].input_schema", ErrorKind::kInvalid},
      {with(R"("thinking":{"type":"enabled"})"), "thinking.budget_tokens", ErrorKind::kInvalid},
      {with(R"("thinking":{"type":"enabled","budget_tokens":1023})"), "thinking.budget_tokens", ErrorKind::kInvalid},
      {with(R"("temperature":1.1)"), "temperature", ErrorKind::kInvalid},
      {with(R"("top_k":1.5)"), "top_k", ErrorKind::kInvalid},
      {with_content("robot", "\"x\""), "messages[0].role", ErrorKind::kInvalid},
      {with_content("user", "7"), "messages[0].content", ErrorKind::kInvalid},
      {with_content("user", R"([{"type":"search_result"}])"), "messages[0].content[0].type"},
      {with_content("user", R"([{"type":"image","source":{"type":"file","file_id":"f"}}])"),
       "messages[0].content[0].source.type"},
      {with_content("user", R"([{"type":"document","source":{"type":"url","url":"https://x"}}])"),
       "messages[0].content[0].source.type"},
      {with_content("user",
                    R"([{"type":"document","citations":{"enabled":true},"source":{"type":"text","data":"d"}}])"),
       "messages[0].content[0].citations"},
      {with_content("user", R"([{"type":"text"}])"), "messages[0].content[0].text", ErrorKind::kInvalid},
      {with_content("assistant", R"([{"type":"server_tool_use","id":"s"}])"), "messages[0].content[0].type"},
  };
  for (const Case& one : cases) {
    const auto chat = chat_of_message_text(one.text);
    ASSERT_FALSE(chat) << one.text;
    EXPECT_EQ(chat.error().param, one.param) << one.text;
    EXPECT_EQ(chat.error().kind, one.kind) << one.text;
  }
}

TEST(MessagesRequest, SurvivesWhatIsSentByMistake) {
  const std::string seeds[] = {
      R"({"model":"m","max_tokens":9,"system":[{"type":"text","text":"a"}],"messages":[{"role":"user","content":[{"type":"text","text":"x"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}}]},{"role":"assistant","content":[{"type":"tool_use","id":"t","name":"f","input":{"a":[1,2]}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"r"}]}]}]})",
      R"({"model":"m","max_tokens":9,"tools":[{"name":"f","input_schema":{}}],"tool_choice":{"type":"tool","name":"f"},"thinking":{"type":"enabled","budget_tokens":1024},"output_config":{"effort":"low"},"stop_sequences":["a"],"metadata":{"user_id":"u"},"messages":[]})"};
  const MutationReport report = parse_mutations(seeds, 7, 1s, chat_of_message_text);
  EXPECT_GT(report.rounds, 1000u);
  EXPECT_GT(report.accepted, 50u);
  EXPECT_EQ(report.fault, "");
}

class MessagesTest : public DataPlaneTest {
 public:
  Answer post(std::string body, std::string path = "/v1/messages") {
    return send(http::Method::kPost, std::move(path), std::move(body),
                "x-api-key: fl-caller\r\nanthropic-version: 2023-06-01\r\n");
  }
};

constexpr const char* kHelloMessage =
    R"({"model":"small","max_tokens":9,"messages":[{"role":"user","content":"hi"}],"x_beta":1})";
constexpr const char* kPlain = R"({"model":"small","max_tokens":9,"messages":[{"role":"user","content":"hi"}]})";
constexpr const char* kStream =
    R"({"model":"small","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"hi"}]})";

std::string chunk(std::string_view delta, std::string_view finish = "null") {
  return R"(data: {"choices":[{"index":0,"delta":)" + std::string(delta) + R"(,"finish_reason":)" +
         std::string(finish) + "}]}\n\n";
}

TEST_F(MessagesTest, AnswersAsTheApiDoes) {
  first_.usage = {.input = 10, .cached_input = 4, .cache_write = 1, .output = 3, .reported = true};
  first_.deltas = {
      R"({"choices":[{"index":0,"finish_reason":"tool_calls","message":{"reasoning_content":"hm","content":"Hi",)"
      R"("tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},)"
      R"({"id":"c2","type":"function","function":{"name":"g","arguments":"{\"a\":"}}]}}]})"};
  const Answer answer = post(kPlain);
  EXPECT_EQ(answer.status, 200);
  const std::string id = answer.headers.at("request-id");
  EXPECT_EQ(answer.body, R"({"id":"msg_)" + id +
                             R"(","type":"message","role":"assistant","model":"small","content":[)"
                             R"({"type":"thinking","thinking":"hm","signature":""},{"type":"text","text":"Hi"},)"
                             R"({"type":"tool_use","id":"c1","name":"f","input":{"a":1}},)"
                             R"({"type":"tool_use","id":"c2","name":"g","input":{"malformed_arguments":"{\"a\":"}}],)"
                             R"("stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":5,)"
                             R"("cache_creation_input_tokens":1,"cache_read_input_tokens":4,"output_tokens":3}})");
  EXPECT_EQ(first_.seen_messages, R"([{"role":"user","content":"hi"}])");
  const telemetry::CallRecord record = records_.only();
  EXPECT_EQ(record.operation, "chat");
  EXPECT_EQ(record.usage.cached_input, 4);
}

TEST_F(MessagesTest, StreamsAsTheApiDoes) {
  first_.deltas = {chunk(R"({"role":"assistant","content":""})"),
                   chunk(R"({"reasoning_content":"hm"})") + chunk(R"({"content":"H"})") + chunk(R"({"content":"i"})"),
                   chunk(R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":""}}]})") +
                       chunk(R"({"tool_calls":[{"index":0,"function":{"arguments":"{}"}}]})"),
                   chunk("{}", R"("length")")};
  const Answer answer = post(kStream);
  EXPECT_EQ(answer.headers.at("content-type"), "text/event-stream; charset=utf-8");
  std::vector<std::string> types;
  for (std::size_t at = 0; (at = answer.body.find("event: ", at)) != std::string::npos; at += 7)
    types.push_back(answer.body.substr(at + 7, answer.body.find('\n', at) - at - 7));
  EXPECT_THAT(types,
              testing::ElementsAre("message_start", "ping", "content_block_start", "content_block_delta",
                                   "content_block_stop", "content_block_start", "content_block_delta",
                                   "content_block_delta", "content_block_stop", "content_block_start",
                                   "content_block_delta", "content_block_stop", "message_delta", "message_stop"));
  EXPECT_THAT(answer.body,
              HasSubstr(R"("index":2,"content_block":{"type":"tool_use","id":"c1","name":"f","input":{}})"));
  EXPECT_THAT(answer.body, HasSubstr(R"({"type":"input_json_delta","partial_json":"{}"})"));
  EXPECT_THAT(answer.body, HasSubstr(R"("stop_reason":"max_tokens")"));
  EXPECT_THAT(answer.body, HasSubstr(R"("input_tokens":10)"));
  EXPECT_THAT(answer.body, Not(HasSubstr("[DONE]")));
}

TEST_F(MessagesTest, EndsABrokenStreamWithAnErrorEvent) {
  first_.deltas = {chunk(R"({"content":"H"})")};
  first_.break_after = Error{ErrorKind::kUpstream, "upstream_reset", "it broke"};
  const Answer answer = post(kStream);
  EXPECT_THAT(answer.body, HasSubstr("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"api_error\","
                                     "\"message\":\"it broke\"},\"request_id\":\"" +
                                     answer.headers.at("request-id")));
  EXPECT_EQ(records_.only().error_code, "upstream_reset");
}

TEST_F(MessagesTest, PassesItOnUntouchedToWhoSpeaksIt) {
  first_.formats = second_.formats = {llm::Format::kMessages, llm::Format::kCountTokens};
  first_.deltas = {R"({"id":"msg_1","content":[{"type":"thinking","signature":"s"}]})"};
  EXPECT_EQ(post(kHelloMessage).body, first_.deltas[0]);
  EXPECT_EQ(first_.seen_native, kHelloMessage);
  EXPECT_EQ(first_.seen_chat, "");
  first_.deltas = {"event: message_start\ndata: {}\n\n", "event: message_stop\ndata: {}\n\n"};
  EXPECT_EQ(post(kStream).body, first_.deltas[0] + first_.deltas[1]);
  first_.deltas = {R"({"input_tokens":3})"};
  EXPECT_EQ(post(kHelloMessage, "/v1/messages/count_tokens").body, R"({"input_tokens":3})");
}

TEST_F(MessagesTest, CountsForWhoDoesNot) {
  const std::string kCounted =
      R"({"model":"small","system":"Be brief.","messages":[{"role":"user","content":"How far is the moon?"}]})";
  const Answer answer = post(kCounted, "/v1/messages/count_tokens");
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, testing::MatchesRegex(R"(\{"input_tokens":[0-9]+\})"));
  EXPECT_EQ(first_.seen_chat, "") << "nobody is asked for an answer";
  const telemetry::CallRecord record = records_.only();
  EXPECT_EQ(record.operation, "count_tokens");
  EXPECT_EQ(record.usage.input, 0);
  EXPECT_EQ(record.cost_usd, 0);
}

TEST_F(MessagesTest, GoesFromOneKindOfRouteToTheOther) {
  second_.formats = {llm::Format::kMessages};
  first_.refuse = Error{ErrorKind::kUnavailable, "upstream_unreachable", "first is down"};
  EXPECT_EQ(post(kPlain).body, kWhole);
  EXPECT_NE(first_.seen_chat, "");
  EXPECT_EQ(second_.seen_native, kPlain);
  // What no chat can express goes to the route that needs none.
  first_.refuse.reset();
  first_.seen_chat.clear();
  EXPECT_EQ(post(kHelloMessage).body, kWhole);
  EXPECT_EQ(first_.seen_chat, "");
  EXPECT_EQ(second_.seen_native, kHelloMessage);
}

TEST_F(MessagesTest, ShapesEveryErrorAsTheApiDoes) {
  const auto error_of = [](const Answer& answer) { return std::to_string(answer.status) + answer.body; };
  EXPECT_THAT(error_of(post(kHelloMessage)),
              testing::AllOf(testing::StartsWith("400"), HasSubstr("invalid_request_error"), HasSubstr("'x_beta'")));
  EXPECT_THAT(error_of(post("{")), HasSubstr("400{\"type\":\"error\""));
  EXPECT_THAT(error_of(post("{}")), HasSubstr("model"));
  EXPECT_THAT(error_of(post(R"({"model":"m","messages":[]})")), HasSubstr("max_tokens"));
  EXPECT_THAT(error_of(post(R"({"model":"m","max_tokens":1})")), HasSubstr("'messages'"));
  EXPECT_THAT(error_of(post(R"({"model":"m","max_tokens":0,"messages":[]})")), HasSubstr("max_tokens"));
  EXPECT_THAT(error_of(post(R"({"model":"small","max_tokens":1,"messages":[]})")), HasSubstr("empty array"));
  EXPECT_THAT(error_of(post(R"({"model":"smal","max_tokens":1,"messages":[]})")),
              HasSubstr("404{\"type\":\"error\",\"error\":{\"type\":\"not_found_error\""));
  EXPECT_THAT(error_of(send(http::Method::kPost, "/v1/messages", kHelloMessage, "")),
              HasSubstr("401{\"type\":\"error\",\"error\":{\"type\":\"authentication_error\""));
  const std::pair<ErrorKind, std::string_view> kinds[] = {{ErrorKind::kExhausted, "429"},
                                                          {ErrorKind::kUnavailable, "529"},
                                                          {ErrorKind::kUpstream, "500"},
                                                          {ErrorKind::kTimeout, "504"}};
  for (const auto& [kind, status] : kinds) {
    first_.refuse = second_.refuse = Error{kind, "code", "why"};
    EXPECT_THAT(error_of(post(kPlain)), testing::StartsWith(std::string(status)));
  }
}

}  // namespace
}  // namespace fairlead::gateway
