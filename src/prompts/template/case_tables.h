// Which characters have another case (Unicode 14).
#pragma once
#include <cstdint>
#include <span>

namespace fairlead::prompts::jinja {

// Characters first, first + stride, … last map to themselves plus delta. Sorted by `first`; ranges may interleave.
struct CaseRange {
  std::uint32_t first, last;
  std::int32_t stride, delta;
};

// One character whose upper case is several; padded with 0.
struct SpecialCase {
  std::uint32_t from;
  std::uint32_t upper[3];
};

std::span<const CaseRange> upper_ranges();
std::span<const CaseRange> lower_ranges();
std::span<const SpecialCase> special_cases();

}  // namespace fairlead::prompts::jinja
