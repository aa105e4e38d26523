// Streams and whole answers of each vendor, for the fuzzer to begin with.
#pragma once
#include <string>
#include <vector>

#include "providers/tests/event_frames.h"

namespace fairlead::providers::seeds {

inline std::vector<std::string> openai() {
  return {
      "data: "
      "{\"id\":\"c\",\"object\":\"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,"
      "\"delta\":"
      "{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n"
      "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Hello \\u2603\"}}],\"usage\":null}\n\n"
      "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"reasoning\":\"let me\"}}]}\n\n"
      "data: "
      "{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":0,\"id\":\"t\",\"function\":{"
      "\"name\":\"f\","
      "\"arguments\":\"{}\"}}]},\"finish_reason\":\"tool_calls\"}]}\n\n"
      "data: "
      "{\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":3,\"prompt_tokens_details\":"
      "{\"cached_tokens\":2},\"completion_tokens_details\":{\"reasoning_tokens\":1}}}\n\ndata: [DONE]\n\n",
      "data:{\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"finish_reason\":\"stop\"}]}\r\n\r\n"
      ": ping\r\n\r\ndata: [DONE]\r\n\r\n",
      R"({"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"x","reasoning":"y"},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":3}})"};
}

inline std::vector<std::string> completions() {
  return {
      "data: "
      "{\"id\":\"c\",\"object\":\"text_completion\",\"choices\":[{\"text\":\"hi\",\"index\":0,\"finish_reason\":null}]}"
      "\n\n"
      "data: {\"id\":\"c\",\"choices\":[{\"text\":\"\",\"index\":0,\"finish_reason\":\"stop\"}]}\n\n"
      "data: {\"id\":\"c\",\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n",
      R"({"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"e","usage":{"prompt_tokens":7,"total_tokens":7}})"};
}

inline std::vector<std::string> responses() {
  return {
      "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"model\":\"m\"}}\n\n"
      "event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"hi\"}\n\n"
      "event: response.completed\ndata: "
      "{\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"status\":\"completed\",\"usage\":"
      "{\"input_tokens\":9,\"input_tokens_details\":{\"cached_tokens\":4},\"output_tokens\":5,\"output_tokens_"
      "details\":"
      "{\"reasoning_tokens\":2}}}}\n\n",
      "event: response.failed\r\ndata: "
      "{\"type\":\"response.failed\",\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
      "\"server_error\",\"message\":\"x\"}}}\r\n\r\n",
      R"({"id":"r","object":"response","status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"usage":{"input_tokens":1,"output_tokens":2}})"};
}

inline std::vector<std::string> anthropic() {
  const auto event = [](const std::string& type, const std::string& members) {
    return "event: " + type + "\ndata: {\"type\":\"" + type + "\"" + members + "}\n\n";
  };
  const std::string start = event(
      "message_start",
      R"(,"message":{"id":"msg","model":"c","usage":{"input_tokens":10,"cache_read_input_tokens":5,"cache_creation_input_tokens":2,"output_tokens":1}})");
  const std::string end =
      event(
          "message_delta",
          R"(,"delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":9,"output_tokens_details":{"thinking_tokens":4}})") +
      event("message_stop", "");
  return {
      start + event("content_block_start", R"(,"index":0,"content_block":{"type":"thinking","thinking":""})") +
          event("content_block_delta", R"(,"index":0,"delta":{"type":"thinking_delta","thinking":"hm"})") +
          event("content_block_stop", R"(,"index":0)") + event("ping", "") +
          event("content_block_start", R"(,"index":1,"content_block":{"type":"text","text":""})") +
          event("content_block_delta", R"(,"index":1,"delta":{"type":"text_delta","text":"Hello \u2603"})") +
          event("content_block_start",
                R"(,"index":2,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}})") +
          event("content_block_delta", R"(,"index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"})") +
          event("content_block_stop", R"(,"index":2)") + end,
      start + event("error", R"(,"error":{"type":"overloaded_error","message":"busy"})"),
      R"({"id":"msg","type":"message","model":"c","content":[{"type":"text","text":"x"},{"type":"tool_use","id":"t","name":"f","input":{"a":1}}],"stop_reason":"end_turn","usage":{"input_tokens":1,"output_tokens":2}})"};
}

