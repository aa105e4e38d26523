// Timestamps (RFC 3339), durations (as Go writes them) and their parts.
#include <array>
#include <chrono>
#include <cstdio>

#include "platform/expr/internal/functions.h"

namespace fairlead::expr::internal {
namespace {

constexpr std::int64_t kBillion = 1'000'000'000;
constexpr std::int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// Takes exactly `count` digits off the front.
bool take_number(std::string_view& text, std::size_t count, int& out) {
  if (text.size() < count) return false;
  out = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (!is_digit(text[i])) return false;
    out = out * 10 + (text[i] - '0');
  }
  text.remove_prefix(count);
  return true;
}

bool take(std::string_view& text, char c) {
  if (text.empty() || text[0] != c) return false;
  text.remove_prefix(1);
  return true;
}

struct Unit {
  std::string_view name;
  std::int64_t nanos;
};
// Longer names before those that start them.
constexpr Unit kUnits[] = {{"ns", 1},         {"us", 1'000},   {"µs", 1'000},        {"μs", 1'000},
                           {"ms", 1'000'000}, {"s", kBillion}, {"m", 60 * kBillion}, {"h", 3600 * kBillion}};

// ".123456" without trailing zeros, or "".
std::string fraction_text(std::int64_t nanos) {
  if (nanos == 0) return "";
  std::array<char, 16> buffer{};
  std::snprintf(buffer.data(), buffer.size(), ".%09lld", static_cast<long long>(nanos));
  std::string out(buffer.data());
  while (out.back() == '0') out.pop_back();
  return out;
}

struct Civil {
  std::chrono::year_month_day date;
  std::int64_t days = 0;    // since 1970-01-01
  std::int64_t second = 0;  // of the day
};

Civil civil_of(std::int64_t seconds) {
  std::int64_t days = seconds / 86'400;
  std::int64_t second = seconds % 86'400;
  if (second < 0) second += 86'400, --days;
  return {std::chrono::sys_days(std::chrono::days(days)), days, second};
}

}  // namespace

bool in_range(std::int64_t seconds) {
  return seconds >= kFirstSecond && seconds <= kLastSecond;
}

std::optional<Value> parse_timestamp(std::string_view text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  if (!take_number(text, 4, year) || !take(text, '-') || !take_number(text, 2, month) || !take(text, '-') ||
      !take_number(text, 2, day) || (!take(text, 'T') && !take(text, 't')) || !take_number(text, 2, hour) ||
      !take(text, ':') || !take_number(text, 2, minute) || !take(text, ':') || !take_number(text, 2, second))
    return std::nullopt;
  std::int64_t nanos = 0;
  if (take(text, '.')) {
    std::size_t digits = 0;
    for (std::int64_t unit = kBillion / 10; digits < text.size() && is_digit(text[digits]); ++digits, unit /= 10)
      nanos += unit * (text[digits] - '0');
    if (digits == 0) return std::nullopt;
    text.remove_prefix(digits);
  }
  std::int64_t offset = 0;
  if (!take(text, 'Z') && !take(text, 'z')) {
    const bool west = !text.empty() && text[0] == '-';
    int hours = 0, minutes = 0;
    if ((!take(text, '+') && !take(text, '-')) || !take_number(text, 2, hours) || !take(text, ':') ||
        !take_number(text, 2, minutes) || hours > 23 || minutes > 59)
      return std::nullopt;
    offset = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!text.empty() || !date.ok() || hour > 23 || minute > 59 || second > 59) return std::nullopt;
  const std::int64_t days = std::chrono::sys_days(date).time_since_epoch().count();
  const std::int64_t seconds = days * 86'400 + hour * 3600 + minute * 60 + second - offset;
  if (!in_range(seconds)) return std::nullopt;
  return Value::timestamp(seconds, static_cast<std::uint32_t>(nanos));
}

std::optional<Value> parse_duration(std::string_view text) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  if (text == "0") return Value::duration(0);
  if (text.empty()) return std::nullopt;
  std::int64_t total = 0;  // negative, so that the least duration can be read
  while (!text.empty()) {
    std::int64_t whole = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && is_digit(text[digits]); ++digits)
      if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, text[digits] - '0', &whole))
        return std::nullopt;
    text.remove_prefix(digits);
    std::int64_t fraction = 0;
    double scale = 1;
    if (take(text, '.')) {
      std::size_t more = 0;
      for (; more < text.size() && is_digit(text[more]); ++more) {
        if (scale >= 1e17) continue;  // digits that change nothing
        fraction = fraction * 10 + (text[more] - '0');
        scale *= 10;
      }
      digits += more;
      text.remove_prefix(more);
    }
    if (digits == 0) return std::nullopt;
    const Unit* unit = nullptr;
    for (const Unit& one : kUnits)
      if (text.starts_with(one.name) && (unit == nullptr || one.name.size() > unit->name.size())) unit = &one;
    if (unit == nullptr) return std::nullopt;
    text.remove_prefix(unit->name.size());
    const auto part =
        static_cast<std::int64_t>(static_cast<double>(fraction) * (static_cast<double>(unit->nanos) / scale));
    if (__builtin_mul_overflow(whole, unit->nanos, &whole) || __builtin_sub_overflow(total, whole, &total) ||
        __builtin_sub_overflow(total, part, &total))
      return std::nullopt;
  }
  if (!negative && __builtin_sub_overflow(0, total, &total)) return std::nullopt;
  return Value::duration(total);
}

std::string timestamp_text(Value timestamp) {
  const Civil civil = civil_of(timestamp.seconds());
  std::array<char, 32> buffer{};
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(civil.date.year()),
                static_cast<unsigned>(civil.date.month()), static_cast<unsigned>(civil.date.day()),
                static_cast<int>(civil.second / 3600), static_cast<int>(civil.second / 60 % 60),
                static_cast<int>(civil.second % 60));
  return buffer.data() + fraction_text(timestamp.nanos()) + "Z";
}

