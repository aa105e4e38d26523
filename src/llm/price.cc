#include "llm/price.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace fairlead::llm {
namespace {

constexpr double kMostUsd = 1e9;
constexpr std::int64_t kMostTokens = 1'000'000'000'000;

using Wide = __int128;

std::int64_t tokens(std::int64_t count) {
  return std::clamp<std::int64_t>(count, 0, kMostTokens);
}

NanoUsd nanos(Wide picos, int percent) {
  constexpr Wide kDivisor = 1'000 * 100;
  const Wide out = (picos * percent + kDivisor - 1) / kDivisor;
  return static_cast<NanoUsd>(std::min<Wide>(out, std::numeric_limits<NanoUsd>::max()));
}

const Rates& rates_at(std::int64_t input, const Prices& prices) {
  const Rates* out = &prices.rates;
  for (const Prices::LongContext& tier : prices.long_context)
    if (input > tier.over) out = &tier.rates;
  return *out;
}

}  // namespace

PicoUsd per_million(double usd) {
  if (!(usd > 0)) return 0;
  // 0.15 * 1e6 is a little more than 150,000; that is no reason to go up.
  const double picos = std::min(usd, kMostUsd) * 1e6;
  const double nearest = std::round(picos);
  return static_cast<PicoUsd>(std::abs(picos - nearest) < 1e-4 && nearest > 0 ? nearest : std::ceil(picos));
}

NanoUsd cost_of(const Usage& usage, const Prices& prices, Billing billing) {
  const std::int64_t input = tokens(usage.input), output = tokens(usage.output);
  const std::int64_t cached = std::min(tokens(usage.cached_input), input);
  const std::int64_t written = std::min(tokens(usage.cache_write), input - cached);
  const std::int64_t kept = std::min(tokens(usage.cache_write_1h), written);
  const std::int64_t reasoned = std::min(tokens(usage.reasoning), output);
  const Rates& rates = rates_at(input, prices);
  const Wide picos = Wide{input - cached - written} * rates.input + Wide{cached} * rates.cached_input +
                     Wide{written} * rates.cache_write + Wide{kept} * rates.cache_write_1h_more +
                     Wide{output - reasoned} * rates.output + Wide{reasoned} * rates.reasoning;
  return nanos(picos, billing == Billing::kBatch ? prices.batch_percent : 100);
}

NanoUsd most_cost_of(std::int64_t input, std::int64_t output, const Prices& prices) {
  const auto at = [&](const Rates& rates) {
    return Wide{tokens(input)} *
               std::max({rates.input, rates.cached_input, rates.cache_write + rates.cache_write_1h_more}) +
           Wide{tokens(output)} * std::max(rates.output, rates.reasoning);
  };
  Wide most = at(prices.rates);
  for (const Prices::LongContext& tier : prices.long_context)
    if (input > tier.over) most = std::max(most, at(tier.rates));
  return nanos(most, 100);
}

}  // namespace fairlead::llm
