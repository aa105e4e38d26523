// What people do with runs: retry, fork, move, many at once (docs/reference/runs.md).
#pragma once
#include "access/guard.h"
#include "base/clock.h"
#include "chains/chains.h"
#include "platform/http/server.h"
#include "platform/journal/engine.h"
#include "platform/store/database.h"

namespace fairlead::chains {

// All of it outlives the router; `database` has the audit log.
void add_control_routes(http::Router& router, const access::Guard& guard, Chains& chains, journal::Engine& engine,
                        store::Database& database, const Clock& clock);

}  // namespace fairlead::chains
