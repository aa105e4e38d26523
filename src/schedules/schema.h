// The tables of schedules.
#pragma once
#include <vector>

#include "platform/store/database.h"

namespace fairlead::schedules {

std::vector<store::Migration> migrations();

}  // namespace fairlead::schedules
