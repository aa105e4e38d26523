// Ids that people shorten.
#pragma once
#include <string>
#include <vector>

#include "base/result.h"
#include "platform/store/database.h"

namespace fairlead::store {

// The id that is `start`, or else the only one that begins with it; empty if there is none. Of those that `query` gives
// with its `values`: "select id from keys where project = $1"; the column is `id`. Error: kInvalid, ambiguous_id.
Result<std::string> whole_id(Connection& connection, std::string query, std::vector<Value> values,
                             const std::string& start);

}  // namespace fairlead::store