inline std::vector<std::string> gemini() {
  return {
      "data: "
      "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":true}]}}],\"responseId\":\"r\","
      "\"modelVersion\":\"g\"}"
      "\r\n\r\ndata: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"Hello\"}]}}]}\r\n\r\n"
      "data: "
      "{\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{\"name\":\"f\",\"args\":{\"a\":1}},"
      "\"thoughtSignature\":\"c2ln\"}]},"
      "\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":10,\"cachedContentTokenCount\":4,"
      "\"candidatesTokenCount\":6,"
      "\"thoughtsTokenCount\":3}}\r\n\r\n",
      "data: {\"promptFeedback\":{\"blockReason\":\"SAFETY\"}}\n\n",
      "data: [{\"error\":{\"code\":429,\"message\":\"x\",\"status\":\"RESOURCE_EXHAUSTED\"}}]\n\n",
      R"({"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"MAX_TOKENS"}],"usageMetadata":{"promptTokenCount":2,"candidatesTokenCount":1}})"};
}

inline std::vector<std::string> bedrock() {
  return {
      frame("messageStart", R"({"role":"assistant"})") +
          frame("contentBlockDelta", R"({"delta":{"reasoningContent":{"text":"hm"}},"contentBlockIndex":0})") +
          frame("contentBlockDelta", R"({"delta":{"text":"Hello"},"contentBlockIndex":1})") +
          frame("contentBlockStart", R"({"start":{"toolUse":{"toolUseId":"t","name":"f"}},"contentBlockIndex":2})") +
          frame("contentBlockDelta", R"({"delta":{"toolUse":{"input":"{\"a\":1}"}},"contentBlockIndex":2})") +
          frame("contentBlockStop", R"({"contentBlockIndex":2})") +
          frame("messageStop", R"({"stopReason":"tool_use"})") +
          frame("metadata",
                R"({"usage":{"inputTokens":10,"outputTokens":9,"cacheReadInputTokens":5,"cacheWriteInputTokens":2}})"),
      frame("messageStart", R"({"role":"assistant"})") +
          frame("throttlingException", R"({"message":"slow"})", "exception"),
      R"({"output":{"message":{"content":[{"text":"yes"},{"toolUse":{"toolUseId":"t","name":"f","input":{"a":1}}}]}},"stopReason":"end_turn","usage":{"inputTokens":3,"outputTokens":2}})"};
}

inline std::vector<std::string> yandexgpt() {
  const auto line = [](const std::string& message, const std::string& status) {
    return R"({"result":{"alternatives":[{"message":{"role":"assistant",)" + message +
           R"(},"status":"ALTERNATIVE_STATUS_)" + status +
           R"("}],"usage":{"inputTextTokens":"10","completionTokens":"3","completionTokensDetails":{"reasoningTokens":"2"}},"modelVersion":"1"}})" +
           "\n";
  };
  return {
      line(R"("text":"При")", "PARTIAL") + line(R"("text":"Привет")", "PARTIAL") + line(R"("text":"Привет!")", "FINAL"),
      line(R"("toolCallList":{"toolCalls":[{"functionCall":{"name":"f","arguments":{"a":1}}}]})", "TOOL_CALLS"),
      R"({"error":{"grpcCode":14,"httpCode":503,"message":"busy"}})"};
}

inline std::vector<std::string> gigachat() {
  return {
      "data: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"Hel\"},\"index\":0}],\"model\":\"G\"}\n\n"
      "data: "
      "{\"choices\":[{\"delta\":{\"content\":\"\",\"function_call\":{\"name\":\"f\",\"arguments\":{\"a\":1}},"
      "\"functions_state_id\":"
      "\"s\"},\"index\":0,\"finish_reason\":\"function_call\"}],\"model\":\"G\",\"usage\":{\"prompt_tokens\":3,"
      "\"completion_tokens\":2,"
      "\"precached_prompt_tokens\":7}}\n\ndata: [DONE]\n\n",
      "data: {\"status\":500,\"message\":\"x\"}\n\n",
      R"({"choices":[{"message":{"role":"assistant","content":"yes"},"index":0,"finish_reason":"stop"}],"model":"G","usage":{"prompt_tokens":3,"completion_tokens":2}})"};
}

}  // namespace fairlead::providers::seeds
