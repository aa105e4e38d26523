#include "gateway/surfaces/responses_conversation.h"

#include <fmt/format.h>

#include "gateway/internal/reading.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using internal::Array;
using internal::array_of;
using internal::Document;
using internal::Element;
using internal::find;
using internal::invalid_value;
using internal::missing;
using internal::Object;
using internal::object_of;
using internal::required_text;
using internal::text_at;
using internal::text_of;
using internal::unsupported_parameter;
using internal::unsupported_value;
using internal::wrong_type;

// The chat's `messages` in the making. What an assistant said and the calls that it made are one message.
class ResponseMessages {
 public:
  void add(std::string_view role, std::string_view content) {
    end_assistant();
    next() += R"({"role":)" + json::quoted(role) + R"(,"content":)";
    text_ += content;
    text_ += '}';
  }
  void add_tool(std::string_view call_id, std::string_view content) {
    end_assistant();
    next() += R"({"role":"tool","tool_call_id":)" + json::quoted(call_id) + R"(,"content":)";
    text_ += content;
    text_ += '}';
  }
  void add_assistant(std::string_view content) {
    if (!assistant_.empty() || !calls_.empty()) end_assistant();
    assistant_ = content;
  }
  void add_call(std::string_view call_id, std::string_view name, std::string_view arguments) {
    calls_ += calls_.empty() ? "" : ",";
    calls_ += R"({"id":)" + json::quoted(call_id) + R"(,"type":"function","function":{"name":)" + json::quoted(name) +
              R"(,"arguments":)" + json::quoted(arguments) + "}}";
  }
  std::string finish() && {
    end_assistant();
    return text_.empty() ? "[]" : std::move(text_) + "]";
  }

 private:
  std::string& next() {
    text_ += text_.empty() ? "[" : ",";
    return text_;
  }
  void end_assistant() {
    if (assistant_.empty() && calls_.empty()) return;
    next() += R"({"role":"assistant")";
    if (!assistant_.empty()) text_ += R"(,"content":)" + assistant_;
    if (!calls_.empty()) text_ += R"(,"tool_calls":[)" + calls_ + "]";
    text_ += '}';
    assistant_.clear();
    calls_.clear();
  }
  std::string text_, assistant_, calls_;
};

// The content of one message. One text goes as a string: more models' templates know that.
class ResponseParts {
 public:
  std::string& next() {
    if (!json_.empty()) json_ += ',';
    ++count_;
    return json_;
  }
  void text(std::string_view text) {
    only_text_ = count_ == 0 ? json::quoted(text) : "";
    next() += R"({"type":"text","text":)" + json::quoted(text) + "}";
  }
  bool empty() const { return count_ == 0; }
  std::string content() const { return count_ == 1 && !only_text_.empty() ? only_text_ : "[" + json_ + "]"; }

 private:
  std::string json_, only_text_;
  std::size_t count_ = 0;
};

Result<void> add_image(ResponseParts& parts, const std::string& param, Object part) {
  if (find(part, "file_id")) return unsupported_parameter(param + ".file_id", "send the image by its URL, or as data:");
  FAIRLEAD_TRY(const std::string_view url, required_text(param, part, "image_url"));
  std::string& out = parts.next();
  out += R"({"type":"image_url","image_url":{"url":)" + json::quoted(url);
  if (const std::string_view detail = text_at(part, "detail"); !detail.empty())
    out += R"(,"detail":)" + json::quoted(detail);
  out += "}}";
  return {};
}

Result<void> add_file(ResponseParts& parts, const std::string& param, Object part) {
  for (const std::string_view name : {"file_id", "file_url"})
    if (find(part, name)) return unsupported_parameter(fmt::format("{}.{}", param, name), "send the file as file_data");
  FAIRLEAD_TRY(const std::string_view data, required_text(param, part, "file_data"));
  std::string& out = parts.next();
  out += R"({"type":"file","file":{)";
  if (const std::string_view name = text_at(part, "filename"); !name.empty())
    out += R"("filename":)" + json::quoted(name) + ",";
  out += R"("file_data":)" + json::quoted(data) + "}}";
  return {};
}

Result<void> add_part(ResponseParts& parts, const std::string& param, Element value) {
  FAIRLEAD_TRY(const Object part, object_of(param, value));
  FAIRLEAD_TRY(const std::string_view type, required_text(param, part, "type"));
  if (type == "input_text" || type == "output_text" || type == "text") {
    FAIRLEAD_TRY(const std::string_view text, required_text(param, part, "text"));
    parts.text(text);
    return {};
  }
  if (type == "refusal") {
    FAIRLEAD_TRY(const std::string_view refusal, required_text(param, part, "refusal"));
    parts.next() += R"({"type":"refusal","refusal":)" + json::quoted(refusal) + "}";
    return {};
  }
  if (type == "input_image") return add_image(parts, param, part);
  if (type == "input_file") return add_file(parts, param, part);
  if (type == "input_audio") {
    const auto audio = find(part, "input_audio");
    if (!audio) return missing(param + ".input_audio");
    parts.next() += fmt::format(R"({{"type":"input_audio","input_audio":{}}})", simdjson::minify(*audio));
    return {};
  }
  return unsupported_value(param + ".type", "its parts are input_text, input_image, input_file, output_text, refusal");
}

