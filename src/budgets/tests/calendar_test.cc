#include "budgets/calendar.h"

#include <gtest/gtest.h>

#include <ctime>

#include "platform/calendar/tests/utc_text.h"

namespace fairlead::budgets {
namespace {

using calendar::at;
using calendar::text;

std::string window(Unit unit, const char* zone, const char* now) {
  const Window found = window_of(unit, **TimeZone::load(zone), at(now));
  return text(found.begin_s) + " " + text(found.end_s);
}

TEST(Calendar, WindowsInUtc) {
  EXPECT_EQ(window(Unit::kHour, "UTC", "2026-11-26T14:59:59Z"), "2026-11-26T14:00:00Z 2026-11-26T15:00:00Z");
  EXPECT_EQ(window(Unit::kDay, "UTC", "2026-11-26T00:00:00Z"), "2026-11-26T00:00:00Z 2026-11-27T00:00:00Z");
  EXPECT_EQ(window(Unit::kWeek, "UTC", "2026-11-26T14:00:00Z"), "2026-11-23T00:00:00Z 2026-11-30T00:00:00Z");
  EXPECT_EQ(window(Unit::kWeek, "UTC", "2026-11-29T23:59:59Z"), "2026-11-23T00:00:00Z 2026-11-30T00:00:00Z");
  EXPECT_EQ(window(Unit::kMonth, "UTC", "2026-12-31T23:59:59Z"), "2026-12-01T00:00:00Z 2027-01-01T00:00:00Z");
  EXPECT_EQ(window(Unit::kMonth, "UTC", "2028-02-29T12:00:00Z"), "2028-02-01T00:00:00Z 2028-03-01T00:00:00Z");
}

TEST(Calendar, DaysOnWhichClocksChange) {
  // Forward on 29 March 2026 at 01:00 UTC: 23 hours. Back on 25 October: 25 hours.
  EXPECT_EQ(window(Unit::kDay, "Europe/Berlin", "2026-03-29T12:00:00Z"), "2026-03-28T23:00:00Z 2026-03-29T22:00:00Z");
  EXPECT_EQ(window(Unit::kDay, "Europe/Berlin", "2026-10-25T12:00:00Z"), "2026-10-24T22:00:00Z 2026-10-25T23:00:00Z");
  EXPECT_EQ(window(Unit::kMonth, "Europe/Berlin", "2026-03-10T12:00:00Z"), "2026-02-28T23:00:00Z 2026-03-31T22:00:00Z");
  // The hour that occurs twice is two hours.
  EXPECT_EQ(window(Unit::kHour, "Europe/Berlin", "2026-10-25T00:30:00Z"), "2026-10-25T00:00:00Z 2026-10-25T01:00:00Z");
  EXPECT_EQ(window(Unit::kHour, "Europe/Berlin", "2026-10-25T01:30:00Z"), "2026-10-25T01:00:00Z 2026-10-25T02:00:00Z");
}

TEST(Calendar, AMidnightThatDoesNotOccurIsTheMomentOfTheLeap) {
  // Santiago leapt from 2022-09-11 00:00 (UTC-4) to 01:00.
  EXPECT_EQ(window(Unit::kDay, "America/Santiago", "2022-09-11T12:00:00Z"),
            "2022-09-11T04:00:00Z 2022-09-12T03:00:00Z");
}

TEST(Calendar, OffsetsThatAreNoWholeHours) {
  EXPECT_EQ(window(Unit::kDay, "Asia/Kathmandu", "2026-11-26T14:00:00Z"), "2026-11-25T18:15:00Z 2026-11-26T18:15:00Z");
  EXPECT_EQ(window(Unit::kHour, "Asia/Kolkata", "2026-11-26T14:10:00Z"), "2026-11-26T13:30:00Z 2026-11-26T14:30:00Z");
}

TEST(Calendar, RulesGoOnAfterTheLastChangeOfTheFile) {
  EXPECT_EQ(window(Unit::kDay, "Europe/Berlin", "2059-07-01T12:00:00Z"), "2059-06-30T22:00:00Z 2059-07-01T22:00:00Z");
  EXPECT_EQ(window(Unit::kDay, "Europe/Berlin", "2059-12-01T12:00:00Z"), "2059-11-30T23:00:00Z 2059-12-01T23:00:00Z");
}

// Windows of a zone follow each other without a gap, and each moment is in the one that it is told.
TEST(Calendar, WindowsFollowEachOther) {
  for (const char* const name : {"Europe/Berlin", "America/Santiago", "Pacific/Apia", "Africa/Casablanca"}) {
    const auto zone = *TimeZone::load(name);
    for (const Unit unit : {Unit::kDay, Unit::kWeek, Unit::kMonth}) {
      std::int64_t when = at("2009-01-01T00:00:00Z");
      while (when < at("2032-01-01T00:00:00Z")) {
        const Window found = window_of(unit, *zone, when);
        ASSERT_LE(found.begin_s, when) << name << " " << text(when);
        ASSERT_GT(found.end_s, when) << name << " " << text(when);
        ASSERT_EQ(window_of(unit, *zone, found.end_s - 1).begin_s, found.begin_s) << name << " " << text(when);
        ASSERT_EQ(window_of(unit, *zone, found.end_s).begin_s, found.end_s) << name << " " << text(when);
        ASSERT_EQ(found.end_s % 900, 0) << name << " " << text(when);
        when = found.end_s;
      }
    }
  }
}

}  // namespace
}  // namespace fairlead::budgets
