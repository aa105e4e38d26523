// Work on another loop's thread, waited for.
#pragma once
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <optional>
#include <type_traits>
#include <utility>

#include "platform/async/runtime.h"

namespace fairlead::async {

namespace internal {

template <class Work, class T>
struct RunOn {
  Loop* there;
  template <class Handler>
  void operator()(Handler handler, Work work) const {
    boost::asio::post(there->context(), [resume = Resumption(std::move(handler)), work = std::move(work)]() mutable {
      resume(std::optional<T>(work()));
    });
  }
};

}  // namespace internal

// Runs `work()` on the thread of `there` and resumes the caller on its own loop with what it returned. `work` must not
// throw or block. It runs even if the awaiting task is destroyed; so it must own what it uses.
template <class Work, class T = std::invoke_result_t<Work&>>
Task<T> run_on(Loop& there, Work work) {
  std::optional<T> result =
      co_await boost::asio::async_initiate<const boost::asio::use_awaitable_t<Executor>&, void(std::optional<T>)>(
          internal::RunOn<Work, T>{&there}, use_task, std::move(work));
  co_return std::move(*result);
}

}  // namespace fairlead::async
