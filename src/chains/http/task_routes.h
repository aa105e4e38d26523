// /api/v1/tasks: work for programs of the chains' owners (docs/reference/tasks.md).
#pragma once
#include "access/guard.h"
#include "base/clock.h"
#include "chains/chains.h"
#include "chains/tasks.h"
#include "platform/http/server.h"

namespace fairlead::chains {

// All outlive the router.
void add_task_routes(http::Router& router, const access::Guard& guard, const Chains& chains, journal::Engine& engine,
                     Tasks& tasks, const Clock& clock);

}  // namespace fairlead::chains
