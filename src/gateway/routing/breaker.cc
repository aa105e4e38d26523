#include "gateway/routing/breaker.h"

#include <algorithm>

#include "gateway/routing/counting.h"

namespace fairlead::gateway::routing {
namespace {

// 0 stands for never.
std::int64_t micros_from_1(SteadyTime time) {
  return std::max<std::int64_t>(1, micros(time));
}

std::uint32_t slice_number(SteadyTime now, const llm::BreakerPolicy& policy, std::size_t slices) {
  const std::int64_t length_us =
      std::max<std::int64_t>(1, policy.window.count() * 1'000 / static_cast<std::int64_t>(slices));
  return static_cast<std::uint32_t>(micros_from_1(now) / length_us + 1);  // never 0, which is an unused slice
}

std::uint64_t packed(std::uint32_t number, std::uint32_t calls, std::uint32_t failures) {
  return (static_cast<std::uint64_t>(number) << 32) | (static_cast<std::uint64_t>(calls) << 16) | failures;
}

}  // namespace

std::string_view to_string(Breaker::State state) {
  switch (state) {
    case Breaker::State::kClosed:
      return "closed";
    case Breaker::State::kOpen:
      return "open";
    case Breaker::State::kHalfOpen:
      return "half_open";
  }
  return "closed";
}

Breaker::State Breaker::state(SteadyTime now) const {
  const std::int64_t until = open_until_us_.load(kRelaxed);
  if (until == 0) return State::kClosed;
  return micros_from_1(now) < until ? State::kOpen : State::kHalfOpen;
}

bool Breaker::passes(SteadyTime now) const {
  const State is = state(now);
  return is == State::kClosed || (is == State::kHalfOpen && probing_until_us_.load(kRelaxed) <= micros_from_1(now));
}

Breaker::Entry Breaker::enter(SteadyTime now) {
  const State is = state(now);
  if (is == State::kClosed) return Entry::kNormal;
  if (is == State::kOpen) return Entry::kForced;
  probing_until_us_.store(micros_from_1(now) + kProbeLease_us, kRelaxed);
  return Entry::kProbe;
}

void Breaker::count(SteadyTime now, const llm::BreakerPolicy& policy, bool failure) {
  constexpr std::uint32_t kMost = 0xffff;
  const std::uint32_t number = slice_number(now, policy, kSlices);
  std::atomic<std::uint64_t>& slice = slices_[number % kSlices];
  std::uint64_t seen = slice.load(kRelaxed);
  for (;;) {
    std::uint32_t calls = 0, failures = 0;
    if (seen >> 32 == number) {
      calls = static_cast<std::uint32_t>(seen >> 16) & kMost;
      failures = static_cast<std::uint32_t>(seen) & kMost;
    }
    if (calls == kMost) {  // keep the ratio
      calls /= 2;
      failures /= 2;
    }
    if (slice.compare_exchange_weak(seen, packed(number, calls + 1, failures + (failure ? 1 : 0)), kRelaxed)) return;
  }
}

Breaker::Counts Breaker::recent(SteadyTime now, const llm::BreakerPolicy& policy) const {
  const std::uint32_t number = slice_number(now, policy, kSlices);
  Counts out;
  for (const std::atomic<std::uint64_t>& slice : slices_) {
    const std::uint64_t seen = slice.load(kRelaxed);
    if (number - static_cast<std::uint32_t>(seen >> 32) >= kSlices) continue;
    out.calls += static_cast<std::uint32_t>(seen >> 16) & 0xffff;
    out.failures += static_cast<std::uint32_t>(seen) & 0xffff;
  }
  return out;
}

void Breaker::succeeded(Entry entry, SteadyTime now, const llm::BreakerPolicy& policy) {
  if (entry != Entry::kNormal) {
    for (std::atomic<std::uint64_t>& slice : slices_) slice.store(0, kRelaxed);
    openings_.store(0, kRelaxed);
    open_until_us_.store(0, kRelaxed);
    probing_until_us_.store(0, kRelaxed);
  }
  count(now, policy, false);
}

bool Breaker::failed(Entry entry, SteadyTime now, const llm::BreakerPolicy& policy, Random& random) {
  count(now, policy, true);
  if (policy.error_rate > 1) return false;
  if (entry == Entry::kProbe) {
    open(now, policy, random);
    return true;
  }
  if (open_until_us_.load(kRelaxed) != 0) return false;  // a straggler of before
  const Counts counts = recent(now, policy);
  if (counts.calls < static_cast<std::uint32_t>(policy.calls) ||
      static_cast<double>(counts.failures) < policy.error_rate * static_cast<double>(counts.calls))
    return false;
  open(now, policy, random);
  return true;
}

void Breaker::open(SteadyTime now, const llm::BreakerPolicy& policy, Random& random) {
  const std::uint32_t before = std::min(openings_.fetch_add(1, kRelaxed), 20u);
  const std::int64_t pause_ms = std::min(policy.longest_pause.count(), policy.pause.count() << before);
  // A little apart from each other, so that nodes do not probe together.
  const double spread = 0.9 + 0.2 * random.unit();
  const auto pause_us = static_cast<std::int64_t>(static_cast<double>(pause_ms) * 1'000 * spread);
  open_until_us_.store(micros_from_1(now) + pause_us, kRelaxed);
  probing_until_us_.store(0, kRelaxed);
}

void Breaker::abandoned(Entry entry) {
  if (entry == Entry::kProbe) probing_until_us_.store(0, kRelaxed);
}

void Breaker::rest(SteadyTime now, Millis duration) {
  const std::int64_t until = micros_from_1(now) + duration.count() * 1'000;
  std::int64_t seen = open_until_us_.load(kRelaxed);
  while (seen < until && !open_until_us_.compare_exchange_weak(seen, until, kRelaxed)) {
  }
  probing_until_us_.store(0, kRelaxed);
}

Millis Breaker::opens_in(SteadyTime now) const {
  return Millis(std::max<std::int64_t>(0, (open_until_us_.load(kRelaxed) - micros_from_1(now)) / 1'000));
}

}  // namespace fairlead::gateway::routing
