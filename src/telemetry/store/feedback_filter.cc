#include "telemetry/store/feedback_filter.h"

#include <vector>

#include "base/suggest.h"

namespace fairlead::telemetry {
namespace {

Result<void> set(FeedbackFilter& filter, const std::string& name, const std::string& value) {
  static const std::vector<std::string> known = {"limit", "before", "call",   "session", "user",
                                                 "name",  "author", "target", "history"};
  if (name == "limit") return take(page_limit(value), filter.limit);
  if (name == "before") return take(whole_id(name, value), filter.before);
  if (name == "call") return take(whole_id(name, value), filter.call);
  if (name == "target") return take(Target::parse(value), filter.target);
  if (name == "history") {
    if (value != "true" && value != "false") return invalid_parameter(name, "must be true or false.");
    filter.history = value == "true";
    return {};
  }
  std::string* const into = name == "session"  ? &filter.session
                            : name == "user"   ? &filter.user
                            : name == "name"   ? &filter.name
                            : name == "author" ? &filter.author
                                               : nullptr;
  if (into == nullptr) {
    return fail(ErrorKind::kInvalid, "unknown_parameter",
                "There is no parameter `" + name + "`." + did_you_mean(name, known), name);
  }
  if (value.empty()) return invalid_parameter(name, "is empty; leave it out instead.");
  *into = value;
  return {};
}

}  // namespace

Result<FeedbackFilter> FeedbackFilter::parse(std::string_view query) {
  FeedbackFilter filter;
  FAIRLEAD_CHECK(each_parameter(
      query, [&](const std::string& name, const std::string& value) { return set(filter, name, value); }));
  return filter;
}

}  // namespace fairlead::telemetry
