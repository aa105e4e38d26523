// Calls through a real server and a real client, to providers that are played.
#include "gateway/tests/harness.h"

namespace fairlead::gateway {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* kHello = R"({"model":"small","messages":[{"role":"user","content":"hi"}]})";
constexpr const char* kHelloStream = R"({"model":"small","stream":true,"messages":[{"role":"user","content":"hi"}]})";

TEST_F(DataPlaneTest, AnswersAndRecords) {
  const Answer answer = send(kHello);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, kWhole);
  EXPECT_EQ(answer.headers.at("x-fairlead-target"), "model:small@3");
  EXPECT_EQ(answer.headers.at("x-fairlead-provider"), "first");
  EXPECT_EQ(first_.seen_messages, R"([{"role":"user","content":"hi"}])");
  const telemetry::CallRecord record = records_.only();
  EXPECT_EQ(record.id, answer.headers.at("x-fairlead-call-id"));
  EXPECT_EQ(record.status, 200);
  EXPECT_EQ(record.project, "bank");
  EXPECT_EQ(record.key_id, "key_1");
  EXPECT_EQ(record.usage.input, 10);
  EXPECT_DOUBLE_EQ(record.cost_usd, 1.4);
  EXPECT_EQ(record.input_json, "");
  EXPECT_GE(record.duration_us, record.first_token_us);
}

TEST_F(DataPlaneTest, StreamsWhatComesAndSaysDone) {
  first_.deltas = {"data: {\"a\":1}\n\n", "data: {\"b\":2}\n\n"};
  const Answer answer = send(kHelloStream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("content-type"), "text/event-stream; charset=utf-8");
  EXPECT_EQ(answer.body, "data: {\"a\":1}\n\ndata: {\"b\":2}\n\ndata: [DONE]\n\n");
  EXPECT_GE(records_.only().first_token_us, 0);
}

TEST_F(DataPlaneTest, FallsBackToTheNextRouteBeforeTheFirstByte) {
  first_.refuse = Error{ErrorKind::kUnavailable, "upstream_unreachable", "first is down"};
  const Answer answer = send(kHello);
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.headers.at("x-fairlead-provider"), "second");
  const telemetry::CallRecord record = records_.only();
  ASSERT_EQ(record.attempts.size(), 2u);
  EXPECT_EQ(record.attempts[0].error_code, "upstream_unreachable");
  EXPECT_EQ(record.attempts[1].error_code, "");
  EXPECT_EQ(record.provider, "second");
}

TEST_F(DataPlaneTest, DoesNotTryAnotherRouteForTheCallersMistake) {
  first_.refuse = Error{ErrorKind::kInvalid, "context_length_exceeded", "too long", "messages"};
  const Answer answer = send(kHello);
  EXPECT_EQ(answer.status, 400);
  EXPECT_THAT(answer.body, HasSubstr("context_length_exceeded"));
  EXPECT_EQ(second_.seen_messages, "");
}

TEST_F(DataPlaneTest, AnswersWithTheLastErrorWhenAllRoutesFail) {
  first_.refuse = Error{ErrorKind::kUnavailable, "upstream_unreachable", "first is down"};
  second_.refuse = Error{ErrorKind::kExhausted, "rate_limit_exceeded", "slow down"};
  const Answer answer = send(kHello);
  EXPECT_EQ(answer.status, 429);
  EXPECT_THAT(answer.body, HasSubstr("slow down"));
}

TEST_F(DataPlaneTest, EndsABrokenStreamWithAnErrorEventAndWithoutDone) {
  first_.deltas = {"data: {\"a\":1}\n\n"};
  first_.break_after = Error{ErrorKind::kUpstream, "upstream_reset", "it broke"};
  const Answer answer = send(kHelloStream);
  EXPECT_EQ(answer.status, 200);
  EXPECT_THAT(answer.body, testing::StartsWith("data: {\"a\":1}\n\ndata: {\"error\":{"));
  EXPECT_THAT(answer.body, HasSubstr("upstream_reset"));
  EXPECT_THAT(answer.body, Not(HasSubstr("[DONE]")));
  EXPECT_EQ(second_.seen_messages, "");
  EXPECT_EQ(records_.only().error_code, "upstream_reset");
}

TEST_F(DataPlaneTest, RefusesUnknownKeysWithoutARecord) {
  for (const char* headers :
       {"", "authorization: Bearer fl-nobody\r\n", "authorization: Basic Zm9v\r\n", "x-api-key: no\r\n"}) {
    const Answer answer = send(kHello, headers);
    EXPECT_EQ(answer.status, 401) << headers;
    EXPECT_THAT(answer.body, Not(HasSubstr("fl-nobody")));
  }
  EXPECT_EQ(send(kHello, "authorization: Bearer fl-reader\r\n").status, 403);
  EXPECT_EQ(records_.size(), 0u);
}

