#include "budgets/meter.h"

#include <gtest/gtest.h>

#include <deque>
#include <random>
#include <thread>
#include <vector>

namespace fairlead::budgets {
namespace {

constexpr std::int64_t kNow = 1'800'000'000'000'000;  // 2027
constexpr std::int64_t kSecond = 1'000'000;

Bound window(std::int64_t limit, std::int64_t ends_us = kNow + 3'600 * kSecond) {
  return {.limit = limit, .window_end = quarter_of(ends_us)};
}
Bound bucket(std::int64_t limit, std::int64_t refill_s) {
  return {.limit = limit, .refill_ns = refill_s * 1'000'000'000};
}

struct Take {
  bool ok;
  Taken taken;
  std::int64_t retry_after_us;
};
Take take(Meter& meter, const Bound& bound, std::int64_t amount, std::int64_t now_us = kNow) {
  Take out{};
  out.ok = meter.take(bound, amount, now_us, out.taken, out.retry_after_us);
  return out;
}

TEST(Meter, AWindowGivesWhatItHasAndNotOneMore) {
  Meter meter;
  const Bound bound = window(100);
  const Take first = take(meter, bound, 60);
  EXPECT_TRUE(first.ok);
  EXPECT_FALSE(take(meter, bound, 41).ok);
  const Take second = take(meter, bound, 40);
  EXPECT_TRUE(second.ok);
  EXPECT_FALSE(take(meter, bound, 1).ok);
  meter.settle(bound, first.taken, 10, kNow);
  EXPECT_EQ(meter.use(bound, kNow).spent, 10);
  EXPECT_EQ(meter.use(bound, kNow).reserved, 40);
  EXPECT_EQ(meter.use(bound, kNow).left(bound), 50);
  EXPECT_TRUE(take(meter, bound, 50).ok);
  EXPECT_FALSE(take(meter, bound, 1).ok);
}

TEST(Meter, MoreThanTheLimitNeverFits) {
  Meter meter;
  EXPECT_FALSE(take(meter, window(100), INT64_MAX).ok);
  EXPECT_FALSE(take(meter, bucket(100, 60), INT64_MAX).ok);
  EXPECT_EQ(take(meter, bucket(100, 60), 101).retry_after_us, 0);
  EXPECT_TRUE(take(meter, bucket(100, 60), 100).ok);
}

TEST(Meter, TheTruthIsCountedWhereItIsMore) {
  Meter meter;
  const Bound bound = window(100);
  const Take only = take(meter, bound, 90);
  meter.settle(bound, only.taken, 150, kNow);
  EXPECT_EQ(meter.use(bound, kNow).spent, 150);
  EXPECT_EQ(meter.use(bound, kNow).left(bound), 0);
  EXPECT_FALSE(take(meter, bound, 1).ok);
  EXPECT_TRUE(take(meter, bound, 0).ok);
}

TEST(Meter, ASoftLimitCountsAndRefusesNothing) {
  Meter meter;
  Bound bound = window(100);
  bound.hard = false;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(take(meter, bound, 90).ok);
  EXPECT_EQ(meter.use(bound, kNow).reserved, 270);
}

TEST(Meter, AWindowThatHasEndedIsFollowedByAnEmptyOne) {
  Meter meter;
  const std::int64_t end = unix_micros_of(window(100).window_end);
  const Take old = take(meter, window(100), 100);
  EXPECT_FALSE(take(meter, window(100), 1, end - 1).ok);
  const Bound next = window(100, end + 3'600 * kSecond);
  EXPECT_TRUE(take(meter, next, 100, end).ok);
  // What is late belongs to the window that is over.
  meter.settle(next, old.taken, 70, end + 1);
  EXPECT_EQ(meter.use(next, end + 1).spent, 0);
  EXPECT_EQ(meter.use(next, end + 1).reserved, 100);
}

TEST(Meter, AWindowThatIsMovedKeepsWhatIsSpent) {
  Meter meter;
  const Bound month = window(100, kNow + 20 * 86'400 * kSecond), day = window(100, kNow + 3'600 * kSecond);
  const Take open = take(meter, month, 80);
  meter.move_window(day, kNow);
  EXPECT_FALSE(take(meter, day, 21).ok);
  meter.settle(day, open.taken, 80, kNow);
  EXPECT_EQ(meter.use(day, kNow).spent, 80);
  EXPECT_EQ(meter.use(day, kNow).resets_at_us, unix_micros_of(day.window_end));
  const std::int64_t over = unix_micros_of(day.window_end);
  EXPECT_EQ(meter.use(window(100, over + kQuarter_us), over).spent, 0);
  // Back: what is spent of the day is spent of the month.
  take(meter, day, 10);
  meter.move_window(month, kNow);
  EXPECT_EQ(meter.use(month, kNow).resets_at_us, unix_micros_of(month.window_end));
  EXPECT_EQ(meter.use(month, kNow).left(month), 10);
}

TEST(Meter, AThreadWhoseClockIsBehindDoesNotBringAWindowBack) {
  Meter meter;
  const std::int64_t end = unix_micros_of(window(100).window_end);
  const Bound next = window(100, end + 3'600 * kSecond);
  EXPECT_TRUE(take(meter, next, 100, end).ok);
  EXPECT_FALSE(take(meter, window(100), 1, end - 1).ok);
  EXPECT_FALSE(take(meter, next, 1, end + 1).ok);
}

TEST(Meter, ABucketComesBackEvenly) {
  Meter meter;
  const Bound bound = bucket(60, 60);
  const auto use = [&meter, &bound](std::int64_t amount, std::int64_t now_us) {
    const Take one = take(meter, bound, amount, now_us);
    if (one.ok) meter.settle(bound, one.taken, amount, now_us);
    return one.ok;
  };
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(use(1, kNow));
  const Take refused = take(meter, bound, 1);
  EXPECT_FALSE(refused.ok);
  EXPECT_EQ(refused.retry_after_us, kSecond);
  EXPECT_FALSE(use(1, kNow + kSecond - 1));
  EXPECT_TRUE(use(1, kNow + kSecond));
  EXPECT_FALSE(use(1, kNow + kSecond));
  EXPECT_TRUE(use(60, kNow + 61 * kSecond));
}

TEST(Meter, ABucketGetsBackWhatWasNotUsed) {
  Meter meter;
  const Bound bound = bucket(1000, 100);  // 10 a second
  const Take first = take(meter, bound, 1000);
  EXPECT_FALSE(take(meter, bound, 1).ok);
  meter.settle(bound, first.taken, 400, kNow);
  EXPECT_EQ(meter.use(bound, kNow).spent, 400);
  EXPECT_TRUE(take(meter, bound, 600).ok);
  EXPECT_FALSE(take(meter, bound, 1).ok);
}

TEST(Meter, WhatABucketHasReservedDoesNotComeBack) {
  Meter meter;
  const Bound bound = bucket(1000, 100);
  const Take first = take(meter, bound, 900);
  EXPECT_FALSE(take(meter, bound, 200, kNow + 500 * kSecond).ok);
  meter.settle(bound, first.taken, 900, kNow + 500 * kSecond);
  EXPECT_TRUE(take(meter, bound, 100, kNow + 500 * kSecond).ok);
  EXPECT_FALSE(take(meter, bound, 900, kNow + 590 * kSecond - 1).ok);
  EXPECT_TRUE(take(meter, bound, 900, kNow + 590 * kSecond).ok);
  meter.recover(false);
  EXPECT_EQ(meter.use(bound, kNow + 590 * kSecond).reserved, 1000);
  meter.spend_reserved(bound, kNow + 600 * kSecond);
  EXPECT_EQ(meter.use(bound, kNow + 600 * kSecond).reserved, 0);
  EXPECT_EQ(meter.use(bound, kNow + 600 * kSecond).spent, 1000);
}

// At random: the level of a bucket that is told of the truth when it is known never goes over the limit, however much
// was reserved, and the meter's is that level and no other.
TEST(Meter, ABucketHoldsNoMoreThanItsLimit) {
  std::mt19937_64 random(7);
  for (int round = 0; round < 300; ++round) {
    Meter meter;
    const std::int64_t limit = 1 + static_cast<std::int64_t>(random() % 1000);
    const Bound bound = bucket(limit, 1 + static_cast<std::int64_t>(random() % 100));
    struct Event {
      std::int64_t at_us, actual;
    };
    std::vector<Event> truth;
    struct Open {
      Taken taken;
      std::int64_t actual;
    };
    std::deque<Open> open;
    std::int64_t now = kNow;
    for (int step = 0; step < 200; ++step) {
      now += static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(bound.refill_ns / 1000 / 10));
      const auto amount = 1 + static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(limit));
      if (random() % 2 == 0) {
        const Take one = take(meter, bound, amount, now);
        if (one.ok) {
          const auto actual = static_cast<std::int64_t>(random() % static_cast<std::uint64_t>(amount + 1));
          open.push_back({one.taken, actual});
        }
      } else if (!open.empty()) {
        const std::size_t which = random() % open.size();
        meter.settle(bound, open[which].taken, open[which].actual, now);
        truth.push_back({now, open[which].actual});
        open.erase(open.begin() + static_cast<std::ptrdiff_t>(which));
      }
      double level = 0, last = static_cast<double>(kNow);
      const double rate = static_cast<double>(limit) / (static_cast<double>(bound.refill_ns) / 1000);
      for (const Event& one : truth) {
        level = std::max(0.0, level - (static_cast<double>(one.at_us) - last) * rate);
        level += static_cast<double>(one.actual);
        last = static_cast<double>(one.at_us);
        ASSERT_LE(level, static_cast<double>(limit) + 1e-3);
      }
      level = std::max(0.0, level - (static_cast<double>(now) - last) * rate);
      const Meter::Use use = meter.use(bound, now);
      ASSERT_NEAR(static_cast<double>(use.spent), level, 1.001) << round << " " << step;
      ASSERT_LE(level + static_cast<double>(use.reserved), static_cast<double>(limit) + 1e-3);
    }
  }
}

TEST(Meter, AfterADeathWhatWasReservedIsSpent) {
  Meter meter;
  const Bound bound = window(100);
  const Take done = take(meter, bound, 30);
  meter.settle(bound, done.taken, 5, kNow);
  take(meter, bound, 40);
  meter.recover(false);
  EXPECT_EQ(meter.use(bound, kNow).spent, 45);
  EXPECT_EQ(meter.use(bound, kNow).reserved, 0);
  meter.recover(false);
  EXPECT_EQ(meter.use(bound, kNow).spent, 45);

  Meter places;
  const Bound at_once{.limit = 2};
  take(places, at_once, 1);
  take(places, at_once, 1);
  EXPECT_FALSE(take(places, at_once, 1).ok);
  places.recover(true);
  EXPECT_TRUE(take(places, at_once, 1).ok);
}

TEST(Meter, ALargeAmountStaysWhole) {
  Meter meter;
  const std::int64_t most = 10'000'000'000'000'000;  // ten million dollars
  const Bound bound = window(most);
  for (int i = 0; i < 200; ++i) {
    const Take one = take(meter, bound, 50'000'000'000'000);
    ASSERT_TRUE(one.ok);
    meter.settle(bound, one.taken, 50'000'000'000'000, kNow);
  }
  EXPECT_EQ(meter.use(bound, kNow).spent, most);
  EXPECT_FALSE(take(meter, bound, 1).ok);
}

// Threads that take and settle in every way; the sum of what they settled is what is spent, and never was more taken.
TEST(Meter, ThreadsNeverTakeMoreThanThereIs) {
  for (const std::int64_t limit : {137, 100'000}) {
    Meter meter;
    const Bound bound = window(limit);
    std::atomic<std::int64_t> spent{0}, refused_for_nothing{0};
    std::vector<std::thread> threads;
    for (unsigned seed = 0; seed < 8; ++seed) {
      threads.emplace_back([&, seed] {
        std::mt19937 random(seed);
        for (int i = 0; i < 20'000; ++i) {
          const std::int64_t amount = 1 + static_cast<std::int64_t>(random() % 20);
          Taken taken;
          std::int64_t ignored = 0;
          if (!meter.take(bound, amount, kNow, taken, ignored)) continue;
          const Meter::Use use = meter.use(bound, kNow);
          if (use.spent + use.reserved > limit) ++refused_for_nothing;
          const std::int64_t actual = static_cast<std::int64_t>(random() % static_cast<unsigned>(amount + 1)) / 8;
          meter.settle(bound, taken, actual, kNow);
          spent += actual;
        }
      });
    }
    for (std::thread& one : threads) one.join();
    EXPECT_EQ(refused_for_nothing, 0);
    EXPECT_EQ(meter.use(bound, kNow).spent, spent);
    EXPECT_EQ(meter.use(bound, kNow).reserved, 0);
    EXPECT_LE(spent, limit);
  }
}

}  // namespace
}  // namespace fairlead::budgets
