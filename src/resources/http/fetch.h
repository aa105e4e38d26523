// Prompts for programs that render them themselves (docs/reference/api.md).
#pragma once
#include "access/guard.h"
#include "platform/http/server.h"
#include "resources/service.h"

namespace fairlead::resources {

// What is passed outlives the router's server.
void add_fetch_route(http::Router& router, const access::Guard& guard, ResourceService& service);

// Whether `If-None-Match` names the tag, or is `*` (RFC 9110, section 13.1.2: weak comparison).
bool names_tag(std::string_view if_none_match, std::string_view tag);

}  // namespace fairlead::resources
