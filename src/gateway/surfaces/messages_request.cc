#include "gateway/surfaces/messages_request.h"

#include <fmt/format.h>

#include "gateway/internal/reading.h"
#include "gateway/surfaces/messages_conversation.h"
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

constexpr std::size_t kMaxStops = 4;  // the chat's own bound

Result<void> add_message_tools(ObjectWriter& out, Element value) {
  FAIRLEAD_TRY(const Array tools, array_of("tools", value));
  std::string text;
  std::size_t i = 0;
  for (const Element one : tools) {
    const std::string param = fmt::format("tools[{}]", i++);
    FAIRLEAD_TRY(const Object tool, object_of(param, one));
    if (const std::string_view type = text_at(tool, "type"); !type.empty() && type != "custom")
      return unsupported_value(param + ".type", "it has no tools of Anthropic's own");
    FAIRLEAD_TRY(const std::string_view name, required_text(param, tool, "name"));
    if (!find(tool, "input_schema")) return missing(param + ".input_schema");
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

Result<void> add_message_tool_choice(ObjectWriter& out, Element value) {
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
  FAIRLEAD_TRY(const std::int64_t budget, integer_of("thinking.budget_tokens", *given, 1024, INT32_MAX));
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
  std::string effort;
  FAIRLEAD_TRY(const std::string messages, chat_messages_of(body));
  for (const llm::Member& member : body.members) {
    const std::string_view name = member.name;
    if (member.json == "null" || name == "system" || name == "messages" || name == "cache_control") continue;
    if (name == "model" || name == "fairlead" || name == "stream" || name == "top_p") {
      out.raw(name, member.json);
      continue;
    }
    FAIRLEAD_TRY(const Document document, Document::parse(member.json));
    const Element value = document.root();
    if (name == "temperature") {
      if (value.is_number() && value.get_double().value_unsafe() > 1)
        return invalid_value("temperature", "it must be from 0 to 1");
      out.raw(name, member.json);
    } else if (name == "top_k") {
      FAIRLEAD_CHECK(integer_of("top_k", value, 0, INT32_MAX));
      out.raw(name, member.json);
    } else if (name == "max_tokens") {
      out.raw("max_completion_tokens", member.json);
    } else if (name == "stop_sequences") {
      FAIRLEAD_CHECK(add_stops(out, value));
    } else if (name == "tools") {
      FAIRLEAD_CHECK(add_message_tools(out, value));
    } else if (name == "tool_choice") {
      FAIRLEAD_CHECK(add_message_tool_choice(out, value));
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
  out.raw("messages", messages);
  out.end();
  return text;
}

}  // namespace fairlead::gateway
