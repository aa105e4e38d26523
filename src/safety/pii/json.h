// Scans as JSON: what a request asks for, and what was found.
#pragma once
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <vector>

#include "base/result.h"
#include "safety/pii/scanner.h"

namespace fairlead::pii {

// [{"start", "end", "entity", "score", "why"}], offsets in characters.
boost::json::array to_json(const std::vector<Span>& spans);

// `{"threshold", "thresholds", "entities", "regions", "custom"}`, each optional. Errors: unknown_parameter,
// invalid_type, invalid_value, with `param`. What the values mean is judged by Scanner::create().
Result<ScannerOptions> options_of(const boost::json::object& object);

}  // namespace fairlead::pii
