#include "gateway/cache/replay.h"

#include <gtest/gtest.h>

#include <boost/json/value.hpp>
#include <random>

#include "gateway/cache/kept_answer.h"
#include "llm/chat_answer.h"
#include "platform/json/text.h"

namespace fairlead::gateway::cache {
namespace {

namespace bj = boost::json;
using llm::Format;

std::string text(const bj::object& object) {
  return json::canonical(object);
}

std::string same(std::string_view text) {
  return json::canonical(json::parse(text).value());
}

TEST(ReplayTest, AChatsChunksBecomeOneAnswer) {
  const std::string events =
      "data: "
      "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"m\",\"choices\":[{\"index\":0,"
      "\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}]}\n\n"
      "data: "
      "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"m\",\"choices\":[{\"index\":0,"
      "\"delta\":{\"content\":\"Hel\"},\"logprobs\":{\"content\":[{\"token\":\"Hel\",\"logprob\":-0.123456789012345}],"
      "\"refusal\":null},\"finish_reason\":null}]}\n\n"
      "data: "
      "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"m\",\"choices\":[{\"index\":1,"
      "\"delta\":{\"content\":\"Other\"}},{\"index\":0,\"delta\":{\"content\":\"lo\"},\"logprobs\":{\"content\":[{"
      "\"token\":\"lo\",\"logprob\":-1}],\"refusal\":null},\"finish_reason\":null}]}\n\n"
      "data: "
      "{\"id\":\"c1\",\"object\":\"chat.completion.chunk\",\"created\":5,\"model\":\"m\",\"choices\":[{\"index\":0,"
      "\"delta\":{},\"finish_reason\":\"stop\"},{\"index\":1,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n";
  const auto whole = fold(Format::kChat, events, {.input = 3, .output = 2});
  ASSERT_TRUE(whole);
  EXPECT_EQ(text(*whole), same(R"({"id":"c1","object":"chat.completion","created":5,"model":"m","choices":[
    {"index":0,"message":{"role":"assistant","content":"Hello","refusal":null},"logprobs":{"content":[
      {"token":"Hel","logprob":-0.123456789012345},{"token":"lo","logprob":-1}],"refusal":null},"finish_reason":"stop"},
    {"index":1,"message":{"role":"assistant","content":"Other","refusal":null},"logprobs":null,"finish_reason":"stop"}],
    "usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0},
      "completion_tokens_details":{"reasoning_tokens":0}}})"));
}

TEST(ReplayTest, ToolCallsArePutTogetherAndTakenApart) {
  const std::string events =
      "data: "
      "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{"
      "\"index\":0,\"id\":\"call_a\",\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}}]}\n\n"
      "data: "
      "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{"
      "\\\"a\\\":\"}}]}}]}\n\n"
      "data: "
      "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"1}"
      "\"}},{\"index\":1,\"id\":\"call_b\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]}}"
      "]}\n\n"
      "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"tool_calls\"}]}\n\n";
  const auto whole = fold(Format::kChat, events, {});
  ASSERT_TRUE(whole);
  EXPECT_EQ(json::canonical(whole->at("choices").at(0).at("message")),
            same(R"({"role":"assistant","content":null,"refusal":null,"tool_calls":[
              {"id":"call_a","type":"function","function":{"name":"f","arguments":"{\"a\":1}"}},
              {"id":"call_b","type":"function","function":{"name":"g","arguments":"{}"}}]})"));
  const auto again = fold(Format::kChat, unfold(Format::kChat, *whole, false), {});
  ASSERT_TRUE(again);
  EXPECT_EQ(text(*again), text(*whole));
}

