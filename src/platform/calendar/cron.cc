#include "platform/calendar/cron.h"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <chrono>
#include <span>
#include <vector>

namespace fairlead::calendar {
namespace {

namespace ch = std::chrono;

constexpr std::int64_t kMinute_s = 60, kDayMinutes = 1'440;
constexpr std::int64_t kReach_s = 50LL * 366 * 86'400;

constexpr std::array<std::string_view, 12> kMonths{"jan", "feb", "mar", "apr", "may", "jun",
                                                   "jul", "aug", "sep", "oct", "nov", "dec"};
constexpr std::array<std::string_view, 7> kWeekdays{"sun", "mon", "tue", "wed", "thu", "fri", "sat"};

struct FieldRule {
  std::string_view name;
  unsigned low, high;   // what may be written
  unsigned cycle_high;  // of `*`, and of a range that goes over the end
  std::span<const std::string_view> names;
};
const std::array<FieldRule, 5> kFields{{{"minute", 0, 59, 59, {}},
                                        {"hour", 0, 23, 23, {}},
                                        {"day of the month", 1, 31, 31, {}},
                                        {"month", 1, 12, 12, kMonths},
                                        {"weekday", 0, 7, 6, kWeekdays}}};

constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kAliases{{{"@hourly", "0 * * * *"},
                                                                                 {"@daily", "0 0 * * *"},
                                                                                 {"@midnight", "0 0 * * *"},
                                                                                 {"@weekly", "0 0 * * 0"},
                                                                                 {"@monthly", "0 0 1 * *"},
                                                                                 {"@yearly", "0 0 1 1 *"},
                                                                                 {"@annually", "0 0 1 1 *"}}};

std::unexpected<Error> wrong(std::string message) {
  return fail(ErrorKind::kInvalid, "invalid_cron", std::move(message), "cron");
}

std::vector<std::string> split(std::string_view text, std::string_view between) {
  std::vector<std::string> out;
  while (!text.empty()) {
    const std::size_t begin = text.find_first_not_of(between);
    if (begin == text.npos) break;
    const std::size_t end = std::min(text.find_first_of(between, begin), text.size());
    out.emplace_back(text.substr(begin, end - begin));
    text.remove_prefix(end);
  }
  return out;
}

std::string quoted(std::string_view text) {
  return "`" + std::string(text) + "`";
}

Result<unsigned> number(std::string_view text, const FieldRule& field, std::string_view part) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size() && text.size() <= 4) return value;
  return wrong("In the " + std::string(field.name) + ", " + quoted(part) +
               " is not understood: numbers, names, *, ranges (1-5), steps (*/15) and lists (1,3) are.");
}

Result<unsigned> value_of(std::string_view text, const FieldRule& field, std::string_view part) {
  const auto named = std::ranges::find(field.names, text);
  if (named != field.names.end()) return static_cast<unsigned>(named - field.names.begin()) + field.low;
  FAIRLEAD_TRY(const unsigned value, number(text, field, part));
  if (value < field.low || value > field.high)
    return wrong("In the " + std::string(field.name) + ", " + quoted(part) + " goes beyond " +
                 std::to_string(field.low) + " to " + std::to_string(field.high) + ".");
  return value;
}

// "*", "5", "1-5", "*/15", "10-50/5", "10/5" (from 10 to the end), "fri-mon".
Result<std::uint64_t> values_of(std::string_view part, const FieldRule& field) {
  const std::string_view whole = part;
  unsigned step = 0;
  if (const std::size_t slash = part.find('/'); slash != part.npos) {
    FAIRLEAD_TRY(step, number(part.substr(slash + 1), field, whole));
    if (step < 1 || step > field.high)
      return wrong("In the " + std::string(field.name) + ", the step of " + quoted(whole) + " is 1 to " +
                   std::to_string(field.high) + ".");
    part = part.substr(0, slash);
  }
  unsigned low = field.low, high = field.cycle_high;
  if (part != "*") {
    const std::size_t dash = part.find('-');
    FAIRLEAD_TRY(low, value_of(part.substr(0, dash), field, whole));
    if (dash != part.npos) {
      FAIRLEAD_TRY(high, value_of(part.substr(dash + 1), field, whole));
      if (low == high) return wrong("In the " + std::string(field.name) + ", " + quoted(whole) + " is no range.");
    } else if (step == 0) {
      high = low;
    } else {
      high = std::max(low, high);  // 7/2 among weekdays
    }
  }
  std::uint64_t out = 0;
  if (low > high) {
    if (step > 1)
      return wrong("In the " + std::string(field.name) + ", " + quoted(whole) +
                   " goes over the end and takes no step: write its values as a list.");
    for (unsigned value = low; value <= field.cycle_high; ++value) out |= 1ULL << value;
    low = field.low;
  }
  for (unsigned value = low; value <= high; value += std::max(step, 1U)) out |= 1ULL << value;
  return out;
}

