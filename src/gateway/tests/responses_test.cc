// The Responses API: towards chats, back, kept and gone on from.
#include "gateway/surfaces/responses.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

#include "gateway/surfaces/responses_request.h"
#include "gateway/tests/harness.h"
#include "gateway/tests/mutations.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Result<std::string> chat_of_response_text(std::string text) {
  const std::size_t size = text.size();
  text.append(64, '\0');
  FAIRLEAD_TRY(const llm::RequestBody body, llm::RequestBody::parse({text.data(), size}));
  FAIRLEAD_TRY(std::string chat, chat_of_response(body, {}));
  // What is kept and repeated of it is JSON too.
  for (const std::string& other : {items_of(body, "x"), "{" + repeated_members(body) + "}"})
    if (auto parsed = json::parse(other, 300); !parsed && !parsed.error().message.contains("twice"))
      return fail(ErrorKind::kInternal, "bad", other);
  return chat;
}

TEST(ResponsesRequest, SaysTheSameAsAChat) {
  const std::pair<std::string, std::string> cases[] = {
      {R"("input":"a")", R"({"model":"m","messages":[{"role":"user","content":"a"}]})"},
      {R"("input":"a","instructions":"be kind")",
       R"("messages":[{"role":"system","content":"be kind"},{"role":"user","content":"a"}])"},
      {R"("input":[{"role":"developer","content":"d"},{"type":"message","role":"user","content":[{"type":"input_text","text":"a"}]}])",
       R"("messages":[{"role":"system","content":"d"},{"role":"user","content":"a"}])"},
      {R"("input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"https://x","detail":"low"},{"type":"input_file","filename":"f.pdf","file_data":"data:x"}]}])",
       R"([{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://x","detail":"low"}},{"type":"file","file":{"filename":"f.pdf","file_data":"data:x"}}])"},
      {R"("input":[{"type":"reasoning","id":"r","summary":[]},{"type":"message","role":"assistant","content":[{"type":"output_text","text":"b"}]},{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},{"type":"function_call","call_id":"c2","name":"g","arguments":"{}"},{"type":"function_call_output","call_id":"c1","output":"one"},{"type":"function_call_output","call_id":"c2","output":[{"type":"input_text","text":"two"},{"type":"input_image","image_url":"u"}]}])",
       R"("messages":[{"role":"assistant","content":"b","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"c2","type":"function","function":{"name":"g","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c1","content":"one"},{"role":"tool","tool_call_id":"c2","content":"two"},{"role":"user","content":[{"type":"text","text":"From the result of c2:"},{"type":"image_url","image_url":{"url":"u"}}]}])"},
      {R"("input":"a","tools":[{"type":"function","name":"f","parameters":{"type":"object"},"strict":true}],"tool_choice":{"type":"function","name":"f"})",
       R"("tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"},"strict":true}}],"tool_choice":{"type":"function","function":{"name":"f"}})"},
      {R"("input":"a","text":{"format":{"type":"json_schema","name":"n","schema":{},"strict":true},"verbosity":"low"})",
       R"("response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{},"strict":true}},"verbosity":"low")"},
      {R"("input":"a","text":{"format":{"type":"json_object"}})", R"("response_format":{"type":"json_object"})"},
      {R"("input":"a","reasoning":{"effort":"low","summary":"auto"},"max_output_tokens":9)",
       R"("reasoning_effort":"low","max_completion_tokens":9)"},
      {R"("input":"a","include":["message.output_text.logprobs"],"top_logprobs":2)",
       R"("logprobs":true,"top_logprobs":2)"},
      {R"("input":"a","store":true,"metadata":{"a":"b"},"truncation":"disabled","background":false,"conversation":null)",
       R"({"model":"m","messages":[{"role":"user","content":"a"}]})"},
  };
  for (const auto& [members, chat] : cases) {
    const auto made = chat_of_response_text(R"({"model":"m",)" + members + "}");
    ASSERT_TRUE(made) << members << made.error().message;
    EXPECT_THAT(*made, HasSubstr(chat));
  }
}

