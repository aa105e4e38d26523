// One combination of labels and what is counted under it.
#pragma once
#include <array>
#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "telemetry/record.h"

namespace fairlead::telemetry {

// Upper bounds in µs, each as the OpenTelemetry semantic conventions advise for that metric.
inline constexpr std::array<std::int64_t, 14> kDurationBounds_us = {
    10'000,    20'000,    40'000,    80'000,     160'000,    320'000,    640'000,
    1'280'000, 2'560'000, 5'120'000, 10'240'000, 20'480'000, 40'960'000, 81'920'000};
inline constexpr std::array<std::int64_t, 16> kFirstTokenBounds_us = {
    1'000,   5'000,   10'000,  20'000,    40'000,    60'000,    80'000,    100'000,
    250'000, 500'000, 750'000, 1'000'000, 2'500'000, 5'000'000, 7'500'000, 10'000'000};
// Ours: what Fairlead adds is far below the others' first bound.
inline constexpr std::array<std::int64_t, 12> kGatewayBounds_us = {50,    100,    250,    500,    1'000,   2'500,
                                                                   5'000, 10'000, 25'000, 50'000, 100'000, 1'000'000};

// Written by one thread, read by any.
class Count {
 public:
  void add(std::uint64_t by) { value_.store(value_.load(std::memory_order_relaxed) + by, std::memory_order_relaxed); }
  std::uint64_t get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> value_{0};
};

template <std::size_t N>
struct Histogram {
  std::array<Count, N + 1> buckets;  // not cumulative; the last is +Inf
  Count sum_us;
  void observe(std::span<const std::int64_t, N> bounds, std::int64_t value_us) {
    std::size_t i = 0;
    while (i < N && value_us > bounds[i]) ++i;
    buckets[i].add(1);
    sum_us.add(static_cast<std::uint64_t>(value_us < 0 ? 0 : value_us));
  }
};

// What a record's `cache` says, if anything.
inline constexpr std::array<std::string_view, 4> kCacheWords = {"hit", "semantic", "shared", "miss"};

// As views into a record, or into a series that owns them.
struct Labels {
  std::string_view project, target, model, provider, error;
  int status = 0;
  bool shadow = false;
  bool operator==(const Labels&) const = default;
};

struct Series {
  explicit Series(const Labels& labels)
      : project(labels.project),
        target(labels.target),
        model(labels.model),
        provider(labels.provider),
        error(labels.error),
        status(labels.status),
        shadow(labels.shadow) {}
  const std::string project, target, model, provider, error;
  const int status;
  const bool shadow;
  Labels labels() const { return {project, target, model, provider, error, status, shadow}; }

  Count calls;
  Count input, cached_input, cache_write, output, reasoning;
  Count schema_failures;
  std::atomic<double> cost_usd{0};
  std::array<Count, kCacheWords.size()> cache;
  Histogram<kDurationBounds_us.size()> duration;
  Histogram<kFirstTokenBounds_us.size()> first_token;
  Histogram<kGatewayBounds_us.size()> gateway;

  void observe(const CallRecord& record);
};

}  // namespace fairlead::telemetry
