#pragma once
#include "base/log.h"

namespace fairlead::telemetry {

inline constexpr log::Logger kLog{"telemetry"};  // what this room says

}  // namespace fairlead::telemetry
