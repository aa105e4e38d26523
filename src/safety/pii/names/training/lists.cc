#include "safety/pii/names/training/lists.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <string_view>
#include <utility>

#include "safety/pii/names/internal/tokens.h"

namespace fairlead::pii::names {

Lists::Lists(const std::string& path) {
  std::ifstream file(path);
  if (!file) std::fprintf(stderr, "%s cannot be read\n", path.c_str()), std::exit(2);
  std::map<std::uint32_t, std::uint8_t> bits_of;
  for (std::string line; std::getline(file, line);) {
    const std::size_t space = line.find(' ');
    const Token token = token_of(std::string_view(line).substr(space + 1));
    if (token.kind == kMark || token.kind == kNumber) continue;
    bits_of[token.stem] |= static_cast<std::uint8_t>(std::atoi(line.c_str()));
  }
  std::map<std::uint8_t, std::size_t> counts;
  for (const auto& [stem, bits] : bits_of) ++counts[bits];
  std::vector<std::pair<std::size_t, std::uint8_t>> order;
  for (const auto& [bits, count] : counts) order.emplace_back(count, bits);
  std::ranges::sort(order, std::greater{});
  for (std::size_t i = 0; i < order.size() && i < 31; ++i) kinds[i + 1] = order[i].second;
  std::size_t placed = 0;
  for (const auto& [stem, bits] : bits_of) place(stem, nearest(bits)), ++placed;
  std::printf("%zu stems on lists, %zu combinations, %.0f%% full\n", placed, counts.size(),
              100.0 * static_cast<double>(placed) / static_cast<double>(slots.size()));
}

// The combination with the fewest bits of difference, the more frequent first.
std::uint8_t Lists::nearest(std::uint8_t bits) const {
  std::uint8_t best = 1;
  int least = 99;
  for (std::uint8_t i = 1; i < 32; ++i) {
    const int difference = __builtin_popcount(kinds[i] ^ bits);
    if (kinds[i] != 0 && difference < least) least = difference, best = i;
  }
  return best;
}
void Lists::place(std::uint32_t stem, std::uint8_t index) {
  const ListPlace at = place_in_lists(stem, kBucketBits);
  for (std::uint32_t step = 0;; ++step) {
    std::uint16_t* const bucket = &slots[std::size_t{(at.bucket + step) % (1U << kBucketBits)} * kSlotsInBucket];
    for (unsigned i = 0; i < kSlotsInBucket; ++i) {
      if (bucket[i] != 0) continue;
      bucket[i] = static_cast<std::uint16_t>(at.mark | index);
      return;
    }
  }
}

}  // namespace fairlead::pii::names
