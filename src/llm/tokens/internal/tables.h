// What of byte-pair encodings and of Unicode is made when the program is built (make_tables.cc), and used in place: of
// its pages only those are in memory that have been looked at.
#pragma once
#include <cstdint>
#include <cstring>
#include <string_view>

namespace fairlead::llm::internal {

// What the patterns of pre-tokenisers tell apart.
enum class CharClass : std::uint8_t {
  kOther,
  kUpper,        // Lu, Lt
  kLower,        // Ll
  kOtherLetter,  // Lm, Lo
  kMark,         // M
  kNumber,       // N
  kSpace,        // White_Space, but for the next
  kNewline,      // CR, LF
};

inline constexpr std::uint32_t kCodePoints = 0x110000;
inline constexpr std::uint32_t kClassBlock = 128;  // code points
// A byte for each block, the number of its pattern; then the patterns, a byte for each code point.
inline constexpr std::uint32_t kClassBlocks = kCodePoints / kClassBlock;

// In the byte order of the machine, four bytes each: this head; the hash slots; the ranks of two bytes, by their value
// as a number (kNoRank: no token); where each token's bytes begin, by rank, and where the last one's end. Then the
// tokens' bytes.
struct RanksHead {
  std::uint32_t magic;
  std::uint32_t count;      // of ranks, 0 to count - 1; some may have no token: they have no bytes
  std::uint32_t slot_bits;  // 2^slot_bits slots, probed linearly
  std::uint32_t longest;    // token, in bytes
};
inline constexpr std::uint32_t kPairs = 0x10000;
inline constexpr std::uint32_t kNoRank = 0xFFFFFFFF;
inline constexpr std::uint32_t kRanksMagic = 0x314B5246;  // "FRK1"
// A slot: the rank + 1 in the low 18 bits, the hash's highest bits above them; 0: empty.
inline constexpr std::uint32_t kRankBits = 18;
inline constexpr std::uint32_t kRankMask = (1U << kRankBits) - 1;

// Of two bytes, their place in the table.
inline std::uint32_t pair_index(const char* two) {
  return static_cast<std::uint32_t>(static_cast<unsigned char>(two[0])) << 8 | static_cast<unsigned char>(two[1]);
}

inline std::uint64_t load_bytes(const char* from, std::size_t count) {
  std::uint64_t out = 0;
  std::memcpy(&out, from, count);
  return out;
}

// Of at least one byte.
inline std::uint64_t hash_of(std::string_view bytes) {
  constexpr std::uint64_t kOdd1 = 0x9E3779B97F4A7C15, kOdd2 = 0xD6E8FEB86659FD93;
  const auto mix = [](std::uint64_t a, std::uint64_t b) {
    const auto product = static_cast<unsigned __int128>(a) * b;
    return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
  };
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  std::uint64_t out = left * kOdd2;
  for (; left > 16; left -= 8, at += 8) out = mix(out ^ load_bytes(at, 8), kOdd1);
  std::uint64_t first = 0, last = 0;
  if (left >= 8) {
    first = load_bytes(at, 8);
    last = load_bytes(at + left - 8, 8);
  } else if (left >= 4) {
    first = load_bytes(at, 4);
    last = load_bytes(at + left - 4, 4);
  } else {
    first = static_cast<unsigned char>(at[0]);
    last = static_cast<std::uint64_t>(static_cast<unsigned char>(at[left / 2])) << 8 |
           static_cast<unsigned char>(at[left - 1]);
  }
  return mix(mix(out ^ first, kOdd1) ^ last, kOdd2);
}

}  // namespace fairlead::llm::internal
