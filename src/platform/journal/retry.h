// When another attempt is worth it.
#pragma once
#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

#include "base/error.h"

namespace fairlead::journal {

enum class FailureClass : std::uint8_t { kTransient, kRateLimit, kTimeout, kBadOutput, kPermanent };
inline constexpr std::size_t kFailureClasses = 5;
std::string_view to_string(FailureClass failure);
std::optional<FailureClass> failure_class(std::string_view word);
// Of an error of the house: unavailable and upstream are transient, exhausted a rate limit, a timeout a timeout; the
// rest is permanent.
FailureClass class_of(const Error& error);

// Waits grow exponentially with full jitter: uniform in [0, min(most, first · factorⁿ)] after n failures ("Exponential
// Backoff And Jitter", AWS Architecture Blog, 2015), and never end before what the upstream's Retry-After says.
struct RetryRule {
  std::int64_t attempts = 1;  // in all
  std::chrono::milliseconds first{500}, most{60'000};
  double factor = 2;
  std::chrono::milliseconds within{0};  // since the step's first attempt; 0: no bound
  std::int64_t cost = 0;                // no further attempt once the step has cost that; 0: no bound
  std::array<bool, kFailureClasses> on{true, true, true, true, false};
};

struct Failed {
  FailureClass failure;
  std::int64_t attempts;  // so far, this one counted
  std::chrono::milliseconds since_first;
  std::int64_t cost;            // of the step so far
  std::int64_t retry_after_ms;  // as the upstream said; 0: it did not
};

// How long to wait before the next attempt; nothing: no more of them. `random` is uniform in [0, 1).
std::optional<std::chrono::milliseconds> pause_after(const RetryRule& rule, const Failed& failed, double random);

}  // namespace fairlead::journal
