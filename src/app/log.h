#pragma once
#include "base/log.h"

namespace fairlead::app {

inline constexpr log::Logger kLog{"app"};  // what this room says

}  // namespace fairlead::app
