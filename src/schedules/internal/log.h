#pragma once
#include "base/log.h"

namespace fairlead::schedules {

inline constexpr log::Logger kLog{"schedules"};  // what this room says

}  // namespace fairlead::schedules
