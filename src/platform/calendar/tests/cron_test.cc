#include "platform/calendar/cron.h"

#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/iso_time.h"

namespace fairlead::calendar {
namespace {

std::int64_t at(const char* text) {
  return *parse_iso_time(text) / 1'000'000;
}

std::string text(std::int64_t unix_s) {
  return iso8601(unix_s * 1'000'000).substr(0, 16);
}

// The next times, in UTC.
std::vector<std::string> next(const char* expression, const char* zone_name, const char* from, int count) {
  const auto cron = Cron::parse(expression);
  EXPECT_TRUE(cron) << expression;
  const auto zone = *TimeZone::load(zone_name);
  std::vector<std::string> out;
  std::int64_t now = at(from);
  for (int i = 0; i < count; ++i) {
    const auto found = cron->next(*zone, now);
    if (!found) break;
    out.push_back(text(*found));
    now = *found;
  }
  return out;
}

using Times = std::vector<std::string>;

TEST(Cron, TimesInUtc) {
  EXPECT_EQ(next("*/15 * * * *", "UTC", "2026-11-27T10:07:30Z", 3),
            (Times{"2026-11-27T10:15", "2026-11-27T10:30", "2026-11-27T10:45"}));
  EXPECT_EQ(next("0 3 * * mon-fri", "UTC", "2026-11-27T03:00:00Z", 2), (Times{"2026-11-30T03:00", "2026-12-01T03:00"}));
  EXPECT_EQ(next("@monthly", "UTC", "2026-11-27T03:00:00Z", 2), (Times{"2026-12-01T00:00", "2027-01-01T00:00"}));
  EXPECT_EQ(next("0 0 29 2 *", "UTC", "2096-03-01T00:00:00Z", 1), (Times{"2104-02-29T00:00"}));
  EXPECT_EQ(next("30 22-1 * NOV-JAN SAT-SUN", "UTC", "2026-12-05T12:00:00Z", 3),
            (Times{"2026-12-05T22:30", "2026-12-05T23:30", "2026-12-06T00:30"}));
}

TEST(Cron, WithADayAndAWeekdayEitherWillDo) {
  EXPECT_EQ(next("0 0 13 * fri", "UTC", "2026-11-01T00:00:00Z", 4),
            (Times{"2026-11-06T00:00", "2026-11-13T00:00", "2026-11-20T00:00", "2026-11-27T00:00"}));
  EXPECT_EQ(next("0 0 30 2 mon", "UTC", "2026-01-31T00:00:00Z", 1), (Times{"2026-02-02T00:00"}));
}

TEST(Cron, AnHourThatIsLeaptOverIsTheMomentOfTheLeap) {
  // Berlin, 29 March 2026: from 02:00 (01:00 UTC) to 03:00.
  EXPECT_EQ(next("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", 2),
            (Times{"2026-03-29T01:00", "2026-03-30T00:30"}));
  EXPECT_EQ(next("*/20 2,3 29 3 *", "Europe/Berlin", "2026-03-28T12:00:00Z", 3),
            (Times{"2026-03-29T01:00", "2026-03-29T01:20", "2026-03-29T01:40"}));
  // Of every hour nothing is missing.
  EXPECT_EQ(next("30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z", 3),
            (Times{"2026-03-29T00:30", "2026-03-29T01:30", "2026-03-29T02:30"}));
}

TEST(Cron, AnHourThatComesTwiceCountsTwice) {
  EXPECT_EQ(next("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", 3),
            (Times{"2026-10-25T00:30", "2026-10-25T01:30", "2026-10-26T01:30"}));
}

TEST(Cron, BackwardsIsForwardsReversed) {
  for (const char* const zone_name : {"Europe/Berlin", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Cairo"}) {
    const auto zone = *TimeZone::load(zone_name);
    for (const char* const expression :
         {"30 2 * * *", "*/20 0-3 * * *", "15 * * * *", "0 0 1,15 * 3", "45 1 * 10,4 0"}) {
      const auto cron = *Cron::parse(expression);
      std::vector<std::int64_t> forwards, backwards;
      const std::int64_t begin = at("2016-01-01T00:00:00Z"), end = at("2020-01-01T00:00:00Z");
      for (auto one = cron.next(*zone, begin); one && *one < end; one = cron.next(*zone, *one))
        forwards.push_back(*one);
      for (auto one = cron.previous(*zone, end); one && *one > begin; one = cron.previous(*zone, *one))
        backwards.insert(backwards.begin(), *one);
      EXPECT_GT(forwards.size(), 30U);
      EXPECT_EQ(forwards, backwards) << zone_name << " " << expression;
    }
  }
}

TEST(Cron, SaysWhatIsWrong) {
  const auto message = [](const char* expression) {
    const auto cron = Cron::parse(expression);
    return cron ? std::string() : cron.error().message;
  };
  EXPECT_NE(message("0 0 30 2 *").find("never comes"), std::string::npos);
  EXPECT_NE(message("0 0 31 4,6 *").find("never comes"), std::string::npos);
  EXPECT_NE(message("61 * * * *").find("0 to 59"), std::string::npos);
  EXPECT_NE(message("0 0 L * *").find("day of the month"), std::string::npos);
  EXPECT_NE(message("*/0 * * * *").find("step"), std::string::npos);
  EXPECT_NE(message("0 22-3/2 * * *").find("list"), std::string::npos);
  EXPECT_NE(message("0 5-5 * * *").find("no range"), std::string::npos);
  EXPECT_NE(message("0 0 * * * 30").find("every"), std::string::npos);
  EXPECT_NE(message("@reboot").find("@daily"), std::string::npos);
  for (const char* const text :
       {"", "* * * *", "1,,2 * * * *", ", * * * *", "a * * * *", "-1 * * * *", "1- * * * *", "*-5 * * * *", "? * * * *",
        "0 0 0 * *", "0 0 * 13 *", "0 0 * * 8", "1/ * * * *", "99999999999 * * * *", "0 0 * * mon#1"})
    EXPECT_NE(message(text), "") << text;
}

}  // namespace
}  // namespace fairlead::calendar
