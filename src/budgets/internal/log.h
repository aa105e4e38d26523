#pragma once
#include "base/log.h"

namespace fairlead::budgets {

inline constexpr log::Logger kLog{"budgets"};  // what this room says

}  // namespace fairlead::budgets
