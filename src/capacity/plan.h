// What must be allowed so that a target holds under so many times the recorded load.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "capacity/records.h"
#include "capacity/simulation.h"
#include "capacity/target.h"

namespace fairlead::capacity {

// What a use case is known by.
enum class By : std::uint8_t { kTarget, kKey, kTag, kUser };
inline constexpr std::array<std::string_view, 4> kByNames = {"target", "key", "tag", "user"};

struct Question {
  Target target;
  double load = 1;
  std::int64_t since_us = 0, now_us = 0;
  std::string model{};  // whose calls are to meet the target; empty: all calls
  By by = By::kTarget;
  double headroom = 0.2;
  std::uint64_t seed = 1;
};

// Times in microseconds; infinite: that many calls got no answer.
struct Percentiles {
  double p50 = 0, p95 = 0, p99 = 0;
};
struct LoadPoint {
  double load = 1, calls_per_minute = 0;
  Percentiles first_token{}, duration{};
  // Of the target's percentile: the median of the runs, and where one more run would be with 95% (Student's prediction
  // interval, of logarithms).
  double at_target = 0, low = 0, high = 0;
  double turned_away = 0;  // share of calls
  bool meets = false;
};
// In the busiest minute at the load that is asked for, the mean of the runs.
struct Rate {
  double requests = 0, tokens = 0;
};
struct RouteUse {
  std::string provider, upstream_model;
  int usual = 0, most = 0;  // in flight at the load that is asked for: 99% of the time, ever
  int seen = 0;             // most in flight that the records have
  std::size_t answers = 0;  // that the records have
  LatencyFit fit{};
  Rate rate{};  // of tries
};
struct ModelNeed {
  std::string model;
  double calls_per_minute = 0;  // at the load that is asked for
  Percentiles first_token{}, duration{};
  int bound = 0;                // concurrency.max in force; 0: none
  int needed = 0, advised = 0;  // 0: none would do
  bool meets = false;           // as configured
  std::vector<RouteUse> routes;
};
struct UseCaseNeed {
  std::string name;
  Rate needed{}, advised{};
};
struct BudgetNeed {
  std::string name, limit, per;
  double amount = 0, used = 0;  // in one window, at the load that is asked for; of cost in dollars
};

struct Plan {
  Question question;
  std::int64_t from_us = 0, length_us = 0;  // what was replayed
  std::size_t calls = 0;
  double calls_per_minute = 0;
  int runs = 0;                        // of each load
  std::vector<LoadPoint> loads;        // rising
  double holds_to = 0;                 // a load; 0: not even the least of them
  bool holds_beyond = false;           // and perhaps more
  std::string limited_by, limit_text;  // budget, concurrency, timeout, upstream; at the first load that does not hold
  std::vector<ModelNeed> models;       // by calls
  std::vector<UseCaseNeed> use_cases;  // by calls, twenty at most
  std::vector<BudgetNeed> budgets;     // of calendar windows, whose use the records tell
  std::vector<std::string> notes;
};

// Blocks for seconds. Errors: kInvalid `unknown_model`, `too_few_records`, and those of simulate().
Result<Plan> make_plan(const Scenario& scenario, const Question& question,
                       const std::map<std::string, BudgetUse>& budget_use);

boost::json::object to_json(const Plan& plan);

}  // namespace fairlead::capacity
