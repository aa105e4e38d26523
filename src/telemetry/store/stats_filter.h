// Which calls are summed up, by version or by variant of one.
#pragma once
#include <cstdint>
#include <string_view>

#include "base/result.h"
#include "telemetry/store/url_query.h"

namespace fairlead::telemetry {

struct StatsFilter {
  Target target;              // without a name: every prompt and model
  std::int64_t since_us = 0;  // unix time
  bool by_variant = false;    // each variant of a version by itself

  // From the query part of a URL (docs/reference/feedback.md, "How versions do"). Errors: unknown_parameter with a
  // suggestion, invalid_value; `param` names the parameter.
  static Result<StatsFilter> parse(std::string_view query, std::int64_t now_us);
};

}  // namespace fairlead::telemetry
