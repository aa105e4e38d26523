// What is remembered of the shadows of one model or prompt: whose turn it is, what they cost, and how many there are.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "llm/shadow.h"

namespace fairlead::gateway::routing {

// US dollars of one day (UTC), on all loops. Lock-free. Starts anew with each day; what is known late counts for the
// day on which it was reserved, if that is not over.
class DayBudget {
 public:
  // Takes `usd` out of a budget of `most_usd` a day; the day, or nothing if that much is not left.
  std::optional<std::int64_t> reserve(double usd, double most_usd, std::int64_t unix_micros);
  // What was reserved on that day has cost `actual_usd` in truth.
  void settle(std::int64_t day, double reserved_usd, double actual_usd);
  double spent_usd(std::int64_t unix_micros) const;

 private:
  std::atomic<std::uint64_t> day_and_spent_{0};  // 16 bits of days since 1970, 48 of billionths of a dollar
};

// Why a shadow was not sent.
enum class ShadowDrop : std::uint8_t {
  kAtOnce,       // as many as may be are in flight
  kMemory,       // those of the whole process hold as much as they may
  kBudget,       // what is left of the day's would not cover it
  kBusy,         // the challenger's upstream has no place to spare
  kUnavailable,  // the challenger cannot be called
};
inline constexpr std::array<std::string_view, 5> kShadowDropNames = {"at_once", "memory", "budget", "busy",
                                                                     "unavailable"};

// Shared by all loops and by all versions of what it belongs to. Lock-free.
class ShadowState {
 public:
  ShadowState(std::string of_project, std::string of) : project(std::move(of_project)), name(std::move(of)) {}
  const std::string project, name;  // "model:small"

  // Whether the next call in line is to have a shadow: one of each stretch of 1/share calls is, at a place in it that
  // only the stretch's number decides, so that n calls have n * share of them, rounded, and no rhythm of the calls
  // meets one of the shadows.
  bool draw(double share);
  // One more in flight, if there may be.
  bool enter(int at_once);
  void leave() { in_flight_.fetch_sub(1, std::memory_order_relaxed); }
  int in_flight() const { return in_flight_.load(std::memory_order_relaxed); }

  void count(ShadowDrop drop) { dropped_[static_cast<std::size_t>(drop)].fetch_add(1, std::memory_order_relaxed); }
  std::uint64_t dropped(std::size_t drop) const { return dropped_[drop].load(std::memory_order_relaxed); }

  DayBudget budget;

 private:
  std::atomic<std::uint64_t> drawn_{0};
  std::atomic<int> in_flight_{0};
  std::array<std::atomic<std::uint64_t>, kShadowDropNames.size()> dropped_{};
};

struct Shadow {
  llm::ShadowPolicy policy;
  std::shared_ptr<ShadowState> state;  // never null
};

}  // namespace fairlead::gateway::routing
