// Which calls are asked for.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"
#include "telemetry/store/url_query.h"

namespace fairlead::telemetry {

// Empty members do not filter.
struct CallFilter {
  int limit = 50;
  std::string before, after;  // ids of calls
  Target target;
  std::string model, error, user, session, key, tag;
  std::string shadow_of;               // the id of a call, "any" or "none"
  int status_from = 0, status_to = 0;  // both 0: any; else from ≤ status < to

  // From the query part of a URL (docs/reference/records.md, "Reading"). Errors: unknown_parameter with a suggestion,
  // invalid_value; `param` names the parameter.
  static Result<CallFilter> parse(std::string_view query);
};

}  // namespace fairlead::telemetry
