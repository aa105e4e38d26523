// The kind `prompt`: what a prompt's spec may hold (docs/reference/prompts.md).
#pragma once
#include "resources/kind.h"

namespace fairlead::prompts {

resources::Kind prompt_kind();

}  // namespace fairlead::prompts
