// Tasks that run beside each other and end with their owner.
#pragma once
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <list>

#include "platform/async/task.h"

namespace fairlead::async {

// Owns the tasks spawned into it. Belongs to one loop; must be joined before it is destroyed. Exceptions do not leave a
// task of this project; one that does ends the process.
class TaskGroup {
 public:
  explicit TaskGroup(Executor executor) : executor_(executor), idle_(executor) {}
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void spawn(Task<void> task);
  void cancel();      // asks every running task to stop, by Asio's terminal cancellation
  Task<void> join();  // returns when none is left
  std::size_t size() const { return running_.size(); }

 private:
  using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                  boost::asio::wait_traits<std::chrono::steady_clock>, Executor>;
  Executor executor_;
  std::list<boost::asio::cancellation_signal> running_;
  Timer idle_;
  boost::system::error_code ignored_;
};

}  // namespace fairlead::async
