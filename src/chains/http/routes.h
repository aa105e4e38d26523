// /api/v1/runs: runs of chains (docs/reference/runs.md).
#pragma once
#include <functional>

#include "access/guard.h"
#include "chains/chains.h"
#include "platform/http/server.h"
#include "platform/journal/engine.h"

namespace fairlead::chains {

// What may be kept of a run's input, before it is kept anywhere: privacy policies. May be empty.
using HideStart = std::function<async::Task<Result<StartRequest>>(async::Loop& loop, StartRequest start)>;

// All of it outlives the router.
void add_routes(http::Router& router, const access::Guard& guard, Chains& chains, journal::Engine& engine,
                HideStart hide = {});

}  // namespace fairlead::chains