// What a translator hears of an answer, as text.
class Heard final : public llm::ChatAnswerSink {
 public:
  void on_text(std::size_t choice, std::string_view text) override { say("text", choice, text); }
  void on_reasoning(std::size_t choice, std::string_view text) override { say("reasoning", choice, text); }
  void on_refusal(std::size_t choice, std::string_view text) override { say("refusal", choice, text); }
  void on_tool_call(std::size_t choice, std::size_t call, std::string_view id, std::string_view name) override {
    said["call" + std::to_string(choice) + "." + std::to_string(call)] += std::string(id) + " " + std::string(name);
  }
  void on_tool_arguments(std::size_t choice, std::size_t call, std::string_view text) override {
    said["arguments" + std::to_string(choice) + "." + std::to_string(call)] += text;
  }
  void on_finish(std::size_t choice, std::string_view reason) override { say("finish", choice, reason); }
  std::map<std::string, std::string> said;

 private:
  void say(std::string_view what, std::size_t choice, std::string_view text) {
    said[std::string(what) + std::to_string(choice)] += text;
  }
};

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::size_t below(std::size_t bound) { return engine_() % bound; }
  bool one_in(std::size_t n) { return below(n) == 0; }
  std::string words() {
    static constexpr const char* kPieces[] = {
        "a", "é", "😀", "\n", "\"", "\\", "data: ", "\n\n", " ", "[DONE]", "0", "{", "}"};
    std::string out;
    for (std::size_t i = below(12); i > 0; --i) out += kPieces[below(std::size(kPieces))];
    return out;
  }

 private:
  std::mt19937_64 engine_;
};

bj::object random_chat(Random& random) {
  bj::array choices;
  for (std::size_t i = 0, n = 1 + random.below(3); i < n; ++i) {
    bj::object message{{"role", "assistant"},
                       {"content", random.one_in(4) ? bj::value(nullptr) : bj::value(random.words())},
                       {"refusal", nullptr}};
    if (random.one_in(3)) message["reasoning_content"] = random.words();
    if (random.one_in(3)) {
      bj::array calls;
      for (std::size_t k = 0, m = 1 + random.below(3); k < m; ++k)
        calls.push_back({{"id", "call_" + std::to_string(k)},
                         {"type", "function"},
                         {"function", {{"name", "f"}, {"arguments", random.words()}}}});
      message["tool_calls"] = std::move(calls);
      if (message["content"].is_string() && message["content"].get_string().empty()) message["content"] = nullptr;
    }
    bj::value logprobs(nullptr);
    if (random.one_in(4))
      logprobs = {{"content", {{{"token", random.words()}, {"logprob", -0.1 * static_cast<double>(random.below(90))}}}},
                  {"refusal", nullptr}};
    choices.push_back(
        {{"index", i}, {"message", std::move(message)}, {"logprobs", std::move(logprobs)}, {"finish_reason", "stop"}});
  }
  return {{"id", "c"},    {"object", "chat.completion"},   {"created", 7},
          {"model", "m"}, {"choices", std::move(choices)}, {"usage", usage_json({.input = 9, .output = 4})}};
}

TEST(ReplayTest, AWholeChatIsTheSameAfterAStreamAndBack) {
  for (std::uint64_t seed = 0; seed < 2'000; ++seed) {
    Random random(seed);
    const bj::object whole = random_chat(random);
    const bool usage = random.one_in(2);
    const std::string events = unfold(Format::kChat, whole, usage);
    const auto again = fold(Format::kChat, events, {.input = 9, .output = 4});
    ASSERT_TRUE(again) << seed;
    ASSERT_EQ(text(*again), text(whole)) << seed;
    Heard from_events, from_whole;
    ASSERT_TRUE(llm::ChatAnswerReader(from_events).events(events)) << seed;
    ASSERT_TRUE(llm::ChatAnswerReader(from_whole).whole(json::to_text(whole))) << seed;
    ASSERT_EQ(from_events.said, from_whole.said) << seed;
  }
}

