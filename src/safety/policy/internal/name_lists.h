// The names that may stand for others: common ones, of nobody in particular.
#pragma once
#include <span>
#include <string_view>

#include "safety/policy/internal/inflection.h"

namespace fairlead::policy {

// In small letters, without what stands behind the stem.
std::span<const Spare> men();
std::span<const Spare> women();
std::span<const Spare> fathers();
std::span<const Spare> daughters();
std::span<const Spare> surnames();
// Of men and women, and means something else too: known, but given to nobody.
bool is_a_word_too(std::string_view stem);

}  // namespace fairlead::policy
