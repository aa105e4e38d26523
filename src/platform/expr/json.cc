#include "platform/expr/json.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <cmath>
#include <string>

#include "platform/expr/internal/functions.h"

namespace fairlead::expr {
namespace {

std::string base64(std::string_view bytes) {
  static constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  for (std::size_t at = 0; at < bytes.size(); at += 3) {
    std::uint32_t three = 0;
    for (std::size_t i = 0; i < 3; ++i)
      three = three << 8 | (at + i < bytes.size() ? static_cast<unsigned char>(bytes[at + i]) : 0U);
    for (std::size_t i = 0; i < 4; ++i)
      out.push_back(at + i > bytes.size() ? '=' : kDigits[three >> (18 - 6 * i) & 63]);
  }
  return out;
}

std::string key_text(Value key) {
  switch (key.kind()) {
    case Kind::kBool:
      return key.as_bool() ? "true" : "false";
    case Kind::kInt:
      return std::to_string(key.as_int());
    case Kind::kUint:
      return std::to_string(key.as_uint());
    default:
      return std::string(key.as_text());
  }
}

}  // namespace

boost::json::value to_json(Value value) {
  switch (value.kind()) {
    case Kind::kNull:
    case Kind::kError:
      return nullptr;
    case Kind::kBool:
      return value.as_bool();
    case Kind::kInt:
      return value.as_int();
    case Kind::kUint:
      return value.as_uint();
    case Kind::kDouble:
      if (std::isnan(value.as_double())) return "NaN";
      if (std::isinf(value.as_double())) return value.as_double() > 0 ? "Infinity" : "-Infinity";
      return value.as_double();
    case Kind::kString:
      return boost::json::string(value.as_text());
    case Kind::kBytes:
      return boost::json::string(base64(value.as_text()));
    case Kind::kTimestamp:
      return boost::json::string(internal::timestamp_text(value));
    case Kind::kDuration:
      return boost::json::string(internal::duration_text(value));
    case Kind::kType:
      return boost::json::string(kind_name(value.as_type()));
    case Kind::kList: {
      boost::json::array out;
      for (std::size_t i = 0; i < value.size(); ++i) out.push_back(to_json(value.item(i)));
      return out;
    }
    case Kind::kMap:
      break;
  }
  boost::json::object out;
  for (std::size_t i = 0; i < value.size(); ++i) out[key_text(value.key(i))] = to_json(value.entry_value(i));
  return out;
}

}  // namespace fairlead::expr
