// A deadline that moves with every message.
#pragma once
#include <chrono>
#include <ctime>

#include "platform/async/timer_wheel.h"

namespace fairlead::http {

// One timer of the wheel whose deadline may be set again and again for the price of a store: moved later, it stays
// where it is and looks again when it fires. Calls `on_due(self)` once per deadline.
class LazyTimer {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  using Callback = void (*)(void* self);

  LazyTimer(async::TimerWheel& wheel, Callback on_due, void* self)
      : timer_(
            wheel, [](void* me) { static_cast<LazyTimer*>(me)->fired(); }, this),
        on_due_(on_due),
        self_(self) {}

  // Up to some milliseconds ago, for a third of what the exact time costs.
  static Time now() {
    timespec now{};
    ::clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return Time(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  }
  void set(Time due) {
    due_ = due;
    if (due == Time::max() || (timer_.armed() && armed_for_ <= due)) return;
    armed_for_ = due;
    timer_.arm_at(due);
  }
  void clear() { due_ = Time::max(); }
  Time due() const { return due_; }
  // Leaves the wheel for good.
  void stop() {
    clear();
    timer_.disarm();
  }

 private:
  void fired() {
    if (due_ == Time::max()) return;
    if (const Time due = due_; Clock::now() < due) return set(due);
    due_ = Time::max();
    on_due_(self_);
  }

  async::TimerWheel::Timer timer_;
  Callback on_due_;
  void* self_;
  Time due_ = Time::max();
  Time armed_for_ = Time::max();
};

}  // namespace fairlead::http
