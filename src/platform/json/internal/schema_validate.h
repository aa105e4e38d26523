#pragma once
#include <vector>

#include "platform/json/internal/schema_node.h"
#include "platform/json/schema.h"

namespace fairlead::json::internal {

std::vector<SchemaError> validate_schema(const SchemaDocument& document, const boost::json::value& instance,
                                         std::size_t limit);

}  // namespace fairlead::json::internal
