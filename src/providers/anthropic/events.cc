#include "providers/anthropic/events.h"

#include <fmt/format.h>
#include <simdjson.h>

#include <algorithm>

#include "platform/json/text.h"

namespace fairlead::providers::anthropic {
namespace {

namespace dom = simdjson::dom;

constexpr std::size_t kBlocksLimit = 4096;

std::unexpected<Error> invalid(std::string_view what) {
  return fail(ErrorKind::kUpstream, "upstream_invalid", fmt::format("The upstream's answer makes no sense: {}.", what));
}

std::string_view text_of(dom::object object, std::string_view name) {
  std::string_view value;
  return object.at_key(name).get_string().get(value) ? std::string_view() : value;
}

dom::object object_of(dom::object object, std::string_view name, bool& found) {
  dom::object value;
  found = !object.at_key(name).get_object().get(value);
  return value;
}

std::string string_member(std::string_view name, std::string_view text) {
  std::string out = fmt::format(R"("{}":)", name);
  json::append_string(out, text);
  return out;
}

// Anthropic counts what was read from and written to its cache apart from `input_tokens`; here input is all of it.
void read_usage(dom::object object, llm::Usage& usage) {
  std::int64_t fresh = usage.input - usage.cached_input - usage.cache_write;
  const auto take = [object](std::string_view name, std::int64_t& into) {
    std::int64_t value = 0;
    if (!object.at_key(name).get_int64().get(value) && value >= 0) into = value;
  };
  take("input_tokens", fresh);
  take("cache_read_input_tokens", usage.cached_input);
  take("cache_creation_input_tokens", usage.cache_write);
  take("output_tokens", usage.output);
  dom::object details;
  std::int64_t thinking = 0;
  if (!object.at_key("output_tokens_details").get_object().get(details) &&
      !details.at_key("thinking_tokens").get_int64().get(thinking) && thinking >= 0) {
    usage.reasoning = std::min(thinking, usage.output);
  }
  usage.input = fresh + usage.cached_input + usage.cache_write;
  usage.reported = true;
}

}  // namespace

struct EventTranslator::Event {
  dom::object object;
  std::size_t index = 0;
};

std::string_view finish_reason(std::string_view stop_reason) {
  if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded") return "length";
  if (stop_reason == "tool_use") return "tool_calls";
  if (stop_reason == "refusal") return "content_filter";
  return "stop";
}

void read_usage(std::string_view json, llm::Usage& usage) {
  dom::parser parser;
  dom::object object;
  if (!parser.parse(json.data(), json.size()).get_object().get(object)) read_usage(object, usage);
}

std::string usage_json(const llm::Usage& usage) {
  return fmt::format(
      R"({{"prompt_tokens":{},"completion_tokens":{},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{},)"
      R"("cache_write_tokens":{},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{},"audio_tokens":0,)"
      R"("accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}})",
      usage.input, usage.output, usage.input + usage.output, usage.cached_input, usage.cache_write, usage.reasoning);
}

EventTranslator::EventTranslator(bool include_usage, std::int64_t created, llm::Secrets secrets)
    : include_usage_(include_usage), created_(created), secrets_(std::move(secrets)) {}

Result<void> EventTranslator::take(std::string_view data, std::string& out) {
  dom::parser parser;
  Event event;
  if (parser.parse(data.data(), data.size()).get_object().get(event.object))
    return invalid("an event is not a JSON object");
  const std::string_view type = text_of(event.object, "type");
  if (type == "ping" || ended_) return {};
  if (type == "error") {
    dom::element error;
    if (event.object.at_key("error").get(error)) return invalid("an error without words");
    return fail(llm::upstream_error_in_answer(simdjson::minify(error), secrets_));
  }
  if (type == "message_start") return start_message(event, out);
  if (!started_ && (type.starts_with("content_block") || type.starts_with("message_")))
    return invalid("it does not begin with message_start");
  std::uint64_t index = 0;
  if (!event.object.at_key("index").get_uint64().get(index)) {
    if (index >= kBlocksLimit) return invalid("it has too many blocks");
    event.index = static_cast<std::size_t>(index);
  }
  if (type == "content_block_start") return start_block(event, out);
  if (type == "content_block_delta") return continue_block(event, out);
  if (type == "content_block_stop") stop_block(event, out);
  if (type == "message_delta") end_message(event, out);
  if (type == "message_stop") {
    ended_ = true;
    add_usage(out);
  }
  return {};
}

