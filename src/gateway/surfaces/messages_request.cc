#include "gateway/surfaces/messages_request.h"

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

constexpr std::size_t kMaxStops = 4;  // the chat's own bound

// The content of one chat message: its parts, one after another.
class Parts {
 public:
  void text(std::string_view text) {
    if (count_ == 0) first_text_ = text;
    next() += R"({"type":"text","text":)";
    json::append_string(json_, text);
    json_ += '}';
  }
  void image(std::string_view url) {
    only_text_ = false;
    next() += R"({"type":"image_url","image_url":{"url":)";
    json::append_string(json_, url);
    json_ += "}}";
  }
  void file(std::string_view name, std::string_view data_url) {
    only_text_ = false;
    next() += R"({"type":"file","file":{"filename":)";
    json::append_string(json_, name);
    json_ += R"(,"file_data":)";
    json::append_string(json_, data_url);
    json_ += "}}";
  }
  bool empty() const { return count_ == 0; }
  // One text goes as a string: more models' templates know that.
  void append_to(std::string& out) const {
    if (count_ == 1 && only_text_) return json::append_string(out, first_text_);
    out += '[';
    out += json_;
    out += ']';
  }

 private:
  std::string& next() {
    if (count_++ > 0) json_ += ',';
    return json_;
  }
  std::string json_, first_text_;
  std::size_t count_ = 0;
  bool only_text_ = true;
};

// The chat's `messages` in the making.
class Messages {
 public:
  ObjectWriter begin(std::string_view role) {
    text_ += text_.empty() ? "[" : ",";
    ObjectWriter out(text_);
    out.text("role", role);
    return out;
  }
  void add(std::string_view role, const Parts& parts) {
    ObjectWriter out = begin(role);
    parts.append_to(out.member("content"));
    out.end();
  }
  std::string finish() && { return text_.empty() ? "[]" : std::move(text_) + "]"; }

 private:
  std::string text_;
};

std::string data_url(std::string_view media_type, std::string_view data) {
  return fmt::format("data:{};base64,{}", media_type, data);
}

Result<void> add_image(Parts& parts, const std::string& param, Object block) {
  const std::optional<Element> given = find(block, "source");
  const std::string where = param + ".source";
  if (!given) return missing(where);
  FAIRLEAD_TRY(const Object source, object_of(where, *given));
  FAIRLEAD_TRY(const std::string_view type, required_text(where, source, "type"));
  if (type == "url") {
    FAIRLEAD_TRY(const std::string_view url, required_text(where, source, "url"));
    parts.image(url);
    return {};
  }
  if (type != "base64") return unsupported_value(where + ".type", "images come as base64 or url");
  FAIRLEAD_TRY(const std::string_view media_type, required_text(where, source, "media_type"));
  FAIRLEAD_TRY(const std::string_view data, required_text(where, source, "data"));
  parts.image(data_url(media_type, data));
  return {};
}

Result<void> add_content_source(Parts& parts, const std::string& param, Element content) {
  if (content.is_string()) {
    parts.text(content.get_string().value_unsafe());
    return {};
  }
  FAIRLEAD_TRY(const Array blocks, array_of(param, content));
  std::size_t i = 0;
  for (const Element one : blocks) {
    const std::string where = fmt::format("{}[{}]", param, i++);
    FAIRLEAD_TRY(const Object block, object_of(where, one));
    FAIRLEAD_TRY(const std::string_view type, required_text(where, block, "type"));
    if (type == "text") {
      FAIRLEAD_TRY(const std::string_view text, required_text(where, block, "text"));
      parts.text(text);
    } else if (type == "image") {
      FAIRLEAD_CHECK(add_image(parts, where, block));
    } else {
      return unsupported_value(where + ".type", "a document's content is text and images");
    }
  }
  return {};
}

