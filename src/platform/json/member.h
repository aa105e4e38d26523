// Members of JSON objects: their text, and their place in a pointer.
#pragma once
#include <boost/json/object.hpp>
#include <string>
#include <string_view>

namespace fairlead::json {

// The member if it is a string, else empty.
inline std::string text_member(const boost::json::object& object, std::string_view name) {
  const boost::json::value* const value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string(value->get_string()) : std::string();
}

// A name as a token of a JSON pointer (RFC 6901): `/` is "~1", `~` is "~0".
inline std::string pointer_token(std::string_view name) {
  std::string out;
  for (const char c : name) out += c == '~' ? std::string("~0") : c == '/' ? std::string("~1") : std::string(1, c);
  return out;
}

}  // namespace fairlead::json
