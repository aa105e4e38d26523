// Members of answers that are kept.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/value.hpp>
#include <string_view>

namespace fairlead::gateway::cache {
namespace bj = boost::json;

// Null or empty where there is none of that type; they live with the object.
inline const bj::object* object_at(const bj::object& object, std::string_view name) {
  const bj::value* const value = object.if_contains(name);
  return value != nullptr ? value->if_object() : nullptr;
}

inline const bj::array* array_at(const bj::object& object, std::string_view name) {
  const bj::value* const value = object.if_contains(name);
  return value != nullptr ? value->if_array() : nullptr;
}

inline std::string_view text_at(const bj::object& object, std::string_view name) {
  const bj::value* const value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

}  // namespace fairlead::gateway::cache