Result<void> add_document(Parts& parts, const std::string& param, Object block) {
  const std::optional<Element> given = find(block, "source");
  const std::string where = param + ".source";
  if (!given) return missing(where);
  if (const auto citations = find(block, "citations")) {
    FAIRLEAD_TRY(const Object object, object_of(param + ".citations", *citations));
    bool enabled = false;
    if (!object.at_key("enabled").get_bool().get(enabled) && enabled)
      return unsupported_parameter(param + ".citations", "it does not say where its answers come from");
  }
  FAIRLEAD_TRY(const Object source, object_of(where, *given));
  FAIRLEAD_TRY(const std::string_view type, required_text(where, source, "type"));
  const std::string_view title = text_at(block, "title"), context = text_at(block, "context");
  if (!context.empty()) parts.text(context);
  if (type == "base64") {
    FAIRLEAD_TRY(const std::string_view media_type, required_text(where, source, "media_type"));
    FAIRLEAD_TRY(const std::string_view data, required_text(where, source, "data"));
    parts.file(title.empty() ? "document.pdf" : title, data_url(media_type, data));
    return {};
  }
  if (type != "text" && type != "content")
    return unsupported_value(where + ".type", "documents come as base64, text or content");
  if (!title.empty()) parts.text(title);
  if (type == "text") {
    FAIRLEAD_TRY(const std::string_view data, required_text(where, source, "data"));
    parts.text(data);
    return {};
  }
  const std::optional<Element> content = find(source, "content");
  if (!content) return missing(where + ".content");
  return add_content_source(parts, where + ".content", *content);
}

// A tool's result becomes a message of its own; its images go where images can stand.
Result<void> add_tool_result(Messages& messages, Parts& user, const std::string& param, Object block) {
  FAIRLEAD_TRY(const std::string_view id, required_text(param, block, "tool_use_id"));
  bool is_error = false;
  if (const auto given = find(block, "is_error")) {
    FAIRLEAD_TRY(is_error, flag_of(param + ".is_error", *given));
  }
  Parts result;
  const auto add_text = [&](std::string_view text) {
    result.text(result.empty() && is_error ? "Error: " + std::string(text) : std::string(text));
  };
  if (const auto content = find(block, "content")) {
    if (content->is_string()) {
      add_text(content->get_string().value_unsafe());
    } else {
      FAIRLEAD_TRY(const Array blocks, array_of(param + ".content", *content));
      std::size_t i = 0;
      for (const Element one : blocks) {
        const std::string where = fmt::format("{}.content[{}]", param, i++);
        FAIRLEAD_TRY(const Object inner, object_of(where, one));
        FAIRLEAD_TRY(const std::string_view type, required_text(where, inner, "type"));
        if (type == "text") {
          FAIRLEAD_TRY(const std::string_view text, required_text(where, inner, "text"));
          add_text(text);
        } else if (type == "image" || type == "document") {
          user.text(fmt::format("From the result of {}:", id));
          FAIRLEAD_CHECK(type == "image" ? add_image(user, where, inner) : add_document(user, where, inner));
        } else {
          return unsupported_value(where + ".type", "a tool's result holds text, images and documents");
        }
      }
    }
  }
  if (result.empty()) add_text("");
  ObjectWriter out = messages.begin("tool");
  out.text("tool_call_id", id);
  result.append_to(out.member("content"));
  out.end();
  return {};
}

Result<void> add_user(Messages& messages, const std::string& param, Array blocks) {
  Parts parts;
  std::size_t i = 0;
  for (const Element one : blocks) {
    const std::string where = fmt::format("{}.content[{}]", param, i++);
    FAIRLEAD_TRY(const Object block, object_of(where, one));
    FAIRLEAD_TRY(const std::string_view type, required_text(where, block, "type"));
    if (type == "text") {
      FAIRLEAD_TRY(const std::string_view text, required_text(where, block, "text"));
      parts.text(text);
    } else if (type == "image") {
      FAIRLEAD_CHECK(add_image(parts, where, block));
    } else if (type == "document") {
      FAIRLEAD_CHECK(add_document(parts, where, block));
    } else if (type == "tool_result") {
      FAIRLEAD_CHECK(add_tool_result(messages, parts, where, block));
    } else {
      return unsupported_value(where + ".type", "a user's blocks are text, image, document and tool_result");
    }
  }
  if (!parts.empty()) messages.add("user", parts);
  return {};
}

