// When an upstream says that another try may help.
#pragma once
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "platform/http/message.h"

namespace fairlead::llm::internal {

// Milliseconds until another try may help, at least 1 and at most a day; 0: the headers do not say. In this order:
// `retry-after-ms`; `retry-after` in seconds or as a date (RFC 9110 §10.2.3); the latest reset of those limits of which
// nothing remains (`x-ratelimit-…` as OpenAI, Groq and OpenRouter write them, `anthropic-ratelimit-…`). Dates are read
// beside the answer's own `date`, so that a clock that is wrong here does no harm; without one, beside `now_ms`.
std::int64_t retry_after_ms(std::span<const http::Header> headers, std::int64_t now_ms);

// "1.5", "20", "6m0s", "120ms", "1h2m": as Go writes durations, or plain seconds. Empty: it is none of these.
std::optional<std::int64_t> parse_delay_ms(std::string_view text);

// "Wed, 21 Oct 2015 07:28:00 GMT" or "2026-11-24T14:02:19Z", as Unix milliseconds.
std::optional<std::int64_t> parse_date_ms(std::string_view text);

}  // namespace fairlead::llm::internal
