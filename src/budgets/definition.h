// What a budget resource says, as values.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "budgets/calendar.h"
#include "budgets/metric.h"

namespace fairlead::budgets {

// By what calls are told apart.
enum class Scope : std::uint8_t { kKey, kUser, kModel, kPrompt, kTag };
inline constexpr std::array<std::string_view, 5> kScopeNames = {"key", "user", "model", "prompt", "tag"};

// Over what time an amount is given.
struct Period {
  enum class Kind : std::uint8_t { kEver, kCalendar, kBucket } kind = Kind::kEver;
  Unit unit = Unit::kMonth;  // of a calendar's
  std::shared_ptr<const TimeZone> zone;
  std::int64_t refill_ns = 0;  // of a bucket
  std::string text;            // "month", "1m"
};

struct Definition {
  std::string project, name;
  int version = 0;
  struct Condition {
    Scope scope = Scope::kKey;
    std::vector<std::string> any_of;
  };
  std::vector<Condition> conditions;  // all of them
  std::optional<Scope> each;
  struct Limit {
    Metric metric = Metric::kRequests;
    std::int64_t amount = 0;
  };
  std::vector<Limit> limits;  // by metric; never empty
  Period period;
  std::vector<double> alerts;  // shares, rising
  bool hard = true;
  std::string zone_name = "UTC";

  // The spec has passed the kind's schema. Error: unknown_time_zone.
  static Result<Definition> of(std::string project, std::string name, int version, const boost::json::object& spec);
};

// "90s", from 1 s to 24 h, in nanoseconds; nothing for anything else.
std::optional<std::int64_t> refill_of(std::string_view text);

}  // namespace fairlead::budgets
