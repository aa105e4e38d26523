#include "serving/internal/thread_tuner.h"

#include <gtest/gtest.h>

#include <functional>

namespace fairlead::serving {
namespace {

// Runs steps on a machine whose step takes so long with so many threads; returns the share of steps at each count.
double share_of(ThreadTuner& tuner, int steps, int threads, const std::function<double(int)>& us) {
  int count = 0;
  for (int i = 0; i < steps; ++i) {
    count += tuner.threads() == threads ? 1 : 0;
    tuner.took(1, us(tuner.threads()));
  }
  return static_cast<double>(count) / steps;
}

double alone(int threads) {
  return 20'000.0 / threads;
}
double crowded(int threads) {
  return threads == 1 ? 25'000.0 : 200'000.0;
}

TEST(ThreadTuner, KeepsAllThreadsOnAnIdleMachine) {
  ThreadTuner tuner(2);
  EXPECT_GT(share_of(tuner, 2000, 2, alone), 0.97);
}

TEST(ThreadTuner, GivesWayOnABusyMachineAndComesBack) {
  ThreadTuner tuner(2);
  share_of(tuner, 1000, 2, alone);
  share_of(tuner, 20, 1, crowded);
  EXPECT_GT(share_of(tuner, 500, 1, crowded), 0.95);
  share_of(tuner, 300, 2, alone);
  EXPECT_GT(share_of(tuner, 500, 2, alone), 0.95);
}

TEST(ThreadTuner, FindsTheBestOfMany) {
  ThreadTuner tuner(16);
  const auto best_at_four = [](int threads) { return threads <= 4 ? 20'000.0 / threads : 5'000.0 * threads / 4; };
  share_of(tuner, 500, 4, best_at_four);
  EXPECT_GT(share_of(tuner, 1000, 4, best_at_four), 0.9);
}

TEST(ThreadTuner, OneThreadIsOne) {
  ThreadTuner tuner(1);
  EXPECT_EQ(share_of(tuner, 100, 1, alone), 1.0);
}

}  // namespace
}  // namespace fairlead::serving
