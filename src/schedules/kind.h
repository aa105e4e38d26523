// The kind `schedule`: what a schedule's spec may hold (docs/reference/schedules.md).
#pragma once
#include "resources/kind.h"

namespace fairlead::schedules {

resources::Kind schedule_kind();

}  // namespace fairlead::schedules
