#pragma once
#include "base/log.h"

namespace fairlead::journal {

inline constexpr log::Logger kLog{"journal"};  // what this room says

}  // namespace fairlead::journal
