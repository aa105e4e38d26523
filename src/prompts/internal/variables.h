// The variables of a call.
#pragma once
#include <boost/json/object.hpp>
#include <cstddef>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "prompts/internal/input.h"

namespace fairlead::prompts::internal {

struct Variables {
  boost::json::object values;
  std::size_t sent = 0;  // how many of them, from the first, the caller gave
};

// Those that are given, and the defaults of the others. Errors: unknown_variable, missing_required_parameter,
// invalid_type, invalid_value; `param` names the variable (`fairlead.variables.locale`).
Result<Variables> complete(std::string_view prompt, const std::vector<Input>& inputs, boost::json::object given);

}  // namespace fairlead::prompts::internal
