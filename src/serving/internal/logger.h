#pragma once
#include "base/log.h"

namespace fairlead::serving {

inline constexpr log::Logger kLog{"serving"};  // what this room says

}  // namespace fairlead::serving
