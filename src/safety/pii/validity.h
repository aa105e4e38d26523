// Whether a number can be of an entity by its check digits and its form, for who makes one up.
#pragma once
#include <string_view>

namespace fairlead::pii {

// `compact`: without separators, digits and capital letters. True for entities without such a rule.
bool could_be(std::string_view entity, std::string_view compact);

}  // namespace fairlead::pii
