// Timeouts by the thousand for the price of two pointers each.
#pragma once
#include <array>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstdint>

#include "platform/async/task.h"

namespace fairlead::async {

// Coarse one-shot timers of one loop: a hashed wheel of 25 ms slots that one Asio timer turns, and only while something
// is armed. A timer fires at its time or up to two ticks after, never before. Arming, re-arming and disarming are a few
// writes. Not thread-safe; must outlive its timers.
class TimerWheel {
 public:
  static constexpr std::chrono::milliseconds kTick{25};

  // Calls `on_fire(self)` on the loop. May be destroyed or re-armed at any time, by its own callback too.
  class Timer {
   public:
    using Callback = void (*)(void* self);
    Timer(TimerWheel& wheel, Callback on_fire, void* self) : wheel_(&wheel), on_fire_(on_fire), self_(self) {}
    ~Timer() { disarm(); }
    Timer(const Timer&) = delete;
    Timer& operator=(const Timer&) = delete;
    void arm_at(std::chrono::steady_clock::time_point time);
    void arm_in(std::chrono::milliseconds delay);
    void disarm();
    bool armed() const { return slot_ != nullptr; }

   private:
    friend class TimerWheel;
    TimerWheel* wheel_;
    Callback on_fire_;
    void* self_;
    Timer** slot_ = nullptr;  // head of the list that it is in
    Timer* previous_ = nullptr;
    Timer* next_ = nullptr;
    std::uint64_t tick_ = 0;
  };

  explicit TimerWheel(IoContext& context);
  TimerWheel(const TimerWheel&) = delete;
  TimerWheel& operator=(const TimerWheel&) = delete;

  // The loop's time as of the last turn or call that asked the kernel; cheap, at most a tick old while a timer is
  // armed.
  std::chrono::steady_clock::time_point now();

 private:
  static constexpr std::size_t kSlots = 512;
  std::uint64_t tick_of(std::chrono::steady_clock::time_point time) const;
  void insert(Timer& timer, std::uint64_t tick);
  void start();
  void turn();

  using Clock = std::chrono::steady_clock;
  boost::asio::basic_waitable_timer<Clock, boost::asio::wait_traits<Clock>, Executor> timer_;
  Clock::time_point origin_;
  std::uint64_t current_ = 0;  // ticks whose slots have been emptied
  std::size_t armed_ = 0;
  bool turning_ = false;
  std::array<Timer*, kSlots> slots_{};
};

}  // namespace fairlead::async
