#include "llm/chat_answer.h"

#include <simdjson.h>

#include <algorithm>

#include "llm/internal/chat_checks.h"
#include "llm/internal/kept_parser.h"

namespace fairlead::llm {
namespace {

namespace dom = simdjson::dom;
using internal::array_of;
using internal::kKeptCapacity;

constexpr std::size_t kChoicesLimit = 1024;
constexpr std::size_t kCallsLimit = 4096;

dom::parser& answer_parser() {
  thread_local dom::parser parser;
  return parser;
}

std::unexpected<Error> invalid() {
  return fail(ErrorKind::kUpstream, "upstream_invalid", "The upstream's answer makes no sense as a chat.");
}

std::string_view text_at(dom::object object, std::string_view name) {
  std::string_view text;
  return object.at_key(name).get_string().get(text) ? std::string_view() : text;
}

}  // namespace

// One chunk or completion on its way to the sink.
struct ChatAnswerReader::Reading {
  ChatAnswerReader& reader;
  ChatAnswerSink& sink;

  void content(std::size_t choice, dom::object message) const {
    for (const std::string_view name : {"reasoning_content", "reasoning"}) {
      if (const std::string_view text = text_at(message, name); !text.empty()) {
        sink.on_reasoning(choice, text);
        break;
      }
    }
    dom::element content;
    if (!message.at_key("content").get(content)) {
      if (content.is_string()) {
        if (const std::string_view text = content.get_string().value_unsafe(); !text.empty())
          sink.on_text(choice, text);
      } else if (content.is_array()) {
        for (const dom::element part : array_of(content)) {
          dom::object object;
          if (part.get_object().get(object)) continue;
          if (const std::string_view text = text_at(object, "text"); !text.empty()) sink.on_text(choice, text);
        }
      }
    }
    if (const std::string_view text = text_at(message, "refusal"); !text.empty()) sink.on_refusal(choice, text);
  }

  Result<void> tool_calls(std::size_t choice, dom::object message) const {
    dom::array list;
    if (message.at_key("tool_calls").get_array().get(list)) return {};
    std::int64_t position = 0;
    for (const dom::element one : list) {
      dom::object call, body;
      if (one.get_object().get(call)) return invalid();
      std::int64_t index = 0;
      if (call.at_key("index").get_int64().get(index)) index = position;
      ++position;
      const bool custom = !call.at_key("custom").get_object().get(body);
      if (!custom && call.at_key("function").get_object().get(body)) return invalid();
      std::vector<std::int64_t>& begun = reader.calls_[choice];
      const std::size_t number = static_cast<std::size_t>(std::ranges::find(begun, index) - begun.begin());
      if (number == begun.size()) {
        if (begun.size() == kCallsLimit) return invalid();
        begun.push_back(index);
        std::string id(text_at(call, "id"));
        if (id.empty()) id = "call_" + std::to_string(number);
        sink.on_tool_call(choice, number, id, text_at(body, "name"));
      }
      if (const std::string_view text = text_at(body, custom ? "input" : "arguments"); !text.empty())
        sink.on_tool_arguments(choice, number, text);
    }
    return {};
  }

  Result<void> choice(dom::object object, std::size_t position, std::string_view part) const {
    std::int64_t index = 0;
    if (object.at_key("index").get_int64().get(index)) index = static_cast<std::int64_t>(position);
    if (index < 0 || index >= static_cast<std::int64_t>(kChoicesLimit)) return invalid();
    const auto number = static_cast<std::size_t>(index);
    if (reader.calls_.size() <= number) reader.calls_.resize(number + 1);
    if (dom::object message; !object.at_key(part).get_object().get(message)) {
      content(number, message);
      if (dom::array probabilities; !object.at_key("logprobs").at_key("content").get_array().get(probabilities))
        sink.on_logprobs(number, simdjson::minify(probabilities));
      FAIRLEAD_CHECK(tool_calls(number, message));
    }
    if (const std::string_view reason = text_at(object, "finish_reason"); !reason.empty())
      sink.on_finish(number, reason);
    return {};
  }
};

Result<void> ChatAnswerReader::object(std::string_view json, std::string_view part) {
  if (json.empty()) return invalid();
  dom::parser large;
  dom::parser& parser = json.size() > kKeptCapacity ? large : answer_parser();
  dom::element root;
  if (const auto error = parser.parse(json.data(), json.size()).get(root); error || !root.is_object()) return invalid();
  dom::array choices;
  if (root.get_object().value_unsafe().at_key("choices").get_array().get(choices)) return {};
  std::size_t position = 0;
  for (const dom::element one : choices) {
    dom::object choice;
    if (one.get_object().get(choice)) return invalid();
    FAIRLEAD_CHECK((Reading{*this, sink_}.choice(choice, position++, part)));
  }
  return {};
}

Result<void> ChatAnswerReader::events(std::string_view wire) {
  constexpr std::string_view kData = "data: ";
  while (!wire.empty()) {
    const std::size_t end = std::min(wire.find("\n\n"), wire.size());
    const std::string_view event = wire.substr(0, end);
    wire.remove_prefix(std::min(wire.size(), end + 2));
    if (!event.starts_with(kData)) continue;
    FAIRLEAD_CHECK(object(event.substr(kData.size()), "delta"));
  }
  return {};
}

Result<void> ChatAnswerReader::whole(std::string_view body) {
  return object(body, "message");
}

}  // namespace fairlead::llm
