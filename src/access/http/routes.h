// The routes of keys and of the audit log (docs/reference/api.md).
#pragma once
#include "access/guard.h"
#include "access/key_service.h"
#include "platform/http/server.h"

namespace fairlead::access {

// What is passed outlives the router's server.
void add_routes(http::Router& router, const Guard& guard, KeyService& keys);

}  // namespace fairlead::access
