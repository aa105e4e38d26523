#include "gateway/routing/latency.h"

#include <algorithm>
#include <cmath>

#include "gateway/routing/counting.h"

namespace fairlead::gateway::routing {
void PeakEwma::observe(Micros latency, SteadyTime now) {
  const auto sample = static_cast<double>(std::max<std::int64_t>(1, latency.count()));
  const double before = value_us_.load(kRelaxed);
  double after = sample;
  if (sample < before) {
    const auto passed = static_cast<double>(std::max<std::int64_t>(0, micros(now) - observed_us_.load(kRelaxed)));
    const double kept = std::exp(-passed / kForgotten_us);
    after = before * kept + sample * (1 - kept);
  }
  value_us_.store(after, kRelaxed);
  observed_us_.store(micros(now), kRelaxed);
}

double PeakEwma::value(SteadyTime now) const {
  const double value = value_us_.load(kRelaxed);
  if (value == 0) return 0;
  const auto passed = static_cast<double>(std::max<std::int64_t>(0, micros(now) - observed_us_.load(kRelaxed)));
  return value * std::exp(-passed / kForgotten_us);
}

void LatencyDistribution::observe(Micros latency) {
  const double ms = std::max(1.0, static_cast<double>(latency.count()) / 1'000);
  const auto bucket = std::min(kBuckets - 1, static_cast<std::size_t>(std::log2(ms) * kPerOctave));
  counts_[bucket].fetch_add(1, kRelaxed);
  if (total_.fetch_add(1, kRelaxed) + 1 < kMost) return;
  // Halve them all, so that what was long ago weighs less and less.
  std::uint32_t left = 0;
  for (std::atomic<std::uint32_t>& count : counts_) {
    const std::uint32_t half = count.load(kRelaxed) / 2;
    count.store(half, kRelaxed);
    left += half;
  }
  total_.store(left, kRelaxed);
}

Micros LatencyDistribution::percentile(double share) const {
  std::uint64_t total = 0;
  for (const std::atomic<std::uint32_t>& count : counts_) total += count.load(kRelaxed);
  if (total < kFewest) return Micros(0);
  const auto wanted = static_cast<std::uint64_t>(std::ceil(share * static_cast<double>(total)));
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < kBuckets; ++i) {
    seen += counts_[i].load(kRelaxed);
    if (seen >= wanted) {
      const double upper_ms = std::exp2(static_cast<double>(i + 1) / kPerOctave);
      return Micros(static_cast<std::int64_t>(upper_ms * 1'000));
    }
  }
  return Micros(0);
}

}  // namespace fairlead::gateway::routing
