#include "llm/internal/chat_checks.h"

#include <fmt/format.h>

#include <array>
#include <initializer_list>
#include <optional>

#include "llm/request_body.h"

namespace fairlead::llm::internal {
namespace {

namespace dom = simdjson::dom;
using Type = dom::element_type;

// The place of a value in a request, `messages[0].content` for example: a text only where an error has to say it. Its
// parents outlive it.
class Place {
 public:
  Place(std::string_view name) : name_(name) {}
  Place(const char* name) : name_(name) {}
  Place in(std::string_view member) const { return Place(this, member, kNone); }
  Place at(std::size_t index) const { return Place(this, {}, index); }
  std::string text() const {
    if (parent_ == nullptr) return std::string(name_);
    return index_ == kNone ? fmt::format("{}.{}", parent_->text(), name_)
                           : fmt::format("{}[{}]", parent_->text(), index_);
  }

 private:
  static constexpr std::size_t kNone = std::string_view::npos;
  Place(const Place* parent, std::string_view name, std::size_t index) : parent_(parent), name_(name), index_(index) {}
  const Place* parent_ = nullptr;
  std::string_view name_;
  std::size_t index_ = kNone;
};

std::unexpected<Error> invalid(std::string_view code, std::string message, const Place& param) {
  return fail(ErrorKind::kInvalid, std::string(code), std::move(message), param.text());
}

std::unexpected<Error> wrong_type(const Place& param, std::string_view expected, dom::element got) {
  return internal::wrong_type(param.text(), expected, got);
}

std::unexpected<Error> missing(const Place& param) {
  return invalid("missing_required_parameter", fmt::format("Missing required parameter: '{}'.", param.text()), param);
}

std::string quoted_list(std::initializer_list<std::string_view> values) {
  std::string out;
  for (const std::string_view value : values) {
    if (!out.empty()) out += value == *(values.end() - 1) ? ", and " : ", ";
    out += fmt::format("'{}'", value);
  }
  return out;
}

// What a client sent may hold anything, a pasted key too: only short words are repeated back.
std::string shown(std::string_view value) {
  return value.size() <= 32 && value.find_first_of("-_ \n") == std::string_view::npos ? fmt::format(": '{}'", value)
                                                                                      : "";
}

Result<void> check_string(const Place& param, dom::element value) {
  if (!value.is_string()) return wrong_type(param, "a string", value);
  return {};
}

Result<void> check_boolean(const Place& param, dom::element value) {
  if (!value.is_bool()) return wrong_type(param, "a boolean", value);
  return {};
}

Result<void> check_object(const Place& param, dom::element value) {
  if (!value.is_object()) return wrong_type(param, "an object", value);
  return {};
}

Result<void> check_one_of(const Place& param, dom::element value, std::initializer_list<std::string_view> allowed) {
  FAIRLEAD_CHECK(check_string(param, value));
  const std::string_view text = value.get_string().value_unsafe();
  for (const std::string_view one : allowed)
    if (text == one) return {};
  return invalid("invalid_value",
                 fmt::format("Invalid value{}. Supported values are: {}.", shown(text), quoted_list(allowed)), param);
}

Result<void> check_decimal(const Place& param, dom::element value, double low, double high) {
  if (!value.is_number()) return wrong_type(param, "a decimal", value);
  const double number = value.get_double().value_unsafe();
  if (number < low)
    return invalid("decimal_below_min_value",
                   fmt::format("Invalid '{}': decimal below minimum value. Expected a value >= {}, but got {} instead.",
                               param.text(), low, number),
                   param);
  if (number > high)
    return invalid("decimal_above_max_value",
                   fmt::format("Invalid '{}': decimal above maximum value. Expected a value <= {}, but got {} instead.",
                               param.text(), high, number),
                   param);
  return {};
}

Result<void> check_integer(const Place& param, dom::element value, std::int64_t low, std::int64_t high) {
  if (!value.is_int64()) {
    if (value.is_uint64()) {
      return invalid(
          "integer_above_max_value",
          fmt::format("Invalid '{}': integer above maximum value. Expected a value <= {}.", param.text(), high), param);
    }
    return wrong_type(param, "an integer", value);
  }
  const std::int64_t number = value.get_int64().value_unsafe();
  if (number < low)
    return invalid("integer_below_min_value",
                   fmt::format("Invalid '{}': integer below minimum value. Expected a value >= {}, but got {} instead.",
                               param.text(), low, number),
                   param);
  if (number > high)
    return invalid("integer_above_max_value",
                   fmt::format("Invalid '{}': integer above maximum value. Expected a value <= {}, but got {} instead.",
                               param.text(), high, number),
                   param);
  return {};
}

Result<void> check_required_string(const Place& param, dom::object object, std::string_view name) {
  dom::element value;
  const Place whole = param.in(name);
  if (object.at_key(name).get(value)) return missing(whole);
  return check_string(whole, value);
}

Result<void> check_part(const Place& param, dom::element part) {
  FAIRLEAD_CHECK(check_object(param, part));
  const dom::object object = part.get_object().value_unsafe();
  dom::element type;
  if (object.at_key("type").get(type)) return missing(param.in("type"));
  FAIRLEAD_CHECK(check_one_of(param.in("type"), type,
                              {"text", "image_url", "input_audio", "file", "refusal", "video_url", "audio_url"}));
  const std::string_view name = type.get_string().value_unsafe();
  if (name == "text" || name == "refusal") return check_required_string(param, object, name);
  dom::element body;
  if (object.at_key(name).get(body)) return missing(param.in(name));
  const Place inner = param.in(name);
  FAIRLEAD_CHECK(check_object(inner, body));
  if (name == "image_url") return check_required_string(inner, body.get_object().value_unsafe(), "url");
  if (name == "input_audio") {
    FAIRLEAD_CHECK(check_required_string(inner, body.get_object().value_unsafe(), "data"));
    return check_required_string(inner, body.get_object().value_unsafe(), "format");
  }
  return {};
}

Result<void> check_content(const Place& param, dom::element content) {
  if (content.is_string()) return {};
  if (!content.is_array())
    return invalid(
        "invalid_type",
        fmt::format("Invalid type for '{}': expected one of a string or array of objects, but got {} instead.",
                    param.text(), type_name(content)),
        param);
  std::size_t i = 0;
  for (const dom::element part : array_of(content)) FAIRLEAD_CHECK(check_part(param.at(i++), part));
  if (i == 0)
    return invalid("empty_array",
                   fmt::format("Invalid '{}': empty array. Expected an array with minimum length 1.", param.text()),
                   param);
  return {};
}

Result<void> check_tool_calls(const Place& param, dom::element calls) {
  if (!calls.is_array()) return wrong_type(param, "an array of objects", calls);
  std::size_t i = 0;
  for (const dom::element call : array_of(calls)) {
    const Place one = param.at(i++);
    FAIRLEAD_CHECK(check_object(one, call));
    const dom::object object = call.get_object().value_unsafe();
    FAIRLEAD_CHECK(check_required_string(one, object, "id"));
    dom::element type;
    if (object.at_key("type").get(type)) return missing(one.in("type"));
    FAIRLEAD_CHECK(check_one_of(one.in("type"), type, {"function", "custom"}));
    const std::string_view kind = type.get_string().value_unsafe();
    dom::element body;
    if (object.at_key(kind).get(body)) return missing(one.in(kind));
    const Place inner = one.in(kind);
    FAIRLEAD_CHECK(check_object(inner, body));
    FAIRLEAD_CHECK(check_required_string(inner, body.get_object().value_unsafe(), "name"));
    FAIRLEAD_CHECK(
        check_required_string(inner, body.get_object().value_unsafe(), kind == "function" ? "arguments" : "input"));
  }
  return {};
}

Result<void> check_message(const Place& param, dom::element message) {
  FAIRLEAD_CHECK(check_object(param, message));
  const dom::object object = message.get_object().value_unsafe();
  // The first of a name, as everywhere.
  std::optional<dom::element> role, content, tool_calls, called;
  for (const dom::key_value_pair member : object) {
    std::optional<dom::element>* const into = member.key == "role"         ? &role
                                              : member.key == "content"    ? &content
                                              : member.key == "tool_calls" ? &tool_calls
                                              : member.key == "name"       ? &called
                                                                           : nullptr;
    if (into != nullptr && !*into) *into = member.value;
  }
  if (!role) return missing(param.in("role"));
  FAIRLEAD_CHECK(
      check_one_of(param.in("role"), *role, {"system", "developer", "user", "assistant", "tool", "function"}));
  const std::string_view name = role->get_string().value_unsafe();

  const bool has_content = content && !content->is_null();
  const bool has_tool_calls = tool_calls && !tool_calls->is_null();
  if (has_content) FAIRLEAD_CHECK(check_content(param.in("content"), *content));
  if (has_tool_calls) FAIRLEAD_CHECK(check_tool_calls(param.in("tool_calls"), *tool_calls));
  if (name == "assistant") {
    const auto present = [&](std::string_view member) {
      dom::element other;
      return !object.at_key(member).get(other) && !other.is_null();
    };
    if (!has_content && !has_tool_calls && !present("function_call") && !present("refusal") && !present("audio"))
      return missing(param.in("content"));
  } else if (!has_content && name != "function") {
    if (content) return wrong_type(param.in("content"), "a string or array of objects", *content);
    return missing(param.in("content"));
  }
  if (name == "tool") FAIRLEAD_CHECK(check_required_string(param, object, "tool_call_id"));
  if (called && !called->is_null()) FAIRLEAD_CHECK(check_string(param.in("name"), *called));
  return {};
}

Result<void> check_messages(const Place& param, dom::element messages) {
  if (!messages.is_array()) return wrong_type(param, "an array of objects", messages);
  std::size_t i = 0;
  for (const dom::element message : array_of(messages)) FAIRLEAD_CHECK(check_message(param.at(i++), message));
  return {};
}

Result<void> check_stop(const Place& param, dom::element stop) {
  if (stop.is_string()) return {};
  if (!stop.is_array()) return wrong_type(param, "a string or an array of strings", stop);
  std::size_t i = 0;
  for (const dom::element one : array_of(stop)) FAIRLEAD_CHECK(check_string(param.at(i++), one));
  if (i > 4)
    return invalid(
        "array_above_max_length",
        fmt::format("Invalid '{}': array too long. Expected an array with maximum length 4, but got an array with "
                    "length {} instead.",
                    param.text(), i),
        param);
  return {};
}

bool is_name(std::string_view name) {
  if (name.empty() || name.size() > 64) return false;
  for (const char c : name)
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-'))
      return false;
  return true;
}

// `name` of a function or a schema, which is there and a string.
Result<void> check_name(const Place& param, dom::object named) {
  if (is_name(named.at_key("name").get_string().value_unsafe())) return {};
  return invalid("invalid_value",
                 fmt::format("Invalid '{}.name': string does not match pattern. Expected a string that matches the "
                             "pattern '^[a-zA-Z0-9_-]{{1,64}}$'.",
                             param.text()),
                 param.in("name"));
}

Result<void> check_tools(const Place& param, dom::element tools) {
  if (!tools.is_array()) return wrong_type(param, "an array of objects", tools);
  std::size_t i = 0;
  for (const dom::element tool : array_of(tools)) {
    const Place one = param.at(i++);
    FAIRLEAD_CHECK(check_object(one, tool));
    const dom::object object = tool.get_object().value_unsafe();
    dom::element type, body, member;
    if (object.at_key("type").get(type)) return missing(one.in("type"));
    FAIRLEAD_CHECK(check_one_of(one.in("type"), type, {"function", "custom"}));
    const std::string_view kind = type.get_string().value_unsafe();
    const Place inner = one.in(kind);
    if (object.at_key(kind).get(body)) return missing(inner);
    FAIRLEAD_CHECK(check_object(inner, body));
    const dom::object function = body.get_object().value_unsafe();
    FAIRLEAD_CHECK(check_required_string(inner, function, "name"));
    FAIRLEAD_CHECK(check_name(inner, function));
    if (!function.at_key("description").get(member) && !member.is_null())
      FAIRLEAD_CHECK(check_string(inner.in("description"), member));
    if (!function.at_key("parameters").get(member) && !member.is_null())
      FAIRLEAD_CHECK(check_object(inner.in("parameters"), member));
  }
  return {};
}

Result<void> check_tool_choice(const Place& param, dom::element choice) {
  if (choice.is_string()) return check_one_of(param, choice, {"none", "auto", "required"});
  if (!choice.is_object()) return wrong_type(param, "one of 'none', 'auto', 'required' or an object", choice);
  dom::element type;
  if (choice.get_object().value_unsafe().at_key("type").get(type)) return missing(param.in("type"));
  FAIRLEAD_CHECK(check_one_of(param.in("type"), type, {"function", "custom", "allowed_tools"}));
  const std::string_view kind = type.get_string().value_unsafe();
  const Place inner = param.in(kind);
  dom::element body;
  if (choice.get_object().value_unsafe().at_key(kind).get(body)) return missing(inner);
  FAIRLEAD_CHECK(check_object(inner, body));
  return kind == "allowed_tools" ? Result<void>()
                                 : check_required_string(inner, body.get_object().value_unsafe(), "name");
}

Result<void> check_response_format(const Place& param, dom::element format) {
  FAIRLEAD_CHECK(check_object(param, format));
  const dom::object object = format.get_object().value_unsafe();
  dom::element type, schema;
  if (object.at_key("type").get(type)) return missing(param.in("type"));
  FAIRLEAD_CHECK(check_one_of(param.in("type"), type, {"text", "json_object", "json_schema"}));
  if (type.get_string().value_unsafe() != std::string_view("json_schema")) return {};
  const Place inner = param.in("json_schema");
  if (object.at_key("json_schema").get(schema)) return missing(inner);
  FAIRLEAD_CHECK(check_object(inner, schema));
  FAIRLEAD_CHECK(check_required_string(inner, schema.get_object().value_unsafe(), "name"));
  FAIRLEAD_CHECK(check_name(inner, schema.get_object().value_unsafe()));
  dom::element body;
  if (!schema.get_object().value_unsafe().at_key("schema").get(body))
    FAIRLEAD_CHECK(check_object(inner.in("schema"), body));
  return {};
}

Result<void> check_logit_bias(const Place& param, dom::element bias) {
  FAIRLEAD_CHECK(check_object(param, bias));
  for (const dom::key_value_pair entry : object_of(bias))
    FAIRLEAD_CHECK(check_decimal(param.in(entry.key.substr(0, 16)), entry.value, -100, 100));
  return {};
}

Result<void> check_stream_options(const Place& param, dom::element options) {
  FAIRLEAD_CHECK(check_object(param, options));
  dom::element value;
  if (!options.get_object().value_unsafe().at_key("include_usage").get(value) && !value.is_null())
    return check_boolean(param.in("include_usage"), value);
  return {};
}

Result<void> check_modalities(const Place& param, dom::element modalities) {
  if (!modalities.is_array()) return wrong_type(param, "an array of strings", modalities);
  std::size_t i = 0;
  for (const dom::element one : array_of(modalities))
    FAIRLEAD_CHECK(check_one_of(param.at(i++), one, {"text", "audio"}));
  return {};
}

constexpr std::int64_t kMaxInt = INT32_MAX;

struct Check {
  std::string_view name;
  bool nullable;
  Result<void> (*check)(const Place&, dom::element);
};

constexpr std::array kChecks = {
    Check{"model", false, check_string},
    Check{"messages", false, check_messages},
    Check{"temperature", true, [](const Place& p, dom::element v) { return check_decimal(p, v, 0, 2); }},
    Check{"top_p", true, [](const Place& p, dom::element v) { return check_decimal(p, v, 0, 1); }},
    Check{"presence_penalty", true, [](const Place& p, dom::element v) { return check_decimal(p, v, -2, 2); }},
    Check{"frequency_penalty", true, [](const Place& p, dom::element v) { return check_decimal(p, v, -2, 2); }},
    Check{"n", true, [](const Place& p, dom::element v) { return check_integer(p, v, 1, 128); }},
    Check{"max_tokens", true, [](const Place& p, dom::element v) { return check_integer(p, v, 1, kMaxInt); }},
    Check{"max_completion_tokens", true,
          [](const Place& p, dom::element v) { return check_integer(p, v, 1, kMaxInt); }},
    Check{"top_logprobs", true, [](const Place& p, dom::element v) { return check_integer(p, v, 0, 20); }},
    Check{"seed", true, [](const Place& p, dom::element v) { return check_integer(p, v, INT64_MIN, INT64_MAX); }},
    Check{"stream", true, check_boolean},
    Check{"logprobs", true, check_boolean},
    Check{"store", true, check_boolean},
    Check{"parallel_tool_calls", false, check_boolean},
    Check{"user", false, check_string},
    Check{"service_tier", true, check_string},
    Check{"reasoning_effort", true, check_string},
    Check{"metadata", true, [](const Place&, dom::element v) { return check_metadata(v); }},
    Check{"modalities", true, check_modalities},
    Check{"stream_options", true, check_stream_options},
    Check{"stop", true, check_stop},
    Check{"tools", false, check_tools},
    Check{"tool_choice", false, check_tool_choice},
    Check{"response_format", false, check_response_format},
    Check{"logit_bias", true, check_logit_bias},
    Check{"fairlead", false, check_object},
};

}  // namespace

std::string_view type_name(dom::element value) {
  switch (value.type()) {
    case Type::ARRAY:
      return "an array";
    case Type::OBJECT:
      return "an object";
    case Type::INT64:
    case Type::UINT64:
      return "an integer";
    case Type::DOUBLE:
      return "a decimal";
    case Type::STRING:
      return "a string";
    case Type::BOOL:
      return "a boolean";
    case Type::NULL_VALUE:
      return "null";
  }
  return "something else";
}

std::unexpected<Error> wrong_type(std::string_view param, std::string_view expected, dom::element got) {
  return invalid(
      "invalid_type",
      fmt::format("Invalid type for '{}': expected {}, but got {} instead.", param, expected, type_name(got)), param);
}

Result<void> check_member(std::string_view name, dom::element value) {
  for (const Check& check : kChecks) {
    if (check.name != name) continue;
    if (check.nullable && value.is_null()) return {};
    return check.check(name, value);
  }
  return {};
}

Result<void> check_together(dom::object request) {
  dom::element value;
  if (request.at_key("model").get(value)) return missing("model");
  const auto is_true = [&](std::string_view name) {
    dom::element flag;
    return !request.at_key(name).get(flag) && flag.is_bool() && flag.get_bool().value_unsafe();
  };
  if (!request.at_key("stream_options").get(value) && !value.is_null() && !is_true("stream"))
    return invalid("invalid_value", "The 'stream_options' parameter is only allowed when 'stream' is enabled.",
                   "stream_options");
  if (!request.at_key("top_logprobs").get(value) && !value.is_null() && !is_true("logprobs"))
    return invalid("invalid_value", "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.",
                   "top_logprobs");
  return {};
}

}  // namespace fairlead::llm::internal
