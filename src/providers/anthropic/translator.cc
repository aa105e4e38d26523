#include "providers/anthropic/translator.h"

#include <simdjson.h>

#include <string>
#include <vector>

#include "providers/anthropic/usage.h"
#include "providers/internal/chat_writer.h"

namespace fairlead::providers::anthropic {
namespace {

namespace dom = simdjson::dom;
using internal::invalid_answer;

constexpr std::size_t kBlocksLimit = 4096;

class MessagesTranslator final : public internal::EventTranslator {
 public:
  explicit MessagesTranslator(internal::TranslatorOptions options)
      : options_(std::move(options)), writer_(options_.include_usage, options_.created) {}

  bool ended() const override { return ended_; }
  bool complete() const override { return writer_.finished(); }
  const llm::Outcome& outcome() const override { return writer_.outcome; }
  Result<std::string> whole(std::string_view body) override;

 protected:
  Result<void> event(std::string_view data, std::string& out) override;
  void close(std::string& out) override {
    ended_ = true;
    writer_.usage(out);
  }

 private:
  struct Block {
    int tool = -1;  // which tool call it is; -1: none
    bool has_input = false;
  };
  Result<void> start_message(dom::object event, std::string& out);
  Result<void> start_block(dom::object event, Block& block, std::string& out);
  Result<void> continue_block(dom::object event, Block& block, std::string& out);
  void end_message(dom::object event, std::string& out);
  std::unexpected<Error> error_in(dom::object object) const;

  internal::TranslatorOptions options_;
  internal::ChunkWriter writer_;
  dom::parser parser_;
  std::vector<Block> blocks_;
  bool ended_ = false;
};

std::unexpected<Error> MessagesTranslator::error_in(dom::object object) const {
  dom::element error;
  if (object.at_key("error").get(error)) return invalid_answer("an error without words");
  return fail(llm::upstream_error_in_answer(simdjson::minify(error), options_.secrets));
}

Result<void> MessagesTranslator::event(std::string_view data, std::string& out) {
  dom::object object;
  if (parser_.parse(data.data(), data.size()).get_object().get(object))
    return invalid_answer("an event is not a JSON object");
  const std::string_view type = text_of(object, "type");
  if (type == "error") return error_in(object);
  if (type == "message_start") return start_message(object, out);
  const bool of_block = type.starts_with("content_block_");
  if (!of_block && !type.starts_with("message_")) return {};  // a ping, or what is not known yet
  if (!writer_.begun()) return invalid_answer("it does not begin with message_start");
  if (type == "message_delta") end_message(object, out);
  if (type == "message_stop") close(out);
  if (!of_block) return {};
  std::uint64_t index = 0;
  if (object.at_key("index").get_uint64().get(index) || index >= kBlocksLimit)
    return invalid_answer("the index of a block is missing or out of range");
  if (blocks_.size() <= index) blocks_.resize(index + 1);
  Block& block = blocks_[index];
  if (type == "content_block_start") return start_block(object, block, out);
  if (type == "content_block_delta") return continue_block(object, block, out);
  if (type == "content_block_stop" && block.tool >= 0 && !block.has_input) {
    writer_.arguments(block.tool, "{}", out);  // a tool without arguments is sent no input
    block.has_input = true;
  }
  return {};
}

Result<void> MessagesTranslator::start_message(dom::object event, std::string& out) {
  dom::object message, usage;
  if (event.at_key("message").get_object().get(message) || writer_.begun())
    return invalid_answer("its message_start holds no message, or comes twice");
  if (!message.at_key("usage").get_object().get(usage)) read_usage(usage, writer_.outcome.usage);
  writer_.begin(text_of(message, "id"), text_of(message, "model"), out);
  return {};
}

Result<void> MessagesTranslator::start_block(dom::object event, Block& block, std::string& out) {
  dom::object content, input;
  if (event.at_key("content_block").get_object().get(content)) return invalid_answer("a block has no content_block");
  const std::string_view type = text_of(content, "type");
  // Begins empty in practice; what is there counts.
  if (type == "text") writer_.text(text_of(content, "text"), out);
  if (type == "thinking") writer_.reasoning(text_of(content, "thinking"), out);
  if (type != "tool_use") return {};
  block.tool = writer_.tool_call(text_of(content, "id"), text_of(content, "name"), out);
  if (!content.at_key("input").get_object().get(input) && input.size() > 0) {
    block.has_input = true;
    writer_.arguments(block.tool, simdjson::minify(input), out);
  }
  return {};
}

Result<void> MessagesTranslator::continue_block(dom::object event, Block& block, std::string& out) {
  dom::object delta;
  if (event.at_key("delta").get_object().get(delta)) return invalid_answer("a content_block_delta has no delta");
  const std::string_view type = text_of(delta, "type");
  if (type == "text_delta") writer_.text(text_of(delta, "text"), out);
  if (type == "thinking_delta") writer_.reasoning(text_of(delta, "thinking"), out);
  if (type == "input_json_delta" && block.tool >= 0) {
    const std::string_view part = text_of(delta, "partial_json");
    block.has_input |= !part.empty();
    writer_.arguments(block.tool, part, out);
  }
  return {};
}

void MessagesTranslator::end_message(dom::object event, std::string& out) {
  dom::object usage, delta;
  if (!event.at_key("usage").get_object().get(usage)) read_usage(usage, writer_.outcome.usage);
  if (event.at_key("delta").get_object().get(delta)) return;
  const std::string_view reason = text_of(delta, "stop_reason");
  if (!reason.empty()) writer_.finish(finish_reason(reason), out);
}

Result<internal::WholeMessage> read_content(dom::object message) {
  internal::WholeMessage said;
  dom::array blocks;
  if (message.at_key("content").get_array().get(blocks)) return invalid_answer("it has no content");
  for (const dom::element one : blocks) {
    dom::object block;
    if (one.get_object().get(block)) return invalid_answer("a block is not an object");
    const std::string_view type = text_of(block, "type");
    if (type == "text") {
      said.has_text = true;
      said.text += text_of(block, "text");
    } else if (type == "thinking") {
      said.reasoning += text_of(block, "thinking");
    } else if (type == "tool_use") {
      dom::element input;
      said.tool_calls.push_back(
          {.id = std::string(text_of(block, "id")),
           .name = std::string(text_of(block, "name")),
           .arguments = block.at_key("input").get(input) ? std::string("{}") : simdjson::minify(input)});
    }
  }
  return said;
}

Result<std::string> MessagesTranslator::whole(std::string_view body) {
  dom::object message, usage;
  if (parser_.parse(body.data(), body.size()).get_object().get(message))
    return invalid_answer("it is not a JSON object");
  if (text_of(message, "type") == "error") return error_in(message);
  FAIRLEAD_TRY(const internal::WholeMessage said, read_content(message));
  llm::Outcome& outcome = writer_.outcome;
  outcome.upstream_id = std::string(text_of(message, "id"));
  outcome.upstream_model = std::string(text_of(message, "model"));
  outcome.finish_reason = std::string(finish_reason(text_of(message, "stop_reason")));
  outcome.content_started = said.says_something();
  if (!message.at_key("usage").get_object().get(usage)) read_usage(usage, outcome.usage);
  return internal::completion_json(outcome, options_.created, said);
}

}  // namespace

std::unique_ptr<internal::Translator> make_translator(internal::TranslatorOptions options) {
  return std::make_unique<MessagesTranslator>(std::move(options));
}

}  // namespace fairlead::providers::anthropic
