// Types of what a JSON Schema describes.
#pragma once
#include <boost/json/value.hpp>

#include "platform/expr/type.h"

namespace fairlead::expr {

// As far as `type`, `enum`, `properties` and `items` say it; what they do not say is dyn. An object whose further
// properties are not refused with `additionalProperties: false` but which has `properties` is taken for closed, as
// people mean it.
Type type_of_schema(const boost::json::value& schema);

}  // namespace fairlead::expr
