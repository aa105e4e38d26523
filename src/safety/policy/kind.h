// The kind `policy` (docs/reference/policies.md).
#pragma once
#include "resources/kind.h"
#include "safety/policy/rules.h"

namespace fairlead::policy {

// `detectors` find what patterns do not, in tests within a spec too.
resources::Kind policy_kind(Detectors detectors = {});

}  // namespace fairlead::policy