TEST_F(DataPlaneTest, NamesTheFaultOfABadRequest) {
  EXPECT_EQ(send(R"({"model":"smal","messages":[]})").status, 404);
  EXPECT_THAT(send(R"({"model":"smal","messages":[]})").body, HasSubstr("Did you mean `small`?"));
  EXPECT_THAT(send(R"({"model":"small","messages":[]})").body, HasSubstr("empty_array"));
  EXPECT_THAT(send(R"({"model":"small"})").body, HasSubstr("missing_required_parameter"));
  EXPECT_EQ(send("null").status, 400);
  EXPECT_EQ(
      send(R"({"model":"small","messages":[{"role":"user","content":"x"}],"fairlead":{"variables":{"a":1}}})").status,
      400);
}

TEST_F(DataPlaneTest, KeepsWhatWasSaidRatherThanHowItWasSent) {
  records_.content = true;
  const std::string calls =
      R"("tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"a\""}}])";
  first_.deltas = {
      R"(data: {"choices":[{"index":0,"delta":{"role":"assistant","content":""}}]})"
      "\n\n",
      R"(data: {"choices":[{"index":0,"delta":{"content":"Hel"}}]})"
      "\n\n"
      R"(data: {"choices":[{"index":0,"delta":{"content":"lo"}}]})"
      "\n\n",
      "data: {\"choices\":[{\"index\":0,\"delta\":{" + calls + "}}]}\n\n",
      R"(data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":":1}"}}]}}]})"
      "\n\n"};
  send(kHelloStream);
  const std::string said =
      "Hello\n"
      R"({"tool_call":{"id":"call_1","name":"f","arguments":"{\"a\":1}"}})";
  EXPECT_EQ(records_.take().output_text, said);
  first_.deltas = {
      R"({"choices":[{"index":0,"message":{"content":"Hello","tool_calls":[{"id":"call_1","type":"function","function":)"
      R"({"name":"f","arguments":"{\"a\":1}"}}]}},{"index":1,"message":{"content":"Oh"}}]})"};
  send(kHello);
  const telemetry::CallRecord record = records_.take();
  EXPECT_EQ(record.output_text, said + "\n\nOh");
  EXPECT_EQ(record.input_json, R"([{"role":"user","content":"hi"}])");
}

// With strict durability the last byte waits for the record.
TEST_F(DataPlaneTest, RecordsBeforeTheEndOfAnAnswerIfThatIsPromised) {
  records_.strictly = true;
  EXPECT_EQ(send(kHello).status, 200);
  EXPECT_EQ(records_.size(), 1u) << "the record was there before the answer";
  EXPECT_EQ(records_.take().usage.input, 10);
  first_.deltas = {"data: {\"a\":1}\n\n", "data: {\"b\":2}\n\n"};
  EXPECT_THAT(send(kHelloStream).body, HasSubstr("[DONE]"));
  EXPECT_EQ(records_.size(), 1u);
  EXPECT_EQ(records_.take().status, 200);
  EXPECT_EQ(send("{").status, 400);
  EXPECT_EQ(records_.size(), 1u);
  EXPECT_EQ(records_.take().status, 400);
}

TEST_F(DataPlaneTest, HoldsTheEndOfAnAnswerBackWhoseRecordCannotBeWritten) {
  records_.strictly = true;
  records_.unwritable = true;
  const Answer whole = send(kHello);
  EXPECT_EQ(whole.status, 503);
  EXPECT_THAT(whole.body, HasSubstr("record_not_durable"));
  first_.deltas = {"data: {\"a\":1}\n\n", "data: {\"b\":2}\n\n"};
  const Answer stream = send(kHelloStream);
  EXPECT_THAT(stream.body, testing::StartsWith("data: {\"a\":1}\n\ndata: {\"error\""));
  EXPECT_THAT(stream.body, Not(HasSubstr("[DONE]")));
}

TEST_F(DataPlaneTest, ListsWhatCanBeAddressed) {
  const std::string key = "authorization: Bearer fl-caller\r\n";
  EXPECT_EQ(
      send(http::Method::kGet, "/v1/models", "", key).body,
      R"({"object":"list","data":[{"id":"small","object":"model","created":1700000000,"owned_by":"fairlead:model"}]})");
  EXPECT_THAT(send(http::Method::kGet, "/v1/models/small@3", "", key).body, HasSubstr(R"("id":"small@3")"));
  EXPECT_EQ(send(http::Method::kGet, "/v1/models/large", "", key).status, 404);
  EXPECT_EQ(send(http::Method::kGet, "/v1/models", "", "").status, 401);
}

}  // namespace
}  // namespace fairlead::gateway
