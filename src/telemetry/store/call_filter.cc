#include "telemetry/store/call_filter.h"

#include <charconv>
#include <vector>

#include "base/id.h"
#include "base/suggest.h"
#include "platform/http/message.h"

namespace fairlead::telemetry {
namespace {

std::unexpected<Error> invalid(std::string_view name, std::string message) {
  return fail(ErrorKind::kInvalid, "invalid_value", "`" + std::string(name) + "` " + std::move(message),
              std::string(name));
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<void> set_limit(CallFilter& filter, std::string_view value) {
  const auto limit = number(value);
  if (!limit || *limit < 1 || *limit > 1000) return invalid("limit", "must be a number from 1 to 1000.");
  filter.limit = *limit;
  return {};
}

Result<void> set_id(std::string& into, std::string_view name, std::string_view value) {
  if (!is_id(value)) return invalid(name, "must be the whole id of a call, 26 characters.");
  into = value;
  return {};
}

// "support-reply", "prompt:support-reply", "support-reply@4", "support-reply@staging"
Result<void> set_target(CallFilter& filter, std::string_view value) {
  if (const auto at = value.find('@'); at != std::string_view::npos) {
    const std::string_view ref = value.substr(at + 1);
    if (ref.empty()) return invalid("target", "has nothing behind its `@`: a version or a label.");
    filter.target_version = number(ref);
    if (!filter.target_version) filter.target_label = ref;
    value = value.substr(0, at);
  }
  if (const auto colon = value.find(':'); colon != std::string_view::npos) {
    filter.target_kind = value.substr(0, colon);
    value = value.substr(colon + 1);
  }
  if (value.empty())
    return invalid("target", "names nothing; it is written as `support-reply` or `prompt:support-reply@4`.");
  filter.target = value;
  return {};
}

// "200", "5xx"
Result<void> set_status(CallFilter& filter, std::string_view value) {
  if (value.size() == 3 && value.substr(1) == "xx" && value[0] >= '1' && value[0] <= '5') {
    filter.status_from = (value[0] - '0') * 100;
    filter.status_to = filter.status_from + 100;
    return {};
  }
  const auto status = number(value);
  if (!status || *status < 100 || *status > 599)
    return invalid("status", "must be an HTTP status like `429`, or a class like `5xx`.");
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
    if (value.empty()) return invalid(name, "is empty; leave it out instead.");
    *into = value;
    return {};
  }
  if (name == "limit") return set_limit(filter, value);
  if (name == "before") return set_id(filter.before, name, value);
  if (name == "after") return set_id(filter.after, name, value);
  if (name == "shadow_of" && (value == "any" || value == "none")) {
    filter.shadow_of = value;
    return {};
  }
  if (name == "shadow_of") return set_id(filter.shadow_of, name, value);
  if (name == "target") return set_target(filter, value);
  if (name == "status") return set_status(filter, value);
  return fail(ErrorKind::kInvalid, "unknown_parameter",
              "There is no parameter `" + std::string(name) + "`." + did_you_mean(name, known), std::string(name));
}

}  // namespace

Result<CallFilter> CallFilter::parse(std::string_view query) {
  CallFilter filter;
  std::vector<std::string> seen;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const std::string name = http::percent_decode(pair.substr(0, equals));
    std::string value(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    for (char& c : value) {
      if (c == '+') c = ' ';
    }
    for (const auto& other : seen) {
      if (other == name) return invalid(name, "is given twice.");
    }
    seen.push_back(name);
    FAIRLEAD_CHECK(set(filter, name, http::percent_decode(value)));
  }
  if (!filter.before.empty() && !filter.after.empty()) return invalid("before", "and `after` exclude each other.");
  return filter;
}

}  // namespace fairlead::telemetry