std::string duration_text(Value duration) {
  const std::int64_t nanos = duration.as_duration();
  const std::int64_t rest = nanos % kBillion;
  return (nanos < 0 ? "-" : "") + std::to_string(nanos < 0 ? -(nanos / kBillion) : nanos / kBillion) +
         fraction_text(rest < 0 ? -rest : rest) + "s";
}

namespace {

using Arguments = std::span<const Value>;

enum class Part : std::uint8_t {
  kDate,
  kDayOfMonth,
  kDayOfWeek,
  kDayOfYear,
  kYear,
  kMonth,
  kHours,
  kMinutes,
  kSeconds
};

std::int64_t part_of(Part part, std::int64_t seconds) {
  const Civil civil = civil_of(seconds);
  switch (part) {
    case Part::kDate:
      return static_cast<unsigned>(civil.date.day());
    case Part::kDayOfMonth:
      return static_cast<unsigned>(civil.date.day()) - 1;
    case Part::kDayOfWeek:
      return ((civil.days + 4) % 7 + 7) % 7;
    case Part::kDayOfYear: {
      const std::chrono::sys_days first = civil.date.year() / std::chrono::January / 1;
      return civil.days - first.time_since_epoch().count();
    }
    case Part::kYear:
      return static_cast<int>(civil.date.year());
    case Part::kMonth:
      return static_cast<unsigned>(civil.date.month()) - 1;
    case Part::kHours:
      return civil.second / 3600;
    case Part::kMinutes:
      return civil.second / 60 % 60;
    case Part::kSeconds:
      break;
  }
  return civil.second % 60;
}

// The second of Unix time at which UTC's calendar shows what the zone's shows. False: no such zone.
bool shift(Machine& machine, Arguments arguments, std::int64_t& seconds) {
  if (arguments.size() < 2) return true;
  if (machine.zone() != nullptr) {
    seconds += machine.zone()->offset_at(seconds);
    return true;
  }
  machine.spend(200);  // a zone is looked up by name
  const auto zone = Zone::find(arguments[1].as_text());
  if (zone) seconds += zone->offset_at(seconds);
  return zone.has_value();
}

template <Part kPart>
Value timestamp_part(Machine& machine, Arguments arguments) {
  std::int64_t seconds = arguments[0].seconds();
  if (!shift(machine, arguments, seconds))
    return machine.error(ErrorCode::kInvalidArgument, "a time zone (Europe/Berlin, +02:00)", arguments[1]);
  return Value::integer(part_of(kPart, seconds));
}

Value timestamp_milliseconds(Machine& machine, Arguments arguments) {
  std::int64_t seconds = arguments[0].seconds();
  if (!shift(machine, arguments, seconds))
    return machine.error(ErrorCode::kInvalidArgument, "a time zone (Europe/Berlin, +02:00)", arguments[1]);
  return Value::integer(arguments[0].nanos() / 1'000'000);
}

template <std::int64_t kSeconds>
Value duration_part(Machine&, Arguments arguments) {
  return Value::integer(arguments[0].as_duration() / (kSeconds * kBillion));
}

// The suite's: the milliseconds within the second.
Value duration_milliseconds(Machine&, Arguments arguments) {
  return Value::integer(arguments[0].as_duration() % kBillion / 1'000'000);
}

constexpr Overload kTimeOverloads[] = {
    {"getDate", true, "t", 'i', timestamp_part<Part::kDate>},
    {"getDate", true, "ts", 'i', timestamp_part<Part::kDate>},
    {"getDayOfMonth", true, "t", 'i', timestamp_part<Part::kDayOfMonth>},
    {"getDayOfMonth", true, "ts", 'i', timestamp_part<Part::kDayOfMonth>},
    {"getDayOfWeek", true, "t", 'i', timestamp_part<Part::kDayOfWeek>},
    {"getDayOfWeek", true, "ts", 'i', timestamp_part<Part::kDayOfWeek>},
    {"getDayOfYear", true, "t", 'i', timestamp_part<Part::kDayOfYear>},
    {"getDayOfYear", true, "ts", 'i', timestamp_part<Part::kDayOfYear>},
    {"getFullYear", true, "t", 'i', timestamp_part<Part::kYear>},
    {"getFullYear", true, "ts", 'i', timestamp_part<Part::kYear>},
    {"getMonth", true, "t", 'i', timestamp_part<Part::kMonth>},
    {"getMonth", true, "ts", 'i', timestamp_part<Part::kMonth>},
    {"getHours", true, "t", 'i', timestamp_part<Part::kHours>},
    {"getHours", true, "ts", 'i', timestamp_part<Part::kHours>},
    {"getHours", true, "r", 'i', duration_part<3600>},
    {"getMinutes", true, "t", 'i', timestamp_part<Part::kMinutes>},
    {"getMinutes", true, "ts", 'i', timestamp_part<Part::kMinutes>},
    {"getMinutes", true, "r", 'i', duration_part<60>},
    {"getSeconds", true, "t", 'i', timestamp_part<Part::kSeconds>},
    {"getSeconds", true, "ts", 'i', timestamp_part<Part::kSeconds>},
    {"getSeconds", true, "r", 'i', duration_part<1>},
    {"getMilliseconds", true, "t", 'i', timestamp_milliseconds},
    {"getMilliseconds", true, "ts", 'i', timestamp_milliseconds},
    {"getMilliseconds", true, "r", 'i', duration_milliseconds},
};

}  // namespace

std::span<const Overload> time_overloads() {
  return kTimeOverloads;
}

}  // namespace fairlead::expr::internal
