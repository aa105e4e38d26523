// What a call has used, where its upstream says so and where it does not.
#include <gmock/gmock.h>

#include "gateway/routing/heard.h"
#include "gateway/routing/tests/scripted.h"

namespace fairlead::gateway::routing {
namespace {

constexpr llm::Usage kNothing{};
// 32 bytes of messages are 8 tokens by the estimate.
constexpr std::string_view kStream = R"({"model":"m","stream":true,"messages":[{"role":"user","content":"hi"}]})";

std::shared_ptr<ScriptedProvider> provider(Script script) {
  return std::make_shared<ScriptedProvider>("a", std::vector<Script>{std::move(script)});
}

TEST(UsageOf, AStreamThatCountsNothingIsCountedHere) {
  Script script = streams({"The sky", " is blue", " today."});
  script.usage = kNothing;
  const Answered answered = Bench({provider(script)}).ask(std::string(kStream));
  EXPECT_FALSE(answered.error);
  EXPECT_EQ(answered.record.usage.input, 8);
  EXPECT_EQ(answered.record.usage.output, 6) << "22 bytes";
  EXPECT_FALSE(answered.record.usage.reported);
  EXPECT_EQ(answered.record.cost_usd, 14) << "a dollar a token";
}

TEST(UsageOf, WhatIsReportedIsTaken) {
  const Answered answered = Bench({provider(streams({"The sky", " is blue", " today."}))}).ask(std::string(kStream));
  EXPECT_EQ(answered.record.usage.input, 10);
  EXPECT_EQ(answered.record.usage.output, 4);
  EXPECT_TRUE(answered.record.usage.reported);
}

TEST(UsageOf, AStreamThatBreaksOrIsLeftIsCountedAsFarAsItCame) {
  Script broken = streams({"The sky", " is blue"});
  broken.deltas.pop_back();
  broken.break_after = Error{ErrorKind::kUpstream, "upstream_reset", "gone"};
  const Answered failed = Bench({provider(broken)}).ask(std::string(kStream));
  EXPECT_TRUE(failed.error);
  EXPECT_EQ(failed.record.usage.input, 8);
  EXPECT_EQ(failed.record.usage.output, 4) << "15 bytes";
  EXPECT_FALSE(failed.record.usage.reported);
  Script left = streams({"The sky", " is blue", " and so on"});
  left.hang_after = 2;
  Bench bench({provider(left)});
  bench.cancel_after = Millis(20);
  const Answered cancelled = bench.ask(std::string(kStream));
  EXPECT_TRUE(cancelled.error);
  EXPECT_EQ(cancelled.record.usage.output, 4);
  EXPECT_FALSE(cancelled.record.usage.reported);
}

TEST(UsageOf, AnAnswerInOnePieceThatCountsNothingIsCountedHere) {
  Script script{
      .deltas = {R"({"choices":[{"message":{"content":"0123456789","reasoning_content":"01234567",)"
                 R"("tool_calls":[{"id":"call_with_a_long_id","function":{"name":"f123","arguments":"{}  "}}]}}]})"},
      .usage = kNothing};
  const Answered answered =
      Bench({provider(script)}).ask(R"({"model":"m","messages":[{"role":"user","content":"hi"}]})");
  EXPECT_EQ(answered.record.usage.output, 7) << "10 + 8 + 4 + 4 bytes";
  EXPECT_FALSE(answered.record.usage.reported);
}

TEST(UsageOf, ATryThatNeverAnsweredIsNothing) {
  const Answered answered = Bench({provider({.refuse = unreachable()})}).ask(std::string(kStream));
  EXPECT_EQ(answered.record.usage.input, 0);
  EXPECT_EQ(answered.record.cost_usd, 0);
}

TEST(HeardTest, OfALongAnswerIsAllOfItsText) {
  Heard heard;
  std::string said;
  for (int i = 0; i < 500; ++i) {
    const std::string piece = "piece " + std::to_string(i) + ", ";
    said += piece;
    heard.take(llm::Format::kChat, chunk(piece));
  }
  EXPECT_EQ(heard.text(llm::Format::kChat), said);
  Heard large;
  large.take(llm::Format::kChat, chunk(std::string(100'000, 'x')) + chunk("end"));
  EXPECT_EQ(large.text(llm::Format::kChat).size(), 100'003U);
}

TEST(HeardTest, TakesEventsThatAreAlikeWhereverTheyStand) {
  const auto event = [](std::string_view before, std::string_view text, std::string_view behind) {
    return std::string("data: {")
        .append(before)
        .append(R"("choices":[{"index":0,"delta":{"content":")")
        .append(text)
        .append(R"("}}])")
        .append(behind)
        .append("}\n\n");
  };
  Heard heard;
  heard.take(llm::Format::kChat, event("", "", ""));
  heard.take(llm::Format::kChat, event("", "one ", ""));
  heard.take(llm::Format::kChat, event("", R"(\"two\\)", "") + event("", " three", "") + event("", "", ""));
  heard.take(llm::Format::kChat, event("", " four", R"(,"usage":null)") + event(R"("id":"x",)", " five", ""));
  heard.take(llm::Format::kChat, event("", R"( six","tool_calls":[{"function":{"arguments":"a"}}],"x":")", ""));
  for (int i = 0; i < 3; ++i) heard.take(llm::Format::kChat, event("", "!", ""));
  heard.take(llm::Format::kChat, "data: [DONE]\n\n");
  const std::string text = heard.text(llm::Format::kChat);
  for (const std::string_view part : {"one \"two\\ three", " four", " five", " six", "!!!"})
    EXPECT_THAT(text, testing::HasSubstr(part));
  EXPECT_EQ(text.size(), 4 + 5 + 6 + 5 + 5 + 4 + 1 + 3U);
}

TEST(HeardTest, ReadsEscapesAndWhatIsNoPlainText) {
  std::string events = chunk("a \"quote\" \\ and\n\u044F ");
  events +=
      R"(data: {"choices":[{"index":0,"delta":{"reasoning_content":"hm \" "}}]})"
      "\n\n"
      R"(data: {"choices":[{"index":0,"delta":{"content":null,"tool_calls":[{"index":0,"id":"c","function":{"name":"f","arguments":""}}]}}]})"
      "\n\n"
      R"(data: {"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"content\":\"x\"}"}}]}}]})"
      "\n\n"
      R"(data: {"choices":[{"index":0,"delta":{"content":""}},{"index":1,"delta":{"content":"b"}}]})"
      "\n\n";
  Heard heard;
  heard.take(llm::Format::kChat, events);
  const std::string text = heard.text(llm::Format::kChat);
  for (const std::string_view part : {"a \"quote\" \\ and\n\u044F ", "hm \" ", "f{\"content\":\"x\"}", "b"})
    EXPECT_THAT(text, testing::HasSubstr(part));
  EXPECT_EQ(text.size(), 19 + 5 + 16 + 1U);
}

TEST(HeardTest, KnowsTheFormats) {
  const auto text = [](llm::Format format, std::string_view events) {
    Heard heard;
    heard.take(format, events);
    return heard.text(format);
  };
  EXPECT_EQ(text(llm::Format::kMessages,
                 "event: content_block_delta\ndata: {\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"hm\"}}\n\n"
                 "event: content_block_delta\ndata: {\"delta\":{\"type\":\"text_delta\",\"text\":\"yes\"}}\n\n"),
            "hmyes");
  EXPECT_EQ(
      text(llm::Format::kResponses,
           "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"yes\"}\n\n"),
      "yes");
  EXPECT_EQ(text(llm::Format::kCompletions, "data: {\"choices\":[{\"index\":0,\"text\":\"yes\"}]}\n\n"), "yes");
  EXPECT_EQ(text(llm::Format::kChat, "data: {nonsense}\n\n"), "");
}

}  // namespace
}  // namespace fairlead::gateway::routing
