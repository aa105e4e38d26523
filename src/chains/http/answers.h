// What the handlers of runs share.
#pragma once
#include <boost/json/object.hpp>
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "chains/chains.h"
#include "platform/journal/run.h"

namespace fairlead::chains {

// A run as it is answered (docs/reference/runs.md), without its steps, input and output.
boost::json::object shown_run(const Chains& chains, const journal::Run& run);

// A time in a body: RFC 3339, in microseconds since 1970; 0 if it is absent. Error: invalid_value.
Result<std::int64_t> read_time(const boost::json::object& body, std::string_view name);

}  // namespace fairlead::chains
