#include "gateway/routing/retries.h"

#include <algorithm>

namespace fairlead::gateway::routing {
namespace {

constexpr std::int64_t kFirstBackoff_ms = 250;
constexpr std::int64_t kLongestBackoff_ms = 8'000;

bool take_one(std::atomic<std::int64_t>& saved_up, std::int64_t one) {
  std::int64_t saved = saved_up.load(std::memory_order_relaxed);
  while (saved >= one) {
    if (saved_up.compare_exchange_weak(saved, saved - one, std::memory_order_relaxed)) return true;
  }
  return false;
}

}  // namespace

Fault fault_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kUnavailable:
      if (error.code == "model_failed") return Fault::kOtherRoute;
      if (error.code == "upstream_unreachable" || error.code == "model_loading" || error.code == "worker_died")
        return Fault::kDown;
      return Fault::kTransient;
    case ErrorKind::kUpstream:
      // Credentials do not mend themselves, and an answer that makes no sense seldom makes any a moment later.
      if (error.code == "upstream_auth" || error.code == "upstream_invalid" || error.code == "upstream_too_large" ||
          error.code == "upstream_tls" || error.code == "continuation_differs")
        return Fault::kOtherRoute;
      return Fault::kTransient;
    case ErrorKind::kExhausted:
      // Who was not let in here had better go elsewhere than come again.
      return error.code == "insufficient_quota" || error.code == "upstream_busy" ? Fault::kOtherRoute
                                                                                 : Fault::kRateLimited;
    case ErrorKind::kTimeout:
      return Fault::kTimeout;
    case ErrorKind::kUnsupported:
      return Fault::kOtherRoute;
    default:
      return Fault::kFinal;
  }
}

bool tells_against_route(Fault fault) {
  return fault == Fault::kTransient || fault == Fault::kDown || fault == Fault::kTimeout;
}

Millis backoff(int number, std::int64_t retry_after_ms, Random& random) {
  const std::int64_t most = std::min(kLongestBackoff_ms, kFirstBackoff_ms << std::clamp(number - 1, 0, 10));
  const auto jittered = static_cast<std::int64_t>(random.unit() * static_cast<double>(most));
  // Those who were told the same time do not all come back in the same moment.
  return Millis(retry_after_ms > 0 ? retry_after_ms + std::min(jittered, kFirstBackoff_ms) : jittered);
}

void RetryBudget::count_call() {
  constexpr std::int64_t kShare = kOne / 10;
  if (saved_.load(std::memory_order_relaxed) < kMost) saved_.fetch_add(kShare, std::memory_order_relaxed);
}

void RetryBudget::refill(SteadyTime now) {
  const std::int64_t now_us = std::chrono::duration_cast<Micros>(now.time_since_epoch()).count();
  std::int64_t last = refilled_us_.load(std::memory_order_relaxed);
  if (now_us - last < 1'000 || !refilled_us_.compare_exchange_strong(last, now_us, std::memory_order_relaxed)) return;
  const std::int64_t earned = std::min(kByTime, (now_us - last) / 1'000);  // one a second is a thousandth a millisecond
  std::int64_t saved = saved_.load(std::memory_order_relaxed);
  while (saved < kByTime &&
         !saved_.compare_exchange_weak(saved, std::min(kByTime, saved + earned), std::memory_order_relaxed)) {
  }
}

bool RetryBudget::withdraw(SteadyTime now) {
  refill(now);
  return take_one(saved_, kOne);
}

void HedgeBudget::count_call(double share) {
  if (saved_.load(std::memory_order_relaxed) < 10 * kOne)
    saved_.fetch_add(static_cast<std::int64_t>(share * static_cast<double>(kOne)), std::memory_order_relaxed);
}

bool HedgeBudget::withdraw() {
  return take_one(saved_, kOne);
}

}  // namespace fairlead::gateway::routing
