// The routes of secrets (docs/reference/api.md). None gives a value back.
#pragma once
#include "access/guard.h"
#include "access/secrets.h"
#include "platform/http/server.h"

namespace fairlead::access {

// What is passed outlives the router's server.
void add_secret_routes(http::Router& router, const Guard& guard, SecretService& secrets);

}  // namespace fairlead::access
