// Error values in words.
#include "platform/expr/internal/functions.h"
#include "platform/expr/json.h"
#include "platform/json/text.h"

namespace fairlead::expr::internal {
namespace {

// A value in a message: short, and of user data no more than that.
std::string shown(Value value) {
  if (value.is(Kind::kList)) return "a list";
  if (value.is(Kind::kMap)) return "a map";
  std::string text = json::to_text(to_json(value));
  if (text.size() <= 60) return text;
  text.resize(json::valid_utf8_prefix(std::string_view(text).substr(0, 57)));
  return text + "…";
}

std::string type_text(Value type) {
  return Type(type.as_type()).text();
}

std::string no_such_key(Value key, Value map) {
  std::string out = "there is no key " + shown(key) + ".";
  if (map.size() > 0 && map.size() <= 12) {
    out += " There is ";
    for (std::size_t i = 0; i < map.size(); ++i) out += (i == 0 ? "" : ", ") + shown(map.key(i));
    out += ".";
  }
  return out + (key.is(Kind::kString) ? " has(map.key) asks before." : "");
}

}  // namespace

std::string message_of(Value error) {
  const ErrorDetail none{};
  const ErrorDetail& detail = error.error_detail() == nullptr ? none : *error.error_detail();
  const std::string text(detail.text);
  switch (error.error_code()) {
    case ErrorCode::kNoSuchOverload:
      if (detail.second.is(Kind::kType) && !(detail.second.as_type() == Kind::kNull))
        return "`" + text + "` has no meaning for " + type_text(detail.first) + " and " + type_text(detail.second) +
               ".";
      return "`" + text + "` has no meaning for " + type_text(detail.first) + ".";
    case ErrorCode::kNoSuchKey:
      return no_such_key(detail.first, detail.second);
    case ErrorCode::kNoValue:
      return "the variable `" + text + "` has no value.";
    case ErrorCode::kWrongType:
      return "the value is declared as " + type_text(detail.first) + " and is of type " +
             Type(detail.second.kind()).text() + ".";
    case ErrorCode::kOutOfBounds:
      return shown(detail.first) + " is out of bounds: the size is " + shown(detail.second) + ".";
    case ErrorCode::kDivisionByZero:
      return text == "%" ? "modulus by zero." : "division by zero.";
    case ErrorCode::kOverflow:
      return "the result of `" + text + "` is beyond the range of its type.";
    case ErrorCode::kRange:
      return shown(detail.first) + " is beyond the range of " + text + ".";
    case ErrorCode::kInvalidArgument:
      if (text.starts_with("a list's")) return text + ", not " + shown(detail.first) + ".";
      return shown(detail.first) + " is not " + text + ".";
    case ErrorCode::kDuplicateKey:
      return "the key " + shown(detail.first) + " is there twice.";
    case ErrorCode::kUnknownName:
      return "unknown name `" + text + "`.";
    case ErrorCode::kNotBool:
      return "`" + text + "` wants a bool, and this is of type " + Type(detail.first.kind()).text() + ".";
  }
  return "";
}

}  // namespace fairlead::expr::internal
