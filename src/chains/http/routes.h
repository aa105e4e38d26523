// /api/v1/runs: runs of chains (docs/reference/runs.md).
#pragma once
#include "access/guard.h"
#include "chains/chains.h"
#include "platform/http/server.h"
#include "platform/journal/engine.h"

namespace fairlead::chains {

// All of it outlives the router.
void add_routes(http::Router& router, const access::Guard& guard, Chains& chains, journal::Engine& engine);

}  // namespace fairlead::chains
