#include "gateway/cache/kept_answer.h"

#include <algorithm>

#include "gateway/cache/canonical.h"
#include "gateway/cache/members.h"
#include "gateway/cache/replay.h"
#include "platform/json/text.h"

namespace fairlead::gateway::cache {
namespace {

using llm::Format;

std::unexpected<Error> no_sense() {
  return fail(ErrorKind::kInternal, "cache_invalid", "A kept answer makes no sense.");
}

Result<bj::object> whole_of(const KeptAnswer& answer) {
  if (answer.streamed) return fold(answer.format, answer.wire, answer.outcome.usage);
  FAIRLEAD_TRY(bj::value value, json::parse(answer.wire, kDeepest));
  if (!value.is_object()) return no_sense();
  return std::move(value.get_object());
}

const bj::array& list_at(const bj::object& object, std::string_view name) {
  static const bj::array kEmpty;
  const bj::array* const list = array_at(object, name);
  return list != nullptr ? *list : kEmpty;
}

bool has_text(const bj::object& object, std::string_view name) {
  return !text_at(object, name).empty();
}

bool is_choice_complete(const bj::object& choice) {
  const std::string_view reason = text_at(choice, "finish_reason");
  if (reason != "stop" && reason != "tool_calls" && reason != "function_call") return false;
  const bj::value* const value = choice.if_contains("message");
  if (value == nullptr || !value->is_object()) return has_text(choice, "text");
  const bj::object& message = value->get_object();
  if (has_text(message, "refusal")) return false;
  const bj::value* const content = message.if_contains("content");
  const bool says = content != nullptr && (content->is_string() ? !content->get_string().empty()
                                                                : content->is_array() && !content->get_array().empty());
  return says || !list_at(message, "tool_calls").empty() || message.contains("function_call");
}

bool is_response_complete(const bj::object& response) {
  if (text_at(response, "status") != "completed") return false;
  const bj::array& output = list_at(response, "output");
  const auto is_refusal = [](const bj::value& part) {
    return part.is_object() && text_at(part.get_object(), "type") == "refusal";
  };
  const auto refuses = [&](const bj::value& item) {
    return item.is_object() && std::ranges::any_of(list_at(item.get_object(), "content"), is_refusal);
  };
  return !output.empty() && std::ranges::none_of(output, refuses);
}

bool is_message_complete(const bj::object& message) {
  const std::string_view reason = text_at(message, "stop_reason");
  return (reason == "end_turn" || reason == "stop_sequence" || reason == "tool_use") &&
         !list_at(message, "content").empty();
}

}  // namespace

std::size_t KeptAnswer::bytes() const {
  std::size_t out = sizeof *this;
  for (const std::string* const text :
       {&wire, &outcome.finish_reason, &outcome.upstream_model, &outcome.upstream_id, &provider, &model})
    out += text->capacity();
  return out;
}

bool is_written_as(const KeptAnswer& answer, AnswerShape shape) {
  return shape.stream == answer.streamed && (!shape.stream || shape.include_usage == answer.has_usage);
}

Result<std::string> written_as(const KeptAnswer& answer, AnswerShape shape) {
  if (is_written_as(answer, shape)) return answer.wire;
  if (answer.format == Format::kChat && answer.streamed && shape.stream)
    return answer.wire + usage_event(answer.wire, answer.outcome.usage);
  FAIRLEAD_TRY(const bj::object whole, whole_of(answer));
  return shape.stream ? unfold(answer.format, whole, shape.include_usage) : json::to_text(whole);
}

bool is_complete(const KeptAnswer& answer) {
  const auto whole = whole_of(answer);
  if (!whole) return false;
  if (answer.format == Format::kResponses) return is_response_complete(*whole);
  if (answer.format == Format::kMessages) return is_message_complete(*whole);
  const bj::array& choices = list_at(*whole, "choices");
  return !choices.empty() && std::ranges::all_of(choices, [](const bj::value& choice) {
    return choice.is_object() && is_choice_complete(choice.get_object());
  });
}

std::string usage_event(std::string_view wire, const llm::Usage& usage) {
  bj::object chunk;
  constexpr std::string_view kData = "data: ";
  const std::size_t end = std::min(wire.find("\n\n"), wire.size());
  if (wire.starts_with(kData)) {
    auto first = json::parse(wire.substr(kData.size(), end - kData.size()), kDeepest);
    if (first && first->is_object()) chunk = std::move(first->get_object());
  }
  chunk["choices"] = bj::array();
  chunk["usage"] = usage_json(usage);
  return "data: " + json::to_text(chunk) + "\n\n";
}

}  // namespace fairlead::gateway::cache
