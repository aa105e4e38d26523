// Parts of the Messages API that chats and messages passed on have in common.
#pragma once
#include <simdjson.h>

#include <string_view>

#include "llm/chat.h"

namespace fairlead::providers::anthropic {

// "end_turn" → "stop" …; what is not known is "stop".
std::string_view finish_reason(std::string_view stop_reason);

// The `usage` of a message, or of an event; what an event does not say stays.
void read_usage(simdjson::dom::object usage, llm::Usage& into);

// Empty if it is no string.
std::string_view text_of(simdjson::dom::object object, std::string_view name);

}  // namespace fairlead::providers::anthropic
