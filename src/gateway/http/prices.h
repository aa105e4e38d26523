// GET /api/v1/prices (docs/reference/api.md).
#pragma once
#include "access/guard.h"
#include "gateway/snapshot.h"
#include "platform/http/server.h"

namespace fairlead::gateway {

// `snapshots` outlives the router.
void add_prices(http::Router& router, const access::Guard& guard, const SnapshotHolder& snapshots);

}  // namespace fairlead::gateway
