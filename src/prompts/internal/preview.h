// A version as a person compares it with another: its tests' variables, and the messages that variables make.
#pragma once
#include <boost/json/object.hpp>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "resources/kind.h"

namespace fairlead::prompts::internal {

// Of the spec's `tests`, in their order.
std::vector<resources::Example> examples(const boost::json::object& spec);

// `{"messages": […]}`, with the `variant` of a prompt that has some: the one that these variables alone lead to.
// Errors: those that a caller of the prompt would get.
Result<boost::json::object> preview(std::string_view name, const boost::json::object& spec,
                                    const boost::json::object& given, const resources::Catalogue& others);

}  // namespace fairlead::prompts::internal
