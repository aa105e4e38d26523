// Brings a database to the schema that this program knows.
#pragma once
#include <span>
#include <string>

#include "platform/store/database.h"
#include "platform/store/internal/connection.h"

namespace fairlead::store {

// All that is missing, in one transaction. Errors: store_newer, store_migration, and the connection's.
Result<void> migrate(SqliteConnection& connection, const std::string& path, std::span<const Migration> migrations);

}  // namespace fairlead::store
