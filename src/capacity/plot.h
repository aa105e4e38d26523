// A plan as a picture.
#pragma once
#include <string>

#include "capacity/plan.h"

namespace fairlead::capacity {

// SVG, 780 by 440: the target's metric over the load, with the target and what is asked for. Readable on light and
// dark.
std::string plot_of(const Plan& plan);

}  // namespace fairlead::capacity
