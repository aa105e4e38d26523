// The member `shadow` of a model's and of a prompt's spec (docs/reference/models.md).
#pragma once
#include <boost/json/object.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace fairlead::llm {

// A share of the calls is also sent to a challenger, whose answer is recorded and goes to nobody.
struct ShadowPolicy {
  std::string to;         // as a `model` field names it
  double share = 0.05;    // over 0, at most 1
  double budget_usd = 1;  // a day
  int at_once = 4;
};

// JSON Schema of the member.
extern const std::string_view kShadowSchema;

// What a spec that fits the schema says; empty if it has no such member.
std::optional<ShadowPolicy> shadow_of(const boost::json::object& spec);

}  // namespace fairlead::llm
