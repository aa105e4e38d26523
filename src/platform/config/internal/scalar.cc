#include "platform/config/internal/scalar.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace fairlead::config::internal {
namespace {

namespace bj = boost::json;

bool all(std::string_view text, auto&& test) {
  return !text.empty() && std::ranges::all_of(text, test);
}
bool decimal(char c) {
  return c >= '0' && c <= '9';
}
bool octal(char c) {
  return c >= '0' && c <= '7';
}
bool hexadecimal(char c) {
  return decimal(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

// [-+]? ( \. [0-9]+ | [0-9]+ ( \. [0-9]* )? ) ( [eE] [-+]? [0-9]+ )?
bool is_float(std::string_view text) {
  const auto digits = [&] {
    const std::size_t count = static_cast<std::size_t>(std::ranges::find_if_not(text, decimal) - text.begin());
    text.remove_prefix(count);
    return count;
  };
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  const std::size_t before = digits();
  std::size_t after = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    after = digits();
  }
  if (before + after == 0) return false;
  if (text.empty()) return true;
  if (text.front() != 'e' && text.front() != 'E') return false;
  text.remove_prefix(1);
  if (text.starts_with('-') || text.starts_with('+')) text.remove_prefix(1);
  return digits() > 0 && text.empty();
}

std::expected<bj::value, std::string> integer(std::string_view text, int base, bool negative) {
  std::uint64_t magnitude = 0;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), magnitude, base);
  constexpr std::uint64_t kMin = std::uint64_t{1} << 63;
  if (read.ec != std::errc() || (negative && magnitude > kMin)) return std::unexpected("the number is too large");
  if (negative) return bj::value(static_cast<std::int64_t>(0 - magnitude));
  if (magnitude < kMin) return bj::value(static_cast<std::int64_t>(magnitude));
  return bj::value(magnitude);
}

}  // namespace

std::expected<bj::value, std::string> core_scalar(std::string_view text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") return bj::value(nullptr);
  if (text == "true" || text == "True" || text == "TRUE") return bj::value(true);
  if (text == "false" || text == "False" || text == "FALSE") return bj::value(false);
  if (text.starts_with("0o") && all(text.substr(2), octal)) return integer(text.substr(2), 8, false);
  if (text.starts_with("0x") && all(text.substr(2), hexadecimal)) return integer(text.substr(2), 16, false);
  const bool negative = text.front() == '-';
  const std::string_view bare = negative || text.front() == '+' ? text.substr(1) : text;
  if (all(bare, decimal)) {
    if (bare.size() > 1 && bare.front() == '0') return bj::value(bj::string_view(text));
    return integer(bare, 10, negative);
  }
  if (is_float(text)) {
    double number = 0;
    const auto read = std::from_chars(text.data() + (text.front() == '+' ? 1 : 0), text.data() + text.size(), number);
    if (read.ec == std::errc::result_out_of_range) {
      if (text.find("e-") == text.npos && text.find("E-") == text.npos)
        return std::unexpected("the number is too large");
      number = 0;
    }
    return bj::value(number);
  }
  for (const std::string_view special : {".inf", ".Inf", ".INF", ".nan", ".NaN", ".NAN"}) {
    if (bare == special) return std::unexpected("there is no infinity and no NaN in JSON");
  }
  return bj::value(bj::string_view(text));
}

}  // namespace fairlead::config::internal
