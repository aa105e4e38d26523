// Hours, days, weeks and months as people in a time zone have them.
#pragma once
#include <cstdint>

#include "platform/calendar/time_zone.h"

namespace fairlead::budgets {

using calendar::TimeZone;

enum class Unit : std::uint8_t { kHour, kDay, kWeek, kMonth };

// The window that a moment is in: from `begin_s` to just before `end_s`, unix time. Weeks begin on Monday. An hour, and
// a day on which clocks change, is as long as it is on the clocks.
struct Window {
  std::int64_t begin_s = 0, end_s = 0;
};
Window window_of(Unit unit, const TimeZone& zone, std::int64_t unix_s);

}  // namespace fairlead::budgets
