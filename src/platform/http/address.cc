#include "platform/http/address.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace fairlead::http {
namespace {

namespace ip = boost::asio::ip;

struct Block {
  std::uint32_t first;
  int bits;
};

constexpr std::uint32_t v4(std::uint32_t a, std::uint32_t b, std::uint32_t c = 0, std::uint32_t d = 0) {
  return a << 24 | b << 16 | c << 8 | d;
}

// https://www.iana.org/assignments/iana-ipv4-special-registry, and 224.0.0.0/4 of RFC 5771.
constexpr std::array kSpecial{Block{v4(0, 0), 8},         Block{v4(10, 0), 8},      Block{v4(100, 64), 10},
                              Block{v4(127, 0), 8},       Block{v4(169, 254), 16},  Block{v4(172, 16), 12},
                              Block{v4(192, 0, 0), 24},   Block{v4(192, 0, 2), 24}, Block{v4(192, 88, 99), 24},
                              Block{v4(192, 168), 16},    Block{v4(198, 18), 15},   Block{v4(198, 51, 100), 24},
                              Block{v4(203, 0, 113), 24}, Block{v4(224, 0), 4},     Block{v4(240, 0), 4}};

bool is_public_v4(std::uint32_t address) {
  return std::ranges::none_of(
      kSpecial, [address](const Block& block) { return (address ^ block.first) >> (32 - block.bits) == 0; });
}

std::uint32_t v4_at(const ip::address_v6::bytes_type& bytes, std::size_t at) {
  return v4(bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]);
}

bool is_public_v6(const ip::address_v6& address) {
  const auto bytes = address.to_bytes();
  if (address.is_v4_mapped()) return is_public_v4(v4_at(bytes, 12));
  const auto begins = [&](std::initializer_list<std::uint8_t> prefix) {
    return std::equal(prefix.begin(), prefix.end(), bytes.begin());
  };
  if (begins({0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return is_public_v4(v4_at(bytes, 12));  // NAT64
  if ((bytes[0] & 0xe0) != 0x20) return false;                                       // 2000::/3 is what is given out
  if (begins({0x20, 0x02})) return is_public_v4(v4_at(bytes, 2));                    // 6to4
  if (begins({0x20, 0x01, 0x0d, 0xb8}) || begins({0x3f, 0xff, 0x00})) return false;  // documentation
  return !(begins({0x20, 0x01}) && bytes[2] < 0x02);                                 // 2001::/23, protocols' own
}

}  // namespace

bool is_public(const ip::address& address) {
  return address.is_v4() ? is_public_v4(address.to_v4().to_uint()) : is_public_v6(address.to_v6());
}

}  // namespace fairlead::http
