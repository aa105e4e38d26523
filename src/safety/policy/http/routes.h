// /api/v1/privacy: what policies make of a text, what was encrypted, and what is forgotten of a session
// (docs/reference/policies.md).
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "access/guard.h"
#include "platform/http/server.h"
#include "safety/policy/guard.h"
#include "safety/policy/vault.h"

namespace fairlead::policy {

// The policies that apply to `model` as a client would name it, of a project; null: none do. From a loop's thread.
using FindGuard = std::function<Result<std::shared_ptr<const Guard>>(
    http::Exchange& exchange, const std::string& project, const std::string& model)>;

// All of it outlives the router.
void add_routes(http::Router& router, const access::Guard& guard, FindGuard find, Vault& vault,
                async::BlockingPool& pool);

}  // namespace fairlead::policy
