// A request of Anthropic's Messages API as a chat (docs/reference/messages.md).
#pragma once
#include <string>

#include "base/result.h"
#include "llm/request_body.h"

namespace fairlead::gateway {

// The chat's body, JSON text. Errors: kInvalid and kUnsupported, naming the field.
Result<std::string> chat_of_messages(const llm::RequestBody& body);

}  // namespace fairlead::gateway