TEST(ReplayTest, AnthropicsMessagesAreTheSameAfterAStreamAndBack) {
  for (std::uint64_t seed = 0; seed < 1'000; ++seed) {
    Random random(seed);
    bj::array content;
    for (std::size_t i = random.below(4) + 1; i > 0; --i) {
      switch (random.below(4)) {
        case 0:
          content.push_back({{"type", "text"}, {"text", random.words()}});
          break;
        case 1:
          content.push_back({{"type", "thinking"}, {"thinking", random.words()}, {"signature", random.words()}});
          break;
        case 2:
          content.push_back(
              {{"type", "tool_use"}, {"id", "t"}, {"name", "f"}, {"input", {{"a", random.words()}, {"n", 1.25}}}});
          break;
        default:
          content.push_back(
              {{"type", "text"}, {"text", random.words()}, {"citations", {{{"cited_text", random.words()}}}}});
      }
    }
    const bj::object whole{{"id", "msg_1"},
                           {"type", "message"},
                           {"role", "assistant"},
                           {"model", "claude"},
                           {"content", std::move(content)},
                           {"stop_reason", "end_turn"},
                           {"stop_sequence", nullptr},
                           {"usage", {{"input_tokens", 4}, {"output_tokens", 7}}}};
    const std::string events = unfold(Format::kMessages, whole, false);
    EXPECT_TRUE(events.starts_with("event: message_start\ndata: {"));
    EXPECT_TRUE(events.ends_with("event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"));
    const auto again = fold(Format::kMessages, events, {});
    ASSERT_TRUE(again) << seed;
    ASSERT_EQ(text(*again), text(whole)) << seed;
    ASSERT_FALSE(fold(Format::kMessages, events.substr(0, events.rfind("event: message_stop")), {})) << "cut short";
  }
}

TEST(ReplayTest, AResponsesStreamEndsWithAllOfIt) {
  const bj::value whole = json::parse(R"({"id":"resp_1","object":"response","status":"completed","model":"m","output":[
    {"type":"reasoning","id":"rs_1","summary":[]},
    {"type":"message","id":"msg_1","status":"completed","role":"assistant","content":[
      {"type":"output_text","text":"Hi","annotations":[{"type":"url_citation"}],"logprobs":[]}]},
    {"type":"function_call","id":"fc_1","call_id":"c","name":"f","arguments":"{}","status":"completed"}],
    "usage":{"input_tokens":1,"output_tokens":2,"total_tokens":3}})")
                              .value();
  const std::string events = unfold(Format::kResponses, whole.get_object(), false);
  const auto again = fold(Format::kResponses, events, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(text(*again), json::canonical(whole));
  for (const char* const type :
       {"response.created", "response.in_progress", "response.output_item.added", "response.content_part.added",
        "response.output_text.delta", "response.output_text.annotation.added", "response.output_text.done",
        "response.content_part.done", "response.function_call_arguments.delta", "response.function_call_arguments.done",
        "response.output_item.done", "response.completed"})
    EXPECT_NE(events.find("event: " + std::string(type) + "\n"), events.npos) << type;
  EXPECT_FALSE(fold(Format::kResponses, events.substr(0, events.rfind("event: ")), {}));
}

