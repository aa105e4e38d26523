// GET and DELETE /api/v1/cache, and the cache's metrics (docs/reference/cache.md).
#pragma once
#include "access/guard.h"
#include "gateway/cache/cache.h"
#include "platform/http/server.h"
#include "telemetry/metrics.h"

namespace fairlead::gateway {

// `cache` and `shared` outlive the router, and the metrics.
void add_cache_routes(http::Router& router, const access::Guard& guard, cache::Cache& cache);
void add_cache_metrics(telemetry::Metrics& metrics, const cache::Cache& cache);
void add_cache_metrics(telemetry::Metrics& metrics, const cache::SharedAnswers& shared);

}  // namespace fairlead::gateway
