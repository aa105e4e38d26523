// Results as JSON.
#pragma once
#include <boost/json/value.hpp>

#include "platform/expr/value.h"

namespace fairlead::expr {

// As protobuf's JSON mapping has it: bytes in base64, timestamps and durations as text, keys as text, NaN and
// infinities as "NaN", "Infinity", "-Infinity"; a type is its name. A copy. Values that an evaluation gave are bounded
// in depth.
boost::json::value to_json(Value value);

}  // namespace fairlead::expr
