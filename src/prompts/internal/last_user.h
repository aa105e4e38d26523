// What a caller says himself.
#pragma once
#include <string>

#include "llm/chat.h"

namespace fairlead::prompts::internal {

// The text of the last user message of a request; empty if it has none.
std::string last_user_text(const llm::ChatRequest& request);

}  // namespace fairlead::prompts::internal
