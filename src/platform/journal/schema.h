// The journal's tables.
#pragma once
#include <vector>

#include "platform/store/database.h"

namespace fairlead::journal {

std::vector<store::Migration> migrations();

}  // namespace fairlead::journal
