#include "base/clock.h"

#include <cstdio>
#include <ctime>

namespace fairlead {

std::int64_t SystemClock::unix_micros() const {
  return std::chrono::duration_cast<Micros>(std::chrono::system_clock::now().time_since_epoch()).count();
}

SteadyTime SystemClock::steady() const {
  return std::chrono::steady_clock::now();
}

std::string iso8601(std::int64_t unix_micros) {
  std::int64_t seconds = unix_micros / 1'000'000;
  std::int64_t micros = unix_micros % 1'000'000;
  if (micros < 0) micros += 1'000'000, --seconds;
  const std::time_t time = seconds;
  std::tm utc{};
  gmtime_r(&time, &utc);
  char text[64];
  std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", utc.tm_year + 1900, utc.tm_mon + 1,
                utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, static_cast<int>(micros));
  return text;
}

}  // namespace fairlead
