// How fast a route answers, and how fast a model does, as far as recent calls tell. Lock-free: an observation that
// meets another one in the same instant may be lost.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>

#include "base/clock.h"

namespace fairlead::gateway::routing {

// A peak-sensitive moving average, as Finagle's balancer keeps it
// (https://github.com/twitter/finagle, com.twitter.finagle.loadbalancer.PeakEwma): a slower answer counts at once and
// in full, faster ones by and by; what was long ago is forgotten, so that a route that was slow is tried again.
class PeakEwma {
 public:
  void observe(Micros latency, SteadyTime now);
  // In microseconds; 0: nothing is known.
  double value(SteadyTime now) const;
  // The same at the last answer: what people are told, for whom a route does not get faster by standing idle.
  double last() const { return value_us_.load(std::memory_order_relaxed); }

 private:
  static constexpr double kForgotten_us = 10e6;  // after that long, 1/e of it is left
  std::atomic<double> value_us_{0};
  std::atomic<std::int64_t> observed_us_{0};
};

// The latencies of about the last 2,000 calls, in steps of 19 %.
class LatencyDistribution {
 public:
  void observe(Micros latency);
  // The latency that this share of the calls stayed under; 0 if fewer than 20 are known.
  Micros percentile(double share) const;

 private:
  static constexpr int kPerOctave = 4;
  static constexpr std::size_t kBuckets = 21 * kPerOctave;  // 1 ms to 35 minutes
  static constexpr std::uint32_t kMost = 2'048, kFewest = 20;
  std::array<std::atomic<std::uint32_t>, kBuckets> counts_{};
  std::atomic<std::uint32_t> total_{0};
};

}  // namespace fairlead::gateway::routing
