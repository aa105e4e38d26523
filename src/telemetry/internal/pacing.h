// Long work in the background that lets others have its core now and then.
#pragma once
#include <ctime>

namespace fairlead::telemetry {

// While it lives, the thread that made it pauses whenever it has worked for a while, wherever it is then: a signal
// (SIGRTMIN) interrupts it, and system calls go on afterwards. The work takes at most two fifths longer. On the stack,
// one at a time in a thread. Where there is no timer to be had, nothing pauses.
class Pacing {
 public:
  Pacing();
  ~Pacing();
  Pacing(const Pacing&) = delete;
  Pacing& operator=(const Pacing&) = delete;

 private:
  timer_t timer_{};
  bool runs_ = false;
};

}  // namespace fairlead::telemetry
