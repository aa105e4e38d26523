#pragma once
#include "base/log.h"

namespace fairlead::webhooks {

inline constexpr log::Logger kLog{"webhooks"};  // what this room says

}  // namespace fairlead::webhooks
