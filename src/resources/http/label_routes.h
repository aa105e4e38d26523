// Protected labels, checks and approvals (docs/reference/api.md).
#pragma once
#include "access/guard.h"
#include "platform/http/server.h"
#include "resources/service.h"

namespace fairlead::resources {

// What is passed outlives the router's server.
void add_label_routes(http::Router& router, const access::Guard& guard, ResourceService& service);

}  // namespace fairlead::resources
