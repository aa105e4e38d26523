#include "budgets/kind.h"

#include <algorithm>

#include "base/suggest.h"
#include "budgets/definition.h"

namespace fairlead::budgets {
namespace {

namespace bj = boost::json;
using resources::Catalogue;
using resources::SpecError;

// The amounts are what a meter holds: a window 18 million dollars, calls in flight 70,000.
constexpr std::string_view kSchema = R"({
    "type": "object",
    "additionalProperties": false,
    "$defs": {
      "words": {
        "oneOf": [
          {"type": "string", "minLength": 1, "maxLength": 200},
          {"type": "array", "minItems": 1, "maxItems": 100, "items": {"type": "string", "minLength": 1, "maxLength": 200}}
        ]
      },
      "count": {"type": "integer", "minimum": 1, "maximum": 10000000000000},
      "share": {"type": "number", "exclusiveMinimum": 0, "maximum": 1}
    },
    "properties": {
      "description": {"type": "string", "maxLength": 2000},
      "for": {
        "type": "object",
        "minProperties": 1,
        "additionalProperties": false,
        "properties": {
          "key": {"$ref": "#/$defs/words"},
          "user": {"$ref": "#/$defs/words"},
          "model": {"$ref": "#/$defs/words"},
          "prompt": {"$ref": "#/$defs/words"},
          "tag": {"$ref": "#/$defs/words"}
        }
      },
      "each": {"type": "string", "enum": ["key", "user", "model", "prompt", "tag"]},
      "cost": {"type": "number", "minimum": 0.000001, "maximum": 10000000},
      "requests": {"$ref": "#/$defs/count"},
      "input_tokens": {"$ref": "#/$defs/count"},
      "output_tokens": {"$ref": "#/$defs/count"},
      "tokens": {"$ref": "#/$defs/count"},
      "concurrency": {"type": "integer", "minimum": 1, "maximum": 1000000},
      "per": {"type": "string"},
      "time_zone": {"type": "string", "minLength": 1, "maxLength": 100},
      "alert": {
        "oneOf": [
          {"$ref": "#/$defs/share"},
          {"type": "array", "minItems": 1, "maxItems": 8, "items": {"$ref": "#/$defs/share"}}
        ]
      },
      "hard": {"type": "boolean"}
    }
  })";

void check_names(const bj::object& spec, std::string_view scope, const Catalogue& others, std::vector<SpecError>& out) {
  const bj::value* const conditions = spec.if_contains("for");
  if (conditions == nullptr || !conditions->is_object()) return;
  const bj::value* const given = conditions->get_object().if_contains(scope);
  if (given == nullptr) return;
  const auto check_one = [&](const bj::value& one, const std::string& at) {
    if (!one.is_string()) return;
    const std::string name(one.get_string());
    if (others.find(scope, name) != nullptr) return;
    out.push_back(
        {at, std::string(scope) + " `" + name + "` does not exist." + did_you_mean(name, others.names(scope))});
  };
  const std::string at = "/for/" + std::string(scope);
  if (given->is_array())
    for (std::size_t i = 0; i < given->get_array().size(); ++i)
      check_one(given->get_array()[i], at + "/" + std::to_string(i));
  else
    check_one(*given, at);
}

std::vector<SpecError> check(std::string_view /*name*/, const bj::object& spec, const Catalogue& others) {
  std::vector<SpecError> out;
  check_names(spec, "model", others, out);
  check_names(spec, "prompt", others, out);
  const auto has = [&spec](std::string_view member) { return spec.contains(member); };
  const bool windowed = std::ranges::any_of(
      kMetricNames, [&has](std::string_view metric) { return metric != "concurrency" && has(metric); });
  if (!windowed && !has("concurrency"))
    out.push_back({"", "limits nothing: give it `cost`, `tokens`, `requests` or `concurrency`"});
  const bj::value* const per = spec.if_contains("per");
  if (windowed && per == nullptr)
    out.push_back({"", "must have `per`: hour, day, week, month, ever, or a time such as 1m"});
  if (per != nullptr && per->is_string()) {
    const std::string text(per->get_string());
    const std::vector<std::string> words = {"hour", "day", "week", "month", "ever"};
    const bool calendar = std::ranges::find(words, text) != words.end();
    if (!calendar && !refill_of(text))
      out.push_back({"/per", "must be hour, day, week, month, ever, or a time from 1s to 24h such as 10s or 1m." +
                                 did_you_mean(text, words)});
    if (has("time_zone") && (!calendar || text == "ever"))
      out.push_back({"/time_zone", "has a meaning beside `per: hour`, `day`, `week` or `month` only"});
  }
  if (const bj::value* const zone = spec.if_contains("time_zone"); zone != nullptr && zone->is_string()) {
    if (const auto loaded = TimeZone::load(std::string(zone->get_string())); !loaded)
      out.push_back({"/time_zone", loaded.error().message});
  }
  return out;
}

}  // namespace

resources::Kind budget_kind() {
  return {.name = "budget", .schema = std::string(kSchema), .normalise = {}, .check = check};
}

}  // namespace fairlead::budgets
