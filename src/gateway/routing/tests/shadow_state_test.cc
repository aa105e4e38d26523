#include "gateway/routing/shadow_state.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>
#include <vector>

namespace fairlead::gateway::routing {
namespace {

constexpr std::int64_t kDay_us = 86'400'000'000, kNow_us = 20'000 * kDay_us + 5;

TEST(ShadowShare, IsKeptOverAnyNumberOfCalls) {
  for (const double share : {1.0, 0.7, 0.5, 1.0 / 3, 0.2, 0.05, 0.001, 1e-6}) {
    ShadowState state("p", "model:m");
    int drawn = 0;
    for (int calls = 1; calls <= 20'000; ++calls) {
      drawn += state.draw(share) ? 1 : 0;
      ASSERT_LE(drawn, static_cast<int>(std::ceil(calls * share - 1e-9))) << share << " " << calls;
      ASSERT_GE(drawn, static_cast<int>(std::floor(calls * share + 1e-9)) - 1) << share << " " << calls;
    }
  }
}

TEST(ShadowShare, IsTheSameEachTimeAndHasNoRhythm) {
  ShadowState one("p", "model:m"), other("p", "model:m");
  std::vector<int> of_remainder(20);
  for (int call = 0; call < 20'000; ++call) {
    const bool drawn = one.draw(0.05);
    EXPECT_EQ(drawn, other.draw(0.05));
    if (drawn) ++of_remainder[static_cast<std::size_t>(call % 20)];
  }
  for (const int count : of_remainder) EXPECT_GT(count, 20) << "every 20th call alike would be 1,000 of one kind";
}

TEST(ShadowBudget, IsNeverOverspentAndBeginsAnewEachDay) {
  DayBudget budget;
  std::atomic<int> got{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int k = 0; k < 1'000; ++k) got += budget.reserve(0.01, 5, kNow_us) ? 1 : 0;
    });
  for (auto& one : threads) one.join();
  EXPECT_EQ(got, 500);
  EXPECT_DOUBLE_EQ(budget.spent_usd(kNow_us), 5);
  EXPECT_EQ(budget.spent_usd(kNow_us + kDay_us), 0);
  const auto day = budget.reserve(2, 5, kNow_us + kDay_us);
  ASSERT_TRUE(day);
  budget.settle(*day - 1, 0.01, 3);
  EXPECT_DOUBLE_EQ(budget.spent_usd(kNow_us + kDay_us), 2) << "yesterday's";
  budget.settle(*day, 2, 0.5);
  EXPECT_DOUBLE_EQ(budget.spent_usd(kNow_us + kDay_us), 0.5);
  EXPECT_FALSE(budget.reserve(4.6, 5, kNow_us + kDay_us));
  EXPECT_TRUE(budget.reserve(0, 0, kNow_us + kDay_us)) << "what costs nothing needs none";
}

TEST(ShadowBudget, CountsTheSmallest) {
  DayBudget budget;
  for (int i = 0; i < 1'000; ++i) budget.settle(*budget.reserve(0, 1, kNow_us), 0, 4e-7);
  EXPECT_NEAR(budget.spent_usd(kNow_us), 4e-4, 1e-6);
}

}  // namespace
}  // namespace fairlead::gateway::routing
