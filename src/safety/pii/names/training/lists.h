// The lists of names, as they are in a trained file.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "safety/pii/names/internal/model.h"

namespace fairlead::pii::names {

constexpr std::uint32_t kBucketBits = 14;

struct Lists {
  std::vector<std::uint16_t> slots = std::vector<std::uint16_t>(std::size_t{kSlotsInBucket} << kBucketBits);
  std::array<std::uint8_t, 32> kinds{};

  // Of a file with a word a line, `BITS WORD`. Ends the program with 2 if it cannot be read.
  explicit Lists(const std::string& path);

 private:
  std::uint8_t nearest(std::uint8_t bits) const;
  void place(std::uint32_t stem, std::uint8_t index);
};

}  // namespace fairlead::pii::names
