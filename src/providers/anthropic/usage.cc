#include "providers/anthropic/usage.h"

#include <algorithm>

#include "providers/internal/json_reader.h"

namespace fairlead::providers::anthropic {

std::string_view finish_reason(std::string_view stop_reason) {
  if (stop_reason == "max_tokens" || stop_reason == "model_context_window_exceeded") return "length";
  if (stop_reason == "tool_use") return "tool_calls";
  if (stop_reason == "refusal") return "content_filter";
  return "stop";
}

// Anthropic counts what was read from and written to its cache apart from `input_tokens`; here input is all of it.
void read_usage(simdjson::dom::object usage, llm::Usage& into) {
  std::int64_t fresh = into.input - into.cached_input - into.cache_write;
  const auto take = [usage](std::string_view name, std::int64_t& value) {
    std::int64_t said = 0;
    if (!usage.at_key(name).get_int64().get(said) && said >= 0) value = std::min(said, internal::kMostTokens);
  };
  take("input_tokens", fresh);
  take("cache_read_input_tokens", into.cached_input);
  take("cache_creation_input_tokens", into.cache_write);
  take("output_tokens", into.output);
  simdjson::dom::object kept, details;
  if (std::int64_t hour = 0; !usage.at_key("cache_creation").get_object().get(kept) &&
                             !kept.at_key("ephemeral_1h_input_tokens").get_int64().get(hour) && hour >= 0)
    into.cache_write_1h = hour;
  into.cache_write_1h = std::min(into.cache_write_1h, into.cache_write);
  std::int64_t thinking = 0;
  if (!usage.at_key("output_tokens_details").get_object().get(details) &&
      !details.at_key("thinking_tokens").get_int64().get(thinking) && thinking >= 0) {
    into.reasoning = thinking;
  }
  into.reasoning = std::min(into.reasoning, into.output);
  into.input = fresh + into.cached_input + into.cache_write;
  into.reported = true;
}

std::string_view text_of(simdjson::dom::object object, std::string_view name) {
  std::string_view value;
  return object.at_key(name).get_string().get(value) ? std::string_view() : value;
}

}  // namespace fairlead::providers::anthropic
