// Prompts that a prompt includes (docs/reference/prompts.md, "Messages").
#pragma once
#include <functional>
#include <string_view>

#include "base/result.h"
#include "resources/kind.h"

namespace fairlead::prompts {

// The version of the project's prompt that a label or a number points to; valid while what asks for it runs.
using FindVersion = std::function<Result<const resources::Version*>(std::string_view name, std::string_view ref)>;

}  // namespace fairlead::prompts
