// GET and DELETE /api/v1/sessions: what prompts remember of sessions (docs/reference/memory.md).
#pragma once
#include "access/guard.h"
#include "gateway/sessions/sessions.h"
#include "platform/http/server.h"

namespace fairlead::gateway {

// `sessions` outlives the router.
void add_session_routes(http::Router& router, const access::Guard& guard, sessions::Sessions& sessions);

}  // namespace fairlead::gateway
