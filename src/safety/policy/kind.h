// The kind `policy` (docs/reference/policies.md).
#pragma once
#include "resources/kind.h"
#include "safety/policy/rules.h"

namespace fairlead::policy {

resources::Kind policy_kind();

}  // namespace fairlead::policy