Result<std::string> content_of(const std::string& param, Element content) {
  if (content.is_string()) return json::quoted(content.get_string().value_unsafe());
  if (!content.is_array()) return wrong_type(param, "a string or an array of parts", content);
  const Array list = content.get_array().value_unsafe();
  ResponseParts parts;
  std::size_t i = 0;
  for (const Element one : list) FAIRLEAD_CHECK(add_part(parts, fmt::format("{}[{}]", param, i++), one));
  if (parts.empty()) return invalid_value(param, "it must not be empty");
  return parts.content();
}

Result<void> add_message(ResponseMessages& messages, const std::string& param, Object item) {
  FAIRLEAD_TRY(const std::string_view role, required_text(param, item, "role"));
  const auto content = find(item, "content");
  if (!content) return missing(param + ".content");
  FAIRLEAD_TRY(const std::string text, content_of(param + ".content", *content));
  if (role == "assistant") {
    messages.add_assistant(text);
  } else if (role == "user") {
    messages.add("user", text);
  } else if (role == "system" || role == "developer") {
    messages.add("system", text);
  } else {
    return invalid_value(param + ".role", "it must be user, assistant, system or developer");
  }
  return {};
}

Result<void> add_call_output(ResponseMessages& messages, const std::string& param, Object item) {
  FAIRLEAD_TRY(const std::string_view call_id, required_text(param, item, "call_id"));
  const auto output = find(item, "output");
  if (!output) return missing(param + ".output");
  if (output->is_string()) {
    messages.add_tool(call_id, json::quoted(output->get_string().value_unsafe()));
    return {};
  }
  FAIRLEAD_TRY(const Array list, array_of(param + ".output", *output));
  ResponseParts texts, others;
  std::size_t i = 0;
  for (const Element one : list) {
    const std::string where = fmt::format("{}.output[{}]", param, i++);
    FAIRLEAD_TRY(const Object part, object_of(where, one));
    const bool is_text = text_at(part, "type").ends_with("text");
    if (!is_text && others.empty()) others.text(fmt::format("From the result of {}:", call_id));
    FAIRLEAD_CHECK(add_part(is_text ? texts : others, where, one));
  }
  if (texts.empty()) texts.text("");
  messages.add_tool(call_id, texts.content());
  if (!others.empty()) messages.add("user", others.content());
  return {};
}

Result<void> add_item(ResponseMessages& messages, const std::string& param, Element value) {
  FAIRLEAD_TRY(const Object item, object_of(param, value));
  const std::string_view type = text_at(item, "type");
  if (type == "message" || (type.empty() && find(item, "role"))) return add_message(messages, param, item);
  if (type.empty()) return missing(param + ".type");
  if (type == "reasoning") return {};
  if (type == "function_call_output") return add_call_output(messages, param, item);
  if (type != "function_call")
    return unsupported_value(param + ".type", "its items are message, function_call, function_call_output, reasoning");
  FAIRLEAD_TRY(const std::string_view call_id, required_text(param, item, "call_id"));
  FAIRLEAD_TRY(const std::string_view name, required_text(param, item, "name"));
  FAIRLEAD_TRY(const std::string_view arguments, required_text(param, item, "arguments"));
  messages.add_call(call_id, name, arguments);
  return {};
}

Result<void> add_input(ResponseMessages& messages, Element input) {
  if (input.is_string()) {
    if (const std::string_view text = input.get_string().value_unsafe(); !text.empty())
      messages.add("user", json::quoted(text));
    return {};
  }
  if (!input.is_array()) return wrong_type("input", "a string or an array of items", input);
  const Array items = input.get_array().value_unsafe();
  std::size_t i = 0;
  for (const Element one : items) FAIRLEAD_CHECK(add_item(messages, fmt::format("input[{}]", i++), one));
  return {};
}

}  // namespace

Result<std::string> chat_messages_of(const llm::RequestBody& body, std::string_view earlier) {
  ResponseMessages messages;
  const auto each = [&](std::string_view name, auto take) -> Result<void> {
    const llm::Member* const member = body.member(name);
    if (!member || member->json == "null") return {};
    FAIRLEAD_TRY(const Document document, Document::parse(member->json));
    return take(document.root());
  };
  FAIRLEAD_CHECK(each("instructions", [&](Element value) -> Result<void> {
    FAIRLEAD_TRY(const std::string_view instructions, text_of("instructions", value));
    messages.add("system", json::quoted(instructions));
    return {};
  }));
  if (!earlier.empty()) {
    FAIRLEAD_TRY(const Document document, Document::parse(earlier));
    FAIRLEAD_CHECK(add_input(messages, document.root()));
  }
  FAIRLEAD_CHECK(each("input", [&](Element value) { return add_input(messages, value); }));
  return std::move(messages).finish();
}

}  // namespace fairlead::gateway
