// A variable of a prompt.
#pragma once
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <vector>

#include "platform/json/schema.h"
#include "resources/kind.h"

namespace fairlead::prompts::internal {

struct Input {
  std::string name;
  json::Schema schema;
  std::optional<boost::json::value> fallback;  // absent: the variable is required
  boost::json::value source;                   // the schema, as it was written
};

// The schema, or nothing after a fault at `pointer` or inside of it.
std::optional<json::Schema> compile_schema(const boost::json::value& schema, const std::string& pointer,
                                           std::vector<resources::SpecError>& faults);

// The same of a variable, whose default has to fit.
std::optional<Input> read_input(const std::string& name, const boost::json::value& schema, const std::string& pointer,
                                std::vector<resources::SpecError>& faults);

}  // namespace fairlead::prompts::internal