Result<void> add_tool_use(std::string& calls, const std::string& param, Object block) {
  FAIRLEAD_TRY(const std::string_view id, required_text(param, block, "id"));
  FAIRLEAD_TRY(const std::string_view name, required_text(param, block, "name"));
  std::string arguments = "{}";
  if (const auto input = find(block, "input")) {
    FAIRLEAD_TRY(const Object object, object_of(param + ".input", *input));
    arguments = simdjson::minify(object);
  }
  calls += calls.empty() ? "[" : ",";
  ObjectWriter call(calls);
  call.text("id", id);
  call.text("type", "function");
  ObjectWriter function(call.member("function"));
  function.text("name", name);
  function.text("arguments", arguments);
  function.end();
  call.end();
  return {};
}

Result<void> add_assistant(Messages& messages, const std::string& param, Array blocks) {
  Parts parts;
  std::string calls;
  std::size_t i = 0;
  for (const Element one : blocks) {
    const std::string where = fmt::format("{}.content[{}]", param, i++);
    FAIRLEAD_TRY(const Object block, object_of(where, one));
    FAIRLEAD_TRY(const std::string_view type, required_text(where, block, "type"));
    if (type == "text") {
      FAIRLEAD_TRY(const std::string_view text, required_text(where, block, "text"));
      parts.text(text);
    } else if (type == "tool_use") {
      FAIRLEAD_CHECK(add_tool_use(calls, where, block));
    } else if (type != "thinking" && type != "redacted_thinking") {  // those are of use to who wrote them only
      return unsupported_value(where + ".type", "an assistant's blocks are text, tool_use and thinking");
    }
  }
  if (parts.empty() && calls.empty()) return {};
  ObjectWriter out = messages.begin("assistant");
  if (!parts.empty()) parts.append_to(out.member("content"));
  if (!calls.empty()) out.raw("tool_calls", calls + "]");
  out.end();
  return {};
}

Result<void> add_system(Messages& messages, Element system) {
  Parts parts;
  if (system.is_string()) {
    parts.text(system.get_string().value_unsafe());
  } else {
    FAIRLEAD_TRY(const Array blocks, array_of("system", system));
    std::size_t i = 0;
    for (const Element one : blocks) {
      const std::string where = fmt::format("system[{}]", i++);
      FAIRLEAD_TRY(const Object block, object_of(where, one));
      FAIRLEAD_TRY(const std::string_view text, required_text(where, block, "text"));
      parts.text(text);
    }
  }
  if (!parts.empty()) messages.add("system", parts);
  return {};
}

Result<void> add_messages(Messages& messages, Element value) {
  FAIRLEAD_TRY(const Array list, array_of("messages", value));
  std::size_t i = 0;
  for (const Element one : list) {
    const std::string param = fmt::format("messages[{}]", i++);
    FAIRLEAD_TRY(const Object message, object_of(param, one));
    FAIRLEAD_TRY(const std::string_view role, required_text(param, message, "role"));
    if (role != "user" && role != "assistant") return invalid_value(param + ".role", "it must be user or assistant");
    const std::optional<Element> content = find(message, "content");
    if (!content) return missing(param + ".content");
    if (content->is_string()) {
      Parts parts;
      parts.text(content->get_string().value_unsafe());
      messages.add(role, parts);
    } else if (content->is_array()) {
      const Array blocks = content->get_array().value_unsafe();
      FAIRLEAD_CHECK(role == "user" ? add_user(messages, param, blocks) : add_assistant(messages, param, blocks));
    } else {
      return wrong_type(param + ".content", "a string or an array of blocks", *content);
    }
  }
  return {};
}