TEST(ReplayTest, CompletionsAreTheSameAfterAStreamAndBack) {
  const bj::value whole = json::parse(R"({"id":"cmpl","object":"text_completion","created":1,"model":"m","choices":[
    {"index":0,"text":"one","logprobs":{"tokens":["one"],"token_logprobs":[-0.5],"top_logprobs":[{"one":-0.5}],"text_offset":[0]},"finish_reason":"stop"},
    {"index":1,"text":"two","logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}})")
                              .value();
  const std::string events = unfold(Format::kCompletions, whole.get_object(), true);
  EXPECT_TRUE(events.ends_with("data: [DONE]\n\n"));
  const auto again = fold(Format::kCompletions, events, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(text(*again), json::canonical(whole));
}

KeptAnswer chat_of(std::string_view message, std::string_view finish) {
  KeptAnswer out;
  out.wire = R"({"id":"c","choices":[{"index":0,"message":)" + std::string(message) + R"(,"finish_reason":")" +
             std::string(finish) + "\"}]}";
  return out;
}

TEST(KeptAnswerTest, OnlyWhatEndedByItselfAndSaysSomethingIsComplete) {
  EXPECT_TRUE(is_complete(chat_of(R"({"role":"assistant","content":"Hi"})", "stop")));
  EXPECT_TRUE(is_complete(chat_of(R"({"role":"assistant","content":null,"tool_calls":[{"id":"a"}]})", "tool_calls")));
  EXPECT_FALSE(is_complete(chat_of(R"({"role":"assistant","content":"Hi"})", "length")));
  EXPECT_FALSE(is_complete(chat_of(R"({"role":"assistant","content":"Hi"})", "content_filter")));
  EXPECT_FALSE(is_complete(chat_of(R"({"role":"assistant","content":null,"refusal":"No."})", "stop")));
  EXPECT_FALSE(is_complete(chat_of(R"({"role":"assistant","content":""})", "stop")));
  KeptAnswer two;
  two.wire =
      R"({"choices":[{"message":{"content":"a"},"finish_reason":"stop"},{"message":{"content":"b"},"finish_reason":"length"}]})";
  EXPECT_FALSE(is_complete(two));
  KeptAnswer broken;
  broken.wire = "{";
  EXPECT_FALSE(is_complete(broken));
  broken.wire = R"({"choices":[]})";
  EXPECT_FALSE(is_complete(broken));

  KeptAnswer message;
  message.format = Format::kMessages;
  for (const auto& [reason, complete] : std::map<std::string, bool>{{"end_turn", true},
                                                                    {"tool_use", true},
                                                                    {"stop_sequence", true},
                                                                    {"max_tokens", false},
                                                                    {"refusal", false},
                                                                    {"pause_turn", false}}) {
    message.wire = R"({"content":[{"type":"text","text":"Hi"}],"stop_reason":")" + reason + "\"}";
    EXPECT_EQ(is_complete(message), complete) << reason;
  }
  KeptAnswer response;
  response.format = Format::kResponses;
  for (const auto& [status, complete] : std::map<std::string, bool>{
           {"completed", true}, {"incomplete", false}, {"failed", false}, {"in_progress", false}}) {
    response.wire =
        R"({"output":[{"type":"message","content":[{"type":"output_text","text":"Hi"}]}],"status":")" + status + "\"}";
    EXPECT_EQ(is_complete(response), complete) << status;
  }
  response.wire =
      R"({"output":[{"type":"message","content":[{"type":"refusal","refusal":"No"}]}],"status":"completed"})";
  EXPECT_FALSE(is_complete(response));
}

TEST(KeptAnswerTest, IsWrittenInTheShapeThatIsAskedFor) {
  KeptAnswer answer;
  answer.streamed = true;
  answer.wire =
      "data: "
      "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{"
      "\"content\":\"Hi\"},\"finish_reason\":\"stop\"}]}\n\n";
  answer.outcome.usage = {.input = 5, .output = 1};
  EXPECT_EQ(written_as(answer, {.stream = true}).value(), answer.wire);
  const std::string with_usage = written_as(answer, {.stream = true, .include_usage = true}).value();
  ASSERT_TRUE(with_usage.starts_with(answer.wire));
  const bj::value last =
      json::parse(with_usage.substr(answer.wire.size() + 6, with_usage.size() - answer.wire.size() - 8)).value();
  EXPECT_EQ(last.at("choices"), bj::array());
  EXPECT_EQ(last.at("usage").at("total_tokens"), 6);
  EXPECT_EQ(last.at("id"), "c");
  const bj::value whole = json::parse(written_as(answer, {}).value()).value();
  EXPECT_EQ(whole.at("choices").at(0).at("message").at("content"), "Hi");
  EXPECT_EQ(whole.at("usage").at("prompt_tokens"), 5);
}

}  // namespace
}  // namespace fairlead::gateway::cache
