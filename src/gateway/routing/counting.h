// What the state of routes counts with, that calls of all threads share without a lock.
#pragma once
#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace fairlead::gateway::routing {

inline constexpr auto kRelaxed = std::memory_order_relaxed;

// Since the steady clock's own beginning.
inline std::int64_t micros(SteadyTime time) {
  return std::chrono::duration_cast<Micros>(time.time_since_epoch()).count();
}

}  // namespace fairlead::gateway::routing
