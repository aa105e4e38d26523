// The conversation of a request of the Messages API as a chat's (docs/reference/messages.md).
#pragma once
#include <string>

#include "base/result.h"
#include "llm/request_body.h"

namespace fairlead::gateway {

// `system` and `messages` as the chat's `messages`, a JSON array. Errors: kInvalid and kUnsupported, naming the field.
Result<std::string> chat_messages_of(const llm::RequestBody& body);

}  // namespace fairlead::gateway
