// Whether a parsed statement is one that a stranger may run.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::lake {

// Reads the syntax tree that DuckDB's json_serialize_sql gives, and returns an error (invalid_sql) unless it is a
// single select that refers to nothing but `tables`, its own common table expressions in their scope, and table
// functions that make rows from their arguments; calls no function that tells of the engine or of other tables; and
// holds no kind of node that is not known here. What this passes must still be run with the engine's own restrictions.
Result<void> check_select(std::string_view tree, std::span<const std::string> tables);

}  // namespace fairlead::lake
