// The way back to a loop, from a thread that is not its own.
#pragma once
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <memory>
#include <utility>

#include "platform/async/task.h"

namespace fairlead::async {

// Completes an asynchronous operation: called once, from any thread, it posts `handler` with the values to the
// handler's loop, and until it has been called that loop has work. The posted work takes all with it, so that the
// calling thread touches nothing of the loop after: what runs there may end the loop at once. Copyable, for
// std::function, which wants it of its target; copies are one.
template <class Handler>
class Resumption {
 public:
  explicit Resumption(Handler handler)
      : executor_(boost::asio::get_associated_executor(handler)),
        guard_(executor_),
        handler_(std::make_shared<Handler>(std::move(handler))) {}

  template <class... Values>
  void operator()(Values... values) {
    boost::asio::post(executor_,
                      [handler = std::move(handler_), guard = std::move(guard_),
                       ... values = std::move(values)]() mutable { std::move (*handler)(std::move(values)...); });
  }

 private:
  Executor executor_;
  boost::asio::executor_work_guard<Executor> guard_;
  std::shared_ptr<Handler> handler_;
};

}  // namespace fairlead::async
