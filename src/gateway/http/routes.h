// GET /api/v1/routes, and the same as metrics (docs/reference/api.md, metrics.md).
#pragma once
#include "access/guard.h"
#include "gateway/routing/state.h"
#include "platform/http/server.h"
#include "telemetry/metrics.h"

namespace fairlead::gateway {

// `registry` outlives the router.
void add_routes(http::Router& router, const access::Guard& guard, const routing::Registry& registry);
// `registry` outlives the metrics.
void add_metrics(telemetry::Metrics& metrics, const routing::Registry& registry);

}  // namespace fairlead::gateway
