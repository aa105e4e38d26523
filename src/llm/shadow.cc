#include "llm/shadow.h"

#include <boost/json/value.hpp>
#include <boost/json/value_to.hpp>

namespace fairlead::llm {

const std::string_view kShadowSchema = R"({
  "type": "object",
  "required": ["to"],
  "additionalProperties": false,
  "properties": {
    "to": {"type": "string", "maxLength": 200, "pattern": "^((model|prompt):)?[A-Za-z0-9._-]+(@[A-Za-z0-9._-]+)?$"},
    "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    "budget": {"type": "number", "minimum": 0, "maximum": 100000},
    "at_once": {"type": "integer", "minimum": 1, "maximum": 64}
  }
})";

std::optional<ShadowPolicy> shadow_of(const boost::json::object& spec) {
  const boost::json::value* const value = spec.if_contains("shadow");
  if (value == nullptr || !value->is_object()) return std::nullopt;
  const boost::json::object& shadow = value->get_object();
  const auto number = [&shadow](std::string_view name, double otherwise) {
    const boost::json::value* const one = shadow.if_contains(name);
    return one != nullptr && one->is_number() ? one->to_number<double>() : otherwise;
  };
  ShadowPolicy out;
  if (const boost::json::value* const to = shadow.if_contains("to"); to != nullptr && to->is_string())
    out.to = to->get_string();
  out.share = number("share", out.share);
  out.budget_usd = number("budget", out.budget_usd);
  out.at_once = static_cast<int>(number("at_once", out.at_once));
  return out;
}

}  // namespace fairlead::llm