Result<void> EventTranslator::start_message(const Event& event, std::string& out) {
  bool found = false;
  const dom::object message = object_of(event.object, "message", found);
  if (!found || started_) return invalid("its message_start holds no message, or comes twice");
  started_ = true;
  outcome_.upstream_id = std::string(text_of(message, "id"));
  outcome_.upstream_model = std::string(text_of(message, "model"));
  const dom::object usage = object_of(message, "usage", found);
  if (found) read_usage(usage, outcome_.usage);
  head_ =
      fmt::format(R"(data: {{{},"object":"chat.completion.chunk","created":{},{},"choices":[)",
                  string_member("id", outcome_.upstream_id), created_, string_member("model", outcome_.upstream_model));
  add_chunk(R"("role":"assistant","content":"","refusal":null)", {}, out);
  return {};
}

Result<EventTranslator::Block*> EventTranslator::block_of(const Event& event) {
  if (blocks_.size() <= event.index) blocks_.resize(event.index + 1);
  return &blocks_[event.index];
}

Result<void> EventTranslator::start_block(const Event& event, std::string& out) {
  bool found = false;
  const dom::object content = object_of(event.object, "content_block", found);
  if (!found) return invalid("a block has no content_block");
  FAIRLEAD_TRY(Block * block, block_of(event));
  const std::string_view type = text_of(content, "type");
  if (type == "text" || type == "thinking") {
    // Begins empty in practice; what is there counts.
    if (const std::string_view text = text_of(content, type); !text.empty()) {
      outcome_.content_started = true;
      add_chunk(string_member(type == "text" ? "content" : "reasoning_content", text), {}, out);
    }
  } else if (type == "tool_use") {
    block->tool = tools_++;
    outcome_.content_started = true;
    add_chunk(fmt::format(R"("tool_calls":[{{"index":{},{},"type":"function","function":{{{},"arguments":""}}}}])",
                          block->tool, string_member("id", text_of(content, "id")),
                          string_member("name", text_of(content, "name"))),
              {}, out);
    dom::object input;
    if (!content.at_key("input").get_object().get(input) && input.size() > 0) {
      block->has_input = true;
      add_arguments(*block, simdjson::minify(input), out);
    }
  }
  return {};
}

Result<void> EventTranslator::continue_block(const Event& event, std::string& out) {
  bool found = false;
  const dom::object delta = object_of(event.object, "delta", found);
  if (!found) return invalid("a content_block_delta has no delta");
  FAIRLEAD_TRY(Block * block, block_of(event));
  const std::string_view type = text_of(delta, "type");
  if (type == "text_delta" || type == "thinking_delta") {
    const std::string_view text = text_of(delta, type == "text_delta" ? "text" : "thinking");
    if (text.empty()) return {};
    outcome_.content_started = true;
    add_chunk(string_member(type == "text_delta" ? "content" : "reasoning_content", text), {}, out);
  } else if (type == "input_json_delta" && block->tool >= 0) {
    const std::string_view part = text_of(delta, "partial_json");
    if (part.empty()) return {};
    block->has_input = true;
    add_arguments(*block, part, out);
  }
  return {};
}

void EventTranslator::stop_block(const Event& event, std::string& out) {
  if (event.index >= blocks_.size()) return;
  Block& block = blocks_[event.index];
  if (block.tool >= 0 && !block.has_input)
    add_arguments(block, "{}", out);  // a tool without arguments is sent no input
  block.has_input = true;
}

void EventTranslator::end_message(const Event& event, std::string& out) {
  bool found = false;
  const dom::object usage = object_of(event.object, "usage", found);
  if (found) read_usage(usage, outcome_.usage);
  const dom::object delta = object_of(event.object, "delta", found);
  const std::string_view reason = found ? text_of(delta, "stop_reason") : std::string_view();
  if (reason.empty() || has_reason()) return;
  outcome_.finish_reason = std::string(finish_reason(reason));
  add_chunk({}, outcome_.finish_reason, out);
}

void EventTranslator::add_arguments(const Block& block, std::string_view json_text, std::string& out) const {
  add_chunk(fmt::format(R"("tool_calls":[{{"index":{},"function":{{{}}}}}])", block.tool,
                        string_member("arguments", json_text)),
            {}, out);
}

void EventTranslator::add_chunk(std::string_view delta, std::string_view reason, std::string& out) const {
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

void EventTranslator::add_usage(std::string& out) const {
  if (!include_usage_ || !outcome_.usage.reported) return;
  out += head_;
  out += R"(],"usage":)";
  out += usage_json(outcome_.usage);
  out += "}\n\n";
}

}  // namespace fairlead::providers::anthropic
