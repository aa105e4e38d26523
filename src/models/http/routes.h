// The routes of model files (docs/reference/api.md).
#pragma once
#include "access/guard.h"
#include "models/model_files.h"
#include "platform/async/runtime.h"
#include "platform/http/server.h"

namespace fairlead::models {

// What is passed outlives the router's server. Folders are looked at on `blocking`.
void add_routes(http::Router& router, const access::Guard& guard, ModelFiles& files, async::BlockingPool& blocking);

}  // namespace fairlead::models
