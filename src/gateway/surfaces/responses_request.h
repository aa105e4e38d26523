// A request of OpenAI's Responses API as a chat, and what its response repeats of it (docs/reference/responses.md).
#pragma once
#include <string>
#include <string_view>

#include "base/result.h"
#include "llm/request_body.h"

namespace fairlead::gateway {

// The chat's body, JSON text. `earlier` is a JSON array of items, or empty. Errors: kInvalid and kUnsupported, naming
// the field.
Result<std::string> chat_of_response(const llm::RequestBody& body, std::string_view earlier);

// Whether the response is to be kept; the response that it goes on from, or empty.
bool is_kept(const llm::RequestBody& body);
bool is_in_background(const llm::RequestBody& body);
std::string previous_response_of(const llm::RequestBody& body);

// The items of a request's own input, each whole and with an id that begins with `id`: a JSON array. The body is one
// that chat_of_response() has accepted.
std::string items_of(const llm::RequestBody& body, std::string_view id);

// The members of a response that repeat its request: `"instructions":null,"tools":[…],…`.
std::string repeated_members(const llm::RequestBody& body);

}  // namespace fairlead::gateway