TEST(ResponsesRequest, NamesWhatAChatCannotExpress) {
  const std::pair<std::string, std::string> cases[] = {
      {R"("input":7)", "input"},
      {R"("input":[{"type":"item_reference","id":"x"}])", "input[0].type"},
      {R"("input":[{"role":"robot","content":"x"}])", "input[0].role"},
      {R"("input":[{"role":"user"}])", "input[0].content"},
      {R"("input":[{"role":"user","content":[{"type":"input_image","file_id":"f"}]}])", "input[0].content[0].file_id"},
      {R"("input":[{"role":"user","content":[{"type":"input_file","file_url":"f"}]}])", "input[0].content[0].file_url"},
      {R"("input":[{"type":"function_call","call_id":"c","name":"f"}])", "input[0].arguments"},
      {R"("input":"a","tools":[{"type":"web_search"}])", "tools[0].type"},
      {R"("input":"a","tools":[{"type":"function","name":"f","defer_loading":true}])", "tools[0].defer_loading"},
      {R"("input":"a","tool_choice":{"type":"allowed_tools"})", "tool_choice.type"},
      {R"("input":"a","background":true)", "background"},
      {R"("input":"a","conversation":"c")", "conversation"},
      {R"("input":"a","prompt":{"id":"p"})", "prompt"},
      {R"("input":"a","truncation":"auto")", "truncation"},
      {R"("input":"a","include":["file_search_call.results"])", "include[0]"},
      {R"("input":"a","text":{"format":{"type":"grammar"}})", "text.format.type"},
      {R"("input":"a","text":{"format":{"type":"json_schema","name":"n"}})", "text.format.schema"},
      {R"("input":"a","reasoning":{"mode":"x"})", "reasoning.mode"},
      {R"("input":"a","x_new":1)", "x_new"},
  };
  for (const auto& [members, param] : cases) {
    const auto made = chat_of_response_text(R"({"model":"m",)" + members + "}");
    ASSERT_FALSE(made) << members;
    EXPECT_EQ(made.error().param, param);
    EXPECT_EQ(http_status(made.error().kind), 400);
  }
}

TEST(ResponsesRequest, SurvivesWhatIsSentByMistake) {
  const std::string seeds[] = {
      R"({"model":"m","instructions":"i","input":[{"role":"user","content":[{"type":"input_text","text":"a"},{"type":"input_image","image_url":"u"}]},{"type":"function_call","call_id":"c","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":[{"type":"input_text","text":"t"}]},{"type":"reasoning","summary":[]}]})",
      R"({"model":"m","input":"a","tools":[{"type":"function","name":"f","parameters":{},"strict":null}],"tool_choice":"auto","text":{"format":{"type":"json_schema","name":"n","schema":{}}},"reasoning":{"effort":"low"},"include":[],"metadata":{"a":"b"},"store":false})"};
  const MutationReport report = parse_mutations(seeds, 13, 1s, chat_of_response_text);
  EXPECT_GT(report.accepted, 50u);
  EXPECT_EQ(report.fault, "");
}

class ResponsesTest : public DataPlaneTest {
 public:
  Answer post(std::string body, std::string key = "fl-caller") {
    return send(http::Method::kPost, "/v1/responses", std::move(body), "authorization: Bearer " + key + "\r\n");
  }
  Answer get(std::string path, http::Method method = http::Method::kGet, std::string key = "fl-caller") {
    return send(method, "/v1/responses/" + path, "", "authorization: Bearer " + key + "\r\n");
  }
  static std::string whole(std::string_view text) {
    return R"({"choices":[{"index":0,"message":{"content":")" + std::string(text) + R"("},"finish_reason":"stop"}]})";
  }
  static std::string id_of(const Answer& answer) {
    return std::string(json::parse(answer.body).value().at("id").as_string());
  }
};

TEST_F(ResponsesTest, AnswersAsTheApiDoes) {
  first_.deltas = {
      R"({"choices":[{"index":0,"finish_reason":"length","message":{"reasoning_content":"hm","content":"Hi","refusal":"No",)"
      R"("tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{}"}}]}}]})"};
  const Answer answer = post("{\"model\":\"small\",\"input\":\"a\",\"store\":false,\"metadata\":{\n\"a\":\"b\"}}");
  ASSERT_EQ(answer.status, 200) << answer.body;
  const boost::json::object body = json::parse(answer.body).value().as_object();
  EXPECT_EQ(body.at("status"), "incomplete");
  EXPECT_EQ(body.at("incomplete_details").at("reason"), "max_output_tokens");
  EXPECT_EQ(body.at("usage").at("total_tokens"), 14);
  EXPECT_EQ(body.at("metadata").at("a"), "b");
  EXPECT_EQ(body.at("store"), false);
  const boost::json::array& output = body.at("output").as_array();
  ASSERT_EQ(output.size(), 3u);
  EXPECT_EQ(output[0].at("content").at(0).at("text"), "hm");
  EXPECT_EQ(output[1].at("content").at(0).at("text"), "Hi");
  EXPECT_EQ(output[1].at("content").at(1).at("refusal"), "No");
  EXPECT_EQ(output[2].at("call_id"), "c1");
  EXPECT_EQ(records_.take().operation, "chat");
  EXPECT_EQ(get(id_of(answer)).status, 404) << "store was false";
}

