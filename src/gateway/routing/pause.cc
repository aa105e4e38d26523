#include "gateway/routing/pause.h"

namespace fairlead::gateway::routing {
namespace {

void wake(void* wait) {
  static_cast<Wait*>(wait)->wake();
}

}  // namespace

async::Task<bool> pause(async::Loop& loop, Micros duration, async::Cancellation& cancellation, Alarms* alarms) {
  if (cancellation.requested()) co_return false;
  if (duration.count() <= 0) co_return true;
  Wait wait(loop, alarms, duration);
  const async::Cancellation::Registration registration(cancellation, wake, &wait);
  co_await wait.until_over();
  co_return !cancellation.requested();
}

}  // namespace fairlead::gateway::routing
