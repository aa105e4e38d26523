// SQLite's result codes in the words of the store.
#pragma once
#include <sqlite3.h>

#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::store {

// The error of the connection's last call. `path` is the database file's.
Error sqlite_error(sqlite3* connection, int code, const std::string& path, std::string_view doing);

}  // namespace fairlead::store
