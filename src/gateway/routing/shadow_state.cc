#include "gateway/routing/shadow_state.h"

#include <algorithm>
#include <cmath>

#include "gateway/routing/counting.h"

namespace fairlead::gateway::routing {
namespace {

constexpr int kSpentBits = 48;
constexpr std::uint64_t kMostSpent = (std::uint64_t{1} << kSpentBits) - 1;

std::uint64_t day_of(std::int64_t unix_micros) {
  return static_cast<std::uint64_t>(unix_micros / 86'400'000'000) & 0xffff;
}

std::uint64_t billionths(double usd) {
  return static_cast<std::uint64_t>(std::ceil(std::clamp(usd, 0.0, 200'000.0) * 1e9));
}

// Steele, Lea and Flood, Fast splittable pseudorandom number generators (2014), the finaliser.
std::uint64_t scrambled(std::uint64_t x) {
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

}  // namespace

std::optional<std::int64_t> DayBudget::reserve(double usd, double most_usd, std::int64_t unix_micros) {
  const std::uint64_t today = day_of(unix_micros), cost = billionths(usd), most = billionths(most_usd);
  std::uint64_t seen = day_and_spent_.load(kRelaxed);
  for (;;) {
    const std::uint64_t spent = seen >> kSpentBits == today ? seen & kMostSpent : 0;
    if (cost > 0 && spent + cost > most) return std::nullopt;
    if (day_and_spent_.compare_exchange_weak(seen, today << kSpentBits | (spent + cost), kRelaxed))
      return static_cast<std::int64_t>(today);
  }
}

void DayBudget::settle(std::int64_t day, double reserved_usd, double actual_usd) {
  const std::uint64_t reserved = billionths(reserved_usd), actual = billionths(actual_usd);
  std::uint64_t seen = day_and_spent_.load(kRelaxed);
  for (;;) {
    if (seen >> kSpentBits != static_cast<std::uint64_t>(day)) return;
    const std::uint64_t spent = seen & kMostSpent;
    const std::uint64_t now = std::min(kMostSpent, spent - std::min(spent, reserved) + actual);
    if (day_and_spent_.compare_exchange_weak(seen, (seen & ~kMostSpent) | now, kRelaxed)) return;
  }
}

double DayBudget::spent_usd(std::int64_t unix_micros) const {
  const std::uint64_t seen = day_and_spent_.load(kRelaxed);
  return seen >> kSpentBits == day_of(unix_micros) ? static_cast<double>(seen & kMostSpent) / 1e9 : 0;
}

bool ShadowState::draw(double share) {
  const std::uint64_t number = drawn_.fetch_add(1, kRelaxed);
  const auto start_of = [share](std::uint64_t stretch) {
    return static_cast<std::uint64_t>(std::ceil(static_cast<double>(stretch) / share));
  };
  auto stretch = static_cast<std::uint64_t>(static_cast<double>(number) * share);
  while (stretch > 0 && start_of(stretch) > number) --stretch;
  while (start_of(stretch + 1) <= number) ++stretch;
  const std::uint64_t start = start_of(stretch);
  return number == start + scrambled(stretch) % (start_of(stretch + 1) - start);
}

bool ShadowState::enter(int at_once) {
  if (in_flight_.fetch_add(1, kRelaxed) < at_once) return true;
  in_flight_.fetch_sub(1, kRelaxed);
  return false;
}

}  // namespace fairlead::gateway::routing
