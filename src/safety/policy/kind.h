// The kind `policy` (docs/reference/policies.md).
#pragma once
#include "resources/kind.h"
#include "safety/policy/rules.h"

namespace fairlead::policy {

resources::Kind policy_kind();
// Where a spec names one of the project's secrets.
std::vector<resources::SecretReference> secret_references(const boost::json::object& spec);

}  // namespace fairlead::policy
