// Variables of a prompt or an expression, from a file.
#pragma once
#include <boost/json/object.hpp>
#include <string>

#include "base/result.h"

namespace fairlead::cli {

// The JSON object in the file. Errors, all kInvalid, say its path: unreadable_file, invalid_json, invalid_type.
Result<boost::json::object> read_variables(const std::string& path);

}  // namespace fairlead::cli
