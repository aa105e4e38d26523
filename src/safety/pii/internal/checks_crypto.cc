#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <vector>

#include "base/digest.h"
#include "safety/pii/internal/checks.h"

namespace fairlead::pii {
namespace {

constexpr std::string_view kBase58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
constexpr std::string_view kBase32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";

// Bitcoin and its tests, Litecoin, Dogecoin, Dash, Tron, Zcash's transparent addresses come with two bytes and are not
// here.
constexpr std::uint8_t kVersions[] = {0x00, 0x05, 0x6F, 0xC4, 0x30, 0x32, 0x1E, 0x16, 0x4C, 0x10, 0x41};

// FIPS 202, section 3.2, on a state of 25 lanes.
void keccak(std::array<std::uint64_t, 25>& a) {
  constexpr std::uint64_t kRounds[] = {0x0000000000000001, 0x0000000000008082, 0x800000000000808A, 0x8000000080008000,
                                       0x000000000000808B, 0x0000000080000001, 0x8000000080008081, 0x8000000000008009,
                                       0x000000000000008A, 0x0000000000000088, 0x0000000080008009, 0x000000008000000A,
                                       0x000000008000808B, 0x800000000000008B, 0x8000000000008089, 0x8000000000008003,
                                       0x8000000000008002, 0x8000000000000080, 0x000000000000800A, 0x800000008000000A,
                                       0x8000000080008081, 0x8000000000008080, 0x0000000080000001, 0x8000000080008008};
  constexpr int kTurns[] = {1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44};
  constexpr std::size_t kLanes[] = {10, 7,  11, 17, 18, 3, 5,  16, 8,  21, 24, 4,
                                    15, 23, 19, 13, 12, 2, 20, 14, 22, 9,  6,  1};
  for (const std::uint64_t constant : kRounds) {
    std::array<std::uint64_t, 5> c{};
    for (std::size_t x = 0; x < 5; ++x) c[x] = a[x] ^ a[x + 5] ^ a[x + 10] ^ a[x + 15] ^ a[x + 20];
    for (std::size_t x = 0; x < 5; ++x) {
      const std::uint64_t d = c[(x + 4) % 5] ^ std::rotl(c[(x + 1) % 5], 1);
      for (std::size_t y = 0; y < 25; y += 5) a[x + y] ^= d;
    }
    std::uint64_t carried = a[1];
    for (std::size_t i = 0; i < 24; ++i) carried = std::exchange(a[kLanes[i]], std::rotl(carried, kTurns[i]));
    for (std::size_t y = 0; y < 25; y += 5) {
      std::array<std::uint64_t, 5> row{};
      for (std::size_t x = 0; x < 5; ++x) row[x] = a[x + y];
      for (std::size_t x = 0; x < 5; ++x) a[x + y] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]);
    }
    a[0] ^= constant;
  }
}

std::uint32_t polymod(std::uint32_t sum, std::uint32_t value) {
  constexpr std::uint32_t kGenerator[] = {0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3};
  const std::uint32_t top = sum >> 25;
  sum = ((sum & 0x1FFFFFF) << 5) ^ value;
  for (unsigned i = 0; i < 5; ++i)
    if (((top >> i) & 1) != 0) sum ^= kGenerator[i];
  return sum;
}

}  // namespace

std::string keccak256(std::string_view bytes) {
  constexpr std::size_t kRate = 136;
  std::array<std::uint64_t, 25> state{};
  std::array<unsigned char, kRate> block{};
  const auto absorb = [&] {
    for (std::size_t i = 0; i < kRate / 8; ++i) {
      std::uint64_t lane = 0;
      std::memcpy(&lane, block.data() + 8 * i, 8);
      state[i] ^= lane;
    }
    keccak(state);
  };
  for (; bytes.size() >= kRate; bytes.remove_prefix(kRate)) {
    std::memcpy(block.data(), bytes.data(), kRate);
    absorb();
  }
  block.fill(0);
  std::memcpy(block.data(), bytes.data(), bytes.size());
  block[bytes.size()] ^= 0x01;
  block[kRate - 1] ^= 0x80;
  absorb();
  std::string out(32, '\0');
  std::memcpy(out.data(), state.data(), 32);
  return out;
}

bool base58check(std::string_view text) {
  std::array<std::uint8_t, 25> bytes{};
  if (text.size() < 26 || text.size() > 35) return false;
  for (const char c : text) {
    std::size_t carried = kBase58.find(c);
    if (carried == std::string_view::npos) return false;
    for (std::size_t i = bytes.size(); i-- > 0;) {
      carried += 58 * static_cast<std::size_t>(bytes[i]);
      bytes[i] = static_cast<std::uint8_t>(carried);
      carried >>= 8;
    }
    if (carried != 0) return false;
  }
  if (std::ranges::find(kVersions, bytes[0]) == std::end(kVersions)) return false;
  const std::string_view all(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  const Sha256 once = sha256(all.substr(0, 21));
  const Sha256 twice = sha256({reinterpret_cast<const char*>(once.data()), once.size()});
  return std::memcmp(twice.data(), bytes.data() + 21, 4) == 0;
}

bool bech32(std::string_view text) {
  constexpr std::string_view kPrefixes[] = {"bc", "tb", "ltc"};
  constexpr std::uint32_t kOld = 1, kNew = 0x2BC830A3;
  std::string lower(text);
  for (char& c : lower)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  if (lower != text && std::ranges::any_of(text, [](char c) { return c >= 'a' && c <= 'z'; })) return false;
  const std::size_t one = lower.rfind('1');
  if (one == std::string::npos || lower.size() > 90 || lower.size() < one + 7) return false;
  const std::string_view prefix = std::string_view(lower).substr(0, one);
  if (std::ranges::find(kPrefixes, prefix) == std::end(kPrefixes)) return false;
  std::uint32_t sum = 1;
  for (const char c : prefix) sum = polymod(sum, static_cast<std::uint32_t>(c) >> 5);
  sum = polymod(sum, 0);
  for (const char c : prefix) sum = polymod(sum, static_cast<std::uint32_t>(c) & 31);
  for (const char c : std::string_view(lower).substr(one + 1)) {
    const std::size_t value = kBase32.find(c);
    if (value == std::string_view::npos) return false;
    sum = polymod(sum, static_cast<std::uint32_t>(value));
  }
  return sum == kOld || sum == kNew;
}

bool eip55(std::string_view hex) {
  if (hex.size() != 40) return false;
  std::string lower(hex);
  for (char& c : lower) {
    if (c >= 'A' && c <= 'F') c = static_cast<char>(c + 32);
    if (!is_digit(c) && !(c >= 'a' && c <= 'f')) return false;
  }
  const bool any_lower = std::ranges::any_of(hex, [](char c) { return c >= 'a'; });
  const bool any_upper = std::ranges::any_of(hex, [](char c) { return c >= 'A' && c <= 'F'; });
  if (!any_lower || !any_upper) return true;  // no checksum was written
  const std::string hash = keccak256(lower);
  for (std::size_t i = 0; i < 40; ++i) {
    if (is_digit(hex[i])) continue;
    const unsigned nibble = (static_cast<unsigned char>(hash[i / 2]) >> (i % 2 == 0 ? 4 : 0)) & 15;
    if ((nibble >= 8) != (hex[i] <= 'F')) return false;
  }
  return true;
}

}  // namespace fairlead::pii
