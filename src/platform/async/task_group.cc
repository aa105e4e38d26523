#include "platform/async/task_group.h"

#include <boost/asio/redirect_error.hpp>
#include <exception>

namespace fairlead::async {

void TaskGroup::spawn(Task<void> task) {
  auto signal = running_.emplace(running_.end());
  boost::asio::co_spawn(executor_, std::move(task),
                        boost::asio::bind_cancellation_slot(signal->slot(), [this, signal](std::exception_ptr error) {
                          if (error) std::terminate();
                          running_.erase(signal);
                          if (running_.empty()) idle_.cancel();
                        }));
}

void TaskGroup::cancel() {
  for (auto one = running_.begin(); one != running_.end();) (one++)->emit(boost::asio::cancellation_type::terminal);
}

Task<void> TaskGroup::join() {
  while (!running_.empty()) {
    idle_.expires_at(std::chrono::steady_clock::time_point::max());
    co_await idle_.async_wait(boost::asio::redirect_error(use_task, ignored_));
  }
}

}  // namespace fairlead::async
