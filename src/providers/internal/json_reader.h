// Members of a vendor's JSON that need not be there.
#pragma once
#include <simdjson.h>

#include <algorithm>
#include <cstdint>
#include <string_view>

namespace fairlead::providers::internal {

// Empty if it is absent or no string.
inline std::string_view text_of(simdjson::dom::object object, std::string_view name) {
  std::string_view value;
  return object.at_key(name).get_string().get(value) ? std::string_view() : value;
}

inline constexpr std::int64_t kMostTokens = 1'000'000'000'000;  // more is not believed

// A number of tokens; 0 if it is absent or no number.
inline std::int64_t count_of(simdjson::dom::object object, std::string_view name) {
  std::int64_t value = 0;
  return object.at_key(name).get_int64().get(value) ? 0 : std::clamp<std::int64_t>(value, 0, kMostTokens);
}

}  // namespace fairlead::providers::internal
