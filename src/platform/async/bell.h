// Waiting until somebody on the same loop says so.
#pragma once
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <chrono>

#include "platform/async/task.h"

namespace fairlead::async {

// One coroutine waits at a time. A ring that nobody waited for is heard by the next wait. Belongs to one loop; outlives
// the wait.
class Bell {
 public:
  explicit Bell(Executor executor) : timer_(executor) {}
  Bell(const Bell&) = delete;
  Bell& operator=(const Bell&) = delete;

  void ring() {
    rung_ = true;
    timer_.cancel();
  }
  Task<void> wait() { return wait_until(std::chrono::steady_clock::time_point::max()); }
  // Returns at that time at the latest.
  Task<void> wait_until(std::chrono::steady_clock::time_point time) {
    if (!rung_) {
      timer_.expires_at(time);
      boost::system::error_code ignored;
      co_await timer_.async_wait(boost::asio::redirect_error(use_task, ignored));
    }
    rung_ = false;
  }

 private:
  boost::asio::basic_waitable_timer<std::chrono::steady_clock, boost::asio::wait_traits<std::chrono::steady_clock>,
                                    Executor>
      timer_;
  bool rung_ = false;
};

}  // namespace fairlead::async
