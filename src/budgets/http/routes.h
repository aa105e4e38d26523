// GET /api/v1/budgets, GET /api/v1/budgets/{name} (docs/reference/budgets.md), and what Prometheus is told.
#pragma once
#include <functional>
#include <memory>
#include <vector>

#include "access/guard.h"
#include "base/clock.h"
#include "budgets/budget.h"
#include "budgets/shared_ledger.h"
#include "platform/async/runtime.h"
#include "platform/http/server.h"
#include "telemetry/metrics.h"

namespace fairlead::budgets {

// The budgets in force, of all projects that have some. Thread-safe.
using Books = std::function<std::vector<std::shared_ptr<const Book>>()>;

// What is passed outlives the router's server, and the metrics. Accounts are looked at on `blocking`.
void add_routes(http::Router& router, const access::Guard& guard, Books books, const Clock& clock,
                async::BlockingPool& blocking);
void add_metrics(telemetry::Metrics& metrics, const Ledger& ledger, Books books, const Clock& clock);
void add_metrics(telemetry::Metrics& metrics, const SharedLedger& shared);

}  // namespace fairlead::budgets