TEST_F(ResponsesTest, StreamsAsTheApiDoes) {
  const auto chunk = [](std::string_view delta) {
    return R"(data: {"choices":[{"index":0,"delta":)" + std::string(delta) + "}]}\n\n";
  };
  first_.deltas = {chunk(R"({"role":"assistant","content":""})"), chunk(R"({"reasoning_content":"hm"})"),
                   chunk(R"({"content":"H"})") + chunk(R"({"content":"i"})"),
                   chunk(R"({"tool_calls":[{"index":0,"id":"c1","function":{"name":"f","arguments":"{}"}}]})")};
  const Answer answer = post("{\"model\":\"small\",\"input\":\"a\",\"stream\":true,\"metadata\":{\n\"a\":\"b\"}}");
  std::vector<std::string> types;
  std::int64_t sequence = 0;
  boost::json::value last;
  for (std::size_t at = 0; at < answer.body.size();) {
    const std::size_t end = answer.body.find("\n\n", at);
    const std::string event = answer.body.substr(at, end - at);
    at = end + 2;
    const std::size_t line = event.find("\ndata: ");
    ASSERT_NE(line, event.npos) << event;
    last = json::parse(event.substr(line + 7)).value();
    EXPECT_EQ(last.at("sequence_number"), sequence++);
    EXPECT_EQ("event: " + std::string(last.at("type").as_string()), event.substr(0, line));
    types.push_back(std::string(last.at("type").as_string()).substr(9));
  }
  EXPECT_THAT(types,
              ElementsAre("created", "in_progress", "output_item.added", "content_part.added", "reasoning_text.delta",
                          "reasoning_text.done", "content_part.done", "output_item.done", "output_item.added",
                          "content_part.added", "output_text.delta", "output_text.delta", "output_text.done",
                          "content_part.done", "output_item.done", "output_item.added", "function_call_arguments.delta",
                          "function_call_arguments.done", "output_item.done", "completed"));
  EXPECT_EQ(last.at("response").at("output").as_array().size(), 3u);
  EXPECT_EQ(last.at("response").at("output").at(1).at("content").at(0).at("text"), "Hi");
  // It is kept as it was given.
  const std::string id(last.at("response").at("id").as_string());
  EXPECT_EQ(json::parse(get(id).body).value(), last.at("response"));
}

TEST_F(ResponsesTest, GoesOnFromOneThatWasKept) {
  first_.deltas = {whole("Ada it is.")};
  const Answer first = post(R"({"model":"small","input":"I am Ada.","instructions":"once"})");
  first_.deltas = {whole("Still Ada.")};
  const Answer second = post(R"({"model":"small","input":[{"role":"user","content":"Who?"}],"previous_response_id":")" +
                             id_of(first) + "\"}");
  EXPECT_EQ(
      first_.seen_messages,
      R"([{"role":"user","content":"I am Ada."},{"role":"assistant","content":"Ada it is."},{"role":"user","content":"Who?"}])");
  post(R"({"model":"small","input":"And?","store":false,"previous_response_id":")" + id_of(second) + "\"}");
  EXPECT_THAT(first_.seen_messages,
              HasSubstr(R"({"role":"assistant","content":"Still Ada."},{"role":"user","content":"And?"}])"));
  const Answer items = get(id_of(second) + "/input_items?order=asc");
  EXPECT_THAT(
      items.body,
      HasSubstr(
          R"("type":"message","status":"completed","role":"user","content":[{"type":"input_text","text":"Who?"}])"));

  EXPECT_THAT(get(id_of(first), http::Method::kDelete).body, HasSubstr(R"("deleted":true)"));
  EXPECT_EQ(get(id_of(first)).status, 404);
  EXPECT_EQ(get(id_of(first), http::Method::kDelete).status, 404);
  const Answer broken = post(R"({"model":"small","input":"x","previous_response_id":")" + id_of(second) + "\"}");
  EXPECT_EQ(broken.status, 400);
  EXPECT_THAT(broken.body, HasSubstr("previous_response_not_found"));
}

