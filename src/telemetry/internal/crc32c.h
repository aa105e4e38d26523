// CRC-32C (Castagnoli; RFC 3720, appendix B.4).
#pragma once
#include <cstdint>
#include <string_view>

namespace fairlead::telemetry {

// Of `bytes`, going on from the CRC of what came before them. Thread-safe.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0);

}  // namespace fairlead::telemetry
