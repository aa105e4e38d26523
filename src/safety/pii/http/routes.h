// POST /api/v1/privacy/scan (docs/reference/privacy.md).
#pragma once
#include <memory>

#include "access/guard.h"
#include "platform/async/runtime.h"
#include "platform/http/server.h"
#include "safety/pii/scanner.h"

namespace fairlead::pii {

// `usual` scans where a request names no options. Large texts, and scanners that a request describes, are the work of
// `blocking`, which outlives the router's server.
void add_routes(http::Router& router, const access::Guard& guard, std::shared_ptr<const Scanner> usual,
                async::BlockingPool& blocking);

}  // namespace fairlead::pii
