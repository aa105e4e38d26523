#include "providers/internal/chat_writer.h"

#include <fmt/format.h>

#include "platform/json/text.h"

namespace fairlead::providers::internal {
namespace {

std::string string_member(std::string_view name, std::string_view text) {
  std::string out = fmt::format(R"("{}":)", name);
  json::append_string(out, text);
  return out;
}

}  // namespace

std::string usage_json(const llm::Usage& usage) {
  return fmt::format(
      R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{},)"
      R"("cache_write_tokens":{},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{},"audio_tokens":0,)"
      R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}})",
      usage.input, usage.output, usage.input + usage.output, usage.cached_input, usage.cache_write, usage.reasoning);
}

void ChunkWriter::begin(std::string_view id, std::string_view model, std::string& out) {
  if (begun()) return;
  outcome.upstream_id = std::string(id);
  outcome.upstream_model = std::string(model);
  head_ = fmt::format(R"(data: {{{},"object":"chat.completion.chunk","created":{},{},"choices":[)",
                      string_member("id", id), created_, string_member("model", model));
  chunk(R"("role":"assistant","content":"","refusal":null)", {}, out);
}

void ChunkWriter::text(std::string_view text, std::string& out) {
  if (text.empty()) return;
  outcome.content_started = true;
  chunk(string_member("content", text), {}, out);
}

void ChunkWriter::reasoning(std::string_view text, std::string& out) {
  if (text.empty()) return;
  outcome.content_started = true;
  chunk(string_member("reasoning_content", text), {}, out);
}

int ChunkWriter::tool_call(std::string_view id, std::string_view name, std::string& out,
                           std::string_view extra_content) {
  outcome.content_started = true;
  chunk(fmt::format(R"("tool_calls":[{{"index":{},{},"type":"function","function":{{{},"arguments":""}}{}{}}}])",
                    tools_, string_member("id", id), string_member("name", name),
                    extra_content.empty() ? "" : R"(,"extra_content":)", extra_content),
        {}, out);
  return tools_++;
}

void ChunkWriter::arguments(int tool, std::string_view piece, std::string& out) {
  if (piece.empty()) return;
  chunk(fmt::format(R"("tool_calls":[{{"index":{},"function":{{{}}}}}])", tool, string_member("arguments", piece)), {},
        out);
}

void ChunkWriter::finish(std::string_view reason, std::string& out) {
  if (finished()) return;
  outcome.finish_reason = std::string(reason);
  chunk({}, reason, out);
}

void ChunkWriter::usage(std::string& out) const {
  if (!include_usage_ || !outcome.usage.reported) return;
  out += head_;
  out += R"(],"usage":)";
  out += usage_json(outcome.usage);
  out += "}\n\n";
}

void ChunkWriter::chunk(std::string_view delta, std::string_view reason, std::string& out) const {
  out += head_;
  out += R"({"index":0,"delta":{)";
  out += delta;
  out += R"(},"logprobs":null,"finish_reason":)";
  if (reason.empty()) {
    out += "null";
  } else {
    json::append_string(out, reason);
  }
  out += "}]";
  if (include_usage_) out += R"(,"usage":null)";
  out += "}\n\n";
}

std::string completion_json(const llm::Outcome& outcome, std::int64_t created, const WholeMessage& message) {
  std::string out = R"({"id":)";
  json::append_string(out, outcome.upstream_id);
  out += fmt::format(R"(,"object":"chat.completion","created":{},"model":)", created);
  json::append_string(out, outcome.upstream_model);
  out += R"(,"choices":[{"index":0,"message":{"role":"assistant","content":)";
  if (message.has_text) {
    json::append_string(out, message.text);
  } else {
    out += "null";
  }
  out += R"(,"refusal":null)";
  if (!message.reasoning.empty()) {
    out += R"(,"reasoning_content":)";
    json::append_string(out, message.reasoning);
  }
  for (std::size_t i = 0; i < message.tool_calls.size(); ++i) {
    const llm::ToolCall& call = message.tool_calls[i];
    out += i == 0 ? R"(,"tool_calls":[)" : ",";
    out += fmt::format(R"({{{},"type":"function","function":{{{},{}}})", string_member("id", call.id),
                       string_member("name", call.name), string_member("arguments", call.arguments));
    if (i < message.extra_content.size() && !message.extra_content[i].empty())
      out += R"(,"extra_content":)" + message.extra_content[i];
    out += '}';
  }
  if (!message.tool_calls.empty()) out += ']';
  out += R"(},"logprobs":null,"finish_reason":)";
  json::append_string(out, outcome.finish_reason);
  out += "}]";
  if (outcome.usage.reported) out += R"(,"usage":)" + usage_json(outcome.usage);
  out += '}';
  return out;
}

}  // namespace fairlead::providers::internal
