// POST /api/v1/explain (docs/reference/api.md).
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "access/guard.h"
#include "platform/http/server.h"
#include "prompts/stage.h"

namespace fairlead::prompts {

// What `model` of a call would mean now, on the exchange's loop. An error if it is no prompt that can be called.
using FindPrompt = std::function<Result<std::shared_ptr<const Prompt>>(
    http::Exchange& exchange, const std::string& project, const std::string& reference)>;

// What is passed outlives the router's server.
void add_routes(http::Router& router, const access::Guard& guard, FindPrompt find, const Clock& clock);

}  // namespace fairlead::prompts
