// The table of webhooks.
#pragma once
#include <vector>

#include "platform/store/database.h"

namespace fairlead::webhooks {

std::vector<store::Migration> migrations();

}  // namespace fairlead::webhooks
