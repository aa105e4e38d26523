// The timers of a call, by the system's clock or in a time that is simulated.
#pragma once
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/wait_traits.hpp>
#include <cstdint>

#include "base/clock.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"

namespace fairlead::gateway::routing {

// Calls back at times that are simulated. On one thread.
class Alarms {
 public:
  using Callback = void (*)(void* self);
  virtual ~Alarms() = default;
  virtual SteadyTime now() const = 0;
  // Once, at that time. Gives what disarm() takes, never 0.
  virtual std::uint64_t arm(SteadyTime at, Callback on_fire, void* self) = 0;
  virtual void disarm(std::uint64_t alarm) = 0;  // of one that has fired: nothing
};

// One-shot, of one loop: coarse, on the loop's wheel; where time is simulated, to the instant. May be destroyed or
// armed again at any time, by its own callback too.
class Timer {
 public:
  // `alarms`: null where time is the system's.
  Timer(async::Loop& loop, Alarms* alarms, Alarms::Callback on_fire, void* self)
      : wheel_(loop.wheel(), on_fire, self), alarms_(alarms), on_fire_(on_fire), self_(self) {}
  ~Timer() { disarm(); }
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void arm_in(Millis delay);
  void disarm();
  SteadyTime now() const;  // by which it goes

 private:
  async::TimerWheel::Timer wheel_;
  Alarms* const alarms_;
  const Alarms::Callback on_fire_;
  void* const self_;
  std::uint64_t alarm_ = 0;
};

// A coroutine's wait, until the time is over or somebody wakes it; whoever wakes it before it waits is not heard.
class Wait {
 public:
  // `alarms`: null where time is the system's.
  Wait(async::Loop& loop, Alarms* alarms, Micros duration);
  ~Wait();
  Wait(const Wait&) = delete;
  Wait& operator=(const Wait&) = delete;

  async::Task<void> until_over();
  void wake() { timer_.cancel(); }

 private:
  using SteadyTimer =
      boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                        async::Executor>;
  SteadyTimer timer_;
  Alarms* const alarms_;
  std::uint64_t alarm_ = 0;
};

}  // namespace fairlead::gateway::routing
