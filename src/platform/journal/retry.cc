#include "platform/journal/retry.h"

#include <algorithm>
#include <cmath>

namespace fairlead::journal {
namespace {

constexpr std::array<std::string_view, kFailureClasses> kWords{"transient", "rate_limit", "timeout", "bad_output",
                                                               "permanent"};

}  // namespace

std::string_view to_string(FailureClass failure) {
  return kWords[static_cast<std::size_t>(failure)];
}

std::optional<FailureClass> failure_class(std::string_view word) {
  const auto found = std::ranges::find(kWords, word);
  if (found == kWords.end()) return std::nullopt;
  return static_cast<FailureClass>(found - kWords.begin());
}

FailureClass class_of(const Error& error) {
  switch (error.kind) {
    case ErrorKind::kUnavailable:
    case ErrorKind::kUpstream:
      return FailureClass::kTransient;
    case ErrorKind::kExhausted:
      return FailureClass::kRateLimit;
    case ErrorKind::kTimeout:
      return FailureClass::kTimeout;
    default:
      return FailureClass::kPermanent;
  }
}

std::optional<std::chrono::milliseconds> pause_after(const RetryRule& rule, const Failed& failed, double random) {
  if (!rule.on[static_cast<std::size_t>(failed.failure)] || failed.attempts >= rule.attempts) return std::nullopt;
  if (rule.cost > 0 && failed.cost >= rule.cost) return std::nullopt;
  const double most = static_cast<double>(rule.most.count());
  const double grown =
      static_cast<double>(rule.first.count()) * std::pow(rule.factor, static_cast<double>(failed.attempts - 1));
  const double pause = std::max(std::min(grown, most) * random, static_cast<double>(failed.retry_after_ms));
  const std::chrono::milliseconds wait(static_cast<std::int64_t>(pause));
  if (rule.within.count() > 0 && failed.since_first + wait >= rule.within) return std::nullopt;
  return wait;
}

}  // namespace fairlead::journal
