// What a file may be, by its purpose (docs/reference/files.md).
#pragma once
#include <string_view>

#include "base/result.h"

namespace fairlead::gateway::internal {

// Error: invalid_value with param `purpose`, naming those that there are.
Result<void> check_purpose(std::string_view purpose);

// Errors: kInvalid with param `file`: invalid_file, saying what is wrong and in which line; file_too_large.
Result<void> check_file(std::string_view purpose, std::string_view filename, std::string_view content);

}  // namespace fairlead::gateway::internal
