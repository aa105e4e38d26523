// Numbers: runs of digits, alone or in groups, and what they are by their check digits, their shape and the words near
// them.
#pragma once
#include <array>
#include <cstddef>
#include <string_view>

#include "safety/pii/internal/phones.h"
#include "safety/pii/internal/reading.h"

namespace fairlead::pii {

// Digits in groups, with at most three of " .-/()" between two.
struct Number {
  static constexpr std::size_t kMostGroups = 24, kMostDigits = 40;
  struct Group {
    std::size_t start, end;   // in the text
    std::size_t first_digit;  // in `digits`
    std::size_t size() const { return end - start; }
  };
  std::array<Group, kMostGroups> groups;
  std::size_t count = 0;
  std::array<char, kMostDigits> digits;
  std::size_t digit_count = 0;
  bool plus = false;  // stands in front

  std::string_view all() const { return {digits.data(), digit_count}; }
  std::size_t size(std::size_t first, std::size_t last) const;
  std::string_view digits_of(std::size_t first, std::size_t last) const {
    return {digits.data() + groups[first].first_digit, size(first, last)};
  }
};

// The number of which a digit ends at `at`, looked for from `floor` on. Gives where it ends, or where to go on.
std::size_t read_number(std::string_view text, std::size_t at, std::size_t floor, Number& out);
void recognise_number(const Reading& reading, const Number& number, const Phones& phones);

}  // namespace fairlead::pii
