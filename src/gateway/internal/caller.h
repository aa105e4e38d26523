// Who asks for what is no call of a model: the lists and the stores under /v1.
#pragma once
#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "gateway/snapshot.h"
#include "platform/async/task.h"
#include "platform/http/server.h"

namespace fairlead::gateway::internal {

// The principal of the exchange's key, if it has the scope `call`; lives as long as the snapshot. Errors as
// access::KeyTable::authenticate, and missing_scope.
Result<const access::Principal*> caller_of(const http::Exchange& exchange, const Snapshot& snapshot,
                                           std::int64_t now_us);

// Whether the client speaks Anthropic's API: it asks under /v1/messages, or says anthropic-version.
bool is_anthropic(const http::RequestHead& head);

// Gives the answer an id, as calls have one: in x-request-id, and in request-id for Anthropic's clients. Returns it.
std::string name_answer(http::Exchange& exchange, const Clock& clock);

// Answers with the error, as the API that the client speaks shows it. `status`, if not 0, instead of the error's own.
async::Task<void> refuse(http::Exchange& exchange, std::string id, Error error, int status = 0);

// The number of a query parameter, or `fallback` without it. Error: invalid_value with its name.
Result<std::int64_t> number_parameter(const http::Exchange& exchange, std::string_view name, std::int64_t fallback,
                                      std::int64_t low, std::int64_t high);

// Whether `order` asks for the oldest first. Error: invalid_value unless it is asc or desc, or not given (desc).
Result<bool> oldest_first(const http::Exchange& exchange);

}  // namespace fairlead::gateway::internal
