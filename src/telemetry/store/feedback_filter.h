// Which feedback is asked for.
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "telemetry/store/url_query.h"

namespace fairlead::telemetry {

// Empty members do not filter.
struct FeedbackFilter {
  int limit = 50;
  std::string before;  // id of a feedback
  std::string call, session, user, name, author;
  Target target;         // of the calls that it is about
  bool history = false;  // also what does not count any more

  // From the query part of a URL (docs/reference/feedback.md, "Reading"). Errors: unknown_parameter with a suggestion,
  // invalid_value; `param` names the parameter.
  static Result<FeedbackFilter> parse(std::string_view query);
};

}  // namespace fairlead::telemetry
