// The kind `budget` (docs/reference/budgets.md).
#pragma once
#include "resources/kind.h"

namespace fairlead::budgets {

resources::Kind budget_kind();

}  // namespace fairlead::budgets
