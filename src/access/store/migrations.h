// The tables of keys, secrets and the audit log.
#pragma once
#include <vector>

#include "platform/store/database.h"

namespace fairlead::access {

std::vector<store::Migration> access_migrations();

}  // namespace fairlead::access
