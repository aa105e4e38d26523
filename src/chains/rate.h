// So many in a time, as people write it: "30/1m".
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"

namespace fairlead::chains {

struct Rate {
  std::int64_t starts = 0;
  Micros period{0};
};

inline constexpr const char* kRateForm = "a rate is so many in a time of up to 31 days: `30/1m`, `5/s`, `1000/24h`.";

// Nothing if it is none: 1 to 100,000 in up to 31 days.
std::optional<Rate> read_rate(std::string_view text);
std::string rate_text(std::int64_t starts, Micros period);

}  // namespace fairlead::chains