Result<void> add_tools(ObjectWriter& out, Element value) {
  FAIRLEAD_TRY(const Array tools, array_of("tools", value));
  std::string text;
  std::size_t i = 0;
  for (const Element one : tools) {
    const std::string param = fmt::format("tools[{}]", i++);
    FAIRLEAD_TRY(const Object tool, object_of(param, one));
    if (const std::string_view type = text_at(tool, "type"); !type.empty() && type != "custom")
      return unsupported_value(param + ".type", "it has no tools of Anthropic's own");
    FAIRLEAD_TRY(const std::string_view name, required_text(param, tool, "name"));
    text += text.empty() ? "[" : ",";
    ObjectWriter wrapped(text);
    wrapped.text("type", "function");
    ObjectWriter function(wrapped.member("function"));
    function.text("name", name);
    for (const auto& [key, member] : tool) {
      const std::string where = fmt::format("{}.{}", param, key);
      if (key == "name" || key == "type" || key == "cache_control" || member.is_null()) continue;
      if (key == "description") {
        FAIRLEAD_TRY(const std::string_view description, text_of(where, member));
        function.text("description", description);
      } else if (key == "input_schema") {
        FAIRLEAD_TRY(const Object schema, object_of(where, member));
        function.raw("parameters", simdjson::minify(schema));
      } else if (key == "strict") {
        FAIRLEAD_TRY(const bool strict, flag_of(where, member));
        function.raw("strict", strict ? "true" : "false");
      } else {
        return unsupported_parameter(where, "a tool has a name, a description and a schema");
      }
    }
    function.end();
    wrapped.end();
  }
  if (!text.empty()) out.raw("tools", text + "]");
  return {};
}

Result<void> add_tool_choice(ObjectWriter& out, Element value) {
  FAIRLEAD_TRY(const Object choice, object_of("tool_choice", value));
  FAIRLEAD_TRY(const std::string_view type, required_text("tool_choice", choice, "type"));
  if (type == "auto" || type == "none") {
    out.text("tool_choice", type);
  } else if (type == "any") {
    out.text("tool_choice", "required");
  } else if (type == "tool") {
    FAIRLEAD_TRY(const std::string_view name, required_text("tool_choice", choice, "name"));
    out.raw("tool_choice", fmt::format(R"({{"type":"function","function":{{"name":{}}}}})", json::quoted(name)));
  } else {
    return invalid_value("tool_choice.type", "it must be auto, any, tool or none");
  }
  if (const auto one_at_a_time = find(choice, "disable_parallel_tool_use")) {
    FAIRLEAD_TRY(const bool disabled, flag_of("tool_choice.disable_parallel_tool_use", *one_at_a_time));
    if (disabled) out.raw("parallel_tool_calls", "false");
  }
  return {};
}

// What `thinking` asks for, in the words of a chat; empty: nothing.
Result<std::string_view> effort_of(Element value) {
  FAIRLEAD_TRY(const Object thinking, object_of("thinking", value));
  FAIRLEAD_TRY(const std::string_view type, required_text("thinking", thinking, "type"));
  if (type == "disabled" || type == "adaptive") return std::string_view();
  if (type != "enabled") return invalid_value("thinking.type", "it must be enabled, adaptive or disabled");
  const auto given = find(thinking, "budget_tokens");
  if (!given) return missing("thinking.budget_tokens");
  FAIRLEAD_TRY(const std::int64_t budget, integer_of("thinking.budget_tokens", *given, 1, INT32_MAX));
  if (budget <= 4096) return std::string_view("low");
  return std::string_view(budget <= 16384 ? "medium" : "high");
}

Result<std::string> add_output_config(ObjectWriter& out, Element value) {
  FAIRLEAD_TRY(const Object config, object_of("output_config", value));
  std::string effort;
  for (const auto& [key, member] : config) {
    if (member.is_null()) continue;
    if (key == "effort") {
      FAIRLEAD_TRY(effort, text_of("output_config.effort", member));
    } else if (key == "format") {
      FAIRLEAD_TRY(const Object format, object_of("output_config.format", member));
      const auto schema = find(format, "schema");
      if (text_at(format, "type") != "json_schema" || !schema || !schema->is_object())
        return invalid_value("output_config.format", "it must be {\"type\": \"json_schema\", \"schema\": {…}}");
      out.raw("response_format",
              fmt::format(R"({{"type":"json_schema","json_schema":{{"name":"answer","strict":true,"schema":{}}}}})",
                          simdjson::minify(*schema)));
    } else {
      return unsupported_parameter(fmt::format("output_config.{}", key), "a chat has no such thing");
    }
  }
  return effort;
}

