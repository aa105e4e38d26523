#include "telemetry/store/stats_filter.h"

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <vector>

#include "base/suggest.h"

namespace fairlead::telemetry {
namespace {

constexpr std::int64_t kSecond = 1'000'000, kUsual = 7 * 24 * 3600 * kSecond;
constexpr std::int64_t kLongest = 100LL * 365 * 24 * 3600 * kSecond;

// "90m", "24h", "7d"; nothing if it is none.
std::optional<std::int64_t> age_of(std::string_view text) {
  if (text.empty()) return std::nullopt;
  const std::int64_t unit = text.back() == 'm' ? 60 : text.back() == 'h' ? 3600 : text.back() == 'd' ? 24 * 3600 : 0;
  const auto count = whole_number(text.substr(0, text.size() - 1));
  if (unit == 0 || !count || *count < 1 || *count > kLongest / kSecond / unit) return std::nullopt;
  return *count * unit * kSecond;
}

// "2026-11-24T14:02:19Z", "2026-11-24"
std::optional<std::int64_t> time_of(const std::string& text) {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, read = 0;
  const int parts = std::sscanf(text.c_str(), "%4d-%2d-%2d%n", &year, &month, &day, &read);
  const char* rest = text.c_str() + read;
  if (parts != 3) return std::nullopt;
  if (*rest != '\0') {
    int more = 0;
    if (std::sscanf(rest, "T%2d:%2d:%2d%n", &hour, &minute, &second, &more) != 3) return std::nullopt;
    rest += more;
    if (*rest == '.') {
      do ++rest;
      while (*rest >= '0' && *rest <= '9');
    }
    if (std::string_view(rest) != "Z") return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return (((days * 24LL + hour) * 60 + minute) * 60 + second) * kSecond;
}

}  // namespace

Result<StatsFilter> StatsFilter::parse(std::string_view query, std::int64_t now_us) {
  StatsFilter filter{.since_us = now_us - kUsual};
  const auto set = [&](const std::string& name, const std::string& value) -> Result<void> {
    static const std::vector<std::string> known = {"target", "since"};
    if (name == "target") return take(Target::parse(value), filter.target);
    if (name != "since") {
      return fail(ErrorKind::kInvalid, "unknown_parameter",
                  "There is no parameter `" + name + "`." + did_you_mean(name, known), name);
    }
    const auto age = age_of(value);
    const auto time = age ? std::optional(now_us - *age) : time_of(value);
    if (!time)
      return invalid_parameter("since", "must be like `90m`, `24h`, `7d`, or a time like `2026-11-24T14:02:19Z`.");
    filter.since_us = *time;
    return {};
  };
  FAIRLEAD_CHECK(each_parameter(query, set));
  return filter;
}

}  // namespace fairlead::telemetry
