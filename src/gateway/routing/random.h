// Randomness that is shared by loops, and foretold by tests.
#pragma once
#include <atomic>
#include <cstdint>

namespace fairlead::gateway::routing {

// SplitMix64 (Steele, Lea, Flood: Fast splittable pseudorandom number generators, 2014). Lock-free: a number is one
// relaxed addition and a mix. For spreading load, never for secrets.
class Random {
 public:
  explicit Random(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_.fetch_add(kStep, std::memory_order_relaxed) + kStep;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  double unit() { return static_cast<double>(next() >> 11) * 0x1.0p-53; }  // in [0, 1)

 private:
  static constexpr std::uint64_t kStep = 0x9e3779b97f4a7c15u;
  std::atomic<std::uint64_t> state_;
};

}  // namespace fairlead::gateway::routing
