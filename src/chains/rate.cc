#include "chains/rate.h"

#include <charconv>
#include <utility>

namespace fairlead::chains {
namespace {

constexpr std::int64_t kMostStarts = 100'000;
constexpr std::pair<char, std::int64_t> kUnits[] = {{'d', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}};

}  // namespace

std::optional<Rate> read_rate(std::string_view text) {
  Rate out;
  const char* const end = text.data() + text.size();
  const auto starts = std::from_chars(text.data(), end, out.starts);
  if (starts.ec != std::errc() || starts.ptr == end || *starts.ptr != '/') return std::nullopt;
  std::int64_t length = 1;
  const char* unit = starts.ptr + 1;
  if (unit != end && *unit >= '0' && *unit <= '9') {
    const auto number = std::from_chars(unit, end, length);
    if (number.ec != std::errc() || length > 31 * 86'400) return std::nullopt;
    unit = number.ptr;
  }
  if (unit + 1 != end || out.starts < 1 || out.starts > kMostStarts || length < 1) return std::nullopt;
  for (const auto& [letter, seconds] : kUnits)
    if (letter == *unit) out.period = Micros(length * seconds * 1'000'000);
  if (out.period.count() == 0 || out.period > std::chrono::hours(31 * 24)) return std::nullopt;
  return out;
}

std::string rate_text(std::int64_t starts, Micros period) {
  const std::int64_t seconds = period.count() / 1'000'000;
  for (const auto& [letter, unit] : kUnits)
    if (seconds % unit == 0) return std::to_string(starts) + "/" + std::to_string(seconds / unit) + letter;
  return {};
}

}  // namespace fairlead::chains
