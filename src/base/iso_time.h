// Times as people and programs send them.
#pragma once
#include <cstdint>
#include <optional>
#include <string_view>

namespace fairlead {

// Microseconds since 1970 of an RFC 3339 time ("2026-12-01T00:00:00Z", "2026-12-01T03:00:00.5+03:00"), seconds
// optional.
std::optional<std::int64_t> parse_iso_time(std::string_view text);

}  // namespace fairlead
