#include "telemetry/store/call_filter.h"

#include <vector>

#include "base/suggest.h"

namespace fairlead::telemetry {
namespace {

// "200", "5xx"
Result<void> set_status(CallFilter& filter, std::string_view value) {
  if (value.size() == 3 && value.substr(1) == "xx" && value[0] >= '1' && value[0] <= '5') {
    filter.status_from = (value[0] - '0') * 100;
    filter.status_to = filter.status_from + 100;
    return {};
  }
  const auto status = whole_number(value);
  if (!status || *status < 100 || *status > 599)
    return invalid_parameter("status", "must be an HTTP status like `429`, or a class like `5xx`.");
  filter.status_from = *status;
  filter.status_to = *status + 1;
  return {};
}

Result<void> set(CallFilter& filter, std::string_view name, std::string_view value) {
  static const std::vector<std::string> known = {"limit", "before", "after",   "target", "model", "status",
                                                 "error", "user",   "session", "key",    "tag",   "shadow_of"};
  if (std::string* const into = name == "model"     ? &filter.model
                                : name == "error"   ? &filter.error
                                : name == "user"    ? &filter.user
                                : name == "session" ? &filter.session
                                : name == "key"     ? &filter.key
                                : name == "tag"     ? &filter.tag
                                                    : nullptr) {
    if (value.empty()) return invalid_parameter(name, "is empty; leave it out instead.");
    *into = value;
    return {};
  }
  if (name == "limit") return take(page_limit(value), filter.limit);
  if (name == "before") return take(whole_id(name, value), filter.before);
  if (name == "after") return take(whole_id(name, value), filter.after);
  if (name == "shadow_of" && (value == "any" || value == "none")) {
    filter.shadow_of = value;
    return {};
  }
  if (name == "shadow_of") return take(whole_id(name, value), filter.shadow_of);
  if (name == "target") return take(Target::parse(value), filter.target);
  if (name == "status") return set_status(filter, value);
  return fail(ErrorKind::kInvalid, "unknown_parameter",
              "There is no parameter `" + std::string(name) + "`." + did_you_mean(name, known), std::string(name));
}

}  // namespace

Result<CallFilter> CallFilter::parse(std::string_view query) {
  CallFilter filter;
  FAIRLEAD_CHECK(each_parameter(
      query, [&](const std::string& name, const std::string& value) { return set(filter, name, value); }));
  if (!filter.before.empty() && !filter.after.empty())
    return invalid_parameter("before", "and `after` exclude each other.");
  return filter;
}

}  // namespace fairlead::telemetry
