// Filters in the query part of a URL.
#pragma once
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace fairlead::telemetry {

// The value goes to `into`.
template <class T>
Result<void> take(Result<T> value, T& into) {
  if (!value) return fail(std::move(value).error());
  into = *std::move(value);
  return {};
}

// Calls `set` with the name and the value of each parameter, decoded. Errors: those of `set`; invalid_value for one
// that is given twice.
Result<void> each_parameter(std::string_view query,
                            const std::function<Result<void>(const std::string& name, const std::string& value)>& set);

// "`name` message", of the parameter.
std::unexpected<Error> invalid_parameter(std::string_view name, std::string message);

std::optional<int> whole_number(std::string_view text);

// A page's `limit`, from 1 to 1000. Error: invalid_value.
Result<int> page_limit(std::string_view value);
// The whole id of a call or a feedback. Error: invalid_value.
Result<std::string> whole_id(std::string_view name, std::string_view value);

// "support-reply", "prompt:support-reply", "support-reply@4", "support-reply@staging". Empty members do not filter.
struct Target {
  std::string kind, name, label;
  std::optional<int> version;
  static Result<Target> parse(std::string_view value);  // Error: invalid_value
};

}  // namespace fairlead::telemetry
