#include "platform/calendar/time_zone.h"

#include <gtest/gtest.h>

#include <ctime>

namespace fairlead::calendar {
namespace {

// "2026-03-29T01:30:00Z"
std::int64_t at(const char* text) {
  std::tm parts{};
  EXPECT_NE(strptime(text, "%Y-%m-%dT%H:%M:%SZ", &parts), nullptr) << text;
  return timegm(&parts);
}

std::string text(std::int64_t unix_s) {
  const std::time_t when = unix_s;
  std::tm parts{};
  gmtime_r(&when, &parts);
  char out[32];
  strftime(out, sizeof out, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return out;
}

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
