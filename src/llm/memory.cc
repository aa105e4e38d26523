#include "llm/memory.h"

#include <algorithm>
#include <boost/json/value.hpp>
#include <charconv>

namespace fairlead::llm {
namespace {

namespace bj = boost::json;

// "12h", from 1 minute to a year.
std::chrono::seconds session_ttl_of(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return MemoryPolicy{}.ttl;
  const std::int64_t unit = *end == 'd' ? 86'400 : *end == 'h' ? 3'600 : 60;
  return std::chrono::seconds(std::clamp<std::int64_t>(number * unit, 60, 366 * 86'400));
}

}  // namespace

const std::string_view kMemorySchema = R"({
  "type": "object",
  "additionalProperties": false,
  "properties": {
    "turns": {"type": "integer", "minimum": 1, "maximum": 200},
    "tokens": {"type": "integer", "minimum": 16, "maximum": 100000},
    "summary": {"type": "string", "minLength": 1, "maxLength": 200},
    "ttl": {"type": "string", "pattern": "^[0-9]{1,7}(m|h|d)$"}
  }
})";

std::optional<MemoryPolicy> memory_of(const bj::object& spec) {
  const bj::value* const value = spec.if_contains("memory");
  if (value == nullptr || !value->is_object()) return std::nullopt;
  const bj::object& from = value->get_object();
  MemoryPolicy out;
  if (const bj::value* const turns = from.if_contains("turns")) out.turns = turns->to_number<int>();
  if (const bj::value* const tokens = from.if_contains("tokens")) out.tokens = tokens->to_number<std::int64_t>();
  if (const bj::value* const summary = from.if_contains("summary")) out.summary = summary->get_string();
  if (const bj::value* const ttl = from.if_contains("ttl")) out.ttl = session_ttl_of(ttl->get_string());
  return out;
}

}  // namespace fairlead::llm
