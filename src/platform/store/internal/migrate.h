// Brings a database to the schema that this program knows.
#pragma once
#include <span>
#include <string>
#include <string_view>

#include "platform/store/internal/engine_connection.h"

namespace fairlead::store {

// All that is missing; within the caller's transaction, which nobody else's migration is beside. `translate` puts a
// migration into the engine's words. Errors: store_newer, store_migration, and the connection's.
Result<void> apply_missing(EngineConnection& connection, const std::string& place,
                           std::span<const Migration> migrations, std::string (*translate)(std::string_view));

}  // namespace fairlead::store
