#include "platform/calendar/time_zone.h"

#include <gtest/gtest.h>

#include <ctime>

#include "platform/calendar/tests/utc_text.h"

namespace fairlead::calendar {
namespace {

// What the C library says of every sixth hour of forty years.
TEST(TimeZone, OffsetsAreThoseOfTheSystem) {
  for (const char* const name : {"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago",
                                 "Africa/Casablanca", "Asia/Kathmandu", "Pacific/Apia", "Europe/Dublin"}) {
    setenv("TZ", name, 1);
    tzset();
    const auto zone = *TimeZone::load(name);
    for (std::int64_t when = at("2000-01-01T00:00:00Z"); when < at("2040-01-01T00:00:00Z"); when += 6 * 3600 + 1) {
      const std::time_t time = when;
      std::tm parts{};
      localtime_r(&time, &parts);
      ASSERT_EQ(zone->offset_s(when), parts.tm_gmtoff) << name << " " << text(when);
    }
  }
  unsetenv("TZ");
  tzset();
}

TEST(TimeZone, WhatIsNoTimeZone) {
  for (const char* const name : {"", "Europe/Atlantis", "/etc/passwd", "../../../etc/passwd", "tzdata.zi", "Europe"})
    EXPECT_FALSE(TimeZone::load(name)) << name;
  EXPECT_FALSE(TimeZone::parse(""));
  EXPECT_FALSE(TimeZone::parse("TZif"));
  EXPECT_FALSE(TimeZone::parse(std::string(2000, 'x')));
  std::string cut = "TZif2" + std::string(39, '\x7f');
  EXPECT_FALSE(TimeZone::parse(cut));
}

}  // namespace
}  // namespace fairlead::calendar
