#pragma once
#include "base/log.h"

namespace fairlead::http {

inline constexpr log::Logger kLog{"http"};  // what this room says

}  // namespace fairlead::http
