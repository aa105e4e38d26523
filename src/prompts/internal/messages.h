// The `messages` of a prompt's spec: their shape, and the templates in them.
#pragma once
#include <boost/json/array.hpp>
#include <vector>

#include "prompts/internal/specification.h"

namespace fairlead::prompts::internal {

// Fills out.messages and out.message_count; out.inputs says which variables there are.
void read_messages(const boost::json::array& messages, Specification& out, std::vector<resources::SpecError>& faults);

}  // namespace fairlead::prompts::internal
