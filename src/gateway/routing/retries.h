// Whether another try may help, when, and whether there is one to spend.
#pragma once
#include <atomic>
#include <chrono>
#include <cstdint>

#include "base/clock.h"
#include "base/error.h"
#include "gateway/routing/random.h"

namespace fairlead::gateway::routing {

// What an error of a try says about trying again.
enum class Fault : std::uint8_t {
  kFinal,        // the caller's, or the caller has gone: nobody else would answer otherwise
  kOtherRoute,   // this route cannot, however often it is asked: another may
  kTransient,    // may have passed in a moment: overloaded, reset, 5xx
  kDown,         // nobody is there, and will hardly be in a moment: unreachable, loading
  kRateLimited,  // passes, after a while
  kTimeout,      // took too long
};
Fault fault_of(const Error& error);
// Whether it tells against the route's health.
bool tells_against_route(Fault fault);

// How long to wait before try `number` (1: the first repetition): exponential backoff with full jitter
// (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/), 250 ms doubled up to 8 s; never less
// than the upstream asked for (`retry_after_ms`, 0: it did not).
Millis backoff(int number, std::int64_t retry_after_ms, Random& random);

// Retries of a model's calls, on all loops: at most a tenth of its recent calls, and one a second beside that. Saved up
// are at most 100, of which the passing of time gives 10. Lock-free.
class RetryBudget {
 public:
  void count_call();              // one call has begun
  bool withdraw(SteadyTime now);  // true: one may be made

 private:
  void refill(SteadyTime now);
  static constexpr std::int64_t kOne = 1'000;
  static constexpr std::int64_t kByTime = 10 * kOne, kMost = 100 * kOne;
  std::atomic<std::int64_t> saved_{kByTime};  // thousandths of a retry
  std::atomic<std::int64_t> refilled_us_{0};
};

// Second tries beside slow ones: a share of a model's calls, of which at most ten are saved up. Lock-free.
class HedgeBudget {
 public:
  void count_call(double share);
  bool withdraw();

 private:
  static constexpr std::int64_t kOne = 1'000'000;
  std::atomic<std::int64_t> saved_{kOne};
};

}  // namespace fairlead::gateway::routing
