// /api/v1/schedules (docs/reference/schedules.md).
#pragma once
#include "access/guard.h"
#include "platform/http/server.h"
#include "schedules/scheduler.h"
#include "schedules/schedules.h"

namespace fairlead::schedules {

// Both outlive the router.
void add_routes(http::Router& router, const access::Guard& guard, const Schedules& schedules, Scheduler& scheduler,
                const Clock& clock);

}  // namespace fairlead::schedules
