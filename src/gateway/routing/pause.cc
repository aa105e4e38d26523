#include "gateway/routing/pause.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/wait_traits.hpp>

namespace fairlead::gateway::routing {
namespace {

using Timer = boost::asio::basic_waitable_timer<std::chrono::steady_clock,
                                                boost::asio::wait_traits<std::chrono::steady_clock>, async::Executor>;

void wake(void* timer) {
  static_cast<Timer*>(timer)->cancel();
}

}  // namespace

async::Task<bool> pause(async::Loop& loop, Millis duration, async::Cancellation& cancellation) {
  if (cancellation.requested()) co_return false;
  if (duration.count() <= 0) co_return true;
  Timer timer(loop.executor(), duration);
  const async::Cancellation::Registration registration(cancellation, wake, &timer);
  boost::system::error_code ignored;
  co_await timer.async_wait(boost::asio::redirect_error(async::use_task, ignored));
  co_return !cancellation.requested();
}

}  // namespace fairlead::gateway::routing
