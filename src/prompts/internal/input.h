// A variable of a prompt.
#pragma once
#include <boost/json/value.hpp>
#include <optional>
#include <string>

#include "platform/json/schema.h"

namespace fairlead::prompts::internal {

struct Input {
  std::string name;
  json::Schema schema;
  std::optional<boost::json::value> fallback;  // absent: the variable is required
  boost::json::value source;                   // the schema, as it was written
};

}  // namespace fairlead::prompts::internal
