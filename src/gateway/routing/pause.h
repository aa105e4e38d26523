// Waiting before another try.
#pragma once
#include "base/clock.h"
#include "gateway/routing/timer.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"

namespace fairlead::gateway::routing {

// Waits on the loop. False, and early, if `cancellation` is requested; it outlives the wait. `alarms`: where time
// is simulated.
async::Task<bool> pause(async::Loop& loop, Micros duration, async::Cancellation& cancellation,
                        Alarms* alarms = nullptr);

}  // namespace fairlead::gateway::routing
