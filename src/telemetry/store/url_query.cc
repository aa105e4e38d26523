#include "telemetry/store/url_query.h"

#include <algorithm>
#include <charconv>
#include <vector>

#include "base/id.h"
#include "platform/http/message.h"

namespace fairlead::telemetry {

std::unexpected<Error> invalid_parameter(std::string_view name, std::string message) {
  return fail(ErrorKind::kInvalid, "invalid_value", "`" + std::string(name) + "` " + std::move(message),
              std::string(name));
}

std::optional<int> whole_number(std::string_view text) {
  int value = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (fault != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

Result<int> page_limit(std::string_view value) {
  const auto limit = whole_number(value);
  if (!limit || *limit < 1 || *limit > 1000) return invalid_parameter("limit", "must be a number from 1 to 1000.");
  return *limit;
}

Result<std::string> whole_id(std::string_view name, std::string_view value) {
  if (!is_id(value)) return invalid_parameter(name, "must be a whole id, 26 characters.");
  return std::string(value);
}

Result<Target> Target::parse(std::string_view value) {
  Target target;
  if (const auto at = value.find('@'); at != std::string_view::npos) {
    const std::string_view ref = value.substr(at + 1);
    if (ref.empty()) return invalid_parameter("target", "has nothing behind its `@`: a version or a label.");
    target.version = whole_number(ref);
    if (!target.version) target.label = ref;
    value = value.substr(0, at);
  }
  if (const auto colon = value.find(':'); colon != std::string_view::npos) {
    target.kind = value.substr(0, colon);
    value = value.substr(colon + 1);
  }
  if (value.empty())
    return invalid_parameter("target", "names nothing; it is written as `support-reply` or `prompt:support-reply@4`.");
  target.name = value;
  return target;
}

Result<void> each_parameter(std::string_view query,
                            const std::function<Result<void>(const std::string&, const std::string&)>& set) {
  std::vector<std::string> seen;
  while (!query.empty()) {
    const std::string_view pair = query.substr(0, query.find('&'));
    query.remove_prefix(std::min(query.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const auto equals = pair.find('=');
    const std::string name = http::percent_decode(pair.substr(0, equals));
    std::string value(equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1));
    std::ranges::replace(value, '+', ' ');
    if (std::ranges::find(seen, name) != seen.end()) return invalid_parameter(name, "is given twice.");
    seen.push_back(name);
    FAIRLEAD_CHECK(set(name, http::percent_decode(value)));
  }
  return {};
}

}  // namespace fairlead::telemetry