Result<std::uint64_t> set_of(std::string_view text, const FieldRule& field) {
  if (text == "?" && (field.high == 31 || field.high == 7)) text = "*";
  if (text.starts_with(',') || text.ends_with(',') || text.find(",,") != text.npos)
    return wrong("In the " + std::string(field.name) + ", " + quoted(text) + " has a comma with nothing beside it.");
  std::uint64_t out = 0;
  for (const std::string& part : split(text, ",")) {
    FAIRLEAD_TRY(const std::uint64_t values, values_of(part, field));
    out |= values;
  }
  return out;
}

std::int64_t floor_div(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

// The first minute that is not before that second.
std::int64_t minute_up(std::int64_t seconds) {
  return -floor_div(-seconds, kMinute_s);
}

}  // namespace

Result<Cron> Cron::parse(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  std::vector<std::string> fields = split(lower, " \t");
  if (fields.size() == 1 && fields[0].starts_with('@')) {
    const auto alias = std::ranges::find(kAliases, fields[0], &std::pair<std::string_view, std::string_view>::first);
    if (alias == kAliases.end())
      return wrong(quoted(text) +
                   " is not known. There are @hourly, @daily, @midnight, @weekly, @monthly, @yearly and @annually.");
    fields = split(alias->second, " ");
  }
  if (fields.size() != kFields.size())
    return wrong(quoted(text) + " has " + std::to_string(fields.size()) +
                 " fields; there are five: minute, hour, day of the month, month, weekday." +
                 (fields.size() == 6 ? " For times within a minute use `every`." : ""));
  Cron out;
  std::uint64_t* const sets[] = {&out.minutes_, &out.hours_, &out.days_, &out.months_, &out.weekdays_};
  for (std::size_t i = 0; i < kFields.size(); ++i) {
    FAIRLEAD_TRY(*sets[i], set_of(fields[i], kFields[i]));
  }
  if (out.has(out.weekdays_, 7)) out.weekdays_ |= 1;
  out.weekdays_ &= 0x7F;
  const auto has_star = [&](std::size_t i) { return fields[i].find_first_of("*?") != std::string::npos; };
  const auto is_any = [&](std::size_t i, std::size_t other, std::uint64_t set, int all) {
    return fields[i] == "*" || fields[i] == "?" || (std::popcount(set) == all && has_star(other));
  };
  out.any_hour_ = std::popcount(out.hours_) == 24;
  out.any_day_ = is_any(2, 4, out.days_, 31);
  out.any_weekday_ = is_any(4, 2, out.weekdays_, 7);
  if (!out.comes()) return wrong(quoted(text) + " never comes: no month that it names has that day.");
  return out;
}

bool Cron::is_day(std::int64_t day) const {
  const ch::sys_days date{ch::days(day)};
  const ch::year_month_day parts(date);
  const bool is_day = has(days_, static_cast<unsigned>(parts.day()));
  const bool is_weekday = has(weekdays_, ch::weekday(date).c_encoding());
  return any_day_ || any_weekday_ ? is_day && is_weekday : is_day || is_weekday;
}

