// What the handlers of the control plane share: a request's JSON and query, an answer in JSON.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "platform/async/task.h"
#include "platform/http/server.h"

namespace fairlead::access {

// The body as a JSON object. Errors: those of read_body(), invalid_json, invalid_type.
async::Task<Result<boost::json::object>> read_object(http::Exchange& exchange);

// A member that is a string; nothing if it is absent or null. Error: invalid_type.
Result<std::optional<std::string>> optional_string(const boost::json::object& body, std::string_view name);
// Errors: missing_required_parameter, invalid_type.
Result<std::string> required_string(const boost::json::object& body, std::string_view name);
// Error: unknown_parameter, with a suggestion.
Result<void> only_members(const boost::json::object& body, std::initializer_list<std::string_view> known);

// The query's `limit`, from 1 to `most`. Error: invalid_value.
Result<std::size_t> limit_of(http::Exchange& exchange, std::size_t otherwise, std::size_t most);
// A query parameter, empty if absent.
std::string parameter_of(http::Exchange& exchange, std::string_view name);

async::Task<void> respond_json(http::Exchange& exchange, int status, boost::json::object body);
// Like http::respond_error, for handlers that have nothing to do after.
async::Task<void> refuse(http::Exchange& exchange, Error error);

}  // namespace fairlead::access
