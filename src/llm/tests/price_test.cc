#include "llm/price.h"

#include <gtest/gtest.h>

#include <limits>

namespace fairlead::llm {
namespace {

Rates rates(double input, double cached_input, double cache_write, double output, double reasoning) {
  return {per_million(input), per_million(cached_input), per_million(cache_write), per_million(output),
          per_million(reasoning)};
}

TEST(Price, IsWholeAndNeverBecomesNothing) {
  EXPECT_EQ(per_million(0.25), 250'000);
  EXPECT_EQ(per_million(0.15), 150'000) << "0.15 has no exact double";
  EXPECT_EQ(per_million(0.0375), 37'500);
  EXPECT_EQ(per_million(1e-9), 1);
  EXPECT_EQ(per_million(0), 0);
  EXPECT_EQ(per_million(-1), 0);
  EXPECT_EQ(per_million(std::numeric_limits<double>::quiet_NaN()), 0);
  EXPECT_EQ(per_million(1e300), 1'000'000'000'000'000);
  for (int cents = 1; cents < 100'000; ++cents) ASSERT_EQ(per_million(cents / 100.0), cents * 10'000) << cents;
}

TEST(Cost, PricesEachKindOfTokenOnce) {
  const Usage usage{
      .input = 1000, .cached_input = 400, .cache_write = 100, .output = 300, .reasoning = 200, .reported = true};
  EXPECT_EQ(cost_of(usage, Prices{.rates = rates(2, 0.5, 2.5, 8, 10)}),
            500 * 2'000 + 400 * 500 + 100 * 2'500 + 100 * 8'000 + 200 * 10'000);
}

TEST(Cost, OfWhatIsKeptAnHourIsMore) {
  Prices prices{.rates = rates(3, 0.3, 3.75, 15, 15)};
  prices.rates.cache_write_1h_more = per_million(2.25);
  EXPECT_EQ(cost_of(Usage{.input = 100, .cache_write = 60, .cache_write_1h = 20}, prices),
            40 * 3'000 + 40 * 3'750 + 20 * 6'000);
  EXPECT_EQ(cost_of(Usage{.input = 100, .cache_write = 60, .cache_write_1h = 90}, prices), 40 * 3'000 + 60 * 6'000);
  EXPECT_EQ(most_cost_of(100, 0, prices), 100 * 6'000);
}

TEST(Cost, IsRoundedUpOnce) {
  const Prices prices{.rates = rates(0.0375, 0.0001, 0, 0.3, 0.3)};
  EXPECT_EQ(cost_of(Usage{.input = 1}, prices), 38);
  EXPECT_EQ(cost_of(Usage{.input = 2}, prices), 75);
  EXPECT_EQ(cost_of(Usage{.input = 2, .cached_input = 1}, prices), 38) << "37.5 and 0.1: once for all kinds";
  EXPECT_EQ(cost_of(Usage{}, prices), 0);
}

TEST(Cost, OfALongContextIsThatTiersForAllTokens) {
  const Prices prices{.rates = rates(1, 1, 1, 10, 10),
                      .long_context = {{200'000, rates(2, 2, 2, 15, 15)}, {1'000'000, rates(4, 4, 4, 30, 30)}}};
  EXPECT_EQ(cost_of(Usage{.input = 200'000, .output = 10}, prices), 200'000 * 1'000 + 10 * 10'000);
  EXPECT_EQ(cost_of(Usage{.input = 200'001, .output = 10}, prices), 200'001 * 2'000 + 10 * 15'000);
  EXPECT_EQ(cost_of(Usage{.input = 1'000'001, .cached_input = 1'000'000}, prices), 1'000'001LL * 4'000);
}

TEST(Cost, OfABatchIsItsShare) {
  const Prices prices{.rates = rates(1, 1, 1, 3, 3), .batch_percent = 50};
  EXPECT_EQ(cost_of(Usage{.input = 1, .output = 1}, prices, Billing::kBatch), 2'000);
  EXPECT_EQ(cost_of(Usage{.input = 1, .output = 1}, prices), 4'000);
}

TEST(Cost, OfCountsThatMakeNoSenseIsNeverNegativeAndNeverWrapsAround) {
  const Prices prices{.rates = rates(1, 2, 3, 4, 5)};
  EXPECT_EQ(cost_of(Usage{.input = 10, .cached_input = 30, .cache_write = 50}, prices), 10 * 2'000);
  EXPECT_EQ(cost_of(Usage{.input = -5, .output = -7}, prices), 0);
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  const Prices dear{.rates = rates(1e9, 1e9, 1e9, 1e9, 1e9)};
  EXPECT_EQ(cost_of(Usage{.input = kMost, .output = kMost}, dear), kMost);
  EXPECT_EQ(most_cost_of(kMost, kMost, dear), kMost);
}

TEST(Cost, AtMostIsNeverLessThanWhatAnyUsageWithinItCosts) {
  const Prices prices{.rates = rates(1, 0.1, 1.25, 5, 4), .long_context = {{100, rates(2, 0.2, 2.5, 7, 9)}}};
  for (const std::int64_t input : {0, 1, 99, 100, 101, 500})
    for (const std::int64_t cached : {std::int64_t{0}, input / 2, input})
      for (const std::int64_t written : {std::int64_t{0}, input - cached})
        for (const std::int64_t reasoned : {0, 10, 20}) {
          const Usage usage{
              .input = input, .cached_input = cached, .cache_write = written, .output = 20, .reasoning = reasoned};
          EXPECT_LE(cost_of(usage, prices), most_cost_of(input, 20, prices)) << input << " " << cached;
          EXPECT_LE(cost_of(usage, prices), most_cost_of(500, 20, prices)) << input << " " << cached;
        }
  EXPECT_EQ(most_cost_of(100, 20, prices), 100 * 1'250 + 20 * 5'000);
}

TEST(Cost, WithoutAKnownPriceIsZeroInARecord) {
  EXPECT_EQ(cost_of(Usage{.input = 10}, std::optional<Prices>()), 0);
  EXPECT_EQ(cost_of(Usage{.input = 10}, std::optional(Prices{.rates = rates(1, 1, 1, 1, 1)})), 10'000);
}

}  // namespace
}  // namespace fairlead::llm
