// The conversation of a request of the Responses API as a chat's (docs/reference/responses.md).
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/request_body.h"

namespace fairlead::gateway {

// `instructions`, the items `earlier` (a JSON array, or empty) and `input` as the chat's `messages`, a JSON array.
// Errors: kInvalid and kUnsupported, naming the field.
Result<std::string> chat_messages_of(const llm::RequestBody& body, std::string_view earlier);

}  // namespace fairlead::gateway
