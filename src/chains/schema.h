// The tables of chains.
#pragma once
#include <vector>

#include "platform/store/database.h"

namespace fairlead::chains {

std::vector<store::Migration> migrations();

}  // namespace fairlead::chains
