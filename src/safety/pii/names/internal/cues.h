// Words that say what stands beside them; named in the reason for a finding.
#pragma once
#include <cstddef>
#include <string_view>

#include "safety/pii/names/internal/tokens.h"

namespace fairlead::pii::names {

// The nearest such word within, just before or just behind tokens [start, end) of a padded sequence; empty if there is
// none. A view of a constant.
std::string_view cue_near(const Token* tokens, std::size_t count, std::size_t start, std::size_t end);

}  // namespace fairlead::pii::names
