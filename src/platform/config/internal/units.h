#pragma once
#include <string_view>

#include "base/result.h"

namespace fairlead::config::internal {

Result<std::size_t> parse_count(std::string_view text);

}  // namespace fairlead::config::internal
