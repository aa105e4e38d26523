#include "telemetry/store/stats_filter.h"

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/iso_time.h"
#include "base/suggest.h"
#include "platform/config/settings.h"

namespace fairlead::telemetry {
namespace {

constexpr std::chrono::days kUsual{7}, kLongest{36'525};

// "90m", "7d" before now; "2026-11-24T14:02:19Z", "2026-11-24". Nothing if it is none of these.
std::optional<std::int64_t> since(const std::string& text, std::int64_t now_us) {
  if (const auto age = config::parse_duration(text); age && age->count() > 0 && *age <= kLongest)
    return now_us - std::chrono::duration_cast<std::chrono::microseconds>(*age).count();
  return parse_iso_time(text.size() == 10 ? text + "T00:00:00Z" : text);
}

}  // namespace

Result<StatsFilter> StatsFilter::parse(std::string_view query, std::int64_t now_us) {
  StatsFilter filter{.since_us = now_us - std::chrono::microseconds(kUsual).count()};
  const auto set = [&](const std::string& name, const std::string& value) -> Result<void> {
    static const std::vector<std::string> known = {"target", "since", "by"};
    if (name == "target") return take(Target::parse(value), filter.target);
    if (name == "by") {
      if (value != "version" && value != "variant") return invalid_parameter("by", "must be `version` or `variant`.");
      filter.by_variant = value == "variant";
      return {};
    }
    if (name != "since") {
      return fail(ErrorKind::kInvalid, "unknown_parameter",
                  "There is no parameter `" + name + "`." + did_you_mean(name, known), name);
    }
    const auto time = since(value, now_us);
    if (!time)
      return invalid_parameter("since", "must be like `90m`, `24h`, `7d`, or a time like `2026-11-24T14:02:19Z`.");
    filter.since_us = *time;
    return {};
  };
  FAIRLEAD_CHECK(each_parameter(query, set));
  return filter;
}

}  // namespace fairlead::telemetry
