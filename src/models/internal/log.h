#pragma once
#include "base/log.h"

namespace fairlead::models {

inline constexpr log::Logger kLog{"models"};  // what this room says

}  // namespace fairlead::models
