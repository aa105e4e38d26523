// A schedule in force: when it comes, and what it starts then (docs/reference/schedules.md).
#pragma once
#include <boost/json/object.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "chains/chains.h"
#include "chains/values.h"
#include "platform/calendar/cron.h"
#include "resources/kind.h"

namespace fairlead::schedules {

// Its times, "ticks", in unix seconds. Immutable, copied cheaply.
class Timing {
 public:
  // `cron` with `zone`, or `every`. Faults have pointers into the spec.
  static std::optional<Timing> of(const boost::json::object& spec, std::vector<resources::SpecError>& faults);
  // The first after that time, the last before it.
  std::optional<std::int64_t> next(std::int64_t after_s) const;
  std::optional<std::int64_t> previous(std::int64_t before_s) const;
  // "0 3 * * 1-5 Europe/Berlin", "every 15m"
  const std::string& text() const { return text_; }

 private:
  struct InZone {
    calendar::Cron cron;
    std::shared_ptr<const calendar::TimeZone> zone;
  };
  Timing(std::variant<InZone, std::int64_t> when, std::string text) : when_(std::move(when)), text_(std::move(text)) {}
  std::variant<InZone, std::int64_t> when_;
  std::string text_;
};

enum class CatchUp : std::uint8_t { kSkip, kLatest, kAll };

// Immutable.
struct Schedule {
  std::string project, name;
  int version = 0;
  std::int64_t revision = 0;  // of the project that it is in
  std::string chain;
  Timing timing;
  CatchUp catch_up = CatchUp::kLatest;
  std::string queue;
  std::chrono::microseconds deadline{0};
  bool paused = false;
  chains::Values input;
  boost::json::object spec;

  static std::shared_ptr<const Schedule> of(const std::string& project, const std::string& name, int version,
                                            std::int64_t revision, const boost::json::object& spec,
                                            std::vector<resources::SpecError>& faults);
  // What it asks for at that tick; the key is the tick's, the same on every node. Errors: those of Values::make().
  Result<chains::StartRequest> request(std::int64_t tick_s) const;
};

// "2026-11-27T03:00:00Z"
std::string utc_text(std::int64_t unix_s);

// How late a tick may be looked at without having been missed.
inline constexpr std::int64_t kOnTime_s = 10;
// So many missed ticks are made up for at most.
inline constexpr std::size_t kMostMissed = 1'000;

// The ticks after `last_s` until `now_s` that are to be started now, oldest first: all of them if none was missed, else
// what the rule says. `left_out`: there were others.
struct Due {
  std::vector<std::int64_t> ticks;
  bool left_out = false;
};
Due due_ticks(const Timing& timing, CatchUp rule, std::int64_t last_s, std::int64_t now_s);

}  // namespace fairlead::schedules
