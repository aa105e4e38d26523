#include "providers/bedrock/translator.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>
#include <vector>

#include "providers/bedrock/event_stream.h"
#include "providers/internal/chat_writer.h"
#include "providers/internal/json_reader.h"

namespace fairlead::providers::bedrock {
namespace {

namespace dom = simdjson::dom;
using internal::count_of;
using internal::invalid_answer;
using internal::text_of;

constexpr std::size_t kBlocksLimit = 4096;

// Input that was read from or written to the cache is counted apart from inputTokens.
void read_usage(dom::object object, llm::Usage& usage) {
  usage.reported = true;
  usage.cached_input = count_of(object, "cacheReadInputTokens");
  usage.cache_write = count_of(object, "cacheWriteInputTokens");
  usage.input = count_of(object, "inputTokens") + usage.cached_input + usage.cache_write;
  usage.output = count_of(object, "outputTokens");
}

// Empty: the answer is none.
std::string_view finish_reason(std::string_view reason) {
  if (reason == "max_tokens" || reason == "model_context_window_exceeded") return "length";
  if (reason == "tool_use") return "tool_calls";
  if (reason == "guardrail_intervened" || reason == "content_filtered") return "content_filter";
  if (reason.starts_with("malformed_")) return {};
  return "stop";
}

// The status that an exception would have had as an answer.
int status_of(std::string_view exception) {
  if (exception == "throttlingException") return 429;
  if (exception == "validationException") return 400;
  if (exception == "serviceUnavailableException") return 503;
  if (exception == "modelTimeoutException") return 408;
  if (exception == "accessDeniedException") return 403;
  return 500;
}

class ConverseTranslator final : public internal::Translator {
 public:
  explicit ConverseTranslator(internal::TranslatorOptions options)
      : options_(std::move(options)), writer_(options_.include_usage, options_.created) {}

  bool ended() const override { return ended_; }
  bool complete() const override { return writer_.finished(); }
  const llm::Outcome& outcome() const override { return writer_.outcome; }

  Result<void> take(std::string_view bytes, std::string& out) override {
    reader_.add(bytes);
    while (!ended_) {
      FAIRLEAD_TRY(const std::optional<EventMessage> message, reader_.next());
      if (!message) break;
      FAIRLEAD_CHECK(take_message(*message, out));
    }
    return {};
  }

  Result<void> end(std::string& out) override {
    if (!complete()) return fail(internal::ended_early());
    if (!ended_) close(out);
    return {};
  }

  Result<std::string> whole(std::string_view body) override;

 private:
  struct Block {
    int tool = -1;  // which tool call it is; -1: none
    bool has_input = false;
  };

  void close(std::string& out) {
    ended_ = true;
    writer_.usage(out);
  }

  Result<void> take_message(const EventMessage& message, std::string& out) {
    if (message.message_type == "exception" || message.message_type == "error") {
      const std::vector<http::Header> type{{"x-amzn-errortype", message.type}};
      const std::string_view body = message.message_type == "error" ? message.error_message : message.payload;
      return fail(llm::upstream_error(status_of(message.type), body, type, options_.secrets));
    }
    dom::object payload;
    if (parser_.parse(message.payload.data(), message.payload.size()).get_object().get(payload))
      return invalid_answer("an event is not a JSON object");
    writer_.begin(options_.call_id, options_.model, out);
    return take_event(message.type, payload, out);
  }

  Result<void> take_event(std::string_view type, dom::object payload, std::string& out) {
    if (type == "messageStop") {
      const std::string_view said = text_of(payload, "stopReason"), reason = finish_reason(said);
      if (reason.empty()) return invalid_answer(fmt::format("it ends with {}", said));
      writer_.finish(reason, out);
    }
    if (type == "metadata") {
      dom::object usage;
      if (!payload.at_key("usage").get_object().get(usage)) read_usage(usage, writer_.outcome.usage);
      if (complete()) close(out);
    }
    if (!type.starts_with("contentBlock")) return {};
    std::uint64_t index = 0;
    if (payload.at_key("contentBlockIndex").get_uint64().get(index) || index >= kBlocksLimit)
      return invalid_answer("the index of a block is missing or out of range");
    if (blocks_.size() <= index) blocks_.resize(index + 1);
    Block& block = blocks_[index];
    dom::object inner;
    if (type == "contentBlockStart" && !payload.at_key("start").at_key("toolUse").get_object().get(inner))
      block.tool = writer_.tool_call(text_of(inner, "toolUseId"), text_of(inner, "name"), out);
    if (type == "contentBlockDelta" && !payload.at_key("delta").get_object().get(inner)) take_delta(inner, block, out);
    if (type == "contentBlockStop" && block.tool >= 0 && !block.has_input) {
      writer_.arguments(block.tool, "{}", out);  // a tool without arguments is sent no input
      block.has_input = true;
    }
    return {};
  }

  void take_delta(dom::object delta, Block& block, std::string& out) {
    writer_.text(text_of(delta, "text"), out);
    dom::object inner;
    if (!delta.at_key("reasoningContent").get_object().get(inner)) writer_.reasoning(text_of(inner, "text"), out);
    if (block.tool < 0 || delta.at_key("toolUse").get_object().get(inner)) return;
    const std::string_view piece = text_of(inner, "input");
    block.has_input |= !piece.empty();
    writer_.arguments(block.tool, piece, out);
  }

  internal::TranslatorOptions options_;
  internal::ChunkWriter writer_;
  EventStreamReader reader_;
  dom::parser parser_;
  std::vector<Block> blocks_;
  bool ended_ = false;
};

Result<internal::WholeMessage> read_content(dom::array blocks) {
  internal::WholeMessage said;
  for (const dom::element one : blocks) {
    dom::object block, inner;
    if (one.get_object().get(block)) return invalid_answer("a block is not an object");
    std::string_view text;
    if (!block.at_key("text").get_string().get(text)) {
      said.has_text = true;
      said.text += text;
    }
    if (!block.at_key("reasoningContent").at_key("reasoningText").get_object().get(inner))
      said.reasoning += text_of(inner, "text");
    if (block.at_key("toolUse").get_object().get(inner)) continue;
    dom::element input;
    said.tool_calls.push_back(
        {.id = std::string(text_of(inner, "toolUseId")),
         .name = std::string(text_of(inner, "name")),
         .arguments = inner.at_key("input").get(input) ? std::string("{}") : simdjson::minify(input)});
  }
  return said;
}

Result<std::string> ConverseTranslator::whole(std::string_view body) {
  dom::object object, usage;
  dom::array blocks;
  if (parser_.parse(body.data(), body.size()).get_object().get(object) ||
      object.at_key("output").at_key("message").at_key("content").get_array().get(blocks))
    return invalid_answer("it holds no message");
  FAIRLEAD_TRY(const internal::WholeMessage said, read_content(blocks));
  const std::string_view stop = text_of(object, "stopReason"), reason = finish_reason(stop);
  if (reason.empty()) return invalid_answer(fmt::format("it ends with {}", stop));
  llm::Outcome& outcome = writer_.outcome;
  outcome.upstream_id = options_.call_id;
  outcome.upstream_model = options_.model;
  outcome.finish_reason = std::string(reason);
  outcome.content_started = said.says_something();
  if (!object.at_key("usage").get_object().get(usage)) read_usage(usage, outcome.usage);
  return internal::completion_json(outcome, options_.created, said);
}

}  // namespace

std::unique_ptr<internal::Translator> make_translator(internal::TranslatorOptions options) {
  return std::make_unique<ConverseTranslator>(std::move(options));
}

}  // namespace fairlead::providers::bedrock