TEST_F(ResponsesTest, PagesThroughInputItems) {
  first_.deltas = {whole("x")};
  const Answer answer = post(
      R"({"model":"small","input":[{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":"c"}]})");
  const std::string items = id_of(answer) + "/input_items";
  const boost::json::value page = json::parse(get(items + "?limit=2").body).value();
  ASSERT_EQ(page.at("data").as_array().size(), 2u);
  EXPECT_EQ(page.at("data").at(0).at("content").at(0).at("text"), "c");
  EXPECT_EQ(page.at("data").at(1).at("content").at(0).at("type"), "output_text");
  EXPECT_EQ(page.at("has_more"), true);
  const std::string last(page.at("last_id").as_string());
  const boost::json::value rest = json::parse(get(items + "?limit=2&after=" + last).body).value();
  EXPECT_EQ(rest.at("data").as_array().size(), 1u);
  EXPECT_EQ(rest.at("has_more"), false);
  for (const char* bad : {"?limit=0", "?limit=x", "?order=up", "?after=nothing"})
    EXPECT_EQ(get(items + bad).status, 400) << bad;
}

TEST_F(ResponsesTest, ShowsNothingToStrangers) {
  first_.deltas = {whole("x")};
  const Answer answer = post(R"({"model":"small","input":"a"})");
  EXPECT_EQ(get(id_of(answer), http::Method::kGet, "fl-nobody").status, 401);
  EXPECT_EQ(get(id_of(answer), http::Method::kGet, "fl-reader").status, 403);
  EXPECT_EQ(get(id_of(answer), http::Method::kGet, "fl-neighbour").status, 404);
  EXPECT_EQ(get(id_of(answer) + "/input_items", http::Method::kGet, "fl-neighbour").status, 404);
  EXPECT_EQ(get(id_of(answer), http::Method::kDelete, "fl-neighbour").status, 404);
  EXPECT_EQ(get(id_of(answer)).status, 200);
  EXPECT_THAT(get("sk-proj-secret-0123456789").body, Not(HasSubstr("secret")));
}

TEST_F(ResponsesTest, PassesOnWhatIsNotKept) {
  first_.formats = second_.formats = {llm::Format::kResponses};
  const std::string body = R"({"model":"small","input":"a","store":false,"tools":[{"type":"web_search"}],"x":1})";
  first_.deltas = {R"({"id":"resp_up","output":[]})"};
  EXPECT_EQ(post(body).body, first_.deltas[0]);
  EXPECT_EQ(first_.seen_native, body);
  first_.deltas = {whole("x")};
  EXPECT_THAT(post(R"({"model":"small","input":"a"})").body, HasSubstr(R"("object":"response")"));
  // A stream that breaks ends with an event of the API's own.
  first_.deltas = {"event: response.created\ndata: {}\n\nevent: response.in_progress\ndata: {}\n\n"};
  first_.break_after = Error{ErrorKind::kUpstream, "upstream_reset", "it broke"};
  EXPECT_THAT(post(R"({"model":"small","input":"a","store":false,"stream":true})").body,
              HasSubstr("event: error\ndata: {\"type\":\"error\",\"code\":\"upstream_reset\",\"message\":\"it broke\","
                        "\"param\":null,\"sequence_number\":2}"));
}

TEST_F(ResponsesTest, SaysThatAnAnswerFailed) {
  first_.deltas = {"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"H\"}}]}\n\n"};
  first_.break_after = Error{ErrorKind::kUpstream, "upstream_reset", "it broke"};
  const Answer answer = post(R"({"model":"small","input":"a","stream":true})");
  EXPECT_THAT(answer.body, HasSubstr("event: response.failed"));
  EXPECT_THAT(answer.body, HasSubstr(R"("error":{"code":"server_error","message":"it broke"})"));
  EXPECT_EQ(records_.only().error_code, "upstream_reset");
  EXPECT_THAT(post(R"({"model":"small"})").body, HasSubstr("'input'"));
  EXPECT_THAT(post(R"({"model":"small","input":"a","store":1})").body, HasSubstr("'store'"));
  EXPECT_THAT(post(R"({"model":"small","input":"a","previous_response_id":"resp_x"})").body,
              HasSubstr("Previous response `resp_x` not found."));
}

}  // namespace
}  // namespace fairlead::gateway
