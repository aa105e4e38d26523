#include "budgets/calendar.h"

#include <chrono>

namespace fairlead::budgets {
namespace {

namespace ch = std::chrono;

constexpr std::int64_t kDay_s = 86'400;

}  // namespace

Window window_of(Unit unit, const TimeZone& zone, std::int64_t unix_s) {
  const std::int64_t local_s = unix_s + zone.offset_s(unix_s);
  const auto floor_to = [](std::int64_t value, std::int64_t of) { return value - ((value % of) + of) % of; };
  if (unit == Unit::kHour) {
    // Hours are counted, not named: the one that occurs twice is two.
    const std::int64_t begin_s = unix_s - (local_s - floor_to(local_s, 3'600));
    return {begin_s, begin_s + 3'600};
  }
  const ch::sys_days day{ch::days(floor_to(local_s, kDay_s) / kDay_s)};
  ch::sys_days first = day, after = day + ch::days(1);
  if (unit == Unit::kWeek) {
    first = day - ch::days(ch::weekday(day).iso_encoding() - 1);
    after = first + ch::days(7);
  } else if (unit == Unit::kMonth) {
    const ch::year_month_day date(day);
    first = ch::sys_days(date.year() / date.month() / 1);
    after = ch::sys_days(ch::year_month_day(date.year() / date.month() / 1) + ch::months(1));
  }
  const auto local = [](ch::sys_days of) { return of.time_since_epoch().count() * kDay_s; };
  return {zone.first_unix_s(local(first)), zone.first_unix_s(local(after))};
}

}  // namespace fairlead::budgets
