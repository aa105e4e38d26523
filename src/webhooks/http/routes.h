// /api/v1/webhooks and /api/v1/deliveries (docs/reference/webhooks.md).
#pragma once
#include "access/guard.h"
#include "platform/http/server.h"
#include "webhooks/sender.h"
#include "webhooks/webhooks.h"

namespace fairlead::webhooks {

// Both outlive the router.
void add_routes(http::Router& router, const access::Guard& guard, const Webhooks& webhooks, Sender& sender);

}  // namespace fairlead::webhooks
