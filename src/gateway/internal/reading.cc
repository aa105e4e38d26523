#include "gateway/internal/reading.h"

#include <fmt/format.h>

#include "platform/json/text.h"

namespace fairlead::gateway::internal {
namespace {

namespace dom = simdjson::dom;

std::string_view type_name(Element value) {
  switch (value.type()) {
    case dom::element_type::ARRAY:
      return "an array";
    case dom::element_type::OBJECT:
      return "an object";
    case dom::element_type::INT64:
    case dom::element_type::UINT64:
      return "an integer";
    case dom::element_type::DOUBLE:
      return "a decimal";
    case dom::element_type::STRING:
      return "a string";
    case dom::element_type::BOOL:
      return "a boolean";
    case dom::element_type::NULL_VALUE:
      return "null";
  }
  return "something else";
}

// A client's own names can be part of a path: not more of them than a person would read.
std::string shown(std::string_view param) {
  constexpr std::size_t kShown = 160;
  if (param.size() <= kShown) return std::string(param);
  param = param.substr(0, kShown);
  return std::string(param.substr(0, json::valid_utf8_prefix(param))) + "…";
}

}  // namespace

std::unexpected<Error> missing(std::string_view param) {
  return fail(ErrorKind::kInvalid, "missing_required_parameter",
              fmt::format("Missing required parameter: '{}'.", shown(param)), shown(param));
}

std::unexpected<Error> wrong_type(std::string_view param, std::string_view expected, Element got) {
  return fail(
      ErrorKind::kInvalid, "invalid_type",
      fmt::format("Invalid type for '{}': expected {}, but got {} instead.", shown(param), expected, type_name(got)),
      shown(param));
}

std::unexpected<Error> invalid_value(std::string_view param, std::string_view why) {
  return fail(ErrorKind::kInvalid, "invalid_value", fmt::format("Invalid '{}': {}.", shown(param), why), shown(param));
}

std::unexpected<Error> unsupported_parameter(std::string_view param, std::string_view why) {
  return fail(ErrorKind::kUnsupported, "unsupported_parameter",
              fmt::format("Unsupported parameter: '{}' cannot be passed on to this model: {}.", shown(param), why),
              shown(param));
}

std::unexpected<Error> unsupported_value(std::string_view param, std::string_view why) {
  return fail(ErrorKind::kUnsupported, "unsupported_value",
              fmt::format("Unsupported value: '{}' cannot be passed on to this model: {}.", shown(param), why),
              shown(param));
}

Result<std::string_view> text_of(std::string_view param, Element value) {
  if (!value.is_string()) return wrong_type(param, "a string", value);
  return value.get_string().value_unsafe();
}

Result<Object> object_of(std::string_view param, Element value) {
  if (!value.is_object()) return wrong_type(param, "an object", value);
  return value.get_object().value_unsafe();
}

Result<Array> array_of(std::string_view param, Element value) {
  if (!value.is_array()) return wrong_type(param, "an array", value);
  return value.get_array().value_unsafe();
}

Result<bool> flag_of(std::string_view param, Element value) {
  if (!value.is_bool()) return wrong_type(param, "a boolean", value);
  return value.get_bool().value_unsafe();
}

Result<std::int64_t> integer_of(std::string_view param, Element value, std::int64_t low, std::int64_t high) {
  std::int64_t number = 0;
  if (value.get_int64().get(number)) return wrong_type(param, "an integer", value);
  if (number < low || number > high)
    return invalid_value(param, fmt::format("expected a value from {} to {}, but got {}", low, high, number));
  return number;
}

std::optional<Element> find(Object object, std::string_view name) {
  Element value;
  if (object.at_key(name).get(value) || value.is_null()) return std::nullopt;
  return value;
}

Result<std::string_view> required_text(std::string_view param, Object object, std::string_view name) {
  const std::string whole = fmt::format("{}.{}", param, name);
  const std::optional<Element> value = find(object, name);
  if (!value) return missing(whole);
  return text_of(whole, *value);
}

std::string_view text_at(Object object, std::string_view name) {
  std::string_view text;
  return object.at_key(name).get_string().get(text) ? std::string_view() : text;
}

Result<Document> Document::parse(std::string_view json) {
  Document out;
  if (out.parser_->parse(json.data(), json.size()).get(out.root_))
    return fail(ErrorKind::kInvalid, "invalid_json", "We could not parse the JSON body of your request.");
  return out;
}

std::string& ObjectWriter::member(std::string_view name) {
  if (!first_) out_ += ',';
  first_ = false;
  json::append_string(out_, name);
  out_ += ':';
  return out_;
}

void ObjectWriter::text(std::string_view name, std::string_view value) {
  json::append_string(member(name), value);
}

}  // namespace fairlead::gateway::internal
