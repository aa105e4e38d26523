// What a budget can limit.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace fairlead::budgets {

// The numbers are those of the ledger's file and never change.
enum class Metric : std::uint8_t {
  kRequests = 0,
  kInputTokens = 1,
  kOutputTokens = 2,
  kTokens = 3,  // input and output
  kCost = 4,    // billionths of a US dollar
  kConcurrency = 5,
};
inline constexpr std::size_t kMetrics = 6;
inline constexpr std::array<std::string_view, kMetrics> kMetricNames = {"requests", "input_tokens", "output_tokens",
                                                                        "tokens",   "cost",         "concurrency"};
inline constexpr std::string_view name_of(Metric metric) {
  return kMetricNames[static_cast<std::size_t>(metric)];
}

// A number for each metric.
using Amounts = std::array<std::int64_t, kMetrics>;
inline constexpr std::int64_t kNanosPerDollar = 1'000'000'000;

}  // namespace fairlead::budgets
