// The conversation of a chat-completions request in the words of the Messages API.
#pragma once
#include <span>
#include <string>

#include "base/result.h"
#include "llm/chat.h"
#include "providers/internal/ask.h"
#include "providers/internal/conversation.h"

namespace fairlead::providers::anthropic {

// Errors: kUnsupported and kInvalid, `param` naming the message's part.
Result<internal::Conversation> translate_messages(std::span<const llm::Message> messages,
                                                  const internal::Language& language);

}  // namespace fairlead::providers::anthropic
