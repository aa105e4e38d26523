#include "llm/internal/retry_after.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <string>

namespace fairlead::llm::internal {
namespace {

constexpr std::int64_t kDayMs = 86'400'000;
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

// Takes a number that is not negative from the front of `text`.
std::optional<double> take_number(std::string_view& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc() || !(value >= 0) || value > 1e15) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

std::optional<double> take_unit_ms(std::string_view& text) {
  constexpr std::pair<std::string_view, double> kUnits[] = {{"ms", 1},  {"us", 1e-3}, {"µs", 1e-3}, {"ns", 1e-6},
                                                            {"s", 1e3}, {"m", 6e4},   {"h", 3.6e6}, {"d", 8.64e7}};
  for (const auto& [unit, ms] : kUnits) {
    if (!text.starts_with(unit)) continue;
    text.remove_prefix(unit.size());
    return ms;
  }
  return std::nullopt;
}

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, count)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

std::optional<std::int64_t> unix_ms(int year, int month, int day, std::string_view clock) {
  using namespace std::chrono;
  const auto hour = digits(clock, 0, 2), minute = digits(clock, 3, 2), second = digits(clock, 6, 2);
  const year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                            std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || !hour || !minute || !second || clock[2] != ':' || clock[5] != ':') return std::nullopt;
  const auto days = duration_cast<milliseconds>(sys_days(date).time_since_epoch()).count();
  return days + ((*hour * 60 + *minute) * 60 + *second) * 1000LL;
}

bool is_zero(std::string_view text) {
  double value = 1;
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc() && value <= 0;
}

// A reset is a delay, a date, or Unix time in seconds or milliseconds.
std::optional<std::int64_t> reset_ms(std::string_view text, std::int64_t now_ms) {
  if (const auto date = parse_date_ms(text)) return *date - now_ms;
  const auto delay = parse_delay_ms(text);
  constexpr std::int64_t kYear2001Ms = 1'000'000'000'000;  // a delay is never as long
  if (!delay || *delay < kYear2001Ms) return delay;
  return (*delay >= kYear2001Ms * 1000 ? *delay / 1000 : *delay) - now_ms;
}

// The value of the header that tells of the same limit as `reset`: "x-ratelimit-remaining-tokens" of
// "x-ratelimit-reset-tokens".
bool is_used_up(std::span<const http::Header> headers, std::string_view reset) {
  std::string remaining(reset);
  std::ranges::transform(remaining, remaining.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  const std::size_t at = remaining.rfind("reset");
  remaining.replace(at, 5, "remaining");
  const auto value = http::find_header(headers, remaining);
  return value && is_zero(*value);
}

bool is_reset(std::string_view name) {
  constexpr std::string_view kPrefixes[] = {"x-ratelimit-reset", "anthropic-ratelimit-", "ratelimit-reset"};
  const bool ends = name.size() >= 6 && (http::equal_ignoring_case(name.substr(name.size() - 6), "-reset"));
  return std::ranges::any_of(kPrefixes, [&](std::string_view prefix) {
    if (!http::equal_ignoring_case(name.substr(0, prefix.size()), prefix)) return false;
    return ends || prefix != "anthropic-ratelimit-";
  });
}

std::int64_t bounded(double ms) {
  return static_cast<std::int64_t>(std::clamp(ms, 1.0, static_cast<double>(kDayMs)));
}

}  // namespace

std::optional<std::int64_t> parse_delay_ms(std::string_view text) {
  double total = 0;
  const auto first = take_number(text);
  if (!first) return std::nullopt;
  if (text.empty()) return static_cast<std::int64_t>(*first * 1000);
  std::optional<double> number = first;
  for (;;) {
    const auto unit = take_unit_ms(text);
    if (!unit) return std::nullopt;
    total += *number * *unit;
    if (text.empty()) break;
    number = take_number(text);
    if (!number) return std::nullopt;
  }
  return static_cast<std::int64_t>(std::min(total, 1e16));
}

std::optional<std::int64_t> parse_date_ms(std::string_view text) {
  if (text.size() >= 20 && text[4] == '-' && text[7] == '-' && text[10] == 'T') {
    const auto year = digits(text, 0, 4), month = digits(text, 5, 2), day = digits(text, 8, 2);
    const std::string_view zone = text.substr(
        text.find_first_of("Z+-", 19) == std::string_view::npos ? text.size() : text.find_first_of("Z+-", 19));
    if (!year || !month || !day || (zone != "Z" && zone != "+00:00")) return std::nullopt;
    return unix_ms(*year, *month, *day, text.substr(11, 8));
  }
  // IMF-fixdate; the two obsolete forms are not written by anything that serves models.
  if (text.size() != 29 || text[3] != ',' || !text.ends_with(" GMT")) return std::nullopt;
  const auto day = digits(text, 5, 2), year = digits(text, 12, 4);
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  if (!day || !year || month == kMonths.end()) return std::nullopt;
  return unix_ms(*year, static_cast<int>(month - kMonths.begin()) + 1, *day, text.substr(17, 8));
}

std::int64_t retry_after_ms(std::span<const http::Header> headers, std::int64_t now_ms) {
  if (const auto date = http::find_header(headers, "date")) now_ms = parse_date_ms(*date).value_or(now_ms);
  if (const auto header = http::find_header(headers, "retry-after-ms")) {
    std::string_view text = *header;
    if (const auto ms = take_number(text); ms && text.empty()) return bounded(*ms);
  }
  if (const auto header = http::find_header(headers, "retry-after")) {
    if (const auto delay = parse_delay_ms(*header)) return bounded(static_cast<double>(*delay));
    if (const auto date = parse_date_ms(*header)) return bounded(static_cast<double>(*date - now_ms));
  }
  std::int64_t longest = 0;
  for (const http::Header& header : headers) {
    if (!is_reset(header.name) || !is_used_up(headers, header.name)) continue;
    if (const auto ms = reset_ms(header.value, now_ms)) longest = std::max(longest, bounded(static_cast<double>(*ms)));
  }
  return longest;
}

}  // namespace fairlead::llm::internal