bool Cron::comes() const {
  if (!any_weekday_ && !any_day_) return true;
  constexpr std::array<unsigned, 13> kDays{0, 31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  for (unsigned month = 1; month <= 12; ++month)
    for (unsigned day = 1; day <= kDays[month]; ++day)
      if (has(months_, month) && has(days_, day)) return true;
  return false;
}

std::optional<std::int64_t> Cron::first(std::int64_t from, std::int64_t to) const {
  while (from < to) {
    const std::int64_t day = floor_div(from, kDayMinutes);
    const ch::year_month_day date(ch::sys_days{ch::days(day)});
    if (!has(months_, static_cast<unsigned>(date.month()))) {
      const ch::year_month next = ch::year_month(date.year(), date.month()) + ch::months(1);
      from = ch::sys_days(next / 1).time_since_epoch().count() * kDayMinutes;
      continue;
    }
    const auto of_day = static_cast<unsigned>(from - day * kDayMinutes);
    const std::uint64_t hours = hours_ >> (of_day / 60) << (of_day / 60);
    if (hours == 0 || !is_day(day)) {
      from = (day + 1) * kDayMinutes;
      continue;
    }
    const auto hour = static_cast<unsigned>(std::countr_zero(hours));
    const unsigned begin = hour == of_day / 60 ? of_day % 60 : 0;
    const std::uint64_t minutes = minutes_ >> begin << begin;
    if (minutes == 0) {
      from = day * kDayMinutes + (hour + 1) * 60;
      continue;
    }
    const std::int64_t found = day * kDayMinutes + hour * 60 + std::countr_zero(minutes);
    return found < to ? std::optional(found) : std::nullopt;
  }
  return std::nullopt;
}

std::optional<std::int64_t> Cron::last(std::int64_t from, std::int64_t to) const {
  const auto up_to = [](std::uint64_t set, unsigned value) { return set & (~0ULL >> (63 - value)); };
  while (from < to) {
    const std::int64_t day = floor_div(to - 1, kDayMinutes);
    const ch::year_month_day date(ch::sys_days{ch::days(day)});
    if (!has(months_, static_cast<unsigned>(date.month()))) {
      to = ch::sys_days(date.year() / date.month() / 1).time_since_epoch().count() * kDayMinutes;
      continue;
    }
    const auto of_day = static_cast<unsigned>(to - 1 - day * kDayMinutes);
    const std::uint64_t hours = up_to(hours_, of_day / 60);
    if (hours == 0 || !is_day(day)) {
      to = day * kDayMinutes;
      continue;
    }
    const auto hour = static_cast<unsigned>(63 - std::countl_zero(hours));
    const std::uint64_t minutes = up_to(minutes_, hour == of_day / 60 ? of_day % 60 : 59);
    if (minutes == 0) {
      to = day * kDayMinutes + hour * 60;
      continue;
    }
    const std::int64_t found = day * kDayMinutes + hour * 60 + 63 - std::countl_zero(minutes);
    return found >= from ? std::optional(found) : std::nullopt;
  }
  return std::nullopt;
}

// Between two changes of the clocks minutes are looked for as they stand on the wall; one that is leapt over, of an
// expression that names hours, stands for the moment of the leap.
std::optional<std::int64_t> Cron::next(const TimeZone& zone, std::int64_t after_s) const {
  const std::int64_t limit_s = after_s + kReach_s;
  std::int64_t from_s = after_s + 1;
  while (from_s <= limit_s) {
    const TimeZone::Stretch here = zone.stretch_at(from_s);
    const std::int64_t end_s = std::min(here.end_s, limit_s + 1);
    const auto found = first(minute_up(from_s + here.offset_s), minute_up(end_s + here.offset_s));
    if (found) return *found * kMinute_s - here.offset_s;
    if (here.end_s > limit_s) break;
    const std::int64_t after_leap = here.end_s + zone.stretch_at(here.end_s).offset_s;
    if (!any_hour_ && first(minute_up(here.end_s + here.offset_s), minute_up(after_leap))) return here.end_s;
    from_s = here.end_s;
  }
  return std::nullopt;
}

std::optional<std::int64_t> Cron::previous(const TimeZone& zone, std::int64_t before_s) const {
  const std::int64_t limit_s = before_s - kReach_s;
  std::int64_t to_s = before_s;  // not itself
  while (to_s > limit_s) {
    const TimeZone::Stretch here = zone.stretch_at(to_s - 1);
    const std::int64_t begin_s = std::max(here.begin_s, limit_s);
    const auto found = last(minute_up(begin_s + here.offset_s), minute_up(to_s + here.offset_s));
    if (found) return *found * kMinute_s - here.offset_s;
    if (here.begin_s <= limit_s) break;
    const std::int64_t before_leap = here.begin_s + zone.stretch_at(here.begin_s - 1).offset_s;
    if (!any_hour_ && first(minute_up(before_leap), minute_up(here.begin_s + here.offset_s))) return here.begin_s;
    to_s = here.begin_s;
  }
  return std::nullopt;
}

}  // namespace fairlead::calendar
