#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/json/text.h"
#include "providers/anthropic/request.h"
#include "providers/tests/fake_client.h"

namespace fairlead::providers {
namespace {

TEST(AnthropicRequest, SaysTheSameInTheOtherWords) {
  const struct {
    const char* what;
    const char* sent;
    const char* expected;
  } kCases[] = {
      {"the least", R"({"model":"m","messages":[{"role":"user","content":"hi"}]})",
       R"({"model":"claude","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"max_tokens":4096})"},
      {"system and developer",
       R"({"model":"m","messages":[{"role":"system","content":"a"},{"role":"user","content":"hi"},
           {"role":"developer","content":[{"type":"text","text":"b"}]}],"max_completion_tokens":7,"max_tokens":9})",
       R"({"model":"claude","system":[{"type":"text","text":"a"},{"type":"text","text":"b"}],
           "messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"max_tokens":7})"},
      {"sampling, and what is only advice",
       R"({"model":"m","messages":[{"role":"user","content":"hi"}],"max_tokens":5,"temperature":1.7,"top_p":0.5,"stop":["a","b"],
           "seed":3,"user":"u-1","stream":true,"stream_options":{"include_usage":true},"n":1,"logprobs":false,"presence_penalty":0,
           "response_format":{"type":"text"},"top_k":40,"thinking":{"type":"adaptive"},"fairlead":{"user":"x"}})",
       R"({"model":"claude","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"max_tokens":5,"temperature":1,
           "top_p":0.5,"stop_sequences":["a","b"],"top_k":40,"thinking":{"type":"adaptive"},"metadata":{"user_id":"u-1"},
           "stream":true})"},
      {"one stop", R"({"model":"m","messages":[{"role":"user","content":"hi"}],"stop":"END"})",
       R"({"model":"claude","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}],"max_tokens":4096,
           "stop_sequences":["END"]})"},
      {"images and a PDF",
       R"({"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"see"},
           {"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}},
           {"type":"image_url","image_url":{"url":"https://x.example/a.png"}},
           {"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,JVBE"}}]}]})",
       R"({"model":"claude","messages":[{"role":"user","content":[{"type":"text","text":"see"},
           {"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},
           {"type":"image","source":{"type":"url","url":"https://x.example/a.png"}},
           {"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"JVBE"}}]}],"max_tokens":4096})"},
      {"tools, their calls and their results in one turn",
       R"({"model":"m","messages":[{"role":"user","content":"weather?"},
           {"role":"assistant","content":null,"tool_calls":[
             {"id":"t1","type":"function","function":{"name":"get","arguments":"{\"city\": \"Oslo\"}"}},
             {"id":"t2","type":"function","function":{"name":"now","arguments":""}}]},
           {"role":"tool","tool_call_id":"t1","content":"rain"},{"role":"tool","tool_call_id":"t2","content":"noon"},
           {"role":"user","content":"and?"}],
           "tools":[{"type":"function","function":{"name":"get","description":"d","parameters":{"type":"object","properties":{"city":
             {"type":"string"}}},"strict":true}},{"type":"function","function":{"name":"now"}}],
           "tool_choice":"required","parallel_tool_calls":false})",
       R"({"model":"claude","messages":[{"role":"user","content":[{"type":"text","text":"weather?"}]},
           {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"get","input":{"city":"Oslo"}},
             {"type":"tool_use","id":"t2","name":"now","input":{}}]},
           {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"rain"}]},
             {"type":"tool_result","tool_use_id":"t2","content":[{"type":"text","text":"noon"}]},{"type":"text","text":"and?"}]}],
           "max_tokens":4096,
           "tools":[{"name":"get","description":"d","input_schema":{"type":"object","properties":{"city":{"type":"string"}}},
             "strict":true},{"name":"now","input_schema":{"type":"object","properties":{}}}],
           "tool_choice":{"type":"any","disable_parallel_tool_use":true}})"},
      {"a chosen tool",
       R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f"}}],
           "tool_choice":{"type":"function","function":{"name":"f"}}})",
       R"({"model":"claude","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"max_tokens":4096,
           "tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}],"tool_choice":{"type":"tool","name":"f"}})"},
      {"one tool at a time, without a choice",
       R"({"model":"m","messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"f"}}],
           "parallel_tool_calls":false})",
       R"({"model":"claude","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"max_tokens":4096,
           "tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}],
           "tool_choice":{"type":"auto","disable_parallel_tool_use":true}})"},
      {"a schema for the answer, and its effort",
       R"({"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"minimal","response_format":{"type":"json_schema",
           "json_schema":{"name":"a","strict":true,"schema":{"type":"object","properties":{"a":{"type":"integer"}}}}}})",
       R"({"model":"claude","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"max_tokens":4096,
           "output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"integer"}}}},
           "effort":"low"},"thinking":{"type":"adaptive"}})"},
      {"effort in the client's own words wins",
       R"({"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"high","thinking":{"type":"enabled","budget_tokens":2000}})",
       R"({"model":"claude","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"max_tokens":4096,
           "thinking":{"type":"enabled","budget_tokens":2000},"output_config":{"effort":"high"}})"},
      {"no effort at all", R"({"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"none"})",
       R"({"model":"claude","messages":[{"role":"user","content":[{"type":"text","text":"x"}]}],"max_tokens":4096,
           "thinking":{"type":"disabled"}})"},
      {"a plain text",
       R"({"model":"m","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.txt",
           "file_data":"data:text/plain;base64,aMOpIQ=="}}]}]})",
       R"({"model":"claude","messages":[{"role":"user","content":[{"type":"document","source":{"type":"text",
           "media_type":"text/plain","data":"h\u00e9!"}}]}],"max_tokens":4096})"},
  };
  for (const auto& one : kCases) {
    const Body body(one.sent);
    ASSERT_FALSE(body.request.model.empty()) << one.what;
    const auto said = anthropic::messages_request(body.request, "claude");
    ASSERT_TRUE(said) << one.what << ": " << said.error().message;
    const auto value = json::parse(*said);
    ASSERT_TRUE(value) << *said;
    EXPECT_EQ(json::canonical(*value), json::canonical(json::parse(one.expected).value())) << one.what;
  }
}

