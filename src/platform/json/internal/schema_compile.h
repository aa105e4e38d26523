#pragma once
#include <memory>
#include <span>

#include "platform/json/internal/schema_node.h"
#include "platform/json/schema.h"

namespace fairlead::json::internal {

Result<std::unique_ptr<const SchemaDocument>> compile_schema(const boost::json::value& schema,
                                                             std::span<const NamedSchema> others);

}  // namespace fairlead::json::internal
