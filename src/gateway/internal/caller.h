// Who asks for what is no call of a model: the lists and the stores under /v1.
#pragma once
#include <cstdint>

#include "base/result.h"
#include "gateway/snapshot.h"
#include "platform/http/server.h"

namespace fairlead::gateway::internal {

// The principal of the exchange's key, if it has the scope `call`; lives as long as the snapshot. Errors as
// access::KeyTable::authenticate, and missing_scope.
Result<const access::Principal*> caller_of(const http::Exchange& exchange, const Snapshot& snapshot,
                                           std::int64_t now_us);

// The number of a query parameter, or `fallback` without it. Error: invalid_value with its name.
Result<std::int64_t> number_parameter(const http::Exchange& exchange, std::string_view name, std::int64_t fallback,
                                      std::int64_t low, std::int64_t high);

// Whether `order` asks for the oldest first. Error: invalid_value unless it is asc or desc, or not given (desc).
Result<bool> oldest_first(const http::Exchange& exchange);

}  // namespace fairlead::gateway::internal
