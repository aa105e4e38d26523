// The kind `chain`: what a chain's spec may hold (docs/reference/chains.md).
#pragma once
#include "resources/kind.h"

namespace fairlead::chains {

resources::Kind chain_kind();

}  // namespace fairlead::chains