Result<void> add_stops(ObjectWriter& out, Element value) {
  FAIRLEAD_TRY(const Array stops, array_of("stop_sequences", value));
  std::size_t i = 0;
  for (const Element one : stops) FAIRLEAD_CHECK(text_of(fmt::format("stop_sequences[{}]", i++), one));
  if (i > kMaxStops) return unsupported_value("stop_sequences", "a chat takes four at most");
  if (i > 0) out.raw("stop", simdjson::minify(stops));
  return {};
}

Result<void> add_metadata(ObjectWriter& out, Element value) {
  FAIRLEAD_TRY(const Object metadata, object_of("metadata", value));
  for (const auto& [key, member] : metadata) {
    if (key != "user_id") return unsupported_parameter(fmt::format("metadata.{}", key), "only user_id is known");
    if (member.is_null()) continue;
    FAIRLEAD_TRY(const std::string_view user, text_of("metadata.user_id", member));
    out.text("user", user);
  }
  return {};
}

Result<void> add_service_tier(ObjectWriter& out, Element value) {
  FAIRLEAD_TRY(const std::string_view tier, text_of("service_tier", value));
  if (tier != "auto" && tier != "standard_only")
    return invalid_value("service_tier", "it must be auto or standard_only");
  out.text("service_tier", tier == "auto" ? "auto" : "default");
  return {};
}

}  // namespace

Result<std::string> chat_of_messages(const llm::RequestBody& body) {
  std::string text;
  ObjectWriter out(text);
  Messages messages;
  std::string effort;
  if (const llm::Member* const system = body.member("system"); system && system->json != "null") {
    FAIRLEAD_TRY(const Document document, Document::parse(system->json));
    FAIRLEAD_CHECK(add_system(messages, document.root()));
  }
  for (const llm::Member& member : body.members) {
    const std::string_view name = member.name;
    if (member.json == "null" || name == "system" || name == "cache_control") continue;
    if (name == "model" || name == "fairlead" || name == "stream" || name == "temperature" || name == "top_p" ||
        name == "top_k") {
      out.raw(name, member.json);
      continue;
    }
    FAIRLEAD_TRY(const Document document, Document::parse(member.json));
    const Element value = document.root();
    if (name == "messages") {
      FAIRLEAD_CHECK(add_messages(messages, value));
    } else if (name == "max_tokens") {
      out.raw("max_completion_tokens", member.json);
    } else if (name == "stop_sequences") {
      FAIRLEAD_CHECK(add_stops(out, value));
    } else if (name == "tools") {
      FAIRLEAD_CHECK(add_tools(out, value));
    } else if (name == "tool_choice") {
      FAIRLEAD_CHECK(add_tool_choice(out, value));
    } else if (name == "thinking") {
      FAIRLEAD_TRY(const std::string_view asked, effort_of(value));
      if (effort.empty()) effort = asked;
    } else if (name == "output_config") {
      FAIRLEAD_TRY(std::string asked, add_output_config(out, value));
      if (!asked.empty()) effort = std::move(asked);
    } else if (name == "metadata") {
      FAIRLEAD_CHECK(add_metadata(out, value));
    } else if (name == "service_tier") {
      FAIRLEAD_CHECK(add_service_tier(out, value));
    } else {
      return unsupported_parameter(name, "a chat has no such thing");
    }
  }
  if (!effort.empty()) out.text("reasoning_effort", effort);
  out.raw("messages", std::move(messages).finish());
  out.end();
  return text;
}

}  // namespace fairlead::gateway
