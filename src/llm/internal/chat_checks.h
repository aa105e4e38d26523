// The OpenAI contract for a chat request, as far as types, ranges and required members go.
#pragma once
#include <simdjson.h>

#include "base/result.h"

namespace fairlead::llm::internal {

// Checks the member `name` of a request, if the contract knows it; unknown members pass.
Result<void> check_member(std::string_view name, simdjson::dom::element value);

// Checks what depends on more than one member.
Result<void> check_together(simdjson::dom::object request);

// By value: value_unsafe() of a temporary refers into it, and a range-for would outlive it. The type has been checked.
inline simdjson::dom::array array_of(simdjson::dom::element value) {
  return value.get_array().value_unsafe();
}
inline simdjson::dom::object object_of(simdjson::dom::element value) {
  return value.get_object().value_unsafe();
}

// "an object", "a string", … as OpenAI's messages say it.
std::string_view type_name(simdjson::dom::element value);

std::unexpected<Error> wrong_type(std::string_view param, std::string_view expected, simdjson::dom::element got);

}  // namespace fairlead::llm::internal
