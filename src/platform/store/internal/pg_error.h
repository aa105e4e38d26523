// PostgreSQL's error codes in the words of the store.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::store {

// `state` is the five characters of SQLSTATE, empty if the connection was lost; `place` says which database, without
// its password.
Error pg_error(std::string_view state, const std::string& reason, const std::string& place, std::string_view doing);

}  // namespace fairlead::store
