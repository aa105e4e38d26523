#include "telemetry/internal/pacing.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdint>
#include <optional>
#include <thread>

namespace fairlead::telemetry {
namespace {

constexpr int kWorkMs = 40;

// How often a thread that works for that long, by the processor's clock, gives its core away of its own will.
long pauses(bool paced) {
  long count = 0;
  std::thread([&] {
    std::optional<Pacing> pacing;
    if (paced) pacing.emplace();
    const auto usage = [] {
      rusage now{};
      ::getrusage(RUSAGE_THREAD, &now);
      return now;
    };
    const auto worked_us = [](const rusage& of) {
      return (of.ru_utime.tv_sec + of.ru_stime.tv_sec) * 1'000'000 + of.ru_utime.tv_usec + of.ru_stime.tv_usec;
    };
    const rusage before = usage();
    rusage now = before;
    while (worked_us(now) - worked_us(before) < kWorkMs * 1000) now = usage();
    count = now.ru_nvcsw - before.ru_nvcsw;
  }).join();
  return count;
}

TEST(Pacing, LetsOthersHaveTheCoreNowAndThen) {
  EXPECT_LE(pauses(false), 2);
  EXPECT_GE(pauses(true), kWorkMs / 5);
}

TEST(Pacing, PausesNoMoreOftenThanItWorks) {
  EXPECT_LE(pauses(true), 2 * kWorkMs + 2);
}

TEST(Pacing, LeavesSystemCallsWhole) {
  const int timer = ::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
  ASSERT_GE(timer, 0);
  const itimerspec once{{}, {0, 20'000'000}};
  const Pacing pacing;
  ASSERT_EQ(::timerfd_settime(timer, 0, &once, nullptr), 0);
  std::uint64_t expired = 0;
  EXPECT_EQ(::read(timer, &expired, sizeof expired), sizeof expired);  // some twenty signals come meanwhile
  EXPECT_EQ(expired, 1U);
  ::close(timer);
}

}  // namespace
}  // namespace fairlead::telemetry
