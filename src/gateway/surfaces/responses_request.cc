#include "gateway/surfaces/responses_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "gateway/internal/reading.h"
#include "gateway/surfaces/responses_conversation.h"
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
using internal::text_of;
using internal::unsupported_parameter;
using internal::unsupported_value;

Result<void> add_response_tools(ObjectWriter& out, Element value) {
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

Result<void> add_response_tool_choice(ObjectWriter& out, Element value) {
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
    return add_response_tools(out, value);
  } else if (name == "tool_choice") {
    return add_response_tool_choice(out, value);
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
  FAIRLEAD_TRY(const std::string messages, chat_messages_of(body, earlier));
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
  out.raw("messages", messages);
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
