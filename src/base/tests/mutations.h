// Slips put into texts, for tests that throw odd input at a parser. The same seed makes the same slips.
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace fairlead {

struct SlipRandom {  // SplitMix64
  std::uint64_t state;
  std::size_t below(std::size_t bound) {
    std::uint64_t z = state += 0x9E3779B97F4A7C15;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return static_cast<std::size_t>((z ^ (z >> 31)) % bound);
  }
};

// One slip somewhere: a piece too much, some bytes too few, a part of `other`, another byte.
inline void slip(std::string& text, std::span<const std::string_view> pieces, std::string_view other,
                 SlipRandom& random) {
  const std::size_t at = random.below(text.size() + 1);
  switch (random.below(4)) {
    case 0:
      text.insert(at, pieces[random.below(pieces.size())]);
      break;
    case 1:
      text.erase(at, 1 + random.below(6));
      break;
    case 2:
      text.insert(at, other.substr(random.below(other.size() + 1), random.below(40)));
      break;
    default:
      if (at < text.size()) text[at] = static_cast<char>(random.below(256));
  }
}

}  // namespace fairlead
