// Texts and what is found in each, one table for all tests.
#pragma once
#include <span>
#include <string_view>

namespace fairlead::pii {

struct EntityCase {
  std::string_view entity;
  std::string_view before, value, behind;  // `value` is what is found, and nothing else
};
std::span<const EntityCase> entity_cases();

// Wrong check digits, impossible parts, near misses: nothing is found.
std::span<const std::string_view> near_misses();

}  // namespace fairlead::pii
