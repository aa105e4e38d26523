// POST /api/v1/privacy/scan (docs/reference/privacy.md).
#pragma once
#include "access/guard.h"
#include "platform/async/runtime.h"
#include "platform/http/server.h"

namespace fairlead::pii {

// Large texts, and what scanners are made for, are the work of `blocking`, which outlives the router's server.
void add_routes(http::Router& router, const access::Guard& guard, async::BlockingPool& blocking);

}  // namespace fairlead::pii
