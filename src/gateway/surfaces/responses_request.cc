#include "gateway/surfaces/responses_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/internal/reading.h"
#include "platform/json/text.h"

namespace fairlead::gateway {
namespace {

using internal::Array;
using internal::array_of;
using internal::Document;
using internal::Element;
using internal::find;
using internal::flag_of;
using internal::integer_of;
using internal::invalid_value;
using internal::missing;
using internal::Object;
using internal::object_of;
using internal::ObjectWriter;
using internal::required_text;
using internal::text_at;
using internal::text_of;
using internal::unsupported_parameter;
using internal::unsupported_value;
using internal::wrong_type;

// The chat's `messages` in the making. What an assistant said and the calls that it made are one message.
class Messages {
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
class Parts {
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

Result<void> add_image(Parts& parts, const std::string& param, Object part) {
  if (find(part, "file_id")) return unsupported_parameter(param + ".file_id", "send the image by its URL, or as data:");
  FAIRLEAD_TRY(const std::string_view url, required_text(param, part, "image_url"));
  std::string& out = parts.next();
  out += R"({"type":"image_url","image_url":{"url":)" + json::quoted(url);
  if (const std::string_view detail = text_at(part, "detail"); !detail.empty())
    out += R"(,"detail":)" + json::quoted(detail);
  out += "}}";
  return {};
}

Result<void> add_file(Parts& parts, const std::string& param, Object part) {
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

Result<void> add_part(Parts& parts, const std::string& param, Element value) {
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
  Parts parts;
  std::size_t i = 0;
  for (const Element one : list) FAIRLEAD_CHECK(add_part(parts, fmt::format("{}[{}]", param, i++), one));
  if (parts.empty()) return invalid_value(param, "it must not be empty");
  return parts.content();
}

Result<void> add_message(Messages& messages, const std::string& param, Object item) {
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

Result<void> add_call_output(Messages& messages, const std::string& param, Object item) {
  FAIRLEAD_TRY(const std::string_view call_id, required_text(param, item, "call_id"));
  const auto output = find(item, "output");
  if (!output) return missing(param + ".output");
  if (output->is_string()) {
    messages.add_tool(call_id, json::quoted(output->get_string().value_unsafe()));
    return {};
  }
  FAIRLEAD_TRY(const Array list, array_of(param + ".output", *output));
  Parts texts, others;
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

Result<void> add_item(Messages& messages, const std::string& param, Element value) {
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

Result<void> add_input(Messages& messages, Element input) {
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

Result<void> add_tools(ObjectWriter& out, Element value) {
  FAIRLEAD_TRY(const Array tools, array_of("tools", value));
  std::string text;
  std::size_t i = 0;
  for (const Element one : tools) {
    const std::string param = fmt::format("tools[{}]", i++);
    FAIRLEAD_TRY(const Object tool, object_of(param, one));
    FAIRLEAD_TRY(const std::string_view type, required_text(param, tool, "type"));
    if (type != "function") return unsupported_value(param + ".type", "its tools are functions");
    FAIRLEAD_CHECK(required_text(param, tool, "name"));
    text += text.empty() ? R"([{"type":"function","function":)" : R"(,{"type":"function","function":)";
    ObjectWriter function(text);
    for (const auto& [key, member] : tool) {
      if (key == "type" || member.is_null()) continue;
      const std::string where = fmt::format("{}.{}", param, key);
      if (key == "name" || key == "description") {
        FAIRLEAD_TRY(const std::string_view said, text_of(where, member));
        function.text(key, said);
      } else if (key == "parameters") {
        FAIRLEAD_TRY(const Object schema, object_of(where, member));
        function.raw(key, simdjson::minify(schema));
      } else if (key == "strict") {
        FAIRLEAD_TRY(const bool strict, flag_of(where, member));
        function.raw(key, strict ? "true" : "false");
      } else {
        return unsupported_parameter(where, "a function has a name, a description and parameters");
      }
    }
    function.end();
    text += '}';
  }
  if (!text.empty()) out.raw("tools", text + "]");
  return {};
}

Result<void> add_tool_choice(ObjectWriter& out, Element value) {
  if (value.is_string()) {
    out.text("tool_choice", value.get_string().value_unsafe());
    return {};
  }
  FAIRLEAD_TRY(const Object choice, object_of("tool_choice", value));
  FAIRLEAD_TRY(const std::string_view type, required_text("tool_choice", choice, "type"));
  if (type != "function") return unsupported_value("tool_choice.type", "it chooses among functions");
  FAIRLEAD_TRY(const std::string_view name, required_text("tool_choice", choice, "name"));
  out.raw("tool_choice", fmt::format(R"({{"type":"function","function":{{"name":{}}}}})", json::quoted(name)));
  return {};
}

Result<void> add_text_format(ObjectWriter& out, Object format) {
  FAIRLEAD_TRY(const std::string_view type, required_text("text.format", format, "type"));
  if (type == "text") return {};
  if (type == "json_object") {
    out.raw("response_format", R"({"type":"json_object"})");
    return {};
  }
  if (type != "json_schema") return invalid_value("text.format.type", "it must be text, json_schema or json_object");
  FAIRLEAD_CHECK(required_text("text.format", format, "name"));
  const auto schema = find(format, "schema");
  if (!schema) return missing("text.format.schema");
  FAIRLEAD_CHECK(object_of("text.format.schema", *schema));
  std::string& text = out.member("response_format");
  text += R"({"type":"json_schema","json_schema":)";
  ObjectWriter described(text);
  for (const auto& [key, member] : format)
    if (key != "type" && !member.is_null()) described.raw(key, simdjson::minify(member));
  described.end();
  text += '}';
  return {};
}

Result<void> add_text(ObjectWriter& out, Element value) {
  FAIRLEAD_TRY(const Object text, object_of("text", value));
  for (const auto& [key, member] : text) {
    if (member.is_null()) continue;
    if (key == "format") {
      FAIRLEAD_TRY(const Object format, object_of("text.format", member));
      FAIRLEAD_CHECK(add_text_format(out, format));
    } else if (key == "verbosity") {
      FAIRLEAD_TRY(const std::string_view verbosity, text_of("text.verbosity", member));
      out.text("verbosity", verbosity);
    } else {
      return unsupported_parameter(fmt::format("text.{}", key), "a chat has no such thing");
    }
  }
  return {};
}

Result<void> add_reasoning(ObjectWriter& out, Element value) {
  FAIRLEAD_TRY(const Object reasoning, object_of("reasoning", value));
  for (const auto& [key, member] : reasoning) {
    if (member.is_null() || key == "summary" || key == "generate_summary") continue;
    if (key != "effort") return unsupported_parameter(fmt::format("reasoning.{}", key), "a chat has no such thing");
    FAIRLEAD_TRY(const std::string_view effort, text_of("reasoning.effort", member));
    out.text("reasoning_effort", effort);
  }
  return {};
}

Result<bool> asks_for_logprobs(Element include) {
  FAIRLEAD_TRY(const Array list, array_of("include", include));
  bool logprobs = false;
  std::size_t i = 0;
  for (const Element one : list) {
    const std::string param = fmt::format("include[{}]", i++);
    FAIRLEAD_TRY(const std::string_view what, text_of(param, one));
    if (what == "message.output_text.logprobs") {
      logprobs = true;
    } else if (what != "reasoning.encrypted_content") {
      return unsupported_value(param, "it can add message.output_text.logprobs");
    }
  }
  return logprobs;
}

constexpr std::string_view kSame[] = {"model",
                                      "fairlead",
                                      "stream",
                                      "temperature",
                                      "top_p",
                                      "user",
                                      "parallel_tool_calls",
                                      "service_tier",
                                      "safety_identifier",
                                      "prompt_cache_key",
                                      "prompt_cache_retention"};
// Ours, or of no meaning without what is refused.
constexpr std::string_view kOwn[] = {
    "store", "metadata", "previous_response_id", "stream_options", "max_tool_calls", "instructions", "input"};

struct Logprobs {
  bool asked = false;
  std::int64_t top = 0;
};

Result<void> add_member(ObjectWriter& out, const llm::Member& member, Logprobs& logprobs) {
  const std::string_view name = member.name;
  FAIRLEAD_TRY(const Document document, Document::parse(member.json));
  const Element value = document.root();
  if (name == "max_output_tokens") {
    FAIRLEAD_CHECK(integer_of(name, value, 1, INT32_MAX));
    out.raw("max_completion_tokens", member.json);
  } else if (name == "tools") {
    return add_tools(out, value);
  } else if (name == "tool_choice") {
    return add_tool_choice(out, value);
  } else if (name == "text") {
    return add_text(out, value);
  } else if (name == "reasoning") {
    return add_reasoning(out, value);
  } else if (name == "include") {
    FAIRLEAD_TRY(const bool asked, asks_for_logprobs(value));
    logprobs.asked |= asked;
  } else if (name == "top_logprobs") {
    FAIRLEAD_TRY(logprobs.top, integer_of(name, value, 0, 20));
  } else if (name == "truncation") {
    FAIRLEAD_TRY(const std::string_view truncation, text_of(name, value));
    if (truncation != "disabled") return unsupported_value(name, "it drops nothing from a conversation; use disabled");
  } else if (name == "background") {
    FAIRLEAD_TRY(const bool background, flag_of(name, value));
    if (background) return unsupported_parameter(name, "its answer comes at once");
  } else {
    return unsupported_parameter(name, name == "prompt" ? "name a prompt by `model`" : "a chat has no such thing");
  }
  return {};
}

bool contains(std::span<const std::string_view> list, std::string_view name) {
  return std::ranges::find(list, name) != list.end();
}

}  // namespace

Result<std::string> chat_of_response(const llm::RequestBody& body, std::string_view earlier) {
  std::string text;
  ObjectWriter out(text);
  Messages messages;
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
  Logprobs logprobs;
  for (const llm::Member& member : body.members) {
    if (member.json == "null" || contains(kOwn, member.name)) continue;
    if (contains(kSame, member.name)) {
      out.raw(member.name, member.json);
    } else {
      FAIRLEAD_CHECK(add_member(out, member, logprobs));
    }
  }
  if (logprobs.asked || logprobs.top > 0) out.raw("logprobs", "true");
  if (logprobs.top > 0) out.number("top_logprobs", logprobs.top);
  out.raw("messages", std::move(messages).finish());
  out.end();
  return text;
}

bool is_kept(const llm::RequestBody& body) {
  const llm::Member* const store = body.member("store");
  return !store || store->json != "false";
}

std::string previous_response_of(const llm::RequestBody& body) {
  const llm::Member* const previous = body.member("previous_response_id");
  if (!previous) return {};
  const auto document = Document::parse(previous->json);
  return document && document->root().is_string() ? std::string(document->root().get_string().value_unsafe()) : "";
}

}  // namespace fairlead::gateway
