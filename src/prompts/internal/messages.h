// The `messages` of a prompt's spec: their shape, and the templates in them.
#pragma once
#include <boost/json/array.hpp>
#include <vector>

#include "prompts/internal/specification.h"

namespace fairlead::prompts::internal {

// Whose messages they are, and where those that it includes are found.
struct Origin {
  std::string_view name;
  const boost::json::object& spec;
  const FindVersion& find;
  const std::vector<std::string>& fit;  // the parts that it names
};

// Of the array `messages` at `pointer` of the spec. `inputs` says which variables there are; those with a default that
// included prompts bring along are added.
MessageList read_messages(const boost::json::array& messages, const std::string& pointer, const Origin& origin,
                          std::vector<Input>& inputs, std::vector<resources::SpecError>& faults);

}  // namespace fairlead::prompts::internal
