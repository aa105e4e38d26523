// /api/v1/chains/…/graph: chains, drawn (docs/reference/chains.md).
#pragma once
#include "access/guard.h"
#include "chains/chains.h"
#include "platform/http/server.h"

namespace fairlead::chains {

// `chains` outlives the router.
void add_graph_routes(http::Router& router, const access::Guard& guard, const Chains& chains);

}  // namespace fairlead::chains