TEST(AnthropicRequest, RefusesWhatItCannotSay) {
  const struct {
    const char* members;
    ErrorKind kind;
    const char* param;
  } kCases[] = {
      {R"("n":2)", ErrorKind::kUnsupported, "n"},
      {R"("logprobs":true)", ErrorKind::kUnsupported, "logprobs"},
      {R"("logit_bias":{"5":1})", ErrorKind::kUnsupported, "logit_bias"},
      {R"("frequency_penalty":0.5)", ErrorKind::kUnsupported, "frequency_penalty"},
      {R"("response_format":{"type":"json_object"})", ErrorKind::kUnsupported, "response_format"},
      {R"("service_tier":"flex")", ErrorKind::kUnsupported, "service_tier"},
      {R"("messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"A","format":"wav"}}]}])",
       ErrorKind::kUnsupported, "messages[0].content[0]"},
      {R"("messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"cid:1"}}]}])",
       ErrorKind::kInvalid, "messages[0].content[0].image_url.url"},
      {R"("messages":[{"role":"user","content":"x"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":
          {"name":"f","arguments":"{not json"}}]}])",
       ErrorKind::kInvalid, "messages[1].tool_calls[0].function.arguments"},
      {R"("messages":[{"role":"system","content":"x"}])", ErrorKind::kUnsupported, "messages"},
  };
  for (const auto& one : kCases) {
    const std::string text =
        std::string(R"({"model":"m",)") + one.members +
        (std::string(one.members).starts_with("\"messages\"") ? "}"
                                                              : R"(,"messages":[{"role":"user","content":"x"}]})");
    const Body body(text);
    ASSERT_FALSE(body.request.model.empty()) << text;
    const auto said = anthropic::messages_request(body.request, "claude");
    ASSERT_FALSE(said) << text;
    EXPECT_EQ(said.error().kind, one.kind) << text;
    EXPECT_EQ(said.error().param, one.param) << text;
  }
}

TEST(AnthropicRequest, GivesOlderModelsABudgetOfThought) {
  const struct {
    const char* effort;
    int max_tokens;
    const char* thinking;
  } kCases[] = {
      {"low", 10'000, R"("thinking":{"type":"enabled","budget_tokens":2000})"},
      {"high", 10'000, R"("thinking":{"type":"enabled","budget_tokens":8000})"},
      {"low", 2'000, R"("thinking":{"type":"enabled","budget_tokens":1024})"},
  };
  for (const auto& one : kCases) {
    const Body body(R"({"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":")" +
                    std::string(one.effort) + R"(","max_completion_tokens":)" + std::to_string(one.max_tokens) + "}");
    const auto sent = anthropic::messages_request(body.request, "claude-sonnet-4-5-20250929");
    ASSERT_TRUE(sent) << sent.error().message;
    EXPECT_THAT(*sent, testing::HasSubstr(one.thinking));
  }
  const Body body(
      R"({"model":"m","messages":[{"role":"user","content":"x"}],"reasoning_effort":"low","max_completion_tokens":900})");
  const auto refused = anthropic::messages_request(body.request, "claude-3-7-sonnet-latest");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().param, "reasoning_effort");
}

}  // namespace
}  // namespace fairlead::providers
