#include "llm/cache.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <charconv>

namespace fairlead::llm {
namespace {

namespace bj = boost::json;
using std::chrono::milliseconds;

constexpr std::string_view kWords[] = {"off", "on", "read", "write"};

std::string_view text_in(const bj::object& object, std::string_view name) {
  const bj::value* const value = object.if_contains(name);
  return value != nullptr && value->is_string() ? std::string_view(value->get_string()) : std::string_view();
}

// "1.5h", from 1 s to 30 days.
std::optional<milliseconds> ttl_of(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
  const double seconds = number * (unit == "d" ? 86'400 : unit == "h" ? 3'600 : unit == "m" ? 60 : 1);
  return milliseconds(static_cast<std::int64_t>(std::clamp(seconds, 1.0, 30 * 86'400.0) * 1'000));
}

SemanticPolicy semantic_of(const bj::value& value) {
  SemanticPolicy out;
  if (!value.is_object()) return out;
  if (const bj::value* const threshold = value.get_object().if_contains("threshold"); threshold != nullptr)
    out.threshold = threshold->to_number<double>();
  out.embedding = text_in(value.get_object(), "embedding");
  return out;
}

}  // namespace

const std::string_view kCacheSchema = R"({
  "anyOf": [
    {"enum": ["off", "on", "read", "write"]},
    {
      "type": "object",
      "additionalProperties": false,
      "properties": {
        "mode": {"enum": ["off", "on", "read", "write"]},
        "ttl": {"type": "string", "pattern": "^[0-9]{1,7}(\\.[0-9]{1,3})?(s|m|h|d)$"},
        "per": {"enum": ["project", "user"]},
        "semantic": {
          "anyOf": [
            {"enum": ["on", "off"]},
            {
              "type": "object",
              "additionalProperties": false,
              "dependentRequired": {"embedding": ["threshold"]},
              "properties": {
                "threshold": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
                "embedding": {"type": "string", "minLength": 1, "maxLength": 200}
              }
            }
          ]
        }
      }
    }
  ]
})";

std::optional<CacheMode> cache_mode_of(std::string_view word) {
  const auto found = std::ranges::find(kWords, word);
  if (found == std::end(kWords)) return std::nullopt;
  return static_cast<CacheMode>(found - std::begin(kWords));
}

std::optional<CachePolicy> cache_of(const bj::object& spec) {
  const bj::value* const value = spec.if_contains("cache");
  if (value == nullptr) return std::nullopt;
  CachePolicy out;
  if (value->is_string()) {
    out.mode = cache_mode_of(value->get_string()).value_or(CacheMode::kOff);
    return out;
  }
  if (!value->is_object()) return std::nullopt;
  const bj::object& cache = value->get_object();
  out.mode = cache_mode_of(text_in(cache, "mode")).value_or(CacheMode::kOn);
  if (const auto ttl = ttl_of(text_in(cache, "ttl"))) out.ttl = *ttl;
  out.per_user = text_in(cache, "per") == "user";
  const bj::value* const semantic = cache.if_contains("semantic");
  if (semantic != nullptr && !(semantic->is_string() && semantic->get_string() == "off"))
    out.semantic = semantic_of(*semantic);
  return out;
}

}  // namespace fairlead::llm
