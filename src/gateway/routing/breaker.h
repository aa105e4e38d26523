// The circuit breaker of one route.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <string_view>

#include "base/clock.h"
#include "gateway/routing/random.h"
#include "llm/routing.h"

namespace fairlead::gateway::routing {

// Closed: every call goes through and is counted. When too many of the recent ones failed it opens: for a pause, calls
// that have another way take that. After the pause it is half open: one call at a time probes the route; the first that
// succeeds closes it, one that fails opens it again for twice as long. All loops share one, without a lock: numbers may
// be off by what happens at the same instant, nothing else.
class Breaker {
 public:
  enum class State : std::uint8_t { kClosed, kOpen, kHalfOpen };
  enum class Entry : std::uint8_t {
    kNormal,
    kProbe,   // of a half-open route: the outcome closes it, or opens it again for longer
    kForced,  // of an open one, for want of another way: a success closes it
  };

  State state(SteadyTime now) const;
  // Whether a call that has another way may go this one.
  bool passes(SteadyTime now) const;
  // Before a try.
  Entry enter(SteadyTime now);

  // How the try ended; one of the three for each enter(). `abandoned`: it tells nothing about the route.
  void succeeded(Entry entry, SteadyTime now, const llm::BreakerPolicy& policy);
  // True if this opened it.
  bool failed(Entry entry, SteadyTime now, const llm::BreakerPolicy& policy, Random& random);
  void abandoned(Entry entry);
  // The upstream asked to be left alone for so long.
  void rest(SteadyTime now, Millis duration);

  struct Counts {
    std::uint32_t calls = 0, failures = 0;
  };
  Counts recent(SteadyTime now, const llm::BreakerPolicy& policy) const;
  Millis opens_in(SteadyTime now) const;  // what is left of the pause; 0: none

 private:
  static constexpr std::size_t kSlices = 8;
  static constexpr std::int64_t kProbeLease_us = 60'000'000;  // for a probe that was lost
  void count(SteadyTime now, const llm::BreakerPolicy& policy, bool failure);
  void open(SteadyTime now, const llm::BreakerPolicy& policy, Random& random);

  // The window's slices, each: its number (32 bits), its calls (16) and failures (16).
  std::array<std::atomic<std::uint64_t>, kSlices> slices_{};
  std::atomic<std::int64_t> open_until_us_{0};  // 0: closed
  std::atomic<std::int64_t> probing_until_us_{0};
  std::atomic<std::uint32_t> openings_{0};  // since it was closed last
};

std::string_view to_string(Breaker::State state);

}  // namespace fairlead::gateway::routing
