#include "platform/config/internal/units.h"

#include <charconv>
#include <cmath>
#include <limits>

#include "platform/config/settings.h"

namespace fairlead::config {
namespace {

struct Unit {
  std::string_view name;
  double factor;
};
constexpr Unit kSizes[] = {{"", 1},
                           {"B", 1},
                           {"kB", 1e3},
                           {"KB", 1e3},
                           {"MB", 1e6},
                           {"GB", 1e9},
                           {"TB", 1e12},
                           {"KiB", 1024.0},
                           {"MiB", 1048576.0},
                           {"GiB", 1073741824.0},
                           {"TiB", 1099511627776.0}};
constexpr Unit kTimes[] = {{"ms", 1}, {"s", 1e3}, {"m", 6e4}, {"min", 6e4}, {"h", 3.6e6}, {"d", 8.64e7}};

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::kInvalid, "invalid_setting", std::move(message));
}

// A number that is not negative, and a unit; in the smallest unit, rounded.
Result<std::int64_t> measure(std::string_view text, std::span<const Unit> units, const char* example) {
  double number = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), number, std::chars_format::fixed);
  std::string_view unit(read.ptr, static_cast<std::size_t>(text.data() + text.size() - read.ptr));
  while (unit.starts_with(' ')) unit.remove_prefix(1);
  if (read.ec != std::errc() || !(number >= 0)) return wrong(std::string("must be like ") + example);
  if (number == 0 && unit.empty()) return 0;
  for (const Unit& known : units) {
    if (known.name != unit) continue;
    const double value = std::round(number * known.factor);
    if (value > 9e18) return wrong("is too large");
    return static_cast<std::int64_t>(value);
  }
  return wrong(unit.empty() ? std::string("wants a unit, like ") + example
                            : "has the unit `" + std::string(unit) + "`, which is not known; write it like " + example);
}

}  // namespace

Result<std::size_t> parse_bytes(std::string_view text) {
  FAIRLEAD_TRY(const std::int64_t value, measure(text, kSizes, "10MiB"));
  return static_cast<std::size_t>(value);
}

Result<std::chrono::milliseconds> parse_duration(std::string_view text) {
  FAIRLEAD_TRY(const std::int64_t value, measure(text, kTimes, "10s or 50ms"));
  return std::chrono::milliseconds(value);
}

Result<ListenAddress> parse_listen(std::string_view text) {
  if (text.starts_with("unix:")) {
    if (text.size() == 5) return wrong("`listen` wants a path after `unix:`.");
    return ListenAddress{std::string(text), 0};
  }
  const std::size_t colon = text.rfind(':');
  std::string_view host = text.substr(0, colon == text.npos ? 0 : colon);
  const std::string_view port_text = colon == text.npos ? text : text.substr(colon + 1);
  unsigned port = 0;
  const auto read = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
  const bool bracketed = host.starts_with('[') && host.ends_with(']');
  if (read.ec != std::errc() || read.ptr != port_text.data() + port_text.size() || port > 65535 || colon == text.npos ||
      (!bracketed && host.find(':') != host.npos)) {
    return wrong("`listen` must be like 127.0.0.1:8484, [::1]:8484 or unix:/path, not `" + std::string(text) + "`.");
  }
  if (bracketed) host = host.substr(1, host.size() - 2);
  return ListenAddress{host.empty() ? "0.0.0.0" : std::string(host), static_cast<std::uint16_t>(port)};
}

namespace internal {

Result<std::size_t> parse_count(std::string_view text) {
  std::size_t value = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size())
    return wrong("must be a whole number, 0 or more");
  return value;
}

}  // namespace internal
}  // namespace fairlead::config
