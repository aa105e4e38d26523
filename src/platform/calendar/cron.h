// Cron expressions: the minutes of a clock on a wall (docs/reference/schedules.md).
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/calendar/time_zone.h"

namespace fairlead::calendar {

// Immutable. Times are unix seconds.
class Cron {
 public:
  // Five fields (minute, hour, day, month, weekday), or @hourly, @daily, @midnight, @weekly, @monthly, @yearly,
  // @annually. Error: kInvalid invalid_cron, which says the field; also for what never comes.
  static Result<Cron> parse(std::string_view text);

  // The first time after that one, or the last before it; nothing if there is none within fifty years.
  std::optional<std::int64_t> next(const TimeZone& zone, std::int64_t after_s) const;
  std::optional<std::int64_t> previous(const TimeZone& zone, std::int64_t before_s) const;

 private:
  bool has(std::uint64_t set, unsigned value) const { return (set >> value & 1) != 0; }
  bool is_day(std::int64_t day) const;
  // Local minutes since 1970, within [from, to): the first that it names, or the last.
  std::optional<std::int64_t> first(std::int64_t from, std::int64_t to) const;
  std::optional<std::int64_t> last(std::int64_t from, std::int64_t to) const;
  bool comes() const;

  std::uint64_t minutes_ = 0, hours_ = 0, days_ = 0, months_ = 0, weekdays_ = 0;  // bit n: the value n
  bool any_hour_ = false;
  bool any_day_ = false, any_weekday_ = false;  // if neither, a day that is one of the two will do
};

}  // namespace fairlead::calendar
