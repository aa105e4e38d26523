// Waiting before another try.
#pragma once
#include "base/clock.h"
#include "platform/async/cancellation.h"
#include "platform/async/runtime.h"
#include "platform/async/task.h"

namespace fairlead::gateway::routing {

// Waits on the loop. False, and early, if `cancellation` is requested; it outlives the wait.
async::Task<bool> pause(async::Loop& loop, Millis duration, async::Cancellation& cancellation);

}  // namespace fairlead::gateway::routing
