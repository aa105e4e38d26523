// The pepper: what the digests of keys are keyed with, so that the store alone neither tells nor makes a key.
#pragma once
#include <string>

#include "access/key_service.h"
#include "base/result.h"
#include "platform/store/database.h"

namespace fairlead::access {

// From the source, or else from the file at `own_path`, which is made if the store has never had a pepper. Errors:
// pepper_missing, pepper_unreadable, pepper_other, and the store's.
Result<std::string> open_pepper(store::Database& database, const std::string& own_path, const PepperSource& source);

}  // namespace fairlead::access
