// Prometheus' text format (https://prometheus.io/docs/instrumenting/exposition_formats/), and the calls' totals in it.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "telemetry/internal/series.h"

namespace fairlead::telemetry {

class Exposition {
 public:
  using LabelList = std::vector<std::pair<std::string_view, std::string>>;
  // Begins a family; all of its samples follow.
  void family(std::string_view name, std::string_view type, std::string_view help);
  void sample(std::string_view name, const LabelList& labels, double value);
  void sample(std::string_view name, const LabelList& labels, std::uint64_t value);
  std::string text() && { return std::move(text_); }

 private:
  void begin(std::string_view name, const LabelList& labels);
  std::string text_;
};

// The series of all loops, added up.
class CallTotals {
 public:
  void add(const Series& series);
  // Each family's name begins with `prefix`.
  void write(Exposition& out, const std::string& prefix) const;
  bool empty() const { return calls_.empty(); }

 private:
  template <std::size_t N>
  struct Buckets {
    std::array<std::uint64_t, N + 1> counts{};
    std::uint64_t sum_us = 0;
    void add(const Histogram<N>& histogram) {
      for (std::size_t i = 0; i <= N; ++i) counts[i] += histogram.buckets[i].get();
      sum_us += histogram.sum_us.get();
    }
  };
  struct Route {  // what is kept apart by target, model and provider
    std::array<std::uint64_t, 5> tokens{};
    double cost_usd = 0;
    std::uint64_t schema_failures = 0;
    std::array<std::uint64_t, kCacheWords.size()> cache{};
    Buckets<kDurationBounds_us.size()> duration;
    Buckets<kFirstTokenBounds_us.size()> first_token;
  };
  template <std::size_t N>
  static void write_buckets(Exposition& out, std::string_view name, const Exposition::LabelList& labels,
                            const std::array<std::int64_t, N>& bounds_us, const Buckets<N>& buckets);

  using RouteKey = std::array<std::string, 4>;  // project, target, model, provider
  using CallKey = std::tuple<std::string, std::string, std::string, std::string, int, std::string>;
  std::map<RouteKey, Route> routes_;
  std::map<CallKey, std::uint64_t> calls_;
  Buckets<kGatewayBounds_us.size()> gateway_;
};

}  // namespace fairlead::telemetry
