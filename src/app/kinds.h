// The list of resource kinds. A new kind is a new room and one line in kinds.cc.
#pragma once
#include <vector>

#include "resources/kind.h"

namespace fairlead::app {

std::vector<resources::Kind> kinds();

}  // namespace fairlead::app
