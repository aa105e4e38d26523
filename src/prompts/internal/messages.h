// The `messages` of a prompt's spec: their shape, and the templates in them.
#pragma once
#include <boost/json/array.hpp>
#include <vector>

#include "prompts/internal/specification.h"

namespace fairlead::prompts::internal {

// Of the array `messages` at `pointer` of the spec. `inputs` says which variables there are.
MessageList read_messages(const boost::json::array& messages, const std::string& pointer,
                          const std::vector<Input>& inputs, std::vector<resources::SpecError>& faults);

}  // namespace fairlead::prompts::internal
